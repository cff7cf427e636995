"""One file of declarations, read strictly: every row whole, every key once, dates and numbers that are such."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from pfsetl.errors import ContractError, shown

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Rule:
    """What `schemas/keys.csv` says of a file: the columns of its key, and those of dates, numbers and patterns.

    `intervals` are pairs of dates, first and last day, which the file writes as `from..to`.
    """

    key: tuple[str, ...]
    dates: tuple[str, ...]
    numbers: tuple[str, ...]
    patterns: tuple[str, ...]
    intervals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A file of declarations: its columns, its rows by key, in its order, and the line each begins in."""

    path: Path
    columns: tuple[str, ...]
    by_key: dict[tuple[str, ...], dict[str, str]]
    lines: dict[tuple[str, ...], int]


def rule_of(name: str, keys: Path) -> Rule:
    """Return the rule of a file, e.g. `layouts/pprrvu.csv`: that of the first name in `keys` that fits it."""
    for pattern, rule in _rules(keys):
        if fnmatchcase(name, pattern):
            return rule
    raise ContractError(f"{keys}: no row for {name}. Add one with the columns that tell its rows apart.")


def read(path: Path, rule: Rule) -> Declaration:
    """Read a file of declarations; raises ContractError with file and line for what isn't right in it."""
    columns: tuple[str, ...] = ()
    by_key: dict[tuple[str, ...], dict[str, str]] = {}
    lines: dict[tuple[str, ...], int] = {}
    for line, cells in _records(path):
        if not columns:
            columns = _columns(path, cells, rule)
            continue
        if len(cells) != len(columns):
            raise ContractError(
                f"{path} line {line}: {len(cells)} cells, the header has {len(columns)}. Quote cells that hold a comma."
            )
        row = dict(zip(columns, cells, strict=True))
        if wrong := _wrong(row, rule):
            raise ContractError(f"{path} line {line}: {wrong}")
        key = tuple(row[c] for c in rule.key)
        if key in by_key:
            told = ", ".join(f"{c} {shown(v)}" for c, v in zip(rule.key, key, strict=True))
            raise ContractError(f"{path} line {line}: {told} stands already in line {lines[key]}. Keep one of the two.")
        by_key[key], lines[key] = row, line
    if not columns:
        raise ContractError(f"{path}: empty. Its first line names its columns, {', '.join(rule.key)} among them.")
    return Declaration(path, columns, by_key, lines)


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            start = 1
            for cells in reader:
                if cells:
                    yield start, cells
                start = reader.line_num + 1
    except csv.Error as error:
        raise ContractError(f"{path} line {start}: not csv ({error}). Quote cells that hold a comma.") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{path}: not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise ContractError(f"{path}: not a readable declaration ({error.strerror}). Check path and rights.") from error


def _columns(path: Path, cells: list[str], rule: Rule) -> tuple[str, ...]:
    if len(set(cells)) != len(cells):
        raise ContractError(f"{path} line 1: a column stands twice. Its columns are {','.join(cells)}.")
    needed = (*rule.key, *rule.dates, *rule.numbers, *rule.patterns)
    if missing := [c for c in dict.fromkeys(needed) if c not in cells]:
        what = f"columns {' and '.join(missing)} are" if len(missing) > 1 else f"column {missing[0]} is"
        raise ContractError(f"{path} line 1: the {what} missing. Its first line names them.")
    return tuple(cells)


def _wrong(row: dict[str, str], rule: Rule) -> str | None:
    for column in rule.dates:
        if row[column] and not _is_date(row[column]):
            return f"{column} {shown(row[column])} isn't a day. Write it as 2026-01-31."
    for first, last in rule.intervals:
        if row[first] and row[last] and row[first] > row[last]:
            return f"{first} {row[first]} is after {last} {row[last]}. Write the first day, then the last one."
    for column in rule.numbers:
        if row[column] and not _NUMBER.fullmatch(row[column]):
            return f"{column} {shown(row[column])} isn't a number. Write it as 12 or 0.50."
    for column in rule.patterns:
        try:
            re.compile(row[column])
        except re.error as error:
            return f"{column} {shown(row[column])} isn't a regular expression: {error}. Put \\ before ( ) [ ] . * + ?"
    return None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@cache
def _rules(keys: Path) -> tuple[tuple[str, Rule], ...]:
    with keys.open(encoding="utf-8", newline="") as file:
        return tuple((row["file"], _rule(row)) for row in csv.DictReader(file))


def _rule(row: dict[str, str]) -> Rule:
    days = [tuple(cell.split("..")) for cell in row["dates"].split()]
    return Rule(
        key=tuple(row["key"].split()),
        dates=tuple(name for names in days for name in names),
        numbers=tuple(row["numbers"].split()),
        patterns=tuple(row["patterns"].split()),
        intervals=tuple((names[0], names[1]) for names in days if len(names) > 1),
    )
