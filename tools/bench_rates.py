"""Measure `pfsetl benchmark` on an in-network file that is made here: speed beside ijson's, and peak memory.

Usage: python -m tools.bench_rates STORE [MEGABYTES ...]      default 100 and 2000

STORE holds a published release. A file of each size is made in a temporary folder, the same every time, with codes that
the store's newest release pays. ijson reads the file's `in_network` and does nothing with it; then `pfsetl benchmark`
compares all of it, as users run it. Each runs in a process of its own. Megabytes are by the processor's seconds, as
other work on a machine changes those on the clock, which are shown behind. The peak is the kernel's (ru_maxrss).
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import polars as pl

import pfsetl

SIZES = (100, 2_000)
GROUPS = 20_000
PLACES = (["11"], ["11", "22"], ["21", "22", "23"])
ALONE = """
import sys, ijson
with open(sys.argv[1], "rb") as file:
    for _ in ijson.items(file, "in_network.item"):
        pass
"""
KINDS = ("negotiated", "negotiated", "fee schedule", "percentage")


def write(path: Path, megabytes: int, codes: list[str]) -> None:
    """Write an in-network file of a size, provider groups first."""
    draw = random.Random(megabytes)
    about = '"reporting_entity_name": "Invented", "version": "2.0.0", "last_updated_on": "2026-02-01"'
    with path.open("w") as file:
        file.write(f'{{{about}, "provider_references": [')
        _write_all(file, (_group(draw, number) for number in range(GROUPS)))
        file.write('], "in_network": [')
        _write_all(file, _items(draw, file, megabytes << 20, codes))
        file.write("]}")


def _write_all(file: IO[str], some: Iterator[object]) -> None:
    for number, one in enumerate(some):
        file.write(", " * bool(number) + json.dumps(one))


def _group(draw: random.Random, number: int) -> object:
    npis = [draw.randrange(10**9, 2 * 10**9) for _ in range(draw.randrange(1, 30))]
    tin = {"type": "ein", "value": f"{draw.randrange(10**8, 10**9)}", "business_name": f"Group {number}"}
    return {"provider_group_id": number, "network_name": ["N"], "provider_groups": [{"npi": npis, "tin": tin}]}


def _items(draw: random.Random, file: IO[str], size: int, codes: list[str]) -> Iterator[object]:
    while file.tell() < size:
        for code in codes:
            if file.tell() >= size:
                return
            rates = [_rate(draw) for _ in range(draw.randrange(50, 300))]
            yield {
                "negotiation_arrangement": "ffs", "name": "service", "billing_code_type": "CPT",
                "billing_code_type_version": "2026", "billing_code": code, "description": "service",
                "negotiated_rates": rates,
            }  # fmt: skip


def _rate(draw: random.Random) -> object:
    prices = [
        {
            "setting": "outpatient",
            "negotiated_type": draw.choice(KINDS),
            "negotiated_rate": draw.randrange(1, 90_000) / 100,
            "expiration_date": "9999-12-31",
            "service_code": draw.choice(PLACES),
            "billing_class": "professional",
            "billing_code_modifier": draw.choice(([], [], ["26"])),
        }
        for _ in range(draw.randrange(1, 4))
    ]
    references = [draw.randrange(GROUPS) for _ in range(draw.randrange(1, 20))]
    return {"provider_references": references, "negotiated_prices": prices}


def measured(*command: str | Path) -> tuple[float, float, float]:
    """Return seconds of the processor and on the clock, and peak mebibytes, of a command in a process of its own."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024


def main(store: str, sizes: list[int]) -> None:
    """Print a line for each size."""
    version = pfsetl.open(store)
    rows = version.scan("rvu", max(version.releases)).filter(pl.col("status").is_in(["A", "R", "T"]))
    codes = rows.select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"].to_list()
    print("| file | ijson alone | pfsetl benchmark | of it | peak |\n|---|---|---|---|---|")
    for megabytes in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "in-network.json"
            write(path, megabytes, codes)
            size = path.stat().st_size / 1e6
            alone, alone_clock, _ = measured(sys.executable, "-c", ALONE, path)
            out = path.with_name("percent.parquet")
            whole, whole_clock, peak = measured(sys.executable, "-m", "pfsetl", "benchmark", path, out, "-o", store)
        rates = [
            f"{size / a:.0f} MB/s, {size / b:.0f} by the clock" for a, b in ((alone, alone_clock), (whole, whole_clock))
        ]
        share = f"{alone / whole:.2f}, {alone_clock / whole_clock:.2f} by the clock"
        print(f"| {size:,.0f} MB | {' | '.join(rates)} | {share} | {peak:.0f} MiB |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]] or list(SIZES))
