"""Rates in a CSV of one's own: a row each, under the names that claims and payers have for its columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pfsetl.declared import declarations
from pfsetl.declared.records.rates import RATE_COLUMNS
from pfsetl.declared.records.services import CLAIM_COLUMNS
from pfsetl.errors import UsageError
from pfsetl.payers.opening import RatesFile
from pfsetl.payers.rate import BOTH, Rate, RatedService, amount_of, of_code_type
from pfsetl.payers.told import Told
from pfsetl.pricing.csv_line import beyond, cell_of, over_lines, unclear
from pfsetl.pricing.given import code_of
from pfsetl.tables.derive import SETTINGS

COLUMNS = ("hcpcs", "rate", "modifiers", "setting", "payer", "plan", "provider", "date", "locality", "code_type")
REQUIRED = ("hcpcs", "rate")
_JOINED = ("modifiers", "provider")  # what may stand in several columns
_BETWEEN = re.compile(r"[\s,;/|]+")
_NON = re.compile(r"non[\s-]*fac")
_BOTH = ("both", "both settings", "all", BOTH)


def rates(file: RatesFile, header: Sequence[str], lines: Iterator[tuple[int, list[str]]], told: Told) -> Iterator[Rate]:
    """Yield the rates of a CSV; a row that can't be used is one with a reason.

    Raises UsageError where the header has no code or no rate, or one of them twice.
    """
    at = _columns(file, header, told)
    for number, cells in lines:
        found = {
            name: " ".join(cell_of(cells[i]) for i in places if i < len(cells)).strip() for name, places in at.items()
        }
        one = _rate(number, found, told.separator)
        over = (over_lines([cell], name) for name, cell in found.items())
        wrong = beyond(cells, len(header)) or next(filter(None, over), None)
        yield one._replace(amount=None, reason="not_readable", detail=wrong) if wrong else one


def _rate(number: int, found: Mapping[str, str], separator: str) -> Rate:
    amount, reason, detail = amount_of(found["rate"])
    if found["rate"].endswith("%"):
        amount, reason, detail = None, "percentage_of_charge", found["rate"]
    elif wrong := unclear(found["rate"], separator):
        amount, reason, detail = None, "rate_not_a_number", wrong
    kind = found.get("code_type", "").upper()
    service = RatedService(
        kind,
        code_of(found["hcpcs"]),
        " ".join(name for name in _BETWEEN.split(found.get("modifiers", "").upper()) if name),
        _where(found.get("setting", "")),
        found.get("date", ""),
        found.get("locality", ""),
        of_code_type(kind),
    )
    payer, plan, provider = (found.get(name, "") for name in ("payer", "plan", "provider"))
    return Rate(number, service, payer, plan, provider, amount, reason, detail)


@cache
def _where(text: str) -> tuple[str, ...]:
    """Return the settings and places of service of a cell; outside a facility where it's empty, as for a price."""
    if text.lower() in _BOTH:
        return SETTINGS
    plain = _NON.sub("nonfac", text.lower())
    names = tuple(name for name in _BETWEEN.split(plain) if name) or ("nonfacility",)
    settings = [name for name in names if name in SETTINGS]
    of_words = settings and any(name not in SETTINGS and not name.isdigit() for name in names)
    return (plain,) if of_words else names  # what stands before a word may turn it round


def _columns(file: RatesFile, header: Sequence[str], told: Told) -> dict[str, list[int]]:
    at: dict[str, list[int]] = {}
    unused = []
    for i, name in enumerate(header):
        meant = meaning(name)
        if meant in COLUMNS:
            at.setdefault(meant, []).append(i)
        elif name:
            unused.append(name)
    if absent := [name for name in REQUIRED if name not in at]:
        raise UsageError(
            f"{file.path}: the header has no {' and no '.join(absent)}. It has "
            f"{', '.join(name for name in header if name)[:300]}. Columns are {', '.join(COLUMNS)}, also by the names "
            f"in {declarations.listed('rate_columns.csv')} and {declarations.listed('claim_columns.csv')}."
        )
    if twice := [name for name, places in at.items() if len(places) > 1 and name not in _JOINED]:
        raise UsageError(f"{file.path}: the header has {' and '.join(twice)} more than once. Keep one of each.")
    if unused:
        told.note(f"columns that aren't used: {', '.join(unused)[:300]}")
    if "setting" not in at:
        told.note("no column of settings: every rate is taken as outside a facility")
    return at


def meaning(name: str) -> str:
    """Return the column that a heading means, the heading itself in small letters where none does."""
    text = name.strip().lower().replace(" ", "_").replace("/", "_")
    return _meanings().get(text, text)


@cache
def _meanings() -> Mapping[str, str]:
    claims = {row.column: row.means for row in declarations.rows(CLAIM_COLUMNS) if row.means != "charge"}
    return claims | {row.column: row.means for row in declarations.rows(RATE_COLUMNS)}
