"""What readers that glob read: `latest`, the trees, and that no link in a store's folder leads anywhere else."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pfsetl.errors import StoreError
from pfsetl.publication import catalog, manifest, registered, rehash
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import version_of

QUARANTINE = "quarantine"
FOLDERS = (
    "catalog",
    "chain",
    "companions",
    "iceberg",
    "objects",
    "pins",
    "runs",
    "schemas",
    "staged",
    "tmp",
    "tree",
    "versions",
)
FILES = (catalog.NAME, registered.NAME)
FLAT = (
    "catalog",
    "chain",
    "companions/*",
    "iceberg/*/*/metadata",
    "objects/*",
    "pins",
    "runs",
    "schemas",
    "staged",
)  # folders of files alone


def wrong(store: LocalStore, trees: Iterable[tuple[str, str]], there: set[int]) -> Iterator[tuple[str, str]]:
    """Yield (file, problem) of all that a reader of the folder would read and that no manifest stands for.

    `trees` are what `tree` said of the versions whose manifests can be read, `there` all numbers.
    """
    yield from _links(store)
    yield from misplaced(store)
    newest = max(there, default=0)
    mends = _mends(store, newest)
    yield from latest(store, newest)
    yield from trees
    if (store.root / "tree").is_dir() and not (store.root / "tree").is_symlink():
        for entry in sorted((store.root / "tree").iterdir()):
            if version_of(entry.name) not in there:
                yield f"tree/{entry.name}", f"the layout of no version that is there. {mends}"
    folder = store.root / "versions"
    for entry in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []:
        name = f"versions/{entry.name}"
        if manifest.number_of(name) is None or (not entry.is_file() and not entry.is_symlink()):
            yield name, "not a manifest that pfsetl writes; it isn't read. Move it away"


def latest(store: LocalStore, newest: int) -> Iterator[tuple[str, str]]:
    """Yield (file, problem) where `latest` doesn't show the newest version, 0 for none."""
    link, expected = store.root / "latest", f"tree/{newest:06d}"
    if newest and not link.is_symlink():
        yield "latest", f"{'not a link' if link.exists() else 'missing'}; it should show {expected}. {_repair(store)}"
    elif link.is_symlink() and (str(link.readlink()) != expected or not newest):
        said = f"shows {str(link.readlink())!r}, not {expected}, the newest version"
        yield "latest", f"{said}. {_mends(store, newest)}"


def _mends(store: LocalStore, newest: int) -> str:
    return _repair(store) if newest else "Restore the manifests first"


def _repair(store: LocalStore) -> str:
    return f"{command('repair', store)} mends it"


def misplaced(store: LocalStore) -> Iterator[tuple[str, str]]:
    """Yield (file, problem) of files where a store has folders, and of folders and devices where it has files."""
    tables = [f"objects/{p.name}" for p in _entries(store.root / "objects")]
    for name in (*FOLDERS, *tables):
        place = store.root / name
        if place.exists() and not place.is_dir():
            yield name, f"{_what(place)}, where a folder of the store belongs. {_repair(store)}"
    for name in FILES:
        place = store.root / name
        if place.exists() and not place.is_file():
            yield name, f"{_what(place)}, where a file of the store belongs. {_repair(store)}"
    for pattern in FLAT:
        for folder in sorted(store.root.glob(pattern)):
            for entry in [] if folder.parent.is_symlink() else _entries(folder):
                if not entry.is_file() and not entry.is_symlink():
                    name = str(entry.relative_to(store.root))
                    yield name, f"{_what(entry)}, where only files belong. {_repair(store)}"


def _what(place: Path) -> str:
    return "a folder" if place.is_dir() else "a file" if place.is_file() else "a pipe or a device"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def tree(store: LocalStore, at: Version) -> Iterator[tuple[str, str]]:
    """Yield (file, problem) of the tree of one version: changed, added, missing.

    A tree's file is the object itself, or a copy with its bytes.
    """
    place = store.root / "tree" / f"{at.number:06d}"
    name = f"tree/{at.number:06d}"
    if place.is_symlink() or (store.root / "tree").is_symlink():
        return  # told as a link
    if not place.is_dir():
        yield name, f"missing; readers that glob don't find version {at.number}. {_repair(store)}"
        return
    expected = {manifest.shown_path(r): r for r in at.resources}
    found = {str(Path(folder, file).relative_to(place)) for folder, _, files in os.walk(place) for file in files}
    for extra in sorted(found - expected.keys()):
        yield f"{name}/{extra}", f"no file of version {at.number}, but readers that glob read it. {_repair(store)}"
    for shown, resource in expected.items():
        file = place / shown
        if shown not in found:
            yield f"{name}/{shown}", f"missing. {_repair(store)}"
        elif not file.is_symlink() and not is_object(store, file, resource.path, resource.hash):
            yield f"{name}/{shown}", f"not the file that version {at.number} holds. {_repair(store)}"


def is_object(store: LocalStore, file: Path, path: str, sha256: str) -> bool:
    """Return whether a tree's file is the object, which is rehashed elsewhere, or a copy that has its bytes."""
    try:
        if file.samefile(store.root / path):
            return True
    except OSError:
        pass
    return has_bytes(file, sha256)


def has_bytes(file: Path, sha256: str) -> bool:
    """Return whether a file has the hash that a manifest gives; a pipe, which may never end, has none."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            return f"sha256:{rehash.sha256(iter(lambda: stream.read(1 << 20), b''))}" == sha256
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}. Check its permissions.") from error


def _is_another_store(store: LocalStore, name: str) -> bool:
    """Whether a folder beside those of a store is a store itself, as `output/demo` is, which is verified on its own."""
    return name not in FOLDERS and (store.root / name / "versions").is_dir()


def _links(store: LocalStore) -> Iterator[tuple[str, str]]:
    for folder, folders, files in os.walk(store.root):
        if Path(folder) == store.root:
            folders[:] = [name for name in folders if name != QUARANTINE and not _is_another_store(store, name)]
        for entry in sorted([*folders, *files]):
            path = Path(folder, entry)
            if path.is_symlink() and path != store.root / "latest":
                inside = path.is_relative_to(store.root / "tree")
                remedy = _repair(store) if inside else "Move it away and build again"
                yield str(path.relative_to(store.root)), f"a link, which no build makes in a store. {remedy}"
