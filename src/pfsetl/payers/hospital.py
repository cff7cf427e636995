"""What a hospital's charge for a payer's plan is: dollars, or why it can't be put beside the physician schedule.

Settings of a hospital are facilities. Of several codes the first CPT or HCPCS code counts.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from pfsetl.payers.rate import DOLLARS, Rate, RatedService, amount_of, of_code_type, share_of_charge, terms
from pfsetl.payers.told import Told
from pfsetl.pricing.given import code_of

FILE = "hospital"
SEVERAL_CODES = "a line has several CPT or HCPCS codes: it's compared by the first"
Code = tuple[str, str]  # type and code


class Charge(NamedTuple):
    """What a hospital says of one service for one plan of a payer."""

    payer: str
    plan: str
    dollars: float | str | None
    percentage: float | str | None
    algorithm: str | None
    methodology: str


class Hospital(NamedTuple):
    """What a line of a hospital's file says of all its plans."""

    codes: tuple[Code, ...]
    modifiers: str
    setting: str
    billing_class: str


def rate(row: int, line: Hospital, charge: Charge, name: str, told: Told) -> Rate:
    """Return the rate of one plan for a line."""
    amount, reason, detail = _amount(charge)
    of_schedule = [kind for kind, _ in line.codes if not of_code_type(kind)]
    if len(of_schedule) > 1:
        told.note(SEVERAL_CODES)
    if not line.codes:
        amount, reason, detail = None, "not_a_code", "no code is given; it may say what a modifier does to other rates"
    elif line.billing_class and (meant := _means("billing_class", line.billing_class)) != DOLLARS:
        reason, detail = meant, line.billing_class
    return Rate(row, _service(line), charge.payer, charge.plan, name, amount, reason, detail)


def _amount(charge: Charge) -> tuple[int | None, str | None, str | None]:
    if charge.dollars in (None, ""):
        if charge.percentage not in (None, ""):
            return None, "percentage_of_charge", share_of_charge(charge.percentage)
        return None, "algorithm" if charge.algorithm else "no_rate", (charge.algorithm or "")[:200] or None
    amount, reason, detail = amount_of(charge.dollars)
    meant = _means("methodology", charge.methodology)
    if reason is None and meant not in (DOLLARS, "percentage_of_charge"):
        return amount, meant, charge.methodology
    return amount, reason, detail


@lru_cache(maxsize=100_000)
def _service(line: Hospital) -> RatedService:
    kind, code = next(
        (one for one in line.codes if not of_code_type(one[0])), line.codes[0] if line.codes else ("", "")
    )
    where = _means("setting", line.setting)
    return RatedService(
        kind.upper(), code_of(code), line.modifiers, (where if where == "facility" else line.setting,),
        reason=of_code_type(kind),
    )  # fmt: skip


def _means(field: str, word: str) -> str:
    """Return what a word means; one that the schema doesn't have is taken as dollars."""
    return terms(FILE).get((field, word.strip().lower()), DOLLARS)


def modifiers_of(names: Sequence[str]) -> str:
    """Return modifiers apart by blanks, also those that stand in one text, `50|62`."""
    return " ".join(part for name in names for part in str(name).upper().replace("|", " ").replace(",", " ").split())
