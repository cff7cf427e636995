"""The records of what a backfill staged and hasn't published yet: taken over only as far as they prove themselves."""

import json
import re

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import objects, rehash
from pfsetl.publication.manifest import Resource
from pfsetl.publication.publish import StagedRelease, content_of
from pfsetl.publication.release_record import ReleaseRecord, plain, record_of
from pfsetl.storage.store import Store

FOLDER = "staged"
_NAME = re.compile(r"staged/([A-Za-z0-9_]+)-[0-9a-f]{16}-(?:[a-z]+-)*([0-9a-f]{16}|nothing)\.json")


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
