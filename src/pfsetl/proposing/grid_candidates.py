"""The layout that a grid of an unknown shape may have: that of the nearest declared layout, with its differences.

A proposal for a person to read. It can't know what a column means: one that isn't like any column of the nearest layout
gets a field of its own name, which no table publishes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Layout
from pfsetl.parsing.grid import Grid
from pfsetl.parsing.headings import SEARCH_ROWS, header_text

SIMILAR = 0.5  # of the letters of two titles; "STAT" and "STATUS CODE" have 0.53
TRIED_ROWS = 300
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a proposed layout; `new` says that its field isn't declared yet.

    `position` is the number of the column in a grid, and in a record the first character, with `end` the last one.
    """

    field: str
    position: int
    header: str
    new: bool = False
    end: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed layout: its columns, its heading rows, and in words how it differs from the nearest one.

    `record_length` is 0 but for records of fixed columns.
    """

    member: str
    nearest: Layout
    columns: tuple[Column, ...]
    header_above: int
    header_below: int
    differences: tuple[str, ...]
    record_length: int = 0


@dataclass(frozen=True, slots=True)
class _Heading:
    """The heading rows of a grid as a layout finds them: one title a column, and the rows above, at and below it."""

    layout: Layout
    titles: list[str]
    above: int
    below: int
    body: pl.DataFrame
    found: int


def propose(member: str, grid: Grid) -> Candidate | None:
    """Return the layout that a grid of this member may have, None where its headings are like those of no layout."""
    layouts = [layout for layout in registry.layouts(member) if layout.medium == "grid"]
    headings = [h for layout in layouts for h in _headings(layout, grid)]
    if not headings:
        return None
    best = max(headings, key=lambda h: (h.found, -abs(len(h.layout.fields) - grid.width)))
    if 2 * best.found < len(best.layout.fields):
        return None
    columns, differences = _columns(best)
    return Candidate(member, best.layout, tuple(columns), best.above, best.below, tuple(differences))


def _headings(layout: Layout, grid: Grid) -> list[_Heading]:
    """Return each block of rows that can be the heading: one row with a first cell, among rows without one."""
    head = grid.frame.head(SEARCH_ROWS).drop("line").rows()
    found = []
    for at in (i for i, row in enumerate(head) if row[0]):
        above = below = 0
        while above < layout.header_above and at > above and not head[at - above - 1][0]:
            above += 1
        while below < layout.header_below and at + below + 1 < len(head) and not head[at + below + 1][0]:
            below += 1
        rows = head[at - above : at + below + 1]
        titles = [header_text([row[i] for row in rows]) for i in range(grid.width)]
        body = grid.frame.slice(at + below + 1).head(TRIED_ROWS)
        found.append(_Heading(layout, titles, above, below, body, len(_fitting(layout, titles))))
    return found


def _fitting(layout: Layout, titles: Sequence[str]) -> dict[int, str]:
    """Return the field of every column whose title is one that the layout has, by the column's index."""
    fits: dict[int, str] = {}
    for field in layout.fields:
        if field.header is None:
            continue
        usual = [field.start - 1, *range(len(titles))]
        for i in usual:
            if i < len(titles) and i not in fits and titles[i] and field.header.fullmatch(titles[i]):
                fits[i] = field.field
                break
    return fits


def _columns(heading: _Heading) -> tuple[list[Column], list[str]]:
    layout, titles = heading.layout, heading.titles
    fits = _fitting(layout, titles)
    lost = {f.field: f for f in layout.fields if f.field not in fits.values()}
    names = [f.field for f in layout.fields]
    columns: list[Column] = []
    differences: list[str] = []
    before: str | None = None
    for i, title in enumerate(titles):
        place = f"column {i + 1} {title!r}"
        if i in fits:
            field = next(f for f in layout.fields if f.field == fits[i])
            assert field.header is not None
            columns.append(Column(field.field, i + 1, field.header.pattern))
            if before and names.index(field.field) < names.index(before):
                differences.append(f"{place} ({field.field}) stands after {before}")
            before = field.field
        elif renamed := _renamed(title, i, before, names, lost, heading):
            was = lost.pop(renamed)
            assert was.header is not None
            differences.append(f"{place} is taken for {renamed}, which was {was.header.pattern!r}")
            columns.append(Column(renamed, i + 1, _pattern(title)))
            before = renamed
        else:
            name = _name(title, i + 1, {c.field for c in columns} | set(names))
            differences.append(f"{place} is new: {name}, which no table publishes")
            columns.append(Column(name, i + 1, _pattern(title), new=name not in registry.fields()))
    differences += [f"{name} isn't there any more" for name in lost]
    return columns, differences


def _renamed(
    title: str,
    index: int,
    before: str | None,
    names: list[str],
    lost: dict[str, registry.LayoutField],
    heading: _Heading,
) -> str | None:
    """Return the lost field that stood in this place and is like this column in title and cells, if one is."""
    after = names[names.index(before) + 1 :] if before else names
    here = next(iter(after), None)
    if here is None or here not in lost:
        return None
    header = lost[here].header
    was = header.pattern if header else ""
    words = set(re.findall(r"[A-Z]{2,}", was)) & set(re.findall(r"[A-Z]{2,}", title))
    alike = SequenceMatcher(None, title, was).ratio() >= SIMILAR or bool(words)
    return here if alike and _holds(heading.body[f"c{index + 1}"], here) else None


def _holds(cells: pl.Series, field: str) -> bool:
    known = registry.fields()[field]
    if known.kind == "decimal" or not known.pattern:
        numbers = cells.filter(cells != "").str.replace_all(r"[,$]", "").cast(pl.Float64, strict=False)
        return known.kind not in ("decimal", "dollars") or not numbers.has_nulls()
    padded = cells.str.zfill(known.pad) if known.pad else cells
    return bool((padded.str.contains(f"^(?:{known.pattern})$") | (cells == "")).all())


def _pattern(title: str) -> str:
    """Return a pattern for a title, of any year."""
    return _YEAR.sub(r"\\d{4}", re.escape(title).replace(r"\ ", " "))


def _name(title: str, position: int, taken: set[str]) -> str:
    """Return a name of its own for a new column, which no table and no other layout gives a meaning."""
    name = f"new_{_WORD.sub('_', _YEAR.sub('', title).lower()).strip('_')}".rstrip("_")
    return name if name not in taken and name != "new" else f"{name}_{position}"
