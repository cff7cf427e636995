"""A store in a folder: temp file, fsync, hard link; `tree` lays its versions out for readers that glob."""

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pfsetl.errors import StoreError
from pfsetl.remedies import command
from pfsetl.storage import tree, within
from pfsetl.storage.store import refuse_large

ABANDONED_SECONDS = 24 * 60 * 60
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV}  # link(2); FAT says EPERM
CHUNK_BYTES = 1 << 20


class LocalStore:
    """A folder. Objects appear complete or not at all: temp file, fsync, hard link, fsync of the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._tidied = False

    def __str__(self) -> str:
        return str(self.root)

    @property
    def storage_options(self) -> None:
        """Nothing: a file needs no more than its path."""
        return None

    def put_new(self, name: str, content: bytes | Path) -> bool:
        """Create an object; False when the name is taken already, which then stays as it is."""
        target = self._inside(name)
        with _explained(target):
            _make(target.parent)
            if isinstance(content, Path):
                return self._link_new(content, target)
            with self.scratch() as temporary:
                temporary.write_bytes(content)
                return self._link_new(temporary, target)

    def put(self, name: str, content: bytes) -> None:
        """Write an object, complete or not at all, whatever is there: for what follows from others and may be lost."""
        target = self._inside(name)
        with _explained(target):
            _make(target.parent)
            with self.scratch() as temporary:
                with temporary.open("wb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
                temporary.chmod(0o644)
                temporary.replace(target)
            sync(target.parent)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield the path of a temporary file on the store's own disk, removed afterwards."""
        with _explained(self.root):
            folder = self._inside("tmp")
            _make(folder)
            if not self._tidied:
                self._tidied = True
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
        place = self._inside(name)
        with _explained(place):
            found = place.stat()
            refuse_large(str(place), found.st_size)
            self._refuse_endless(place, found)
            return place.read_bytes()

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in pieces; raises StoreError when it isn't there."""
        place = self._inside(name)
        with _explained(place):
            self._refuse_endless(place, place.stat())
        with _explained(place), place.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk

    def exists(self, name: str) -> bool:
        """Return whether an object of this name is there."""
        return _looked_at(self._inside(name)) is not None

    def size(self, name: str) -> int | None:
        """Return an object's number of bytes, None when it isn't there."""
        found = _looked_at(self._inside(name))
        return found.st_size if found else None

    def age(self, name: str) -> float | None:
        """Return the seconds since an object was written or freshened, None when it isn't there."""
        found = _looked_at(self._inside(name))
        return time.time() - found.st_mtime if found else None

    def freshen(self, name: str) -> bool:
        """Make an object count as new, because a build relies on it from now on; False when it isn't there."""
        # NOTE: only the owner of a file may do this; a commit looks once more whether its objects are there.
        place = self._inside(name)
        with _explained(place), suppress(PermissionError, FileNotFoundError):
            os.utime(place)
        return _looked_at(place) is not None

    def delete(self, name: str) -> None:
        """Remove an object for good; nothing happens when it isn't there. Published files go by a prune alone."""
        target = self._inside(name)
        with _explained(target), suppress(FileNotFoundError):
            target.unlink()
            sync(target.parent)

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""
        place = self._inside(folder)
        with _explained(place):
            if not place.is_dir():
                return []
            with os.scandir(place) as entries:  # unlike Path.iterdir, it doesn't ask the disk about each name
                return sorted(f"{folder}/{entry.name}" for entry in entries if _is_file(entry))

    def uri(self, name: str) -> str:
        """Return the address under which Parquet readers find an object."""
        return str(self._inside(name))

    def show_tree(self, version: int, files: dict[str, str]) -> None:
        """Lay out a version as `tree/<version>/<table>/<release>.parquet` and point `latest` at it (`tree.show`)."""
        with _explained(self._inside(f"tree/{version:06d}")):
            tree.show(self.root, version, files, self.scratch)

    def trees(self) -> list[int]:
        """Return the versions that are laid out for readers that glob; a link's folder is none of this store's."""
        with _explained(self.root):
            return tree.versions(self.root)

    def hide_tree(self, version: int) -> None:
        """Remove the layout of a version; its objects stay."""
        with _explained(self._inside(f"tree/{version:06d}")):
            tree.hide(self.root, version)

    def _inside(self, name: str) -> Path:
        """Return the path of a name; raises StoreError where the name, or a link on the way, leads out of the store."""
        return within.path(self.root, name)

    def _refuse_endless(self, place: Path, found: os.stat_result) -> None:
        """Raise StoreError for a pipe or a device, which may let its reader wait for ever."""
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise StoreError(
                f"{place}: a pipe or a device, where a file of the store belongs. Move it away; "
                f"{command('repair', self)} does."
            )

    def _link_new(self, source: Path, target: Path) -> bool:
        with source.open("rb") as stream:
            os.fsync(stream.fileno())
        try:
            os.link(source, target)
        except FileExistsError:
            if not stat.S_ISREG(target.lstat().st_mode):
                raise StoreError(
                    f"{target}: a folder or a link, where a file of the store belongs. Move it away, and run the "
                    "command again."
                ) from None
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            raise StoreError(
                f"{target}: this disk makes no hard links, which is how a file of a store appears whole or not at all. "
                "Put the store on another disk, or into a bucket (s3://bucket/prefix); docs/operations.md says which."
            ) from error
        target.chmod(0o444)
        sync(target.parent)
        return True


def _make(folder: Path) -> None:
    """Make a folder and those it lies in; a look takes less than to be told that it's there."""
    if not os.path.isdir(folder):  # noqa: PTH112
        folder.mkdir(parents=True, exist_ok=True)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _looked_at(place: Path) -> os.stat_result | None:
    """Return what the disk says of a file in one look, because a prune may remove it between two; None for no file.

    Raises StoreError where the disk can't say.
    """
    with _explained(place):
        try:
            found = place.stat()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return None
            raise
    return found if stat.S_ISREG(found.st_mode) else None


def sync(folder: Path) -> None:
    """Make what was created in a folder, or removed from it, survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clear_abandoned(folder: Path) -> None:
    """Remove temporary files that a killed build left behind a day or longer ago, known by their names."""
    for path in folder.glob(f"{tempfile.gettempprefix()}*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{place}: {error.strerror or error}. Check the path, its permissions and the free space; "
            "what was published before is untouched."
        ) from error
