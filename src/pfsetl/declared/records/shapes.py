"""Records of the shapes in which CMS has published its members, and of how a cell becomes a value."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from pfsetl.declared.records.sheet import (
    MEMBER,
    TABLE,
    Characters,
    Clash,
    Digits,
    Fits,
    Key,
    Layout,
    LinearPattern,
    Lines,
    Name,
    Prose,
    Read,
    Reference,
    Sheet,
)

_ANY = LinearPattern("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRow:
    """One shape in which CMS has published a member: records of fixed length, a grid, or lines that fit a pattern."""

    layout: Layout
    member: Name
    medium: Literal["fixed", "grid", "grid_without_header", "line"]
    record_length: Characters = 0
    header_above: Lines = 0
    header_below: Lines = 0
    line: LinearPattern = _ANY
    valid_for: Annotated[str, Fits(r"(?=.*[0-9]).{4,100}", "the years it's of, such as 2011-2025")] = ""
    source: Prose = ""

    def __post_init__(self) -> None:
        if (self.medium == "fixed") != (self.record_length > 0):
            raise ValueError(f"record_length {self.record_length}: medium fixed has one, others none. Correct it.")
        if (self.medium == "line") != bool(self.line):
            raise ValueError("line: medium line has a pattern, others none. Correct medium or line.")


SHAPES = Sheet("layouts/shapes.csv", ShapeRow, ("layout",), refers=(Reference("member", MEMBER),))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRow:
    """One field of a layout: columns `start` to `end` of a record, or the column at `start` with its heading."""

    layout: Layout
    field: Name
    start: Characters
    end: Characters | None = None
    header: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        if self.start < 1:
            raise ValueError(f"start {self.start}: columns are counted from 1. Write 1 or more.")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}. Write the first column, then the last one.")


def layout_sheet(name: str) -> Sheet[LayoutRow]:
    """Return what is said of the layouts of one member, `layouts/pprrvu.csv`."""
    member = name.removeprefix("layouts/").removesuffix(".csv")
    return Sheet(
        name, LayoutRow, ("layout", "field"),
        refers=(
            Reference("layout", (("layouts/shapes.csv", "layout"),), of=("member", member)),
            Reference("field", (("fields.csv", "field"),)),
        ),
        check=_in_record,
    )  # fmt: skip


def _in_record(rows: Mapping[Key, LayoutRow], read: Read) -> Iterator[Clash]:
    """Yield fields that aren't as their medium has them: columns of a record, or the next column under a heading."""
    medium = {row.layout: row.medium for row in read(SHAPES)}
    length = {row.layout: row.record_length for row in read(SHAPES)}
    ordered = sorted(rows.items(), key=lambda one: (one[1].layout, one[1].start))
    number: Counter[str] = Counter()
    for key, row in ordered:
        number[row.layout] += 1
        how = medium[row.layout]
        for column, wanted in (("end", how == "fixed"), ("header", how == "grid")):
            if (getattr(row, column) is not None) != wanted:
                does = "has one" if wanted else "has none"
                yield key, key, f"{column} of {row.field}: a field of {row.layout}, medium {how}, {does}. Correct it."
        if how != "fixed" and row.start != number[row.layout]:
            yield key, key, (
                f"start {row.start} of {row.field}: the columns of {row.layout} are 1, 2, 3 and so on, and this is the "
                f"{number[row.layout]}. one. Correct it."
            )  # fmt: skip
        if (end := row.end or row.start) > (most := length.get(row.layout, 0)) > 0:
            yield (
                key,
                key,
                f"{row.field} ends in column {end}, a record of {row.layout} has {most}. Correct one of both.",
            )
    for (one, row), (other, beside) in pairwise(ordered):
        if row.layout == beside.layout and beside.start <= (row.end or row.start):
            yield one, other, (
                f"{row.field} and {beside.field} have column {beside.start} of {row.layout} in common. Part them."
            )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """How a raw cell becomes a value: kind, decimals (`scale`), digits before them (`whole`), zero padding, pattern.

    `whole` are the digits a number may have before its point, so that it fits the contract's column. `price` says that
    a price is made of it: a wrong value changes what is paid, or whether.
    """

    field: Name
    kind: Literal["code", "text", "name", "flag", "decimal", "dollars"]
    scale: Digits = 0
    whole: Digits = 0
    pad: Digits = 0
    pattern: LinearPattern = _ANY
    price: bool = False
    note: Prose = ""

    def __post_init__(self) -> None:
        number = self.kind in ("decimal", "dollars")
        if number and (self.scale < 1 or self.whole < 1):
            raise ValueError(f"scale {self.scale}, whole {self.whole}: kind {self.kind} has 1 or more of both.")
        if self.scale + self.whole > 9:
            raise ValueError(f"scale {self.scale}, whole {self.whole}: a number has 9 digits at most. Write fewer.")
        if self.pad and not re.fullmatch(self.pattern, "0" * self.pad):
            raise ValueError(
                f"pad {self.pad}: pattern {self.pattern!r} doesn't fit {self.pad} characters. Correct one of the two."
            )
        if number and self.pattern:
            raise ValueError(f"pattern {self.pattern!r}: kind {self.kind} has none, scale and whole say all.")
        if self.kind in ("code", "flag") and not self.pattern:
            raise ValueError(f"pattern '': kind {self.kind} has one. Write what its cells look like, as [0-9A-Z]{{5}}.")


FIELDS = Sheet("fields.csv", FieldRow, ("field",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow:
    """A column of a source table that code derives, or a field that isn't published under its own name."""

    table: Name
    column: Name
    how: Literal["derived", "elsewhere", "not_published"]
    why: Prose


COLUMNS = Sheet(
    "columns.csv",
    ColumnRow,
    ("table", "column"),
    refers=(
        Reference("table", TABLE),
        Reference("column", (("contract", "column"),), only=("how", "derived")),
    ),
)
