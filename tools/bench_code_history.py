"""Measure `code_history` over 107 releases: making all of it, merging one release more, bytes of reading one code.

Usage: python -m tools.bench_code_history [FOLDER_OF_CMS_ARCHIVES] [FOLDER_FOR_ITS_STORE]

The archives are in $PFSETL_CMS or ../shared/cms by default. Releases that aren't among them are made of the nearest
one before that is, with values of their own: in January most practice expense moves, some work and some malpractice;
in each later quarter one code in fifty moves, and one in 200 isn't there. A store that is kept has its releases staged.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import polars as pl
import pyarrow.parquet as pq

from pfsetl.declared import calendar, contracts, registry
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read
from pfsetl.publication import publish, recording, rollback, staging, version
from pfsetl.publication.staging import StagedRelease
from pfsetl.source.archive import open_archive
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import columns, derived, exact
from pfsetl.tables.normalize import normalize
from tests import publisher

RELEASES = 107
TABLE = "code_history"
CONTRACT = contracts.load()
WITHOUT = replace(CONTRACT, tables={name: table for name, table in CONTRACT.tables.items() if name != TABLE})
CODES = ("99213", "97761", "G0101", "71046", "27447", "93000", "0001F", "J3490")
TEN = (
    "hcpcs", "modifier", "participant", "release", "effective_from", "status", "nonfacility_total_rvu",
    "conversion_factor", "nonfacility_payment", "nonfacility_change",
)  # fmt: skip


def main(cms: Path, folder: Path) -> None:
    store = LocalStore(folder / "store")
    staged = list(_staged(store, cms, list(registry.releases())[: RELEASES + 1]))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {len(staged) - 1} releases and one more", flush=True)
    base = publish.commit(store, staged[:-1], version.open_version(store), WITHOUT)
    less = _spent(lambda: publish.commit(store, staged[-1:], base, WITHOUT))
    base = rollback.rollback(store, base.number)
    whole = _spent(lambda: publish.commit(store, staged[:1], base, CONTRACT))
    base = version.open_version(store)
    more = _spent(lambda: publish.commit(store, staged[-1:], base, CONTRACT))
    print(f"making all of it: {whole[0]:.2f} s, {whole[1]:.2f} of processor time", flush=True)
    wall, processor = (one - other for one, other in zip(more, less, strict=True))
    print(
        f"merging one more: {wall:.2f} s, {processor:.2f} of processor time, beside a commit without the table",
        flush=True,
    )
    (made,) = (r for r in version.open_version(store).resources if r.table == TABLE)
    _sizes(folder / "store" / made.path)


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds of wall and of processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def _sizes(path: Path) -> None:
    about = pq.read_metadata(path)
    print(f"{path.stat().st_size:,} bytes, {about.num_rows:,} rows, {about.num_row_groups} row groups", flush=True)
    footer = about.serialized_size
    for code in CODES:
        print(f"{code}: {_bytes_read(path, code, footer) / 1000:,.0f} kB of which the footer {footer / 1000:,.0f}")
    sizes: dict[str, int] = {}
    for group in range(about.num_row_groups):
        for n in range(about.num_columns):
            one = about.row_group(group).column(n)
            sizes[one.path_in_schema] = sizes.get(one.path_in_schema, 0) + one.total_compressed_size
    print(", ".join(f"{name} {size / 1000:,.0f}" for name, size in sorted(sizes.items(), key=lambda x: -x[1])))


def _bytes_read(path: Path, code: str, footer: int) -> int:
    """Return what a reader needs of a file: its footer, and ten columns of the row groups that may hold a code."""
    about = pq.read_metadata(path)
    total = footer
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        columns_ = {group.column(n).path_in_schema: group.column(n) for n in range(about.num_columns)}
        held = columns_["hcpcs"].statistics
        if held.min <= code <= held.max:
            total += sum(columns_[name].total_compressed_size for name in TEN)
    return total


def _staged(store: LocalStore, cms: Path, labels: list[str]) -> Iterator[StagedRelease]:
    """Yield every release, staged with the tables that the history is made of."""
    real = {label: path for label in labels for path in (cms / f"{label}.zip", cms / label) if path.exists()}
    rvu = {label: _rvu(label, path) for label, path in real.items()}
    empty = version.open_version(store)
    for label in labels:
        before = [one for one in real if labels.index(one) <= labels.index(label)] or list(real)[:1]
        release = registry.releases()[label]
        made: dict[str, pl.DataFrame] = {"rvu": varied(rvu[before[-1]], label, before[-1])}
        made |= derived.conversion_factor(made, release)
        made |= derived.payment_national(made, release)
        made |= derived.release_calendar(made, release)
        record = msgspec.structs.replace(publisher.RECORD, year=release.year, quarter=release.quarter)
        made["releases"] = recording.releases_table(release, record, version.empty(store))
        shaped = {name: columns.shaped(frame, CONTRACT.tables[name]) for name, frame in made.items()}
        yield staging.stage(store, label, shaped, record, CONTRACT, base=empty)


def _rvu(label: str, path: Path) -> pl.DataFrame:
    release = registry.releases()[label]
    members = [parse(raw) for raw in read(open_archive(path, calendar.formula_day(release)))]
    return normalize(members, release, CONTRACT)[0]["rvu"]


def varied(base: pl.DataFrame, label: str, real: str) -> pl.DataFrame:
    """Return the rows of a release as those of another, with other values where it isn't the same release."""
    if label == real:
        return base
    there, release = registry.releases()[real], registry.releases()[label]
    year = release.year
    frame = base.with_columns(pl.lit(label).alias("release"))
    if year != there.year:
        for column, percent in {"nonfacility_pe_rvu": 80, "facility_pe_rvu": 80, "work_rvu": 5, "mp_rvu": 30}.items():
            frame = _moved(frame, column, seed=year, percent=percent)
    for later in range(2, release.quarter + 1):
        for column in ("nonfacility_pe_rvu", "facility_pe_rvu", "work_rvu"):
            frame = _moved(frame, column, seed=100 * year + later, percent=2)
    absent = _chance(seed=1000 + 10 * year + release.quarter) % 200 == 0
    totals = {
        f"{s}_total_rvu": pl.sum_horizontal("work_rvu", f"{s}_pe_rvu", "mp_rvu") for s in ("nonfacility", "facility")
    }
    return frame.filter(~absent).with_columns(
        **{n: e.cast(pl.Decimal(9, 2)) for n, e in totals.items()},
        conversion_factor=pl.lit(_factor(label, base)).cast(pl.Decimal(9, 4)),
    )


def _factor(label: str, base: pl.DataFrame) -> str:
    paid = calendar.release_calendar(registry.releases()[label])["conversion_factor"]
    return str(paid[0] if len(paid) else base["conversion_factor"][0])


def _moved(frame: pl.DataFrame, column: str, *, seed: int, percent: int) -> pl.DataFrame:
    """Return rows of which so many per cent have another value, by up to a tenth."""
    chance, value = _chance(seed), exact.scaled(column)
    new = (value * (900 + (chance // 1000) % 200) + 500) // 1000
    return frame.with_columns(
        pl.when(chance % 100 < percent)
        .then(exact.decimal(new, pl.Decimal(9, 2)))
        .otherwise(pl.col(column))
        .alias(column)
    )


def _chance(seed: int) -> pl.Expr:
    return pl.concat_str("hcpcs", "modifier").hash(seed).cast(pl.UInt64) % 1_000_000_007


if __name__ == "__main__":
    given = [Path(a) for a in sys.argv[1:]]
    cms = given[0] if given else Path(os.environ.get("PFSETL_CMS", "../shared/cms"))
    with tempfile.TemporaryDirectory() as temporary:
        main(cms, given[1] if len(given) > 1 else Path(temporary))
