"""A cache in a bucket, for any number of hosts: one list of archives, one numbering of revisions.

```
record/000001.csv                   the list of all archives so far; each later one adds a line to the one before
zips/RVU26A-<sha256>.zip            the bytes
validators/RVU26A.json              what the server knows the newest bytes by; only saves downloads, may be lost
```

A list is created only where none of its number is: of two hosts one comes first, and the other counts on from it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from pfsetl.errors import SourceBusy
from pfsetl.source import archive_list
from pfsetl.source.archive_list import Fetched

LISTS = "record"
TRIES = 50  # each one lost means that another host noted an archive


class Bucket(Protocol):
    """What a cache needs of a bucket. Names are `folder/name`; an object appears whole or not at all."""

    def put_new(self, name: str, content: bytes | Path) -> bool:
        """Create an object; False when the name is taken by something else, which then stays as it is."""

    def put(self, name: str, content: bytes | Path) -> None:
        """Write an object, whatever is there."""

    def get(self, name: str) -> bytes:
        """Return an object's bytes."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in pieces."""

    def size(self, name: str) -> int | None:
        """Return an object's number of bytes, None when it isn't there."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A cache in a bucket, and the folder of this host for copies of archives, unfinished downloads and locks."""

    bucket: Bucket
    folder: Path

    def __str__(self) -> str:
        return str(self.bucket)


def rows(cache: Shared) -> list[Fetched]:
    """Return every archive in the cache, in the order they were fetched; their files may not be on this host yet."""
    return _newest(cache)[1]


def keep(cache: Shared, label: str, part: Path, url: str, known: Fetched | None) -> Fetched:
    """Send a complete file to the bucket and note it as the label's next revision, unless it is the newest already.

    `known` is what was the newest when the server was asked for the file. Raises SourceBusy when another host has noted
    other bytes since: whose answer is the later one, only another request can tell. A kill leaves at most an archive
    without a line, which the next one that brings these bytes takes up.
    """
    digest, size = hashlib.sha256(part.read_bytes()).hexdigest(), part.stat().st_size
    sent = False
    for _ in range(TRIES):
        number, before = _newest(cache)
        newest = next((row for row in reversed(before) if row.label == label), None)
        if newest != known and not (newest and newest.sha256 == digest):
            raise SourceBusy(f"{cache}: another host fetched {label} meanwhile, and got other bytes. Try again.")
        if not sent:  # also where it is there: that one may be damaged, and these are the bytes of its name
            cache.bucket.put(_zip(label, digest), part)
            sent = True
        row = archive_list.following(before, label, digest, size, url, datetime.now(UTC), cache.folder)
        if not row.fresh or cache.bucket.put_new(_list(number + 1), archive_list.written([*before, row]).encode()):
            return row
    raise SourceBusy(f"{cache}: {TRIES} other archives were noted before {label} could be. Try again.")


def bring(cache: Shared, row: Fetched, file: Path) -> bool:
    """Copy an archive into a file of this host; return whether it's there and has the bytes that were fetched."""
    name = _zip(row.label, row.sha256)
    if cache.bucket.size(name) != row.bytes:
        return False
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for piece in cache.bucket.chunks(name):
            stream.write(piece)
            digest.update(piece)
    return digest.hexdigest() == row.sha256


def note(cache: Shared, name: str, text: str) -> None:
    """Write a note that may be lost, such as `validators/RVU26A.json`; the last host that writes it wins."""
    cache.bucket.put(name, text.encode())


def noted(cache: Shared, name: str) -> bytes:
    """Return a note; raises FileNotFoundError when there is none."""
    if cache.bucket.size(name) is None:
        raise FileNotFoundError(name)
    return cache.bucket.get(name)


def address(cache: Shared, row: Fetched) -> str:
    """Return where in the bucket an archive is."""
    return f"{cache}/{_zip(row.label, row.sha256)}"


def _newest(cache: Shared) -> tuple[int, list[Fetched]]:
    """Return the newest list's number, 0 when there is none, and its archives."""
    names = [name for name in cache.bucket.names(LISTS) if _number(name)]
    if not names:
        return 0, []
    text = cache.bucket.get(names[-1]).decode(errors="replace")
    return _number(names[-1]), archive_list.read(text, f"{cache}/{names[-1]}", cache.folder)


def _number(name: str) -> int:
    digits = name.removeprefix(f"{LISTS}/").removesuffix(".csv")
    return int(digits) if len(digits) == 6 and digits.isdecimal() else 0


def _list(number: int) -> str:
    return f"{LISTS}/{number:06d}.csv"


def _zip(label: str, sha256: str) -> str:
    return f"zips/{label}-{sha256}.zip"
