"""A hospital's standard charges in JSON, version 3, and 2 as far as it has the same facts."""

from collections.abc import Iterator
from typing import ClassVar

from msgspec import Struct

from pfsetl.payers.hospital import Charge, Hospital, modifiers_of, rate
from pfsetl.payers.json_file import Members, word
from pfsetl.payers.rate import Rate, RatedService
from pfsetl.payers.told import Told

CHARGES = ("standard_charge_information",)
KNOWN = frozenset({"standard_charge_information", "hospital_name"})
WITHOUT_PAYER = "charges without a payer's rate"
_NOTHING = Charge("", "", None, None, None, "")


class Payer(Struct, gc=False):
    """An element of `payers_information`."""

    payer_name: str | None = None
    plan_name: str | None = None
    methodology: str | None = None
    standard_charge_dollar: float | str | None = None
    standard_charge_percentage: float | str | None = None
    standard_charge_algorithm: str | None = None


class StandardCharge(Struct, gc=False):
    """An element of `standard_charges`."""

    ARRAY: ClassVar[tuple[str, type[Payer]]] = ("payers_information", Payer)
    setting: str | None = None
    billing_class: str | None = None
    modifier_code: list[str] | None = None
    modifiers: list[str] | str | None = None
    payers_information: list[Payer] | None = None


class CodeInformation(Struct, gc=False):
    """A code, and which kind it is."""

    code: str | int | None = None
    type: str | None = None


class Item(Struct, gc=False):
    """An element of `standard_charge_information`."""

    ARRAY: ClassVar[tuple[str, type[StandardCharge]]] = ("standard_charges", StandardCharge)
    code_information: list[CodeInformation] | None = None
    standard_charges: list[StandardCharge] | None = None


RECORDS = {CHARGES: Item}


def rates(members: Members, told: Told) -> Iterator[Rate]:
    """Yield the rates of payers' plans in their order; `row` counts them."""
    name, row = "", 0
    for path, content in members:
        if path == ("hospital_name",):
            name = word(content)
        elif path in (("version",), ("last_updated_on",)):
            if said := word(content):
                told.note(f"the file says {path[0].replace('_', ' ')} {said[:40]}")
        elif path == ("modifier_information",):
            told.note("modifier_information: what modifiers do to other rates isn't used")
        elif path == CHARGES and content:
            for item in content:
                if isinstance(item, str):
                    row += 1
                    yield Rate(row, RatedService("", "", "", ()), "", "", name, None, "not_readable", item)
                    continue
                for line, charge in _charges(item, told):
                    row += 1
                    if isinstance(charge, str):
                        unread = rate(row, line, _NOTHING, name, told)
                        yield unread._replace(amount=None, reason="not_readable", detail=charge)
                    else:
                        yield rate(row, line, charge, name, told)


def _charges(item: Item, told: Told) -> Iterator[tuple[Hospital, Charge | str]]:
    """Yield each plan's charge with its line; for what isn't as the format has it, what is wrong with it."""
    codes = tuple((one.type or "", str(one.code)) for one in item.code_information or () if one.code)
    for one in item.standard_charges or ():
        if isinstance(one, str):
            yield Hospital(codes, "", "", ""), one
            continue
        named = one.modifier_code or ([one.modifiers] if isinstance(one.modifiers, str) else one.modifiers)
        line = Hospital(codes, modifiers_of(named or ()), one.setting or "", one.billing_class or "")
        if not one.payers_information:
            told.leave_out(WITHOUT_PAYER)
        for payer in one.payers_information or ():
            yield line, payer if isinstance(payer, str) else _charge(payer)


def _charge(payer: Payer) -> Charge:
    return Charge(
        payer.payer_name or "", payer.plan_name or "", payer.standard_charge_dollar, payer.standard_charge_percentage,
        payer.standard_charge_algorithm, payer.methodology or "",
    )  # fmt: skip
