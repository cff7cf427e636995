"""Write a site into a folder: what changed since it was made last, and nothing else."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pfsetl
from pfsetl import document
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import dataset
from pfsetl.publication.version import Version
from pfsetl.site import made, shell, texts
from pfsetl.site.files import encoded
from pfsetl.storage.folder import LocalStore

MANIFEST = "site.json"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a folder: how many files the site has, how many were written, removed, and bytes of all."""

    folder: Path
    version: int
    files: int
    bytes: int
    written: int
    removed: int


def site(version: Version, descriptors: Version | None = None, parquet: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of every file of a site but its manifest; index.html is the last.

    `descriptors` is a version with licensed text, which the pages then show; `parquet` the address of the store, as a
    browser reaches it from the site, for links to its files.
    """
    yield from ((path, text.encode()) for path, text in shell.scripts().items())
    called = texts.together(version, descriptors)
    for path, content in made.data(version, texts=called, licensed=descriptors is not None, parquet=parquet):
        if path == made.BASE:
            yield "index.html", shell.site_page(content, encoded(dataset.described(version)))
        else:
            yield path, content


def write(version: Version, folder: Path, descriptors: Version | None = None, parquet: str = "") -> Written:
    """Make the site of a version in a new folder or in that of a site; a file that is there as it should be stays.

    Raises UsageError for a folder of other things, StoreError where the disk refuses.
    """
    _refuse_inside(version, folder)
    before = _listed(folder)
    listed: dict[str, dict[str, str | int]] = {}
    written = 0
    try:
        for path, content in site(version, descriptors, parquet):
            written += _put(folder / path, content)
            listed[path] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        gone = [path for path in before if path not in listed]
        for path in gone:
            (folder / path).unlink(missing_ok=True)
            _remove_empty((folder / path).parent, folder)
        _put(folder / MANIFEST, encoded(_manifest(version, listed)) + b"\n")
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: {error.strerror}. Check path and space, and run it again."
        ) from error
    total = sum(int(one["bytes"]) for one in listed.values())
    return Written(folder, version.number, len(listed), total, written, len(gone))


def _manifest(version: Version, listed: dict[str, dict[str, str | int]]) -> dict[str, object]:
    return {
        "made_of": {
            "version": version.number,
            "manifest_sha256": version.sha256,
            "releases": {label: record.archive.sha256 for label, record in sorted(version.releases.items())},
        },
        "made_by": f"pfsetl {pfsetl.__version__}",
        "files": dict(sorted(listed.items())),
    }


def _put(path: Path, content: bytes) -> int:
    """Write a file if it isn't there as it should be; return how many were written."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(content)
    beside.replace(path)
    return 1


def _refuse_inside(version: Version, folder: Path) -> None:
    """Raise UsageError for a folder inside the store, whose files are the store's alone."""
    if isinstance(version.store, LocalStore) and folder.resolve().is_relative_to(version.store.root.resolve()):
        raise UsageError(f"{folder}: inside the store {version.store}. Name a folder beside it.")


def _listed(folder: Path) -> list[str]:
    """Return the files of the site that a folder holds, none of a new one; raises UsageError for any other folder."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return []
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise UsageError(f"{folder}: not empty, and not a site that pfsetl made. Name a new folder, or empty this one.")
    try:
        names = list(document.parse(manifest.read_bytes(), str(manifest))["files"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{manifest}: not readable ({error}). Remove {folder} and make the site again.") from error
    inside = (PurePosixPath(name) for name in names)
    if any(one.is_absolute() or ".." in one.parts for one in inside):
        raise UsageError(f"{manifest}: names files outside of {folder}. Remove it and make the site again.")
    return names


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
