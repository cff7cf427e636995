"""The archives brought so far: every one is kept, under the hash of its bytes, and none is ever changed.

```
releases.lock.csv                   one line per label and revision, in the order they were fetched
archives/RVU26A-<sha256>.zip        the bytes
validators/RVU26A.json              what the server knows the newest bytes by; only saves downloads, may be lost
unfinished/RVU26A.zip               a download that broke off
locks/                              who is at work
```
"""

import csv
import fcntl
import hashlib
import io
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pfsetl.errors import SourceBusy, SourceUnavailable

LOCK_FILE = "releases.lock.csv"
COLUMNS = ("label", "revision", "sha256", "bytes", "url", "retrieved_at")
WRITING_SECONDS = 30.0  # a line is written in milliseconds
PAUSE = 0.05

_LINE = (r"[A-Z0-9_]+", r"[1-9]\d*", r"[0-9a-f]{64}", r"\d+", r".+", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Fetched:
    """One archive in the cache: a label's 1st, 2nd... revision, from where and when (UTC), and its file.

    `fresh` says that the call which returned this brought these bytes; archives read from the cache aren't.
    """

    label: str
    revision: int
    sha256: str
    bytes: int
    url: str
    retrieved_at: datetime
    path: Path
    fresh: bool = False


def cache_folder() -> Path:
    """Return where fetched archives are kept: PFSETL_CACHE, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PFSETL_CACHE") or Path(home) / "pfsetl")


def rows(folder: Path) -> list[Fetched]:
    """Return every archive in the cache, in the order they were fetched; none when there is no cache yet.

    A last line that was cut short is no line. Raises SourceUnavailable when another isn't what `keep` writes.
    """
    place = folder / LOCK_FILE
    with explained(place):
        try:
            text = place.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise SourceUnavailable(f"{place}: not text ({error}). Restore it from a copy.") from error
    found = []
    try:
        lines = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise SourceUnavailable(f"{place}: not a list of archives ({error}). Restore it from a copy.") from error
    for number, cells in enumerate(lines, start=1):
        if number == 1 and tuple(cells) == COLUMNS:
            continue
        row = _fetched(folder, cells)
        if row:
            found.append(row)
        elif number < len(lines) or text.endswith("\n"):
            raise SourceUnavailable(
                f"{place}, line {number}: not {', '.join(COLUMNS)}. Restore or remove the line; the archives "
                "themselves are untouched."
            )
    return found


def newest(folder: Path, label: str) -> Fetched | None:
    """Return a label's newest revision, None when the cache holds none."""
    return next((row for row in reversed(rows(folder)) if row.label == label), None)


def is_intact(kept: Fetched) -> bool:
    """Return whether an archive's file is there and still has the bytes that were fetched."""
    with explained(kept.path):
        try:
            return hashlib.sha256(kept.path.read_bytes()).hexdigest() == kept.sha256
        except FileNotFoundError:
            return False


def usable(folder: Path, label: str) -> tuple[Fetched | None, list[str]]:
    """Return a label's newest revision if its file is as it was fetched, and what to say of one that isn't.

    None means that it has to be fetched: whoever builds from the cache asks here, so that a damaged file never stays.
    """
    held = newest(folder, label)
    if held is None or is_intact(held):
        return held, []
    return None, [f"{held.path}: damaged or gone, so the cache's archive of {label} isn't used"]


def keep(folder: Path, label: str, part: Path, url: str) -> Fetched:
    """Move a complete file into the cache and note it as the label's next revision, unless it is the newest already.

    Safe against a kill and against other processes: the bytes are on disk before the line is, and the lock file is
    replaced as a whole. Bytes that CMS returns to after others are a revision again, since they are what is offered.
    """
    digest, size = hashlib.sha256(part.read_bytes()).hexdigest(), part.stat().st_size
    with explained(folder), alone(folder, "writing", WRITING_SECONDS):
        before = rows(folder)
        mine = [row for row in before if row.label == label]
        same = mine[-1] if mine and mine[-1].sha256 == digest else None
        now = datetime.now(UTC).replace(microsecond=0)
        row = Fetched(label, len(mine) + 1, digest, size, url, now, _place(folder, label, digest), fresh=True)
        row.path.parent.mkdir(parents=True, exist_ok=True)
        part.replace(row.path)
        row.path.chmod(0o444)
        _sync(row.path.parent)
        if same:
            return replace(same, fresh=False)
        write_whole(folder / LOCK_FILE, _text([*before, row]))
    return row


@contextmanager
def alone(folder: Path, what: str, seconds: float) -> Iterator[None]:
    """Let one process at a time do `what` in this cache; raises SourceBusy when another still does after `seconds`.

    The system releases the lock of a process that ends, however it ends.
    """
    place = folder / "locks" / f"{what}.lock"
    place.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + seconds
    with place.open("a") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise SourceBusy(
                        f"{place}: another process has held it for {seconds:,.0f} seconds. Wait for it, or end it."
                    ) from None
                time.sleep(PAUSE)
        yield


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Turn an error of the file system into one that says what to do."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        raise SourceUnavailable(
            f"{where}: {error.strerror or error}. Check the cache folder {place}, its permissions and free space; "
            "what was fetched before is untouched. --cache or PFSETL_CACHE names another."
        ) from error


def write_whole(place: Path, text: str) -> None:
    """Replace a file as a whole: whoever reads it sees the old text or the new one, whatever happens meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(place)
    finally:
        Path(name).unlink(missing_ok=True)
    _sync(place.parent)


def _fetched(folder: Path, cells: Sequence[str]) -> Fetched | None:
    if len(cells) != len(COLUMNS) or not all(re.fullmatch(p, c) for p, c in zip(_LINE, cells, strict=True)):
        return None
    label, revision, digest, size, url, when = cells
    try:
        retrieved = datetime.fromisoformat(when)
    except ValueError:  # 30 February
        return None
    return Fetched(label, int(revision), digest, int(size), url, retrieved, _place(folder, label, digest))


def _place(folder: Path, label: str, digest: str) -> Path:
    return folder / "archives" / f"{label}-{digest}.zip"


def _text(all_rows: Sequence[Fetched]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (r.label, r.revision, r.sha256, r.bytes, r.url, f"{r.retrieved_at:%Y-%m-%dT%H:%M:%SZ}") for r in all_rows
    )
    return text.getvalue()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
