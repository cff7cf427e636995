"""Measure claims: lines a second and peak memory of `pfsetl.claim`, and whether both grow as the lines do; and prices.

Usage: python -m tools.bench_claims [FOLDER_OF_CMS_ARCHIVES] [LINES ...]      default 10000 and 100000 lines

The folder defaults to $PFSETL_CMS or ../shared/cms. The lines are made here, the same every time: services, places and
days drawn from two releases that are published first, four lines a claim. Each file is priced in a process of its own.
A line is explained (steps, notes, sources) when it's looked at, which is measured apart. To compare with another
checkout, run this with its `src` in PYTHONPATH, in turn.
"""

import csv
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import polars as pl

import pfsetl
from pfsetl.declared import calendar, registry

RELEASES = ("RVU24A", "RVU25A")
LINES = (10_000, 100_000)
LINES_OF_A_CLAIM = 4
COLUMNS = ("claim", "hcpcs", "modifiers", "units", "date", "locality", "setting")


def write_lines(version: pfsetl.Version, count: int, path: Path) -> None:
    """Write a claim file of services that have a price, each claim of one day and place."""
    draw = random.Random(count)
    drawn = {label: _drawn_from(version, label) for label in RELEASES}
    with path.open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(COLUMNS)
        for number in range(count):
            if number % LINES_OF_A_CLAIM == 0:
                services, places, days = drawn[draw.choice(RELEASES)]
                place, day = draw.choice(places), draw.choice(days)
            code, modifier = draw.choice(services)
            units, setting = draw.choice((1, 1, 1, 2)), draw.choice(("facility", "nonfacility"))
            lines.writerow((number // LINES_OF_A_CLAIM, code, modifier, units, day, place, setting))


def _drawn_from(version: pfsetl.Version, label: str) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    rows = version.scan("rvu", label).filter(pl.col("status").is_in(["A", "R", "T"]), pl.col("modifier") != "53")
    services = rows.select("hcpcs", "modifier").unique().sort("hcpcs", "modifier").collect().rows()
    places = version.scan("gpci", label).select("state", "locality").sort("state", "locality").collect().rows()
    segment = calendar.days_of(registry.find(label))[0]
    days = range((segment.last - segment.first).days + 1)
    return (
        services,
        [f"{state}/{locality}" for state, locality in places],
        [str(segment.first + timedelta(days=day)) for day in days],
    )


def price(store: str, path: str) -> None:
    """Price a file in this process, look at every line, and print what it took."""
    version = pfsetl.open(store)
    wall, processor = time.perf_counter(), time.process_time()
    answer = pfsetl.claim(path, output=version)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    looking = time.process_time()
    explained = sum(1 for _ in answer["lines"])
    looking = time.process_time() - looking
    # NOTE: not getrusage: a child process inherits its parent's peak there.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    count = len(answer["lines"]) + len(answer["bad"])
    print(
        f"{count:>7,} lines ({len(answer['bad'])} bad)  {wall:7.1f} s wall  {processor:7.1f} s processor  "
        f"{count / wall:7,.0f} lines a second  {count / processor:7,.0f} a processor second  "
        f"{1000 * looking / explained:5.3f} ms processor to explain one  "
        f"{int(peak.split()[1]) / 1024:6,.0f} MB peak",
        flush=True,
    )


def price_one_by_one(version: pfsetl.Version, count: int = 200) -> None:
    """Print what a price takes on an open version: of the same service again, and of another one in another place."""
    draw = random.Random(count)
    services, places, days = _drawn_from(version, RELEASES[-1])
    drawn = [(draw.choice(services)[0], draw.choice(days), draw.choice(places)) for _ in range(count)]
    for name, asked in (("another service and place each time", drawn), ("the same again", drawn[:1] * count)):
        took = []
        for code, day, place in asked:
            start = time.perf_counter()
            try:
                pfsetl.price(code, day, locality=place, output=version)
            except pfsetl.PfsetlError:  # a code that has rows with modifiers alone
                continue
            took.append(time.perf_counter() - start)
        print(f"price, {name}: {1000 * statistics.median(took):5.2f} ms (median of {len(took)})", flush=True)


def main(folder: Path, counts: tuple[int, ...]) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(
        f"claims: codes, places and days of {' and '.join(RELEASES)}; {os.cpu_count()} cores, load {load}", flush=True
    )
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary) / "store"
        for label in RELEASES:
            pfsetl.build(label, store=pfsetl.open_store(store), archive=folder / f"{label}.zip")
        for count in counts:
            path = Path(temporary) / f"{count}.csv"
            write_lines(pfsetl.open(store), count, path)
            command = [sys.executable, "-m", "tools.bench_claims", "--price", str(store), str(path)]
            subprocess.run(command, check=True)
        price_one_by_one(pfsetl.open(store))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--price"]:
        price(*sys.argv[2:])
    else:
        given = [a for a in sys.argv[1:] if not a.isdecimal()]
        default = os.environ.get("PFSETL_CMS") or Path(__file__).parents[1].parent / "shared" / "cms"
        main(Path(given[0] if given else default), tuple(int(a) for a in sys.argv[1:] if a.isdecimal()) or LINES)
