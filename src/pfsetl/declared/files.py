"""One file of declarations, read strictly: every row whole, every cell what its column says, every key once."""

import csv
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, Generic, cast

from pfsetl.declared import cells
from pfsetl.declared.cells import Column
from pfsetl.declared.records.sheet import Key, Row, Sheet
from pfsetl.errors import ContractError, shown


@dataclass(frozen=True, slots=True)
class Declaration(Generic[Row]):
    """A file of declarations: its rows by key as records and as they're written, and the line each begins in."""

    path: Path
    columns: tuple[str, ...]
    by_key: dict[Key, Row]
    texts: dict[Key, dict[str, str]]
    lines: dict[Key, int]


def read(path: Path, sheet: Sheet[Row]) -> Declaration[Row]:
    """Read a file of declarations; raises ContractError with file and line for what isn't right in it."""
    declared = cells.columns(cast("Hashable", sheet.record))
    found: Declaration[Row] = Declaration(path, tuple(declared), {}, {}, {})
    header: tuple[str, ...] = ()
    for line, texts in _lines(path):
        if not header:
            header = _header(path, texts, declared)
            continue
        if len(texts) != len(header):
            raise ContractError(
                f"{path} line {line}: {len(texts)} cells, the header has {len(header)}. Quote cells that hold a comma."
            )
        written = dict(zip(header, texts, strict=True))
        try:
            row = _record(written, sheet, declared)
        except ValueError as error:
            raise ContractError(f"{path} line {line}: {error}") from error
        key = tuple(written[c] for c in sheet.key)
        if key in found.by_key:
            told = ", ".join(f"{c} {shown(v)}" for c, v in zip(sheet.key, key, strict=True))
            raise ContractError(
                f"{path} line {line}: {told} stands already in line {found.lines[key]}. Keep one of the two."
            )
        found.by_key[key], found.lines[key] = row, line
        found.texts[key] = {column: written[column] for column in declared}
    if not header:
        raise ContractError(f"{path}: empty. Its first line names its columns: {','.join(declared)}.")
    return found


def _record(written: Mapping[str, str], sheet: Sheet[Row], declared: Mapping[str, Column]) -> Row:
    values: dict[str, Any] = {}
    for name, column in declared.items():
        text = written[name]
        if text == "":
            if column.empty is MISSING:
                raise ValueError(f"{name} is empty. {_wanted(column)}")
            values[column.field] = column.empty
            continue
        try:
            values[column.field] = column.read(text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error
    filled = [name for name in sheet.together if written[name]]
    if lacking := [name for name in sheet.together if filled and not written[name]]:
        raise ValueError(f"{lacking[0]} is empty, and {', '.join(filled)} isn't. Fill both, or none.")
    _refuse_backwards(sheet, {name: values[column.field] for name, column in declared.items()})
    return sheet.record(**values)


def _refuse_backwards(sheet: Sheet[Any], values: Mapping[str, Any]) -> None:
    if sheet.days:
        first, last = (values[name] for name in sheet.days)
        if first and last and first > last:
            one, other = sheet.days
            raise ValueError(f"{one} {first} is after {other} {last}. Write the first day, then the last one.")
    if sheet.codes:
        low, high = (values[name] for name in sheet.codes)
        if low > high:
            raise ValueError(f"{low} is after {high}. Write the first code, then the last one.")


def _wanted(column: Column) -> str:
    """Return what an empty cell has to hold, as the reader of its column says it of one that fits nothing."""
    try:
        column.read("")
    except ValueError as error:
        return f"Fill it: {error}"
    return "Fill it."


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            start = 1
            for texts in reader:
                if texts:
                    yield start, texts
                start = reader.line_num + 1
    except csv.Error as error:
        raise ContractError(f"{path} line {start}: not csv ({error}). Quote cells that hold a comma.") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise ContractError(f"{path}: not a readable declaration ({error.strerror}). Check path and rights.") from error


def _header(path: Path, names: list[str], declared: Mapping[str, Column]) -> tuple[str, ...]:
    wrong = []
    if len(set(names)) != len(names):
        wrong.append(f"{', '.join(dict.fromkeys(n for n in names if names.count(n) > 1))} stands twice")
    if missing := [name for name in declared if name not in names]:
        wrong.append(f"lacks {', '.join(missing)}")
    if unknown := [name for name in names if name not in declared]:
        wrong.append(f"{', '.join(unknown)} unknown")
    if wrong:
        raise ContractError(f"{path} line 1: {'; '.join(wrong)}. Its columns are {','.join(declared)}.")
    return tuple(names)
