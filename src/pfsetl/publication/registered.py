"""`iceberg/tables.json`: as which Iceberg tables the versions of a store are registered, and whether they're intact.

It follows from the tables' own metadata, which names all else by absolute address. What it says is checked here
without pyiceberg: each metadata file by its sha256, and what a snapshot is made of by those that its summary holds.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import pins, rehash
from pfsetl.publication.json_records import Count, Record, record_of
from pfsetl.remedies import command
from pfsetl.storage.store import Store

NAME = "iceberg/tables.json"
NAMESPACE = "iceberg/pfs"
FORMAT = 1
MANIFEST, LIST, FILES = "pfsetl.manifest-sha256", "pfsetl.list-sha256", "pfsetl.files-sha256"  # in a snapshot's summary

MetadataName = Annotated[str, Meta(pattern=r"\Aiceberg/pfs/[A-Za-z0-9_]+/metadata/v[0-9]+\.metadata\.json\Z")]


class Table(Record, frozen=True):
    """The metadata file of a table, which readers open, by its name in the store."""

    metadata: MetadataName
    sha256: str


class Registered(Record, frozen=True):
    """The base under which all addresses are, the versions that have a tag, and the tables."""

    format: int
    base: str
    versions: tuple[Count, ...]
    tables: Mapping[str, Table]


def folder(table: str) -> str:
    """Return where the metadata of a table lies."""
    return f"{NAMESPACE}/{table}/metadata"


def tag(number: int) -> str:
    """Return the name of a version's tag; its snapshot id is the number itself."""
    return f"v{number}"


def read(store: Store) -> Registered | None:
    """Return what is registered, None for nothing; raises StoreError where it can't be read."""
    if not store.exists(NAME):
        return None
    try:
        found = record_of(Registered, read_json(store.get(NAME)))
        if found.format != FORMAT:
            raise ValueError(f"format {found.format}, this pfsetl reads {FORMAT}")
    except (PfsetlError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{store}/{NAME}: not as pfsetl writes it ({error}). {command('iceberg', store)} makes it anew."
        ) from error
    return found


def problems(store: Store, hashes: Mapping[int, str]) -> Iterator[tuple[str, str, bool]]:
    """Yield (file, problem, harmless) of pins and registered tables; `hashes` are those of the manifests by version."""
    try:
        found = read(store)
        yield from ((name, problem, False) for name, problem in _pins(store, found, hashes))
    except StoreError as error:
        place, _, problem = str(error).removeprefix(f"{store}/").partition(": ")
        yield place, problem.rstrip("."), False
        return
    if found is None:
        return
    newest = max(hashes, default=0)
    if newest not in found.versions:
        yield NAME, f"version {newest} has no tag yet; {command('iceberg', store)} adds it", True
    again = command("iceberg --again", store)
    for table in found.tables.values():
        for name, problem in _table(store, found.base, table, hashes):
            yield name, f"{problem}; {again} makes the tables anew", False


def _pins(store: Store, found: Registered | None, hashes: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    for name in pins.strangers(store):
        yield name, "no pin that pfsetl writes; it keeps nothing. Move it away"
    pinned, mends = pins.pinned(store), command("iceberg", store)
    for number in sorted(pinned - hashes.keys()):
        yield pins.name(number), f"version {number} isn't there; {mends} gives it up"
    for number in sorted({*(found.versions if found else ())} - pinned):
        yield pins.name(number), f"missing, so a prune could take what a tag needs; {mends} writes it"
    if pinned and not found:
        yield NAME, f"missing, though versions are pinned; {mends} writes it"


def _table(store: Store, base: str, table: Table, hashes: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    if problem := _differs(store, table.metadata, table.sha256):
        yield table.metadata, problem
        return
    try:
        content: Mapping[str, Any] = json.loads(store.get(table.metadata))
        for snapshot in content["snapshots"]:
            summary, number = snapshot["summary"], snapshot["snapshot-id"]
            if summary[MANIFEST] != hashes.get(number):
                yield table.metadata, f"its snapshot {number} was made of another version {number}"
            parts = {snapshot["manifest-list"].removeprefix(f"{base}/"): summary[LIST], **json.loads(summary[FILES])}
            for name, sha256 in parts.items():
                if problem := _differs(store, name, sha256):
                    yield name, problem
    except (ValueError, KeyError, TypeError, AttributeError):
        yield table.metadata, "not as pfsetl writes it"


def _differs(store: Store, name: str, sha256: str) -> str:
    try:
        return "" if rehash.sha256(store.chunks(name)) == sha256 else "not as it was written"
    except StoreError:
        return "missing, or can't be read"
