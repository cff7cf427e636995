"""Measure what reading NCCI's edit pairs takes: time, processor time and peak memory of loading, and of a look-up.

Usage: python -m tools.bench_companions [PAIRS]      default 2,500,000

CMS posts the pairs in four files of text. Files of that size and layout are made here, the same every time, with
invented codes; they are loaded into an empty store in a process of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl

import pfsetl
from pfsetl.loading import load as loading

PAIRS = 2_500_000
PARTS = 4
CODES = 9_000
REASONS = (
    "Standards of medical/surgical practice",
    "CPT Manual or CMS manual coding instruction",
    "Misuse of Column Two code with Column One code",
    "Mutually exclusive procedures",
    "More extensive procedure",
    "HCPCS/CPT procedure code definition",
    "CPT Separate procedure definition",
    "Anesthesia service included in surgical procedure",
    "Sequential procedure",
)
HEADINGS = (
    "A licence.\t\t\t\t\t\t\r\nColumn 1/Column 2 Edits\t\t\t\t\t\t\r\n"
    "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale\r\n"
    "\t\tprior to 1996\tDate\tDate *=no data\t0=not allowed 1=allowed 9=not applicable\t\r\n"
)


def write_pairs(folder: Path, count: int) -> list[Path]:
    """Write so many pairs into four files, sorted as CMS sorts them, a third of them ended."""
    number = pl.int_range(count, eager=True)
    each = count // CODES + 1
    days = [f"{year}{month:02}01" for year in range(1996, 2026) for month in (1, 4, 7, 10)]
    first, second = number // each, (number * 7_919) % (CODES - 1)
    frame = pl.DataFrame({"at": number, "first": first, "second": second}).with_columns(
        second=pl.when(pl.col("second") >= pl.col("first")).then(pl.col("second") + 1).otherwise("second")
    )
    at, ended = pl.col("at"), pl.col("at") % 3 == 0

    def code(column: str) -> pl.Expr:
        return (10_000 + 9 * pl.col(column)).cast(pl.String)

    def picked(values: tuple[str, ...] | list[str], step: int) -> pl.Expr:
        return pl.lit(pl.Series(values)).gather((at * step) % len(values))

    lines = frame.select(
        code("first").alias("one"), code("second").alias("other"),
        pl.when(at % 50 == 0).then(pl.lit("*")).otherwise(pl.lit("")).alias("before"),
        picked(days[:60], 7).alias("from"),
        pl.when(ended).then(picked(days[60:], 11)).otherwise(pl.lit("*")).alias("to"),
        (at % 10 > 2).cast(pl.Int8).cast(pl.String).alias("modifier"),
        picked(list(REASONS), 5).alias("reason"),
    )  # fmt: skip
    paths = []
    for part in range(PARTS):
        path = folder / f"ccipra-v320r0-f{part + 1}.txt"
        size = -(-count // PARTS)
        text = lines.slice(part * size, size).write_csv(separator="\t", include_header=False, line_terminator="\r\n")
        path.write_text(HEADINGS + text, newline="")
        paths.append(path)
    return paths


def load(store: str, *paths: str) -> None:
    """Load the files in this process, and print what it took."""
    wall, processor = time.perf_counter(), time.process_time()
    found = loading.load(pfsetl.open_store(store), [Path(path) for path in paths]).companion
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    # NOTE: not getrusage: a child process inherits its parent's peak there.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(
        f"load {found.rows:,} pairs: {wall:.1f} s wall, {processor:.1f} s processor, "
        f"{int(peak.split()[1]) / 1024:,.0f} MB peak",
        flush=True,
    )


def look_up(store: Path) -> None:
    """Print what it takes to find the pairs of a code, by either column."""
    from pfsetl.publication import companions

    opened = pfsetl.open_store(store)
    for kind, column in (("ptp", "column_1"), ("ptp_by_column_2", "column_2")):
        took = []
        for _ in range(5):
            start = time.perf_counter()
            pairs = companions.scan(opened, kind, date(2026, 1, 1)).filter(pl.col(column) == "55000").collect()
            took.append(time.perf_counter() - start)
        (file,) = (store / "companions" / kind).glob("*.parquet")
        size = file.stat().st_size / 1e6
        print(f"{pairs.height:,} pairs of a code by {column}: {1000 * min(took):.0f} ms, file of {size:.1f} MB")


def main(count: int) -> None:
    load_ = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"edit pairs in CMS's layout, invented codes; {os.cpu_count()} cores, load {load_}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = write_pairs(folder, count)
        print(f"{len(paths)} files, {sum(path.stat().st_size for path in paths) / 1e6:,.0f} MB", flush=True)
        store = folder / "store"
        command = [sys.executable, "-m", "tools.bench_companions", "--load", str(store), *map(str, paths)]
        subprocess.run(command, check=True)
        look_up(store)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--load"]:
        load(*sys.argv[2:])
    else:
        main(int(sys.argv[1].replace(",", "")) if sys.argv[1:] else PAIRS)
