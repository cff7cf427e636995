"""Rehash files and schemas, and say of each that isn't what its manifest gives what to do."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
from msgspec import UNSET

from pfsetl.declared import contracts, table_schemas
from pfsetl.errors import StoreError
from pfsetl.publication import manifest
from pfsetl.publication.manifest import Resource
from pfsetl.remedies import command
from pfsetl.storage.store import Store

VERIFIERS = 4


def verified(versions: Iterable[tuple[Store, Iterable[Resource]]]) -> Iterator[tuple[str, str]]:
    """Rehash every file and schema of some versions, given as store and files, each file once; yield (file, problem).

    The versions are gone through once, before the first file is read, and none of them is kept.
    """
    wanted: dict[tuple[str, str, int | None], tuple[Store, Resource]] = {}
    for at, resources in versions:
        for r in resources:
            in_manifest = r.hash if r.hash.startswith("sha256:") else "sha256:"
            for file in ((r.path, in_manifest, r.bytes), (r.schema, schema_hash(r), None)):
                if file not in wanted:
                    wanted[file] = at, msgspec.structs.replace(r, of=UNSET)

    def verify(file: tuple[str, str, int | None]) -> tuple[str, str]:
        (name, expected, size), (store, resource) = file, wanted[file]
        remedy = _file_remedy if size is not None else _schema_remedy
        try:
            found = store.size(name)
            if found is None:
                gone = remedy(resource, store) if size is None else "build the release again to restore it"
                return name, f"missing; {gone}"
            if size is not None and found != size:  # told without reading what may be many times as large
                return name, f"{found:,} bytes, the manifest says {size:,}; {remedy(resource, store)}"
            found_hash = sha256(store.chunks(name))
            return name, "" if is_of(found_hash, expected) else problem(found_hash, expected, remedy(resource, store))
        except StoreError as error:
            return name, str(error)

    with ThreadPoolExecutor(VERIFIERS) as pool:
        yield from pool.map(verify, wanted)


def sha256(chunks: Iterable[bytes]) -> str:
    """Return the sha256 of bytes that come in pieces."""
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest()


def schema_from_contract(resource: Resource) -> bytes | None:
    """Return the bytes of a resource's schema, None where the contract of this pfsetl isn't the one it was made of."""
    table = contracts.find_table(resource.table)
    data = table_schemas.encoded_schema(table) if table else b""
    return data if is_of(hashlib.sha256(data).hexdigest(), schema_hash(resource)) else None


def _file_remedy(resource: Resource, store: Store) -> str:
    return (
        f"run {command('repair', store)}, and if it can't, move the file away and build "
        f"{manifest.to_build(resource)} again"
    )


def _schema_remedy(resource: Resource, store: Store) -> str:
    if schema_from_contract(resource) is not None:
        return f"run {command('repair', store)}, which writes it again"
    return (
        f"this pfsetl's contract makes another one of {resource.table}, so restore it from a copy, or run "
        f"{command('repair', store)} with the pfsetl that wrote it (pfsetl.software in the manifest)"
    )


def schema_hash(resource: Resource) -> str:
    """Return the hash of a resource's schema; before manifests had it, the first half stood in the name alone."""
    return resource.schema_hash or "name:" + resource.schema.rpartition("-")[2].removesuffix(".json")


def is_of(found: str, expected: str) -> bool:
    """Return whether a sha256 is the one that a manifest gives, or that of a name."""
    return expected in (f"sha256:{found}", f"name:{found[:16]}")


def problem(found: str, expected: str, remedy: str) -> str:
    """Return what is wrong with a sha256 that isn't the expected one, and the remedy; "" where it is."""
    if is_of(found, expected):
        return ""
    value = expected.partition(":")[2]
    return f"its sha256 is {found[:12]}, the manifest says {value[:12]!r}; {remedy}"
