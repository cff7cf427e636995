"""What a file of rates says: one rate, the service that it's for, and why a rate can't be put beside Medicare's."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.rates import RATE_TERMS

DOLLARS, BOTH = "dollars", "both_settings"
# Why a row has no percentage: every reason there is, and what it says.
REASONS: Mapping[str, str] = {
    "percentage_of_charge": "a share of what is billed, not dollars",
    "per_diem": "dollars for a day",
    "case_rate": "dollars for a case with all its services",
    "bundle": "dollars for several services together",
    "capitation": "dollars for a member, whatever is done",
    "algorithm": "a rule in words",
    "institutional": "for a facility, which the physician schedule doesn't pay",
    "no_rate": "no rate is given",
    "rate_not_a_number": "the rate isn't dollars below ten billion",
    "rate_not_positive": "the rate is zero or less",
    "not_a_code": "not five letters or digits, as a spreadsheet may have left it",
    "not_in_schedule": "not a code of the physician schedule of the day",
    "setting_unknown": "no setting, or a place of service that CMS's table lacks",
    "modifier_unknown": "a modifier that isn't declared",
    "place_unknown": "no such locality",
    "day_not_priced": "no published release prices the day",
    "priced_by_time": "anesthesia, priced by minutes",
    "no_medicare_price": "Medicare has no price for it; `detail` says why",
    "not_priced_as_asked": "Medicare doesn't price it so; `detail` says why",
    "provider_group_missing": "none of its provider groups is in the file",
    "not_readable": "not as the format has it; `detail` says where",
}
REASON = pl.Enum(list(REASONS))
PLACES = 4  # decimals of a rate
_MOST = 10**10 * 10**PLACES
_DOLLARS = re.compile(r"-?\$?-?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?")
_CODE = re.compile(r"[0-9A-Z]{5}")


class RatedService(NamedTuple):
    """What a rate is for, as the file has it; rates of one service have one price of Medicare.

    `where` are settings and places of service; `day` and `locality` are "" where the file leaves them to the caller.
    `reason` is why no such service has a price here, and `why` what says so, where it isn't the type of its code.
    `item` numbers an entry that names its code after its rates.
    """

    code_type: str
    code: str
    modifiers: str
    where: tuple[str, ...]
    day: str = ""
    locality: str = ""
    reason: str = ""
    why: str = ""
    item: int = 0


class Rate(NamedTuple):
    """One rate of a file; `amount` is dollars x 10,000, None with a reason or where the text wasn't looked at."""

    row: int
    service: RatedService
    payer: str
    plan: str
    provider: str
    amount: int | None
    reason: str | None = None
    detail: str | None = None
    expires: date | None = None


@cache
def terms(file: str) -> Mapping[tuple[str, str], str]:
    """Return what each word of a kind of file means, by field and word in small letters (`schemas/rate_terms.csv`)."""
    rows = declarations.rows(RATE_TERMS)
    return {(row.field, row.value.lower()): row.means for row in rows if row.file in (file, "any")}


@cache
def of_code_type(kind: str) -> str:
    """Return why codes of a type have no price here, "" for CPT and HCPCS, and where a file doesn't say the type.

    >>> of_code_type("MS-DRG"), of_code_type("CPT")
    ('not_in_schedule', '')
    """
    meant = terms("any").get(("code_type", kind.strip().lower()), "not_in_schedule" if kind.strip() else DOLLARS)
    return "" if meant == DOLLARS else meant


def amount_of(value: float | str | None) -> tuple[int | None, str | None, str | None]:
    """Return a rate in ten-thousandths of a dollar, half up, or the reason why it's none and what was there.

    A float is read as the shortest decimal that it stands for, which is what JSON had up to 15 digits.

    >>> amount_of("$1,234.50"), amount_of(0.01), amount_of("N/A")[1], amount_of(0)[1]
    ((12345000, None, None), (100, None, None), 'rate_not_a_number', 'rate_not_positive')
    """
    if isinstance(value, float) and 0 < value < 1e9 and (quick := round(value * 10**PLACES)) / 10**PLACES == value:
        return quick, None, None
    text = str(value if value is not None else "").strip()
    if not text:
        return None, "no_rate", None
    if not _DOLLARS.fullmatch(text):
        return None, "rate_not_a_number", text[:80]
    try:
        scaled = Decimal(text.replace("$", "").replace(",", "")).scaleb(PLACES)
    except InvalidOperation:
        return None, "rate_not_a_number", text[:80]
    if scaled >= _MOST:
        return None, "rate_not_a_number", text[:80]
    units = int(scaled.to_integral_value(ROUND_HALF_UP))
    return (units, None, None) if units > 0 else (None, "rate_not_positive", text[:80])


def share_of_charge(value: float | str | None) -> str:
    """Return a percentage of what is billed in words.

    >>> share_of_charge(65.0), share_of_charge(123.4567), share_of_charge("75.5")
    ('65 % of what is billed', '123.4567 % of what is billed', '75.5 % of what is billed')
    """
    return f"{str(value).removesuffix('.0') if isinstance(value, float) else value} % of what is billed"


def is_code(text: str) -> bool:
    """Return whether a text has the form of a CPT or HCPCS code."""
    return bool(_CODE.fullmatch(text))
