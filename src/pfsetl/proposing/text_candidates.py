"""The layout that a fixed-width text of an unknown shape may have: the nearest declared one, with its differences.

Each field is looked for near its declared place by what its cells must look like. The whole is the way with the least
cost: fields that move by themselves, that are gone, that don't fit, and columns of data that no field has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import inf
from typing import Any

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.shapes import FieldRow
from pfsetl.declared.registry import Layout, LayoutField
from pfsetl.parsing import text_shape, values
from pfsetl.proposing.grid_candidates import Candidate, Column

TRIED_RECORDS = 200
FARTHEST = 24  # columns that a field may have moved
_LEAST_SHARE = 0.25  # of the lines, that records of one length are
_FITS = 0.98  # of the cells; codes that nobody has declared are among the others
_MOVE, _GONE, _BLANK, _STRAY, _MISFIT = 4.0, 9.0, 10.0, 2.0, 60.0
_USUAL = 40.0  # most texts cost less; ways that cost more are looked at only where none does
_SHIFTS = range(-FARTHEST, FARTHEST + 1)

_Cells = dict[tuple[int, int], float]
_Spot = tuple[LayoutField, int]  # a field and how far it moved
# The cost of placing some fields, and the last of them after the others.
_Way = tuple[float, Any]


@dataclass(frozen=True, slots=True)
class _Records:
    """Records of one length, as they are tried: `fits` by field and shift, and which columns hold anything."""

    layout: Layout
    length: int
    text: pl.DataFrame
    fits: _Cells
    held: tuple[bool, ...]


def propose(member: str, lines: pl.DataFrame) -> Candidate | None:
    """Return the layout that a text of this member may have, None where it's like no layout of fixed columns.

    `lines` are `line` and `text`. What is returned fits every record of the most frequent length.
    """
    lengths = lines.with_columns(length=pl.col("text").str.len_chars()).filter(pl.col("text").str.strip_chars() != "")
    if lengths.is_empty():
        return None
    length = int(lengths["length"].mode().sort()[-1])
    records = lengths.filter(pl.col("length") == length)
    if _LEAST_SHARE * lengths.height > records.height:
        return None
    tried = records.gather_every(max(1, records.height // TRIED_RECORDS)).select("text")
    ways = []
    for layout in registry.layouts(member):
        if layout.medium == "fixed" and abs(length - layout.record_length) <= FARTHEST:
            these = _Records(layout, length, tried, _fits(layout, tried, length), _held(records, length))
            ways.append((*_cheapest(these), these))
    if not ways:
        return None
    _, spots, these = min(ways, key=lambda way: way[0])
    if 3 * len(spots) < 2 * len(these.layout.fields):
        return None
    found = _candidate(member, these, spots)
    return found if _cuts(found, lines) else None


def _fits(layout: Layout, tried: pl.DataFrame, length: int) -> _Cells:
    """Return the share of cells that are what their field says, for every field and shift within a record."""
    tests = {}
    for i, field in enumerate(layout.fields):
        for shift in _SHIFTS:
            if field.start + shift >= 1 and field.end + shift <= length:
                cell = pl.col("text").str.slice(field.start + shift - 1, field.end - field.start + 1)
                tests[i, shift] = _is_of(registry.fields()[field.field], cell).mean()
    found = tried.select(test.alias(f"{i} {shift}") for (i, shift), test in tests.items()).row(0)
    return dict(zip(tests, found, strict=True))


def _is_of(field: FieldRow, cell: pl.Expr) -> pl.Expr:
    """Return whether a cell is a field's: numbers end at the last column with all their places, codes are declared."""
    text = cell.str.strip_chars()
    if field.kind == "decimal":
        return cell.str.contains(rf"^ *-?\d*\.\d{{{field.scale}}}$")
    if field.field in declarations.code_lists():
        return text.is_in(["", *declarations.code_lists()[field.field]["code"]])
    return text.str.contains(values.pattern_of(field) or "")


def _held(records: pl.DataFrame, length: int) -> tuple[bool, ...]:
    """Return of each column, from 1 on, whether any record has something there."""
    found = records.select((pl.col("text").str.slice(i, 1) != " ").any().alias(str(i)) for i in range(length)).row(0)
    return (False, *found)


def _cheapest(records: _Records) -> tuple[float, list[_Spot]]:
    """Return the cheapest way to place the fields in their order, and its cost.

    A text may be shorter or longer than declared: it's what stands before the next field.
    """
    strays = list(accumulate(records.held))
    cost, found = inf, None
    for most in (_USUAL, inf):
        for (_, clear, _), (before, spots) in _ways(records, strays, most).items():
            whole = before + _STRAY * (strays[-1] - strays[min(clear, records.length)])
            if whole < cost:
                cost, found = whole, spots
        if cost <= most:
            break
    placed: list[_Spot] = []
    while found:
        found, spot = found
        placed.append(spot)
    return cost, placed[::-1]


def _ways(records: _Records, strays: Sequence[int], most: float) -> dict[tuple[int, int, int], _Way]:
    """Return the cheapest way to each end that costs no more: by last column, last that is no stray, and shift."""
    ways: dict[tuple[int, int, int], _Way] = {(0, 0, 0): (0.0, None)}
    for i, field in enumerate(records.layout.fields):
        onward = {at: (cost + _GONE, spots) for at, (cost, spots) in ways.items() if cost + _GONE <= most}
        known = registry.fields()[field.field]
        blank = 0.0 if known.kind in ("text", "flag") else _BLANK
        places = []  # each shift with what it costs whatever stands before
        for shift in _SHIFTS:
            if (share := records.fits.get((i, shift))) is not None:
                start, end = field.start + shift, field.end + shift
                cost = _MISFIT * (1 - share if share >= _FITS else 1) + blank * (strays[end] == strays[start - 1])
                at = (start, end + FARTHEST, shift) if known.kind == "text" else (end, end, shift)
                if cost <= most:
                    places.append((cost, start, at))
        for (last, clear, before), (cost, spots) in ways.items():
            for more, start, at in places:
                if start <= last:
                    continue
                worse = cost + more + _MOVE * (at[2] != before)
                worse += _STRAY * max(0, strays[start - 1] - strays[min(clear, start - 1)])
                if worse <= most and (at not in onward or worse < onward[at][0]):
                    onward[at] = (worse, (spots, (field, at[2])))
        ways = onward
    return ways


def _candidate(member: str, records: _Records, spots: Sequence[_Spot]) -> Candidate:
    layout, length = records.layout, records.length
    differences = [] if length == layout.record_length else [
        f"a record has {length} characters, not {layout.record_length}"
    ]  # fmt: skip
    for shift, these in groupby(spots, key=lambda spot: spot[1]):
        names = [field.field for field, _ in these]
        if shift:
            whose = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
            way = "right" if shift > 0 else "left"
            differences.append(f"{whose}: {abs(shift)} column{'s' * (abs(shift) > 1)} further {way}")
    columns = [_placed(records, spots, at) for at in range(len(spots))]
    differences += [
        f"{column.field} has {column.end - column.position + 1} characters, not {field.end - field.start + 1}"
        for column, (field, _) in zip(columns, spots, strict=True)
        if column.end - column.position != field.end - field.start
    ]
    there = {field.field for field, _ in spots}
    declared = [Column(field.field, field.start, "", end=field.end) for field in layout.fields]
    lost = [field for field in layout.fields if field.field not in there]
    for start, end in _strays(records, columns):
        moved = [f for f in lost if f.end - f.start == end - start and _stands(records, f, start)]
        if len(moved) == 1:
            lost.remove(moved[0])
            columns.append(Column(moved[0].field, start, "", end=end))
            differences.append(f"{moved[0].field} stands in columns {start}-{end}")
        else:
            name = f"new_{start}"
            columns.append(Column(name, start, "", new=name not in registry.fields(), end=end))
            where = f"columns {start}-{end} are" if end > start else f"column {start} is"
            differences.append(f"{where} new: {name}, which no table publishes{_doubt(columns, start, end)}")
    differences += [f"{field.field} isn't there any more{_doubt(declared, field.start, field.end)}" for field in lost]
    ordered = tuple(sorted(columns, key=lambda column: column.position))
    return Candidate(member, layout, ordered, 0, 0, tuple(differences), record_length=length)


def _placed(records: _Records, spots: Sequence[_Spot], at: int) -> Column:
    """Return a field's column; a text ends before the next field, where the layout's doesn't or it holds more."""
    field, shift = spots[at]
    start, end = field.start + shift, field.end + shift
    if registry.fields()[field.field].kind == "text":
        after = spots[at + 1][0].start + spots[at + 1][1] if at + 1 < len(spots) else records.length + 1
        end = after - 1 if end >= after or any(records.held[end + 1 : after]) else end
    return Column(field.field, start, "", end=end)


def _doubt(columns: Sequence[Column], start: int, end: int) -> str:
    """Say which fields beside a new or a lost one are as wide as it is: what they hold can't tell them apart."""
    alike = [c for c in columns if c.end - c.position == end - start]
    first, last = start, end
    beside: list[str] = []
    for column in sorted(alike, key=lambda c: c.position):
        if column.position == last + 1:
            last, beside = column.end, [*beside, column.field]
    for column in sorted(alike, key=lambda c: -c.position):
        if column.end == first - 1:
            first, beside = column.position, [column.field, *beside]
    if not beside:
        return ""
    return f" (or it's one of {', '.join(beside)}, which look like it: compare CMS's record layout)"


def _stands(records: _Records, field: LayoutField, start: int) -> bool:
    cell = pl.col("text").str.slice(start - 1, field.end - field.start + 1)
    share: float = records.text.select(_is_of(registry.fields()[field.field], cell).mean()).item()
    return share >= _FITS


def _strays(records: _Records, columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    """Yield first and last column of each stretch that holds data of no field."""
    taken = {i for column in columns for i in range(column.position, column.end + 1)}
    stray = [i for i in range(1, records.length + 1) if records.held[i] and i not in taken]
    for _, stretch in groupby(enumerate(stray), key=lambda pair: pair[1] - pair[0]):
        found = [i for _, i in stretch]
        yield found[0], found[-1]


def _cuts(candidate: Candidate, lines: pl.DataFrame) -> bool:
    """Return whether the proposed layout cuts the whole file."""
    fields = tuple(LayoutField(c.field, c.position, c.end, None) for c in candidate.columns)
    layout = Layout("", candidate.member, "fixed", candidate.record_length, 0, 0, "", "", fields)
    return text_shape.fit_fixed(layout, lines).cut is not None
