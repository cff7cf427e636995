"""The list of the archives that a cache holds, as text: one line per label and revision, in the order of fetching."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pfsetl.errors import SourceUnavailable

COLUMNS = ("label", "revision", "sha256", "bytes", "url", "retrieved_at")

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


def read(text: str, place: object, folder: Path) -> list[Fetched]:
    """Return the archives that a list names, whose files are in `folder/archives`.

    A last line that was cut short is no line. Raises SourceUnavailable, with the `place` of the list, when another
    isn't what `written` writes.
    """
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


def written(rows: Sequence[Fetched]) -> str:
    """Return the list of these archives."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (r.label, r.revision, r.sha256, r.bytes, r.url, f"{r.retrieved_at:%Y-%m-%dT%H:%M:%SZ}") for r in rows
    )
    return text.getvalue()


def following(
    rows: Sequence[Fetched], label: str, sha256: str, size: int, url: str, now: datetime, at: Path
) -> Fetched:
    """Return the row that notes these bytes as a label's next revision, or the newest one where it has them already.

    Bytes that CMS returns to after others are a revision again, since they are what is offered.
    """
    mine = [row for row in rows if row.label == label]
    if mine and mine[-1].sha256 == sha256:
        return mine[-1]
    return Fetched(label, len(mine) + 1, sha256, size, url, now.replace(microsecond=0), file(at, label, sha256), True)


def file(folder: Path, label: str, sha256: str) -> Path:
    """Return the path of an archive in a cache's folder."""
    return folder / "archives" / f"{label}-{sha256}.zip"


def _fetched(folder: Path, cells: Sequence[str]) -> Fetched | None:
    if len(cells) != len(COLUMNS) or not all(re.fullmatch(p, c) for p, c in zip(_LINE, cells, strict=True)):
        return None
    label, revision, digest, size, url, when = cells
    try:
        retrieved = datetime.fromisoformat(when)
    except ValueError:  # 30 February
        return None
    return Fetched(label, int(revision), digest, int(size), url, retrieved, file(folder, label, digest))
