"""A table as an object of a store: immutable, and named by its rows."""

import hashlib
from pathlib import Path

import polars as pl

from pfsetl.declared import contracts, table_schemas
from pfsetl.declared.contracts import Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication import rehash
from pfsetl.publication.digest import rows_digest
from pfsetl.publication.manifest import Resource
from pfsetl.publication.parquet import Parts, Written, is_uniform, write
from pfsetl.storage.store import Store

UNIFORM = "-uniform.parquet"  # ends the name of rows that were published before with mixed encodings


def stored(store: Store, release: str, table: Table, parts: Parts) -> Resource:
    """Write one table of a release as an object named by its content; return its entry in the manifest."""
    with store.scratch() as target:
        return put(store, release, table, write(parts, table, target))


def put(store: Store, release: str, table: Table, written: Written) -> Resource:
    """Store a written table as an object; return its entry in the manifest."""
    size, sha256 = written.path.stat().st_size, _sha256(written.path)
    for name in names(table.name, release, written.digest):
        if not store.freshen(name) and store.put_new(name, written.path):
            break
        there = _same_rows(store, name, sha256, written.digest, table)
        if there is None or is_uniform(there):
            size, sha256 = (size, sha256) if there is None else (len(there), hashlib.sha256(there).hexdigest())
            break
    schema = table_schemas.encoded_schema(table)
    schema_name = f"schemas/{table.name}-{hashlib.sha256(schema).hexdigest()[:16]}.json"
    if not store.freshen(schema_name):
        store.put_new(schema_name, schema)
    return Resource(
        name=f"{table.name}-{release.lower()}",
        table=table.name,
        release=release,
        path=name,
        format="parquet",
        mediatype="application/vnd.apache.parquet",
        rows=written.rows,
        bytes=size,
        hash=f"sha256:{sha256}",
        digest=written.digest,
        schema=schema_name,
        schema_hash=f"sha256:{hashlib.sha256(schema).hexdigest()}",
    )


def names(table: str, release: str, digest: str) -> tuple[str, str]:
    """Return the names that an object of these rows may have, the usual one first."""
    stem = f"objects/{table}/{release}-{digest[:16]}"
    return f"{stem}.parquet", f"{stem}{UNIFORM}"


def _same_rows(store: Store, name: str, sha256: str, digest: str, table: Table) -> bytes | None:
    """Return the bytes of an object that exists already, None where they are those of this sha256.

    Another release of pfsetl may have written the same rows as other bytes. Raises StoreError for other rows.
    """
    if rehash.sha256(store.chunks(name)) == sha256:
        return None
    there = store.get(name)
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
