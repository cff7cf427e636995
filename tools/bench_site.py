"""Measure a site: seconds, peak of memory, bytes and the largest data file, of a store or of 107 simulated releases.

Usage: python -m tools.bench_site STORE
       python -m tools.bench_site 107 [FOLDER_OF_CMS_ARCHIVES] [FOLDER_FOR_ITS_STORE]

The archives are in $PFSETL_CMS or ../shared/cms by default. Releases that aren't among them are made of the nearest one
before that is, with values of their own (`bench_code_history.varied`). The site is made in a process of its own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import polars as pl

import pfsetl
from pfsetl.declared import calendar, contracts, registry
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read
from pfsetl.publication import publish, recording, staging, version
from pfsetl.publication.staging import StagedRelease
from pfsetl.site import writing
from pfsetl.source.archive import open_archive
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import columns, derived
from pfsetl.tables.normalize import normalize
from tests import publisher
from tools.bench_code_history import varied

SOURCES = ("rvu", "gpci", "locality_county", "anesthesia", "rejects", "source_lines")
WHOLE = contracts.load()
CONTRACT = replace(WHOLE, tables={name: table for name, table in WHOLE.tables.items() if name != "payment_locality"})


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--site"]:
        _measure(arguments[1], Path(arguments[2]))
        return
    cms = Path(arguments[1] if len(arguments) > 1 else os.environ.get("PFSETL_CMS", "../shared/cms"))
    with tempfile.TemporaryDirectory() as folder:
        place = arguments[0]
        if place.isdecimal():
            place = arguments[2] if len(arguments) > 2 else f"{folder}/store"
            if not version.numbers(LocalStore(Path(place))):
                _publish(LocalStore(Path(place)), cms, int(arguments[0]))
        command = [sys.executable, "-m", "tools.bench_site", "--site", place, f"{folder}/site"]
        subprocess.run(command, check=True)


def _measure(place: str, folder: Path) -> None:
    opened = pfsetl.open(place)
    begun, processor = time.perf_counter(), time.process_time()
    done = writing.write(opened, folder)
    wall, processor = time.perf_counter() - begun, time.process_time() - processor
    # NOTE: not ru_maxrss, which a process has from the one that started it.
    peak = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line).split()[1])
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.json")}
    largest = max((name for name in sizes if name.startswith("data/")), key=lambda name: sizes[name])
    kinds: Counter[str] = Counter()
    for name, size in sizes.items():
        kinds[name.rpartition("/")[0].split("/")[1] if name.count("/") > 1 else name] += size
    print(f"{len(opened.releases)} releases, load {os.getloadavg()[0]:.1f}: {wall:.1f} s, {processor:.1f} of processor")
    print(f"{peak / 1024:,.0f} MB at most; {done.files:,} files, {done.bytes:,} bytes")
    print(f"largest: {largest} {sizes[largest]:,}")
    print(", ".join(f"{name} {size:,}" for name, size in kinds.most_common()), flush=True)


def _publish(store: LocalStore, cms: Path, count: int) -> None:
    labels = list(registry.releases())[-count:]
    publish.commit(store, list(_staged(store, cms, labels)), version.open_version(store), CONTRACT)


def _staged(store: LocalStore, cms: Path, labels: list[str]) -> Iterator[StagedRelease]:
    known = list(registry.releases())
    real = [label for label in known if (cms / f"{label}.zip").exists() or (cms / label).exists()]
    empty, read_last, tables = version.open_version(store), "", dict[str, pl.DataFrame]()
    for label in labels:
        before = [one for one in real if known.index(one) <= known.index(label)] or real[:1]
        if before[-1] != read_last:
            read_last, tables = before[-1], _tables(before[-1], cms)
        release = registry.releases()[label]
        made = {name: frame.with_columns(pl.lit(label).alias("release")) for name, frame in tables.items()}
        made["rvu"] = varied(tables["rvu"], label, read_last)
        for make in dict.fromkeys(derived.MADE_BY.values()):
            made |= make(made, release)
        record = msgspec.structs.replace(publisher.RECORD, year=release.year, quarter=release.quarter)
        made["releases"] = recording.releases_table(release, record, version.empty(store))
        shaped = {name: columns.shaped(frame, CONTRACT.tables[name]) for name, frame in made.items()}
        yield staging.stage(store, label, shaped, record, CONTRACT, base=empty)
        print(label, end=" ", flush=True)
    print()


def _tables(label: str, cms: Path) -> dict[str, pl.DataFrame]:
    release = registry.releases()[label]
    path = next(one for one in (cms / f"{label}.zip", cms / label) if one.exists())
    members = [parse(raw) for raw in read(open_archive(path, calendar.formula_day(release)))]
    tables, _ = normalize(members, release, WHOLE)
    return {name: frame for name, frame in tables.items() if name in SOURCES}


if __name__ == "__main__":
    main(sys.argv[1:])
