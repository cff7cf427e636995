"""Read a file beside the releases whole: its parts as rows of its table, and the day from which it holds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.records.archives import CompanionRow
from pfsetl.errors import ValueRefused
from pfsetl.loading import first_day
from pfsetl.parsing.parse import parse
from pfsetl.parsing.pieces import read_in_pieces
from pfsetl.parsing.read import notices
from pfsetl.source.companion import open_companion, part_of
from pfsetl.source.members import MemberFile
from pfsetl.tables import companions as tables

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class CompanionFile:
    """A file beside the releases as rows: of which kind, from when it holds, what it says of itself and of that day.

    `parts` are name and sha256 of each file where there are several, `sha256` then that of theirs, and `numbers` which
    parts they are.
    """

    row: CompanionRow
    name: str
    sha256: str
    day: date
    rows: pl.DataFrame
    said: tuple[str, ...]
    said_of_day: tuple[str, ...]
    numbers: frozenset[int]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One file as rows of its table, with what it says of itself."""

    name: str
    number: int
    sha256: str
    title: str
    quarters: tuple[str, ...]
    rows: pl.DataFrame
    said: tuple[str, ...]


def read(paths: Sequence[Path], effective_from: date | None) -> CompanionFile:
    """Read a file, or its parts, and tell from when it holds, unless that is given.

    Raises ValueRefused for files that contradict each other or their day, UsageError where nothing says the day.
    """
    files = open_companion(*paths)
    row = registry.companion_kinds()[files[0].member]
    parts = [_part(row, file, _place(file, paths)) for file in files]
    names, titles = [part.name for part in parts], [part.title for part in parts]
    told = first_day.first_day(row, names, paths, {q for part in parts for q in part.quarters}, titles)
    _refuse_same_part(parts)
    day = effective_from or told
    if day is None:
        raise first_day.refuse_undated(paths[0])
    if row.begins:
        for part in parts:
            first_day.refuse_later(part.rows, row.begins, day, part.name)
    said_of_day = [] if effective_from else first_day.other_years(row, names, paths, titles)
    if effective_from and told and told != effective_from:
        said_of_day.append(f"loaded from {effective_from} on, as asked; the file itself says {told}")
    name = names[0] + (f" and {len(parts) - 1} more" if len(parts) > 1 else "")
    rows, said_of_all = tables.finished(pl.concat([part.rows for part in parts]), row.companion, name)
    return CompanionFile(
        row=row,
        name=name,
        sha256=_sha256([part.sha256 for part in parts]),
        day=day,
        rows=rows,
        said=(*(text for part in parts for text in part.said), *said_of_all),
        said_of_day=tuple(said_of_day),
        numbers=frozenset(part.number for part in parts),
        parts=tuple(f"{part.name} {part.sha256}" for part in parts) if len(parts) > 1 else (),
    )


def _sha256(digests: Sequence[str]) -> str:
    """Return the sha256 of a file, or that of those of its parts, a line each."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(f"{d}\n" for d in digests).encode()).hexdigest()


def _place(file: MemberFile, paths: Sequence[Path]) -> str:
    """Return how a message names a file: by its name, and one in a zip that was given alone with the zip's."""
    return f"{paths[0].name}/{file.name}" if len(paths) == 1 and paths[0].name != file.name else file.name


def _part(row: CompanionRow, file: MemberFile, place: str) -> _Part:
    number = part_of(row, file.name)
    rows: list[pl.DataFrame] = []
    found: dict[str, None] = {}
    said: dict[str, None] = {}
    aside: list[tuple[int, str]] = []
    for raw in read_in_pieces(file, place, row.most_lines):
        parsed = parse(raw)
        first_day.refuse_two_quarters(parsed.frame, raw.file)
        if "quarter" in parsed.frame.columns:
            found |= dict.fromkeys(parsed.frame["quarter"].unique().to_list())
        rows.append(tables.rows(parsed, number))
        aside += parsed.rejects.select("line", "reason").rows()
        said |= dict.fromkeys(notices([raw]))
    if aside:
        lines = "; ".join(f"line {line} {reason}" for line, reason in aside[:_MOST_SAID])
        more = f"; and {len(aside) - _MOST_SAID} more" if len(aside) > _MOST_SAID else ""
        said[f"{raw.file}: set aside: {lines}{more}"] = None
    return _Part(raw.file, number, raw.sha256, raw.banner, tuple(found), pl.concat(rows), tuple(said))


def _refuse_same_part(parts: Sequence[_Part]) -> None:
    """Raise ValueRefused for a part that is another one under its name: rows would count twice, and others lack."""
    first: dict[str, str] = {}
    for part in parts:
        if (same := first.setdefault(part.sha256, part.name)) != part.name:
            raise ValueRefused(f"{part.name}: the same bytes as {same}. Each part has its own: download it again.")
