"""Stage a release: its tables as immutable objects, and until it's published a record of them that proves itself."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import msgspec

from pfsetl.declared.contracts import Contract
from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import licensing, objects, rehash, version
from pfsetl.publication.json_records import plain, record_of
from pfsetl.publication.manifest import Resource
from pfsetl.publication.parquet import Parts, Written
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

FOLDER = "staged"  # of the records
WRITERS = 4
_NAME = re.compile(r"staged/([A-Za-z0-9_]+)-[0-9a-f]{16}-(?:[a-z]+-)*([0-9a-f]{16}|nothing)\.json")


@dataclass(frozen=True, slots=True)
class StagedRelease:
    """What a build wrote for one release, ready to commit: small, picklable, without frames."""

    release: str
    resources: tuple[Resource, ...]
    record: ReleaseRecord

    @property
    def content(self) -> str:
        """Identity of the release's content: the digests of all its tables."""
        return str(self.record.content)


def stage(
    store: Store,
    release: str,
    tables: Mapping[str, Parts],
    record: ReleaseRecord,
    contract: Contract,
    under_way: Mapping[str, Future[Written]] | None = None,
    base: Version | None = None,
) -> StagedRelease:
    """Write every table of a release as a Parquet object named by its content; nothing becomes visible yet.

    `under_way` are tables that other threads write already, by name; `base` is the version that was the newest when
    the build began, which then isn't read a second time. Raises StoreError for a restricted contract in
    a public store, and the other way round.
    """
    licensing.refuse_other_class(version.newest(store, base or version.empty(store)), contract)

    def put(name: str) -> Resource:
        return objects.stored(store, release, contract.tables[name], tables[name])

    def put_written(name: str, written: Future[Written]) -> Resource:
        return objects.put(store, release, contract.tables[name], written.result())

    begun = under_way or {}
    with ThreadPoolExecutor(WRITERS) as pool:  # a table waits for the disk or the network while others go on
        resources = [*pool.map(put, tables), *pool.map(put_written, begun, begun.values())]
    content = content_of(resources, record)
    return StagedRelease(release, tuple(resources), msgspec.structs.replace(record, content=content))


def content_of(resources: Iterable[Resource], record: ReleaseRecord) -> str:
    """Return the identity of a release's content: its tables, if every format was compared, and if it's a part."""
    lines = sorted(f"{r.table} {r.digest}" for r in resources)
    lines += ["all formats compared"] if record.all_formats else []
    lines += ["a sample"] if record.sample else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def taken_over(store: Store, name: str, release: str) -> StagedRelease | None:
    """Return what a staging record says, once every object it names has the bytes it says; None when it doesn't.

    What is staged becomes a manifest, so a record is checked like one: a false one is staged again.
    """
    try:
        found = read(store, name)
        if found.release != release:
            return None
        for r in found.resources:
            if store.size(r.path) != r.bytes or f"sha256:{rehash.sha256(store.chunks(r.path))}" != r.hash:
                return None
    except StoreError:
        return None
    return found


def read(store: Store, name: str) -> StagedRelease:
    """Return what a staging record says; raises StoreError when it isn't one, or names files as no build does."""
    try:
        named = _NAME.fullmatch(name)
        found = read_json(store.get(name))
        resources = tuple(record_of(Resource, one) for one in found["resources"])
        record = record_of(ReleaseRecord, found["record"])
        if named is None:
            raise ValueError("no build writes a record of this name")
        if {r.release for r in resources} != {named[1]} or content_of(resources, record) != record.content:
            raise ValueError("its tables aren't those of its release")
        if any(r.path not in objects.names(r.table, r.release, r.digest) for r in resources):
            raise ValueError("the name of an object isn't that of its rows")
    except (PfsetlError, ValueError, KeyError, TypeError) as error:
        said = str(error).removeprefix(f"{name}: ").rstrip(".")
        raise StoreError(f"{store}/{name}: not a record of staged tables ({said}). Move it away.") from error
    return StagedRelease(named[1], resources, record)


def encode(staged: StagedRelease) -> bytes:
    """Return the bytes of a staging record."""
    return json.dumps({"resources": plain(staged.resources), "record": plain(staged.record)}).encode()
