"""Publish: stage the tables of a release as immutable objects, then commit them with one create-if-absent.

The numbered manifest is the only coordination. Losing the race for a number means reading the winner's manifest,
merging and trying the next; a different content of the same release since the base is a Conflict.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Contract, Table
from pfsetl.errors import Conflict, ContractError, StoreError
from pfsetl.publication import version
from pfsetl.publication.digest import RowsDigest, encoded, plain, rows_digest
from pfsetl.publication.store import LocalStore
from pfsetl.publication.version import Version

Parts = pl.DataFrame | Iterable[pl.DataFrame]
ROW_GROUP = 50_000
COMPRESSION_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file outside the store's objects, and the number and digest of its rows."""

    path: Path
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class StagedRelease:
    """What a build wrote for one release, ready to commit: small, picklable, without frames."""

    release: str
    resources: tuple[dict[str, Any], ...]
    record: dict[str, Any]

    @property
    def content(self) -> str:
        """Identity of the release's content: the digests of all its tables."""
        return str(self.record["content"])


def stage(
    store: LocalStore,
    release: str,
    tables: Mapping[str, Parts],
    record: Mapping[str, Any],
    contract: Contract,
    under_way: Mapping[str, Future[Written]] | None = None,
) -> StagedRelease:
    """Write every table of a release as a Parquet object named by its content; nothing becomes visible yet.

    `under_way` are tables that other threads write already, by name.
    """
    resources = []
    for name, parts in tables.items():
        with store.scratch() as target:
            resources.append(_put(store, release, contract.tables[name], write(parts, contract.tables[name], target)))
    for name, written in (under_way or {}).items():
        resources.append(_put(store, release, contract.tables[name], written.result()))
    return StagedRelease(release, tuple(resources), {**record, "content": _content_of(resources, record)})


def commit(store: LocalStore, staged: Sequence[StagedRelease], base: Version, contract: Contract) -> Version:
    """Make staged releases visible as the next version, or return the newest when it holds them already.

    Raises Conflict when another build changed one of these releases since `base`.
    """
    while True:
        newest = version.open_version(store)
        changed = [s for s in staged if _content(newest, s.release) != s.content]
        for mine in changed:
            if _content(newest, mine.release) != _content(base, mine.release):
                raise Conflict(
                    f"{store}: version {newest.number} holds another content of {mine.release} than version "
                    f"{base.number}, on which this build started. Look at it, then build again."
                )
        if not changed:
            _show(newest)
            return newest
        number = newest.number + 1
        manifest = _manifest(newest, changed, contract)
        if store.put_new(version.manifest_name(number), version.encode(manifest)):
            committed = version.open_version(store, number)
            _show(committed)
            return committed


def _content_of(resources: Iterable[Mapping[str, Any]], record: Mapping[str, Any]) -> str:
    """Return the identity of a release's content: its tables, and whether every format was compared."""
    lines = sorted(f"{r['table']} {r['digest']}" for r in resources)
    lines += ["all formats compared"] if record.get("all_formats") else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _content(at: Version, release: str) -> str | None:
    record = at.releases.get(release)
    return record["content"] if record else None


def _show(committed: Version) -> None:
    if committed.number:
        files = {version.shown_path(r): r["path"] for r in committed.resources}
        try:
            committed.store.show_tree(committed.number, files)
        except StoreError as error:
            raise StoreError(
                f"{error} Version {committed.number} is published all the same; only its tree for readers that glob "
                "isn't there. Run the command again to lay it out."
            ) from error


def _manifest(newest: Version, changed: Sequence[StagedRelease], contract: Contract) -> dict[str, Any]:
    from importlib.metadata import version as installed

    replaced = {s.release for s in changed}
    kept = [r for r in newest.resources if r["release"] not in replaced]
    added = [resource for s in changed for resource in s.resources]
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "pfsetl",
        "title": "Medicare Physician Fee Schedule releases, normalized, with exact payments",
        "version": str(newest.number + 1),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "sources": [{"title": "CMS, PFS Relative Value Files", "path": "https://www.cms.gov"}],
        "resources": sorted([*kept, *added], key=lambda r: (r["table"], r["release"])),
        "pfsetl": {
            "format": version.MANIFEST_FORMAT,
            "parent": newest.number,
            "contract": {"id": contract.id, "version": contract.version},
            "software": {name: installed(name) for name in ("pfsetl", "polars")},
            "releases": {**newest.releases, **{s.release: s.record for s in changed}},
        },
    }


def _put(store: LocalStore, release: str, table: Table, written: Written) -> dict[str, Any]:
    """Store a written table as an object; return its entry in the manifest."""
    name = f"objects/{table.name}/{release}-{written.digest[:16]}.parquet"
    data = written.path.read_bytes()
    if store.exists(name) or not store.put_new(name, written.path):
        data = _same_rows(store, name, data, written.digest, table)
    schema = json.dumps(contracts.table_schema(table), indent=1).encode()
    schema_name = f"schemas/{table.name}-{hashlib.sha256(schema).hexdigest()[:16]}.json"
    if not store.exists(schema_name):
        store.put_new(schema_name, schema)
    return {
        "name": f"{table.name}-{release.lower()}",
        "table": table.name,
        "release": release,
        "path": name,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "rows": written.rows,
        "bytes": len(data),
        "hash": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "digest": written.digest,
        "schema": schema_name,
    }


def _same_rows(store: LocalStore, name: str, written: bytes, digest: str, table: Table) -> bytes:
    """Return the bytes of an object that exists already, once it is certain that it holds the same rows.

    Another polars may have written the same rows as other bytes; those stay, and their hash counts.
    """
    there = store.get(name)
    if there == written:
        return there
    try:
        found = rows_digest(contracts.conform(pl.read_parquet(there), table))
    except (pl.exceptions.PolarsError, ContractError, OSError):
        found = "unreadable"
    if found != digest:
        raise StoreError(
            f"{store}/{name}: damaged, its rows aren't those of its name ({found[:16]}). Move the file away, and "
            "this build will write it again."
        )
    return there


def write(parts: Parts, table: Table, target: Path) -> Written:
    """Write the parts of a table, in key order, as one Parquet file."""
    digest = RowsDigest()

    def stream(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del with_columns, predicate, n_rows, batch_size  # a sink asks for everything
        for part in [parts] if isinstance(parts, pl.DataFrame) else _ahead(parts):
            coded = encoded(part)
            digest.update(coded)
            yield contracts.conform(plain(coded), table)

    try:
        register_io_source(stream, schema=table.schema).sink_parquet(
            target,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP,
            arrow_schema=contracts.arrow_schema(table),
        )
    except (OSError, pl.exceptions.ComputeError) as error:
        if "os error" not in str(error):  # so polars tells of a failed write, as whatever class
            raise
        raise StoreError(
            f"{target}: {table.name} can't be written ({error}). Check the free space; what was published before is "
            "untouched."
        ) from error
    return Written(target, digest.rows, digest.hexdigest(table.schema))


def _ahead(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the parts while the next one is made in another thread; at most two wait in memory."""
    parts = iter(parts)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part
