"""One version of a table as an Iceberg snapshot: a manifest of its files, and the list that names it.

Each snapshot's manifest has all files of its version, and those that went. So a version is read with two requests,
and can be given up without looking at another.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record

from pfsetl.iceberg.store_io import StoreIO
from pfsetl.publication import registered
from pfsetl.publication.manifest import ALL, Resource
from pfsetl.publication.version import Version

ADDED, EXISTING, DELETED = ManifestEntryStatus.ADDED, ManifestEntryStatus.EXISTING, ManifestEntryStatus.DELETED
BY_RELEASE = 1  # the id of the partition spec of files that hold one release
PARTITION_FIELD = 1000  # the first that the spec allows


@dataclass(frozen=True, slots=True)
class Live:
    """A file of a snapshot: the version that it came with, and how the manifest describes it."""

    since: int
    spec: int
    file: DataFile


Files = Mapping[str, Live]  # of a table after some version, by address
Entries = Sequence[tuple[ManifestEntryStatus, Live]]


def files_of(snapshot: Snapshot, io: StoreIO) -> Files:
    """Return the files that a snapshot names."""
    return {
        entry.data_file.file_path: Live(
            entry.snapshot_id or snapshot.snapshot_id, manifest.partition_spec_id, entry.data_file
        )
        for manifest in snapshot.manifests(io)
        for entry in manifest.fetch_manifest_entry(io, discard_deleted=True)
    }


def spec_of(number: int, schema: Schema) -> PartitionSpec:
    """Return a partition spec: none for files over all releases, else by release."""
    if number != BY_RELEASE:
        return UNPARTITIONED_PARTITION_SPEC
    source = schema.find_field("release").field_id
    return PartitionSpec(PartitionField(source, PARTITION_FIELD, IdentityTransform(), "release"), spec_id=BY_RELEASE)


def written(
    io: StoreIO, at: Version, table: str, schema: Schema, before: Files, parent: Snapshot | None
) -> tuple[Snapshot, Files]:
    """Write the snapshot of a version of a table; return it, and the files that it has.

    Its id and sequence number are the version's number. A replaced file is a deleted entry and an added one.
    """
    now = {io.address(r.path): r for r in at.resources if r.table == table}
    entries = [(EXISTING if path in now else DELETED, live) for path, live in sorted(before.items())]
    entries += [(ADDED, _added(at, path, r)) for path, r in sorted(now.items()) if path not in before]
    own = f"{registered.folder(table)}/{at.number:06d}-{uuid.uuid4()}"
    manifests = [
        _manifest(io, f"{own}-m{number}.avro", at, schema, number, [e for e in entries if e[1].spec == number])
        for number in sorted({live.spec for _, live in entries})
    ]
    list_name = f"{own}-list.avro"
    with write_manifest_list(
        2, io.new_output(io.address(list_name)), at.number, parent.snapshot_id if parent else None, at.number, "deflate"
    ) as writer:
        writer.add_manifests(manifests)
    created = int(datetime.fromisoformat(at.created).timestamp() * 1000)
    snapshot = {
        "snapshot-id": at.number,
        "sequence-number": at.number,
        # NOTE: readers want times that rise; clocks of two publishers may differ.
        "timestamp-ms": max(created, parent.timestamp_ms + 1) if parent else created,
        "manifest-list": io.address(list_name),
        "summary": _summary(io, at, entries, [io.name(m.manifest_path) for m in manifests], list_name),
        "schema-id": schema.schema_id,
    }
    if parent:
        snapshot["parent-snapshot-id"] = parent.snapshot_id
    return Snapshot.model_validate(snapshot), {
        live.file.file_path: live for status, live in entries if status != DELETED
    }


def _added(at: Version, address: str, resource: Resource) -> Live:
    by_release = resource.release != ALL
    file = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=address,
        file_format=FileFormat.PARQUET,
        partition=Record(resource.release) if by_release else Record(),
        record_count=resource.rows,
        file_size_in_bytes=resource.bytes,
    )
    return Live(at.number, BY_RELEASE if by_release else UNPARTITIONED_PARTITION_SPEC.spec_id, file)


def _manifest(io: StoreIO, name: str, at: Version, schema: Schema, spec: int, entries: Entries) -> ManifestFile:
    output = io.new_output(io.address(name))
    with write_manifest(2, spec_of(spec, schema), schema, output, at.number, "deflate") as writer:
        for status, live in entries:
            writer.add_entry(
                ManifestEntry.from_args(
                    status=status,
                    snapshot_id=live.since if status == EXISTING else at.number,
                    sequence_number=None if status == ADDED else live.since,
                    file_sequence_number=None if status == ADDED else live.since,
                    data_file=live.file,
                )
            )
    return writer.to_manifest_file()


def _summary(io: StoreIO, at: Version, entries: Entries, files: list[str], listed: str) -> dict[str, str]:
    by = {status: [live.file for s, live in entries if s == status] for status in (ADDED, EXISTING, DELETED)}
    told = {"pfsetl.version": str(at.number), registered.MANIFEST: at.sha256, registered.LIST: io.written[listed]}
    told[registered.FILES] = json.dumps({name: io.written[name] for name in files})
    told |= _counted("added", "added-files-size", by[ADDED]) | _counted("deleted", "removed-files-size", by[DELETED])
    told |= _counted("total", "total-files-size", by[ADDED] + by[EXISTING])
    operation = Operation.APPEND
    if by[DELETED]:
        operation = Operation.OVERWRITE if by[ADDED] else Operation.DELETE
    return {"operation": operation.value, **told}


def _counted(word: str, size: str, files: list[DataFile]) -> dict[str, str]:
    rows, total = sum(f.record_count for f in files), sum(f.file_size_in_bytes for f in files)
    return {f"{word}-data-files": str(len(files)), f"{word}-records": str(rows), size: str(total)}
