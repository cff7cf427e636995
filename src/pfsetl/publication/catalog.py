"""`catalog.json`: for readers without pfsetl, which versions a store has, and where the files of each one lie.

It's a convenience that follows from the manifests, so it's written after a commit, may be lost, and is made anew when
it's stale, cut or edited. What it says of a version's files stands in a listing, `catalog/000007.json`, which never
changes (docs/decisions/0048).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import manifest
from pfsetl.publication.json_records import Count, Later, Record, encoded, record_of
from pfsetl.publication.manifest import ReleaseChanges
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

NAME = "catalog.json"
FOLDER = "catalog"
FORMAT = 1
ADDED, REPLACED, LEFT_OUT = "added", "replaced", "left out"
Key = tuple[str | None, ...]


class Listed(Record, frozen=True):
    """One version: its manifest and listing by name and sha256, and what became of which release in it."""

    version: Count
    created: str
    manifest: str
    manifest_sha256: str
    listing: str
    listing_sha256: str
    contract: str | None
    releases: Count
    changed: Mapping[str, str]
    content_of: int | Later = UNSET


class Catalog(Record, frozen=True):
    """All versions of a store, oldest first; `sha256` is that of the rest, `dataset` what search engines read.

    `iceberg` names the record of Iceberg tables, where the versions are registered as such.
    """

    format: int
    newest: Count
    versions: tuple[Listed, ...]
    dataset: Mapping[str, Any]
    sha256: str
    iceberg: str | Later = UNSET


class File(Record, frozen=True):
    """One Parquet file, with the keys of its first and its last row; they are in the order of the key."""

    release: str
    path: str
    rows: Count
    bytes: Count
    sha256: str
    first: Key | None
    last: Key | None


class Files(Record, frozen=True):
    """A table: what it holds, its key in the order of its rows, its schema, its files."""

    meaning: str | None
    key: tuple[str, ...]
    schema: str
    files: tuple[File, ...]


class Listing(Record, frozen=True):
    """The files of one version by table, each table with its key and schema, and the days of its releases."""

    format: int
    version: Count
    contract: str | None
    releases: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, Files]


Summary = tuple[Listed, str]  # what the catalogue says of a version, and a digest of its files


def listing_name(number: int) -> str:
    """Return the object name of a version's listing."""
    return f"{FOLDER}/{number:06d}.json"


def read(store: Store) -> Catalog:
    """Return the catalogue of a store; raises StoreError where there is none, or not as it was written."""
    data = store.get(NAME)
    try:
        found = record_of(Catalog, read_json(data))
        if found.format != FORMAT or data != encoded(found) or found.sha256 != sha256_of(found):
            raise ValueError("it was changed after it was written")
    except (PfsetlError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{store}/{NAME}: not as pfsetl writes it ({error})") from error
    return found


def summary(at: Version) -> Summary:
    """Return what the catalogue has to say of a version, small enough to be held for every version of a store."""
    return listed(at, ""), _digest((r.path, r.rows, r.bytes, r.hash.removeprefix("sha256:")) for r in at.resources)


def problems(store: Store, known: Mapping[int, Summary]) -> Iterable[tuple[str, str, bool]]:
    """Yield (file, problem, harmless) of a catalogue that doesn't say what the manifests of its store say."""
    newest = max(known, default=0)
    if not known:  # told with the chain
        return
    if not store.exists(NAME):
        yield NAME, "missing, for readers without pfsetl; the next build writes it", True
        return
    try:
        there = read(store)
    except StoreError as error:
        yield NAME, str(error).removeprefix(f"{store}/{NAME}: "), False
        return
    if there.newest < newest:
        yield NAME, f"knows no version after {there.newest}; the next build writes it anew", True
    for entry in there.versions:
        yield from ((name, said, False) for name, said in _contradicted(store, entry, known.get(entry.version)))


def _contradicted(store: Store, entry: Listed, known: Summary | None) -> Iterable[tuple[str, str]]:
    if known is None:
        yield NAME, f"names version {entry.version}, which isn't there or can't be read"
        return
    if msgspec.structs.replace(entry, listing_sha256="") != known[0]:
        yield NAME, f"says of version {entry.version} what its manifest doesn't"
    listing = listing_of(store, entry)
    if listing is None:
        yield entry.listing, "missing, or not as it was written"
    elif _digest((f.path, f.rows, f.bytes, f.sha256) for f in files(listing)) != known[1]:
        yield entry.listing, f"doesn't name the files of version {entry.version}"


def usable(store: Store) -> Catalog | None:
    """Return the catalogue of a store, None where there is none that can be taken at its word."""
    try:
        return read(store)
    except StoreError:
        return None


def listing_of(store: Store, entry: Listed) -> Listing | None:
    """Return the listing that an entry names, None where it's gone or isn't as it was written."""
    try:
        data = store.get(entry.listing)
        if hashlib.sha256(data).hexdigest() != entry.listing_sha256:
            return None
        return record_of(Listing, read_json(data))
    except (PfsetlError, ValueError):
        return None


def listed(at: Version, listing_sha256: str) -> Listed:
    """Return the entry of a version."""
    about = at.manifest.pfsetl
    return Listed(
        version=at.number,
        created=at.created,
        manifest=manifest.name(at.number),
        manifest_sha256=at.sha256,
        listing=listing_name(at.number),
        listing_sha256=listing_sha256,
        contract=about.contract.version if about.contract else None,
        releases=len(at.releases),
        changed={label: _what(at, label, change) for label, change in (about.changes or {}).items()},
        content_of=about.rolled_back_to,
    )


def _what(at: Version, label: str, change: ReleaseChanges) -> str:
    if label not in at.releases and label != manifest.ALL:
        return LEFT_OUT
    return REPLACED if change.supersedes else ADDED


def files(listing: Listing | None) -> Iterator[File]:
    """Yield every file that a listing names."""
    for table in listing.tables.values() if listing else ():
        yield from table.files


def _digest(files: Iterable[tuple[str, int, int, str]]) -> str:
    return hashlib.sha256(repr(sorted(files)).encode()).hexdigest()


def sha256_of(content: Catalog) -> str:
    """Return the sha256 of a catalogue without it, so that what was edited by hand is noticed."""
    return hashlib.sha256(encoded(msgspec.structs.replace(content, sha256=""))).hexdigest()
