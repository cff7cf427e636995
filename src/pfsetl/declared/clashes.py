"""Rows of one file that can't be right together: one day, one code or one group said twice, in two ways."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations
from typing import Any

from pfsetl.declared.records.sheet import Clash, Key, Read, Sheet, cell


def clashes(sheet: Sheet[Any], rows: Mapping[Key, Any], read: Read) -> Iterator[Clash]:
    """Yield the pairs of rows that can't be right together; `read` returns the rows of another file."""
    if sheet.once_a_day and sheet.days:
        yield from _days(sheet, rows)
    if sheet.codes:
        yield from _codes(sheet, rows)
    if sheet.group:
        yield from _alike(sheet, rows)
    if sheet.check:
        yield from sheet.check(rows, read)


def _groups(rows: Mapping[Key, Any], columns: tuple[str, ...]) -> Iterator[list[tuple[Key, Any]]]:
    found: dict[tuple[Any, ...], list[tuple[Key, Any]]] = defaultdict(list)
    for key, row in rows.items():
        found[tuple(cell(row, c) for c in columns)].append((key, row))
    return (group for group in found.values() if len(group) > 1)


def _days(sheet: Sheet[Any], rows: Mapping[Key, Any]) -> Iterator[Clash]:
    assert sheet.days
    for group in _groups(rows, sheet.once_a_day):
        spans = [(key, *_span(row, sheet.days)) for key, row in group]
        for (one, first, last), (other, begins, ends) in combinations(spans, 2):
            if first <= ends and begins <= last:
                yield one, other, (
                    f"{_told(first, last)}, and {_told(begins, ends)} in the other row, with the same "
                    f"{', '.join(sheet.once_a_day)}: both would hold on the same days. End one before the other begins."
                )  # fmt: skip


def _span(row: Any, days: tuple[str, str]) -> tuple[date, date]:
    return cell(row, days[0]) or date.min, cell(row, days[1]) or date.max


def _told(first: date, last: date) -> str:
    begins = f"from {first}" if first > date.min else "from any day"
    return f"{begins} to {last}" if last < date.max else f"{begins} on"


def _codes(sheet: Sheet[Any], rows: Mapping[Key, Any]) -> Iterator[Clash]:
    """Yield ranges that have codes in common; of ranges in order only the next ones can reach into one."""
    assert sheet.codes
    start, end = sheet.codes
    for group in _groups(rows, sheet.within):
        ordered = sorted(group, key=lambda one: (cell(one[1], start), cell(one[1], end)))
        for at, (one, row) in enumerate(ordered):
            low, high = cell(row, start), cell(row, end)
            for other, beside in ordered[at + 1 :]:
                begins, ends = cell(beside, start), cell(beside, end)
                if begins > high:
                    break
                inside = (low, high) != (begins, ends) and (ends <= high or begins == low)
                if not (sheet.nested and inside):
                    may = " or let one lie in the other: the narrower wins" if sheet.nested else ""
                    yield one, other, (
                        f"{low} to {high}, and {begins} to {ends} in the other row, have codes in common. Part "
                        f"them{may}."
                    )  # fmt: skip


def _alike(sheet: Sheet[Any], rows: Mapping[Key, Any]) -> Iterator[Clash]:
    for group in _groups(rows, sheet.group):
        (one, row), *others = group
        for other, beside in others:
            for column in sheet.alike:
                if cell(row, column) != cell(beside, column):
                    yield one, other, (
                        f"{column} {cell(row, column)!r}, and {cell(beside, column)!r} in the other row, with the same "
                        f"{', '.join(sheet.group)}. Write the same {column} in both."
                    )  # fmt: skip
