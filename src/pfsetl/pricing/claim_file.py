"""Read claim lines from CSV or JSON; each good line becomes a service, each bad one says what is wrong with it."""

import codecs
import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from pfsetl.declared import declarations
from pfsetl.declared.records.services import CLAIM_COLUMNS
from pfsetl.document import Unreadable, read_json
from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean
from pfsetl.pricing.csv_line import beyond, cell_of, over_lines, unclear
from pfsetl.pricing.given import text_of
from pfsetl.pricing.service import Service, service

REQUIRED = ("hcpcs", "date")
COLUMNS = (
    *REQUIRED, "modifiers", "units", "minutes", "locality", "setting", "participant", "practitioner", "charge", "days",
    "documented", "aco", "claim",
)  # fmt: skip
_KNOWN = frozenset(COLUMNS)
_YES_OR_NO = ("documented", "aco")
_SEVERAL = "modifiers"  # the one thing that may stand in several columns
_SEPARATORS = (",", "\t", ";", "|")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MOST_LINES = 100_000
MOST_BYTES = 32 << 20  # 100,000 lines of claims have 10 MB
MOST_CHARACTERS = 1_000_000  # of a line of CSV; one with every column has 150


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One line as read: its number in the file, the claim it belongs to, and its service or what is wrong."""

    number: int
    claim: str
    service: Service | None
    problem: str | None


def read_claim_lines(path: Path, *, unknown_modifiers: bool = False) -> list[ClaimLine]:
    """Read a claim file: CSV with a header, JSON as a list of objects or `{"lines": [...]}`, or an object on each line.

    Columns are `hcpcs` and `date`, and optionally the others of `COLUMNS`, also by the names that claims have for them
    (`schemas/claim_columns.csv`), separated by commas, tabs, semicolons or bars; lines with another
    `claim` are priced apart. Raises UsageError where the file itself can't be read; a bad line is returned with its
    problem.
    """
    try:
        with path.open("rb") as stream:  # a pipe or a device has no size
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(f"{path}: more than {MOST_BYTES:,} bytes. Price it in parts, each claim whole.")
        encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"  # Excel's "Unicode Text" is UTF-16
        text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding).read()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text; save it as CSV UTF-8"
        raise UsageError(f"{path}: {why}. Give a CSV or JSON file of claim lines.") from error
    if "\0" in text[:4]:
        raise UsageError(f"{path}: not UTF-8 text: it has NUL bytes, as UTF-16 has. Save it as UTF-8.")
    entries = _json(path, text) if text.lstrip()[:1] in ("[", "{") else _csv(path, text)
    return claim_lines(entries, unknown_modifiers=unknown_modifiers)


def claim_lines(
    entries: Iterable[tuple[int, Mapping[str, Any] | UsageError]], *, unknown_modifiers: bool = False
) -> list[ClaimLine]:
    """Turn numbered mappings into claim lines; what couldn't be read is given as the UsageError that says why."""
    lines = [_line(number, entry, unknown_modifiers) for number, entry in islice(entries, MOST_LINES + 1)]
    if not lines:
        raise UsageError("no claim lines. Each needs hcpcs and date, like hcpcs=99213, date=2026-02-01.")
    if len(lines) > MOST_LINES:
        raise UsageError(f"more than {MOST_LINES:,} claim lines. Price them in parts, each claim whole.")
    return lines


def _line(number: int, entry: Mapping[str, Any] | UsageError, unknown_modifiers: bool) -> ClaimLine:
    if isinstance(entry, UsageError):
        return ClaimLine(number, "", None, str(entry))
    if not isinstance(entry, Mapping):
        return ClaimLine(
            number, "", None, f"{str(entry)[:40]!r}: not a line of a claim. A line has at least hcpcs and date."
        )
    claim = ""
    try:
        given = _by_meaning(entry)
        claim = _plain("claim", given.pop("claim")).strip() if "claim" in given else ""
        if not given.keys() <= _KNOWN:
            _refuse_unknown(set(given))
        if missing := [name for name in REQUIRED if name not in given]:
            raise UsageError(f"{' and '.join(missing)} missing.")
        code, day = text_of("hcpcs", given.pop("hcpcs")), given.pop("date")
        when = day if isinstance(day, date) else text_of("date", day)
        said = {name: value if type(value) is str else _plain(name, value) for name, value in given.items()}
        one = service(code, when, unknown_modifiers=unknown_modifiers, **said)
        return ClaimLine(number, claim, one, None)
    except UsageError as error:
        return ClaimLine(number, claim, None, str(error))


def _by_meaning(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Put what a line says under the names of `COLUMNS`; several columns of modifiers become one."""
    found: dict[str, Any] = {}
    for (name, meant), value in zip(_meant_by(tuple(entry)), entry.values(), strict=True):
        if value is None or (isinstance(value, str | list) and not value):
            continue
        if meant in found and meant != _SEVERAL:
            raise UsageError(f"{meant} is given twice, once as {name}. Keep one.")
        found[meant] = [*_listed(found[meant]), *_listed(value)] if meant in found else value
    return found


@lru_cache(maxsize=1_000)
def _meant_by(names: tuple[object, ...]) -> tuple[tuple[str, str], ...]:
    """Return each name of a line in small letters, and the column that it means."""
    return tuple((name, _meant(name)) for name in (str(one).strip().lower() for one in names))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _meant(name: str) -> str:
    return _meanings().get(name.replace(" ", "_").replace("/", "_"), name)


@cache
def _meanings() -> Mapping[str, str]:
    """Return the column that each other name of `schemas/claim_columns.csv` stands for."""
    return {row.column: row.means for row in declarations.rows(CLAIM_COLUMNS)}


def _plain(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name in _YES_OR_NO and isinstance(value, bool):
        return "yes" if value else "no"
    if name == "modifiers" and isinstance(value, list):
        return " ".join(_plain(name, one) for one in value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        whole = name != "charge" and math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    return text_of(name, value)


def _refuse_unknown(names: set[str]) -> None:
    for name in sorted(names - set(COLUMNS)):
        hint = did_you_mean(name, COLUMNS, 1)
        raise UsageError(f"column {name!r}: not known.{hint} There are {', '.join(COLUMNS)}.")


def _csv(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any] | UsageError]]:
    _refuse_many(path, text)
    separator = _separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        rows = [(reader.line_num, [cell_of(cell) for cell in row]) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path}: line {reader.line_num}: {error}. Give a CSV file with a header.") from error
    rows = [(number, cells) for number, cells in rows if any(cells)]
    header = [name.lower() for name in rows[0][1]] if rows else []
    meant = [_meant(name) for name in header]
    absent = [name for name in REQUIRED if name not in meant]
    if absent:
        there = ", ".join(filter(None, header))[:300] or "none"
        raise UsageError(
            f"{path}: the header has no {' and no '.join(absent)}. Columns are {', '.join(COLUMNS)}, also by the "
            f"names in {declarations.listed('claim_columns.csv')}. It has {there}."
        )
    _refuse_unknown({name for name in meant if name})
    same = [name for name in header if name and header.count(name) > 1]
    twice = [name for name in COLUMNS if meant.count(name) > 1 and (name != _SEVERAL or same)]
    if twice:
        raise UsageError(f"{path}: the header has {' and '.join(twice)} more than once. Keep one.")
    charge = meant.index("charge") if "charge" in meant else len(header)
    return (
        (number, _named(header, cells, "".join(cells[charge : charge + 1]), separator)) for number, cells in rows[1:]
    )


def _named(header: Sequence[str], cells: Sequence[str], charge: str, separator: str) -> Mapping[str, Any] | UsageError:
    if wrong := beyond(cells, len(header)) or over_lines(cells) or unclear(charge, separator):
        return UsageError(wrong)
    return dict(zip(header, cells, strict=False))


def _separator(text: str) -> str:
    """Return what separates the columns of the header: the one that parts it into most names that are known."""
    header = next((line for line in text.splitlines() if line.strip()), "").lower()
    known = {one: sum(_meant(n.strip().strip('"')) in COLUMNS for n in header.split(one)) for one in _SEPARATORS}
    return max(_SEPARATORS, key=lambda one: known[one])


def _json(path: Path, text: str) -> list[tuple[int, Mapping[str, Any] | UsageError]]:
    try:
        data = read_json(text, MOST_BYTES, any_number=True)
    except Unreadable as error:
        if (lines := _json_lines(text)) is not None:
            return lines
        raise UsageError(f"{path}: not JSON ({error}). Give a list of objects, each with hcpcs and date.") from error
    if isinstance(data, dict) and data and "lines" not in data:
        data = [data]
    entries = data.get("lines") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise UsageError(f'{path}: give a list of objects, or an object with "lines".')
    return [(i, one) for i, one in enumerate(entries[: MOST_LINES + 1], start=1)]


def _refuse_many(path: Path, text: str) -> None:
    """Raise UsageError for more or longer lines than are priced, before each of them is taken apart."""
    lines = text.splitlines()
    filled = sum(1 for line in lines if line)
    if len(lines) > 2 * MOST_LINES + 1 or filled > MOST_LINES + 1:
        raise UsageError(
            f"{path}: {len(lines):,} lines, more than {MOST_LINES:,} claim lines. Price them in parts, each claim "
            "whole."
        )
    long = next((i for i, line in enumerate(lines, start=1) if len(line) > MOST_CHARACTERS), None)
    if long:
        raise UsageError(f"{path}: line {long} has more than {MOST_CHARACTERS:,} characters. Is this a claim file?")


def _json_lines(text: str) -> list[tuple[int, Mapping[str, Any] | UsageError]] | None:
    """Return the objects of JSON Lines (https://jsonlines.org) by line, None where the text isn't that.

    It is that when more than one line is filled and each of them begins and ends as an object does.
    """
    filled = [(i, line.strip()) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if len(filled) < 2 or not all(line.startswith("{") and line.endswith("}") for _, line in filled):
        return None
    return [(number, _entry_of(line)) for number, line in filled]


def _entry_of(line: str) -> Any:
    try:
        return read_json(line, any_number=True)
    except Unreadable as error:
        return UsageError(f"not JSON ({error}).")
