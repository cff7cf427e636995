"""Records of the shapes in which CMS has published its members, and of how a cell becomes a value."""

import re
from dataclasses import dataclass
from typing import Literal

from pfsetl.declared.records.sheet import MEMBER, TABLE, LinearPattern, Name, Reference, Sheet

_ANY = LinearPattern("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRow:
    """One shape in which CMS has published a member: records of fixed length, a grid, or lines that fit a pattern."""

    layout: str
    member: Name
    medium: Literal["fixed", "grid", "grid_without_header", "line"]
    record_length: int = 0
    header_above: int = 0
    header_below: int = 0
    line: LinearPattern = _ANY
    valid_for: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if (self.medium == "fixed") != (self.record_length > 0):
            raise ValueError(f"record_length {self.record_length}: medium fixed has one, others none. Correct it.")
        if (self.medium == "line") != bool(self.line):
            raise ValueError("line: medium line has a pattern, others none. Correct medium or line.")


SHAPES = Sheet("layouts/shapes.csv", ShapeRow, ("layout",), refers=(Reference("member", MEMBER),))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutRow:
    """One field of a layout: columns `start` to `end` of a record, or the column at `start` with its heading."""

    layout: str
    field: Name
    start: int
    end: int | None = None
    header: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        if self.start < 1:
            raise ValueError(f"start {self.start}: columns are counted from 1. Write 1 or more.")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}. Write the first column, then the last one.")


def layout_sheet(name: str) -> Sheet[LayoutRow]:
    """Return what is said of the layouts of one member, `layouts/pprrvu.csv`."""
    return Sheet(
        name, LayoutRow, ("layout", "field"),
        refers=(
            Reference("layout", (("layouts/shapes.csv", "layout"),)),
            Reference("field", (("fields.csv", "field"),)),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """How a raw cell becomes a value: kind, decimals (`scale`), digits before them (`whole`), zero padding, pattern.

    `whole` are the digits a number may have before its point, so that it fits the contract's column. `price` says that
    a price is made of it: a wrong value changes what is paid, or whether.
    """

    field: Name
    kind: Literal["code", "text", "name", "flag", "decimal", "dollars"]
    scale: int = 0
    whole: int = 0
    pad: int = 0
    pattern: LinearPattern = _ANY
    price: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        number = self.kind in ("decimal", "dollars")
        if number and (self.scale < 1 or self.whole < 1):
            raise ValueError(f"scale {self.scale}, whole {self.whole}: kind {self.kind} has 1 or more of both.")
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
    why: str


COLUMNS = Sheet(
    "columns.csv",
    ColumnRow,
    ("table", "column"),
    refers=(
        Reference("table", TABLE),
        Reference("column", (("contract", "column"),), only=("how", "derived")),
    ),
)
