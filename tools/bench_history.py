"""Measure how a store grows: what each command takes with 10, 100 and 500 versions of 107 releases.

Usage: python -m tools.bench_history [RELEASES] [VERSIONS ...]      default 107 releases, 10 100 500 versions

The archives are synthetic, of seven services and four places each: what a store has many of here are releases, files,
manifests and trees, not rows. Every version after the first changes one release. Each command runs in a process of its
own, so that its peak of memory is its own; seconds are those of the command, after import.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pfsetl
from pfsetl.cli import holdings
from pfsetl.declared import contracts
from pfsetl.pipeline.backfill import backfill
from pfsetl.pipeline.request import Request, opened
from pfsetl.pipeline.stage import stage
from pfsetl.publication import diff, publish, trace, version
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store
from pfsetl.upkeep import prune, verify
from tests import synthetic

RELEASES = 107
VERSIONS = (10, 100, 500)
CHANGED, PRICED = "RVU25A", "RVU26A"
DAY = date(2026, 2, 1)  # priced by PRICED
ROUNDS = 3
Taken = tuple[float, float]  # milliseconds, wall and processor
LABELS = [f"RVU{year:02}{quarter}" for year in range(14, 50) for quarter in "ABCD"]
UNDECLARED = {"RVU18C"}  # CMS calls it RVU18C1


def labels(count: int) -> list[str]:
    """Return the releases of a store: the two that are asked for, and quarters from 2014 on."""
    others = [label for label in LABELS if label not in UNDECLARED | {CHANGED, PRICED}]
    return sorted([CHANGED, PRICED, *others[: count - 2]])


def publish_first(store: Store, folder: Path, count: int) -> None:
    """Publish a small synthetic archive of every release as the first version."""
    archives = {x: synthetic.write_zip(folder / f"{x}.zip", synthetic.release(x)) for x in labels(count)}
    done = backfill(archives, store=store, sample=True)
    assert not done.failed, done.failed


def publish_more(store: Store, folder: Path, until: int) -> list[Taken]:
    """Commit one release in two contents in turn until the store has so many versions; return what each took."""
    base = version.open_version(store)
    made = []
    for work in ("1.21", "1.31"):
        rows = [synthetic.changed(synthetic.VISIT, work=work), *synthetic.CODES[1:]]
        path = synthetic.write_zip(folder / f"{CHANGED}-{work}.zip", synthetic.release(CHANGED, rows))
        made.append(stage(opened(Request(CHANGED, path, sample=True), base)))
    taken = []
    while base.number < until:
        taken.append(timed(partial(publish.commit, store, [made[base.number % 2]], base, contracts.load())))
        base = version.open_version(store)
    return taken


def timed(work: Callable[[], object]) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - processor)


def median(taken: list[Taken]) -> tuple[float, float, float]:
    wall, processor = sorted(taken)[len(taken) // 2]
    return wall, processor, 0.0


COMMANDS: dict[str, Callable[[Store, Path], object]] = {
    "open": lambda store, _: version.open_version(store),
    "list": lambda store, _: holdings.releases(version.open_version(store)),
    "price": lambda store, _: pfsetl.price("G9901", DAY, locality="AL/00", output=version.open_version(store, 1)),
    "trace": lambda store, _: trace.trace(version.open_version(store), CHANGED, "rvu", {"hcpcs": "G9901"}),
    "diff": lambda store, _: diff.between_versions(version.open_version(store, 1), version.open_version(store)),
    "build, nothing to do": lambda store, folder: pfsetl.build(
        PRICED, store=store, archive=folder / f"{PRICED}.zip", sample=True
    ),
    "versions": lambda store, _: holdings.versions(store),
    "verify": lambda store, _: verify.verify(store),
    "prune, planned": lambda store, _: prune.plan_prune(store, 1),
}  # fmt: skip
ONCE = {"versions", "verify", "prune, planned"}  # go through every version, and take long


def measure(name: str, folder: Path) -> None:
    """Run one command in this process; print its milliseconds, wall and processor, and the peak of memory in MB."""
    store = open_store(folder / "store")
    wall, processor = min(
        timed(lambda: COMMANDS[name](store, folder)) for _ in range(1 if name in ONCE else 1 + ROUNDS)
    )
    # NOTE: not getrusage: a child process inherits its parent's peak there.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(wall, processor, int(peak.split()[1]) / 1024)


def measured(name: str, folder: Path) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "tools.bench_history", "--measure", name, str(folder)]
    wall, processor, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(wall), float(processor), float(peak)


def main(count: int, counts: tuple[int, ...]) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"history: {count} releases; {os.cpu_count()} cores, load {load}", flush=True)
    found: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store = open_store(folder / "store")
        publish_first(store, folder, count)
        for versions in counts:
            found.setdefault("commit", []).append(median(publish_more(store, folder, versions)[-10:]))
            for name in COMMANDS:
                found.setdefault(name, []).append(measured(name, folder))
            print(f"{versions:,} versions measured", flush=True)
        size = len(store.get(f"versions/{counts[-1]:06d}.json"))
        print(f"a manifest has {size:,} bytes; ms wall and processor, MB the peak of the process", flush=True)
    print(f"| | {' | '.join(f'{n:,} versions' for n in counts)} | {counts[-1]:,} / {counts[0]:,}, processor |")
    print("|---|" + "---|" * (len(counts) + 1))
    for name, row in found.items():
        cells = [f"{wall:,.0f}, {cpu:,.0f} ms" + (f"; {peak:,.0f} MB" if peak else "") for wall, cpu, peak in row]
        print(f"| {name} | {' | '.join(cells)} | {row[-1][1] / row[0][1]:.1f} |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        given = [int(a) for a in sys.argv[1:]]
        main(given[0] if given else RELEASES, tuple(given[1:]) or VERSIONS)
