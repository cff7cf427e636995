"""Where published bytes live. A store creates objects once and never changes or removes them."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pfsetl.errors import StoreError

ABANDONED_SECONDS = 24 * 60 * 60


class LocalStore:
    """A folder. Objects appear complete or not at all: temp file, fsync, hard link, fsync of the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def put_new(self, name: str, content: bytes | Path) -> bool:
        """Create an object; False when the name is taken already, which then stays as it is."""
        target = self.root / name
        with _explained(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                return self._link_new(content, target)
            with self.scratch() as temporary:
                temporary.write_bytes(content)
                return self._link_new(temporary, target)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield the path of a temporary file on the store's own disk, removed afterwards."""
        with _explained(self.root):
            folder = self.root / "tmp"
            folder.mkdir(parents=True, exist_ok=True)
            _clear_abandoned(folder)
            handle, name = tempfile.mkstemp(dir=folder)
            os.close(handle)
        try:
            yield Path(name)
        finally:
            with suppress(OSError):
                Path(name).unlink()

    def get(self, name: str) -> bytes:
        """Return an object's bytes; raises StoreError when it isn't there."""
        with _explained(self.root / name):
            return (self.root / name).read_bytes()

    def exists(self, name: str) -> bool:
        """Return whether an object of this name is there."""
        return (self.root / name).is_file()

    def size(self, name: str) -> int | None:
        """Return an object's number of bytes, None when it isn't there."""
        place = self.root / name
        return place.stat().st_size if place.is_file() else None

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""
        place = self.root / folder
        return sorted(f"{folder}/{p.name}" for p in place.iterdir() if p.is_file()) if place.is_dir() else []

    def uri(self, name: str) -> str:
        """Return the address under which Parquet readers find an object."""
        return str(self.root / name)

    def show_tree(self, version: int, files: dict[str, str]) -> None:
        """Lay out a version as `tree/<version>/<table>/<release>.parquet` and point `latest` at it.

        A convenience for readers that glob; a version is complete without it and it is laid out again when missing.
        """
        tree = self.root / "tree" / f"{version:06d}"
        with _explained(tree):
            for shown, name in files.items():
                link = tree / shown
                link.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    os.link(self.root / name, link)
            latest = self.root / "latest"
            current = str(latest.readlink()) if latest.is_symlink() else ""
            if current.rpartition("/")[2] < tree.name:
                with self.scratch() as temporary:
                    temporary.unlink()
                    temporary.symlink_to(Path("tree") / tree.name)
                    temporary.replace(latest)

    def _link_new(self, source: Path, target: Path) -> bool:
        with source.open("rb") as stream:
            os.fsync(stream.fileno())
        try:
            os.link(source, target)
        except FileExistsError:
            return False
        target.chmod(0o444)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True


def _clear_abandoned(folder: Path) -> None:
    """Remove temporary files that a killed build left behind a day or longer ago."""
    for path in folder.iterdir():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


def open_store(address: str | Path) -> LocalStore:
    """Return the store at an address; raises StoreError when something else than a folder is there."""
    root = Path(address)
    if root.exists() and not root.is_dir():
        raise StoreError(f"{root}: a file, not a store. Name a folder; a new one is made when it isn't there.")
    return LocalStore(root)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{place}: {error.strerror or error}. Check the path, its permissions and the free space; "
            "what was published before is untouched."
        ) from error
