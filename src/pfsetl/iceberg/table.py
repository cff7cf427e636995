"""The metadata of one Iceberg table: read as it is in the store, grown by versions, and written as the next file.

Files are `v1.metadata.json`, `v2...`; creating the next one, which succeeds once, is the commit, and
`version-hint.text` names it afterwards. Iceberg's Hadoop tables do it so: readers find the newest without a catalog.
"""

import json
import re
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError as InvalidJson
from pyiceberg.exceptions import ValidationError
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil, TableMetadataV2
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER

from pfsetl.declared import contracts
from pfsetl.errors import PfsetlError
from pfsetl.iceberg import columns, snapshots
from pfsetl.iceberg.columns import Readings
from pfsetl.iceberg.snapshots import Files
from pfsetl.iceberg.store_io import StoreIO
from pfsetl.publication import manifest as manifests
from pfsetl.publication import registered, rehash
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

HINT = "version-hint.text"
VERSIONS = "pfsetl.versions"  # the property that says which versions a table was made of, also those without it
LOGGED = 3  # metadata files that stay beside the newest, for who has opened one
_METADATA = re.compile(r".*/v([1-9][0-9]*)\.metadata\.json")


@dataclass(frozen=True, slots=True)
class Found:
    """What a store has of a table: the number of its newest metadata file, and what that says, None where unusable."""

    number: int = 0
    metadata: TableMetadata | None = None
    names: frozenset[str] = frozenset()
    elsewhere: bool = False  # it's for another base

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions that the table was made of, also those that it isn't in."""
        return _numbers(self.metadata.properties[VERSIONS]) if self.metadata else ()


def find(io: StoreIO, name: str) -> Found:
    """Return the newest metadata of a table; it's unusable where a file that it names is gone or isn't pfsetl's."""
    names = frozenset(io.store.names(registered.folder(name)))
    newest = _newest(names)
    if not newest:
        return Found(names=names)
    try:
        metadata = TableMetadataUtil.parse_raw(io.store.get(_file(name, newest)).decode())
        if metadata.location != location(io, name):
            return Found(newest, None, names, elsewhere=True)
        usable = _numbers(metadata.properties[VERSIONS]) and parts(io, metadata) <= names
    except (PfsetlError, ValidationError, InvalidJson, ValueError, KeyError, TypeError):
        usable = False
    return Found(newest, metadata if usable else None, names)


def location(io: StoreIO, name: str) -> str:
    """Return the address of a table."""
    return io.address(f"{registered.NAMESPACE}/{name}")


def parts(io: StoreIO, metadata: TableMetadata) -> set[str]:
    """Return the names of the manifests and lists of a table's snapshots; raises for one that pfsetl didn't write."""
    found = {io.name(s.manifest_list) for s in metadata.snapshots}
    for snapshot in metadata.snapshots:
        if snapshot.summary is None:
            raise ValueError(f"snapshot {snapshot.snapshot_id} has no summary")
        found |= json.loads(snapshot.summary[registered.FILES] or "").keys()
    return found


def grown(io: StoreIO, name: str, found: Found, wanted: Sequence[int], *, anew: bool) -> "Growing":
    """Return a table that lacks only versions later than its own, without those that aren't wanted.

    It begins anew where it's asked to, where an older version is wanted, and where its newest was made of another one.
    """
    kept = [n for n in found.versions if n in wanted]
    extends = kept and min({*wanted} - {*kept}, default=kept[-1] + 1) > kept[-1]
    if anew or not found.metadata or not extends or not _same_version(io, found.metadata, kept):
        broken = bool(found.number and not found.metadata and not found.elsewhere)
        return Growing(io, name, Found(found.number, None, found.names), mended=broken and not anew)
    return Growing(
        io,
        name,
        found,
        made_of=kept,
        schemas=list(found.metadata.schemas),
        snapshots=sorted((s for s in found.metadata.snapshots if s.snapshot_id in kept), key=lambda s: s.snapshot_id),
        current_schema=found.metadata.current_schema_id,
        specs={spec.spec_id for spec in found.metadata.partition_specs},
        changed=kept != list(found.versions),
    )


def _same_version(io: StoreIO, metadata: TableMetadata, kept: Sequence[int]) -> bool:
    """Whether the newest of the kept versions is the one that its snapshot was made of; it names the older ones."""
    newest = max((s for s in metadata.snapshots if s.snapshot_id in kept), key=lambda s: s.snapshot_id, default=None)
    if newest is None or newest.summary is None:
        return False
    return bool(
        newest.summary[registered.MANIFEST] == rehash.sha256(io.store.chunks(manifests.name(newest.snapshot_id)))
    )


@dataclass(slots=True)
class Growing:
    """A table while versions are added to it."""

    io: StoreIO
    name: str
    found: Found
    made_of: list[int] = field(default_factory=list)
    schemas: list[Schema] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    current_schema: int = 0
    files: Files | None = None
    specs: set[int] = field(default_factory=set)
    changed: bool = False
    mended: bool = False

    def add(self, at: Version, readings: Readings) -> None:
        """Add a version, later than all: nothing but its number where the table isn't in it, and never was."""
        self.changed = True
        self.made_of.append(at.number)
        resources = [r for r in at.resources if r.table == self.name]
        parent = self.snapshots[-1] if self.snapshots else None
        if not resources and not parent:
            return
        if self.files is None:
            self.files = snapshots.files_of(parent, self.io) if parent else {}
        if resources:
            schema = columns.schema_of(readings.of(resources), self.schemas, at.store, self.name)
            self.schemas += [] if schema in self.schemas else [schema]
            self.current_schema = schema.schema_id
        schema = next(s for s in self.schemas if s.schema_id == self.current_schema)
        snapshot, self.files = snapshots.written(self.io, at, self.name, schema, self.files, parent)
        self.specs |= {live.spec for live in self.files.values()}
        self.snapshots.append(snapshot)

    def commit(self) -> bool:
        """Create the next metadata file, and name it; False where somebody else has created it."""
        number = self.found.number + 1
        data = self._metadata().model_dump_json().encode()
        if not self.io.store.put_new(_file(self.name, number), data):
            return False
        self.io.store.put(f"{registered.folder(self.name)}/{HINT}", str(number).encode())
        return True

    def _metadata(self) -> TableMetadataV2:
        newest, before, where = self.snapshots[-1], self.found.metadata, location(self.io, self.name)
        schema = next(s for s in self.schemas if s.schema_id == self.current_schema)
        known = contracts.find_table(self.name)
        log: list[object] = list(before.metadata_log) if before else []
        if before:
            last = self.io.address(_file(self.name, self.found.number))
            log.append({"metadata-file": last, "timestamp-ms": before.last_updated_ms})
        tags = {registered.tag(s.snapshot_id): {"snapshot-id": s.snapshot_id, "type": "tag"} for s in self.snapshots}
        return TableMetadataV2.model_validate(
            {
                "format-version": 2,
                "location": where,
                "table-uuid": uuid.uuid5(uuid.NAMESPACE_URL, where),
                "last-updated-ms": max(int(time.time() * 1000), newest.timestamp_ms),
                "last-sequence-number": newest.snapshot_id,
                "last-column-id": columns.last_id(self.schemas),
                "schemas": self.schemas,
                "current-schema-id": self.current_schema,
                "partition-specs": [snapshots.spec_of(number, schema) for number in sorted(self.specs)],
                "default-spec-id": max(self.specs),
                "last-partition-id": snapshots.PARTITION_FIELD,
                "properties": {
                    "schema.name-mapping.default": columns.name_mapping(self.schemas),
                    "gc.enabled": "false",  # the files are pfsetl's: no engine may remove them
                    VERSIONS: ",".join(map(str, self.made_of)),
                    **({"comment": known.description} if known else {}),
                },
                "current-snapshot-id": newest.snapshot_id,
                "snapshots": self.snapshots,
                "snapshot-log": [
                    {"snapshot-id": s.snapshot_id, "timestamp-ms": s.timestamp_ms} for s in self.snapshots
                ],
                "metadata-log": log[-LOGGED:],
                "sort-orders": [UNSORTED_SORT_ORDER],
                "default-sort-order-id": UNSORTED_SORT_ORDER.order_id,
                "refs": {**tags, "main": {"snapshot-id": newest.snapshot_id, "type": "branch"}},
            }
        )


def newest_metadata(store: Store, name: str) -> str:
    """Return the name of a table's newest metadata file."""
    return _file(name, _newest(store.names(registered.folder(name))))


def versions_in(metadata: bytes) -> tuple[int, ...]:
    """Return the versions that the table of a metadata file was made of."""
    return _numbers(json.loads(metadata)["properties"][VERSIONS])


def leftovers(io: StoreIO, name: str) -> Iterable[str]:
    """Yield the files of a table that its newest metadata doesn't name: of runs that stopped, and of older metadata."""
    found = find(io, name)
    if found.metadata is None:
        return
    kept = {io.name(entry.metadata_file) for entry in found.metadata.metadata_log}
    kept |= {_file(name, found.number), f"{registered.folder(name)}/{HINT}"}
    yield from sorted(found.names - kept - parts(io, found.metadata))


def _newest(names: Iterable[str]) -> int:
    return max((int(m[1]) for name in names if (m := _METADATA.fullmatch(name))), default=0)


def _file(name: str, number: int) -> str:
    return f"{registered.folder(name)}/v{number}.metadata.json"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))
