"""Copy a version out of its store: the same bytes, as a Data Package in a folder of its own."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import manifest, rehash
from pfsetl.publication.json_records import encoded, plain
from pfsetl.publication.manifest import Manifest
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store


def copied(store: Store, content: Manifest, folder: Path) -> list[Path]:
    """Copy the files and schemas of a manifest into a new folder, with its `datapackage.json`.

    Returns the paths of the tables and of `datapackage.json`.
    Raises StoreError, and leaves nothing, when a file isn't what the manifest says.
    """
    scheme, separator, _ = str(folder).partition(":/")
    if separator and len(scheme) > 1:
        raise UsageError(f"{folder}: not a folder. Export into one, and copy it from there.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: not empty, or not a folder. Export into a new folder.")
    if isinstance(store, LocalStore) and folder.resolve().is_relative_to(store.root.resolve()):
        raise UsageError(f"{folder}: inside the store {store}. Export into a folder outside of it.")
    written, mend = [], f"run {command('repair', store)}"
    try:
        for resource in content.resources:
            target = folder / manifest.shown_path(resource)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as stream:
                found = rehash.sha256(_through(store.chunks(resource.path), stream))
            if problem := rehash.problem(found, resource.hash, mend):
                raise StoreError(f"{store}/{resource.path}: {problem}. Nothing was exported.")
            written.append(target)
        schemas = {r.schema: rehash.schema_hash(r) for r in content.resources}
        for name, expected in sorted(schemas.items()):
            data = store.get(name)
            if problem := rehash.problem(rehash.sha256([data]), expected, mend):
                raise StoreError(f"{store}/{name}: {problem}. Nothing was exported.")
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        described = plain(content)
        for told, resource in zip(described["resources"], content.resources, strict=True):
            told["path"] = manifest.shown_path(resource)
        descriptor = folder / "datapackage.json"
        descriptor.write_bytes(encoded(described))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise StoreError(f"{folder}: {error.strerror}. Nothing was exported.") from error
        raise
    return [*written, descriptor]


def _through(chunks: Iterable[bytes], target: BinaryIO) -> Iterator[bytes]:
    for chunk in chunks:
        target.write(chunk)
        yield chunk
