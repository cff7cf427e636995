"""A hospital's standard charges in JSON, version 3, and 2 as far as it has the same facts."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from pfsetl.payers.hospital import Charge, Hospital, modifiers_of, rate
from pfsetl.payers.json_file import Members
from pfsetl.payers.rate import Rate, Service
from pfsetl.payers.told import Told

CHARGES = ("standard_charge_information",)
KNOWN = frozenset({"standard_charge_information", "hospital_name"})
WITHOUT_PAYER = "charges without a payer's rate"


class Payer(Struct, gc=False):
    """An element of `payers_information`."""

    payer_name: str = ""
    plan_name: str = ""
    methodology: str = ""
    standard_charge_dollar: float | str | None = None
    standard_charge_percentage: float | str | None = None
    standard_charge_algorithm: str | None = None


class StandardCharge(Struct, gc=False):
    """An element of `standard_charges`."""

    setting: str = ""
    billing_class: str = ""
    modifier_code: list[str] = []
    modifiers: list[str] | str = []
    payers_information: list[Payer] = []


class CodeInformation(Struct, gc=False):
    """A code, and which kind it is."""

    code: str | int = ""
    type: str = ""


class Item(Struct, gc=False):
    """An element of `standard_charge_information`."""

    code_information: list[CodeInformation] = []
    standard_charges: list[StandardCharge] = []


RECORDS = {CHARGES: Item}


def rates(members: Members, told: Told) -> Iterator[Rate]:
    """Yield the rates of payers' plans in their order; `row` counts them."""
    name, row = "", 0
    for path, content in members:
        if path == ("hospital_name",):
            name = str(msgspec.json.decode(content))
        elif path in (("version",), ("last_updated_on",)):
            told.note(f"the file says {path[0].replace('_', ' ')} {str(msgspec.json.decode(content))[:40]}")
        elif path == ("modifier_information",):
            told.note("modifier_information: what modifiers do to other rates isn't used")
        elif path == CHARGES and content:
            for item in content:
                if isinstance(item, str):
                    row += 1
                    yield Rate(row, Service("", "", "", ()), "", "", name, None, "not_readable", item)
                    continue
                for line, charge in _charges(item, told):
                    row += 1
                    yield rate(row, line, charge, name, told)


def _charges(item: Item, told: Told) -> Iterator[tuple[Hospital, Charge]]:
    codes = tuple((one.type, str(one.code)) for one in item.code_information if one.code)
    for one in item.standard_charges:
        named = one.modifier_code or ([one.modifiers] if isinstance(one.modifiers, str) else one.modifiers)
        line = Hospital(codes, modifiers_of(named), one.setting, one.billing_class)
        if not one.payers_information:
            told.leave_out(WITHOUT_PAYER)
        for payer in one.payers_information:
            yield line, Charge(
                payer.payer_name, payer.plan_name, payer.standard_charge_dollar, payer.standard_charge_percentage,
                payer.standard_charge_algorithm, payer.methodology,
            )  # fmt: skip
