"""The archives downloaded so far: every one is kept, under the hash of its bytes, and none is ever changed.

A cache is a folder of this machine:

```
releases.lock.csv                   one line per label and revision, in the order they were fetched
archives/RVU26A-<sha256>.zip        the bytes
validators/RVU26A.json              what the server knows the newest bytes by; only saves downloads, may be lost
unfinished/RVU26A.zip               a download that broke off
locks/                              who is at work
```

or it's in a bucket (`source/shared_cache.py`), with a folder of each host for copies of archives and for the last two.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.source import archive_list, shared_cache
from pfsetl.source.archive_list import Fetched
from pfsetl.source.shared_cache import Shared
from pfsetl.storage.folder import sync

LOCK_FILE = "releases.lock.csv"
WRITING_SECONDS = 30.0  # a line is written in milliseconds
PAUSE = 0.05
NAMES_ANOTHER = "--cache or PFSETL_CACHE names another"

Cache = Path | Shared


def users_folder() -> Path:
    """Return the folder of pfsetl's files that may be lost, in the user's cache folder (XDG_CACHE_HOME, ~/.cache)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pfsetl"


def folder_of(cache: Cache) -> Path:
    """Return a cache's folder on this host."""
    return cache.folder if isinstance(cache, Shared) else cache


def rows(cache: Cache) -> list[Fetched]:
    """Return every archive in the cache, in the order they were fetched; none when there is no cache yet.

    A last line that was cut short is no line. Raises SourceUnavailable when another isn't what `keep` writes.
    """
    if isinstance(cache, Shared):
        return shared_cache.rows(cache)
    place = cache / LOCK_FILE
    with explained(place):
        try:
            text = place.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise SourceUnavailable(f"{place}: not text ({error}). Restore it from a copy.") from error
    return archive_list.read(text, place, cache)


def newest(cache: Cache, label: str) -> Fetched | None:
    """Return a label's newest revision, None when the cache holds none."""
    return next((row for row in reversed(rows(cache)) if row.label == label), None)


def is_intact(kept: Fetched) -> bool:
    """Return whether an archive's file is there and still has the bytes that were fetched."""
    with explained(kept.path):
        try:
            return hashlib.sha256(kept.path.read_bytes()).hexdigest() == kept.sha256
        except FileNotFoundError:
            return False


def at_hand(cache: Cache, kept: Fetched) -> bool:
    """Return whether an archive's file is on this host, as it was fetched; from a bucket it is downloaded first."""
    if is_intact(kept):
        return True
    if not isinstance(cache, Shared):
        return False
    with explained(cache), _beside(kept.path) as part:
        whole = shared_cache.bring(cache, kept, part)
        if whole:
            _move(part, kept.path)
    return whole


def address(cache: Cache, kept: Fetched) -> str:
    """Return where the cache has an archive: its file, or its address in the bucket."""
    return shared_cache.address(cache, kept) if isinstance(cache, Shared) else str(kept.path)


def usable(cache: Cache, label: str) -> tuple[Fetched | None, list[str]]:
    """Return a label's newest revision if its file is as it was fetched, and what to say of one that isn't.

    None means that it has to be fetched: whoever builds from the cache asks here, so that a damaged file never stays.
    """
    held = newest(cache, label)
    if held is None or at_hand(cache, held):
        return held, []
    return None, [f"{address(cache, held)}: damaged or gone, so the cache's archive of {label} isn't used"]


def keep(cache: Cache, label: str, part: Path, url: str, known: Fetched | None = None) -> Fetched:
    """Move a complete file into the cache and note it as the label's next revision, unless it is the newest already.

    Safe against a kill and against other processes: the bytes are on disk before the line is, and the lock file is
    replaced as a whole. `known` is the label's newest revision when the server was asked: in a bucket, another host may
    have come first (SourceBusy), whereas a folder's label is locked meanwhile.
    """
    if isinstance(cache, Shared):
        row = shared_cache.keep(cache, label, part, url, known)
        with explained(cache):
            _move(part, row.path)
        return row
    digest, size = hashlib.sha256(part.read_bytes()).hexdigest(), part.stat().st_size
    with explained(cache), alone(cache, "writing", WRITING_SECONDS):
        before = rows(cache)
        row = archive_list.following(before, label, digest, size, url, datetime.now(UTC), cache)
        _move(part, row.path)
        if row.fresh:
            write_whole(cache / LOCK_FILE, archive_list.written([*before, row]))
    return row


def note(cache: Cache, name: str, text: str) -> None:
    """Write a note that only saves downloads and may be lost, such as `validators/RVU26A.json`."""
    if isinstance(cache, Shared):
        shared_cache.note(cache, name, text)
    else:
        write_whole(cache / name, text)


def noted(cache: Cache, name: str) -> bytes:
    """Return a note; raises FileNotFoundError when there is none."""
    if isinstance(cache, Shared):
        return shared_cache.noted(cache, name)
    return (cache / name).read_bytes()


@contextmanager
def alone(cache: Cache, what: str, seconds: float) -> Iterator[None]:
    """Let one process of this host do `what` in this cache; SourceBusy when another still does after `seconds`.

    The system releases the lock of a process that ends, however it ends.
    """
    place = folder_of(cache) / "locks" / f"{what}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place, timeout=seconds, poll_interval=PAUSE)
    try:
        lock.acquire()
    except Timeout:
        raise SourceBusy(
            f"{place}: another process has held it for {seconds:,.0f} seconds. Wait for it, or end it."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def explained(place: Cache) -> Iterator[None]:
    """Turn an error of the file system into one that says what to do."""
    try:
        yield
    except OSError as error:
        folder = folder_of(place)
        other = "XDG_CACHE_HOME names another place for it" if isinstance(place, Shared) else NAMES_ANOTHER
        raise SourceUnavailable(
            f"{error.filename or folder}: {error.strerror or error}. Check the cache folder {folder}, its permissions "
            f"and free space; what was fetched before is untouched. {other}."
        ) from error


def write_whole(place: Path, text: str) -> None:
    """Replace a file as a whole: a reader sees either the old text or the new one, never a mixture."""
    with _beside(place) as part:
        with part.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o644)
        part.replace(place)
    sync(place.parent)


def _move(part: Path, to: Path) -> None:
    """Make a complete file a read-only archive of the cache."""
    to.parent.mkdir(parents=True, exist_ok=True)
    part.replace(to)
    to.chmod(0o444)
    sync(to.parent)


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Yield the path of a temporary file in the folder of another, removed afterwards."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
