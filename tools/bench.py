"""Measure a build against its floor: reading the zip and writing the same Parquet from frames in memory.

Usage: python tools/bench.py [FOLDER_OF_CMS_ARCHIVES]      default $PFSETL_CMS or ../shared/cms

Both are measured in turn in one process, so that a noisy machine hits both; the ratio of each pair counts.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

import pfsetl
from pfsetl import contracts, publish

RELEASE = "RVU25A"
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def build(archive: Path, output: Path) -> pfsetl.Build:
    shutil.rmtree(output, ignore_errors=True)
    return pfsetl.build(RELEASE, store=pfsetl.open_store(output), archive=archive)


def floor(archive: Path, frames: dict[str, pl.DataFrame], output: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            members.read(member)
    for name, frame in frames.items():
        frame.write_parquet(
            output / f"{name}.parquet",
            compression="zstd",
            compression_level=publish.COMPRESSION_LEVEL,
            row_group_size=publish.ROW_GROUP,
        )


def main(folder: Path) -> None:
    archive = folder / f"{RELEASE}.zip"
    if not archive.is_file():
        sys.exit(f"{archive}: not there. Give the folder of CMS's zips: python tools/bench.py FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        output, bare = Path(temporary) / "store", Path(temporary) / "floor"
        version = build(archive, output).version
        frames = {name: version.scan(name).collect() for name in contracts.load().tables}
        floor(archive, frames, bare)
        pairs = [
            (seconds(lambda: build(archive, output)), seconds(lambda: floor(archive, frames, bare)))
            for _ in range(ROUNDS)
        ]
        ratios = sorted(whole / least for whole, least in pairs)
        rows = sum(resource_["rows"] for resource_ in version.resources)
        print(f"{RELEASE}: {rows:,} rows in {len(frames)} tables, {ROUNDS} rounds, build and floor in turn")
        print(f"build   {statistics.median(w for w, _ in pairs):.2f} s (median)")
        print(f"floor   {statistics.median(f for _, f in pairs):.2f} s: inflate the zip, write the same Parquet")
        print(f"ratio   {statistics.median(ratios):.2f} (median; {ratios[0]:.2f} to {ratios[-1]:.2f})")
        command = [sys.executable, __file__, str(folder), "--once"]
        cold = seconds(lambda: subprocess.run(command, check=True))
        print(f"cold    {cold:.2f} s for a whole process that builds once")
        start_up = seconds(lambda: subprocess.run([sys.executable, "-c", "import pfsetl"], check=True))
        print(f"import  {start_up:.2f} s for a process that only imports pfsetl")


def once(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        build(folder / f"{RELEASE}.zip", Path(temporary))
    # NOTE: not getrusage: a child process inherits its parent's peak there.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(f"memory  {int(peak.split()[1]) / 1024:.0f} MB peak of one build")


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.startswith("--")]
    default = os.environ.get("PFSETL_CMS") or Path(__file__).parents[1].parent / "shared" / "cms"
    (once if "--once" in sys.argv else main)(Path(given[0] if given else default))
