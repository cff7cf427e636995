"""Write `catalog.json` after a commit, and make it anew where it's gone, stale, or not as it was written."""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import polars as pl
from msgspec import UNSET

from pfsetl.declared import contracts
from pfsetl.errors import StoreError
from pfsetl.publication import catalog, dataset, registered, version
from pfsetl.publication.catalog import FOLDER, FORMAT, NAME, Catalog, File, Files, Key, Listed, Listing
from pfsetl.publication.json_records import encoded
from pfsetl.publication.manifest import Resource
from pfsetl.publication.version import Version
from pfsetl.storage.scanning import scan_files
from pfsetl.storage.store import Store

FEW_ROWS = 20_000  # of a file that is read whole for its keys
READERS = 4  # files whose keys are read at a time


def keep(at: Version) -> None:
    """See to it that a store's catalogue names this version and every later one.

    A race never leaves an older one for good: who has written it looks again whether a newer version came meanwhile.
    """
    store, there = at.store, catalog.usable(at.store)
    entry = next((v for v in there.versions if v.version == at.number), None) if there else None
    if entry and entry.manifest_sha256 == at.sha256 and store.exists(entry.listing):
        return
    there = None if entry else there  # one that is wrong of this version isn't trusted with others
    while True:
        newest = version.numbers(store)[-1]
        there = _written(store, there)
        if version.numbers(store)[-1] <= newest:
            return


def renew(store: Store) -> None:
    """Write the catalogue and every listing anew, from the manifests alone."""
    _written(store, None)


def refresh(store: Store) -> None:
    """See to it that the catalogue of a store names its Iceberg tables where there are some, and else none."""
    there = catalog.usable(store)
    if there is None or bool(there.iceberg) != store.exists(registered.NAME):
        _written(store, there)


def forget(store: Store) -> None:
    """Write the catalogue anew after versions were removed, without their listings."""
    there = {catalog.listing_name(n) for n in version.numbers(store)}
    for name in store.names(FOLDER):
        if name not in there:
            store.delete(name)
    if store.exists(NAME):
        _written(store, catalog.usable(store))


def _written(store: Store, before: Catalog | None) -> Catalog:
    """Write the catalogue of the versions that are there, which takes over what the one before says of them.

    A version whose manifest can't be read is left out: `verify` names it.
    """
    listings = set(store.names(FOLDER))
    known = {v.version: v for v in before.versions if v.listing in listings} if before else {}
    entries: list[Listed] = []
    newest: Version | None = None  # the last entry's, if it was opened here
    files: dict[str, File] | None = None
    for number in version.numbers(store):
        if kept := known.get(number):
            entries.append(kept)
            newest = None
            continue
        if files is None:
            files = {f.path: f for f in catalog.files(catalog.listing_of(store, entries[-1]))} if entries else {}
        try:
            at = newest = version.load(store, number)
        except StoreError:
            continue
        listing = msgspec.json.encode(_listing(at, files), order="sorted")
        store.put(catalog.listing_name(number), listing)
        entries.append(catalog.listed(at, hashlib.sha256(listing).hexdigest()))
    made = Catalog(
        format=FORMAT,
        newest=entries[-1].version,
        versions=tuple(entries),
        dataset=_dataset(newest or version.load(store, entries[-1].version), entries[-1]),
        sha256="",
        iceberg=registered.NAME if store.exists(registered.NAME) else UNSET,
    )
    made = msgspec.structs.replace(made, sha256=catalog.sha256_of(made))
    store.put(NAME, encoded(made))
    return made


def _listing(at: Version, files: dict[str, File]) -> Listing:
    """Return the listing of a version; `files` has what is known of a file already, and takes in the rest."""
    tables: dict[str, list[Resource]] = {}
    for r in at.resources:
        tables.setdefault(r.table, []).append(r)
    new = [r for r in at.resources if r.path not in files]
    with ThreadPoolExecutor(READERS) as pool:
        files |= {file.path: file for file in pool.map(partial(_file, at.store), new)}
    contract = at.manifest.pfsetl.contract
    return Listing(
        format=FORMAT,
        version=at.number,
        contract=contract.version if contract else None,
        releases={label: _days(at, label) for label in at.releases},
        tables={name: _table(name, parts, files) for name, parts in tables.items()},
    )


def _table(name: str, parts: Sequence[Resource], files: Mapping[str, File]) -> Files:
    table = contracts.find_table(name)
    return Files(
        meaning=table.description if table else None,
        key=tuple(table.key) if table else (),
        schema=parts[-1].schema,
        files=tuple(files[r.path] for r in parts),
    )


def _file(store: Store, resource: Resource) -> File:
    table = contracts.find_table(resource.table)
    first, last = _ends(store, resource, table.key if table else ())
    return File(
        release=resource.release,
        path=resource.path,
        rows=resource.rows,
        bytes=resource.bytes,
        sha256=resource.hash.removeprefix("sha256:"),
        first=first,
        last=last,
    )


def _days(at: Version, label: str) -> dict[str, Any]:
    record, release = at.releases[label], at.release(label)
    return {
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "never_effective": release.never_effective,
        "supersedes": release.supersedes,
        "revision": record.revision,
        "sample": bool(record.sample),
    }


def _ends(store: Store, resource: Resource, key: Sequence[str]) -> tuple[Key | None, Key | None]:
    """Return the keys of a file's first and last row, None where it has no row, or can't be read: `verify` says so."""
    import pyarrow as pa

    if not (resource.rows and key):
        return None, None
    try:
        rows = _few(store, resource, key) if resource.rows <= FEW_ROWS else _first_and_last(store, resource, key)
    except (pl.exceptions.PolarsError, pa.ArrowException, StoreError, KeyError, OSError):
        return None, None
    told = [tuple(None if value is None else str(value) for value in row) for row in rows]
    return (told[0], told[-1]) if told else (None, None)


def _few(store: Store, resource: Resource, key: Sequence[str]) -> Sequence[Sequence[Any]]:
    """Return the keys of the first and last of few rows, for which the whole file is read in one go."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(store.get(resource.path)))
    keys = file.read(columns=[*key], use_threads=False).select([*key])
    return [[column[at].as_py() for column in keys.columns] for at in ((0, -1) if keys.num_rows else ())]


def _first_and_last(store: Store, resource: Resource, key: Sequence[str]) -> Sequence[Sequence[Any]]:
    rows = scan_files(store, resource.path).select(key)
    # NOTE: in one plan of both, polars reads more of a file than these two rows.
    return [*rows.head(1).collect().rows(), *rows.tail(1).collect().rows()]


def _dataset(at: Version, entry: Listed) -> dict[str, Any]:
    """Return a schema.org Dataset of the newest version, with the files that list and describe it."""
    files = (
        {"@type": "DataDownload", "encodingFormat": "application/json", "contentUrl": name}
        for name in (entry.listing, entry.manifest)
    )
    more = {
        "isBasedOn": [source["path"] for source in at.manifest.sources or ()],
        "variableMeasured": sorted({r.table for r in at.resources}),
        "distribution": [*files],
    }
    return dataset.described(at) | more
