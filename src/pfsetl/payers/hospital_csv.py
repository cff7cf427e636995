"""A hospital's standard charges as CSV, version 3 and 2: tall (a plan each line) or wide (plans side by side)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pfsetl.errors import UsageError
from pfsetl.payers.hospital import Charge, Code, Hospital, modifiers_of, rate
from pfsetl.payers.hospital_json import WITHOUT_PAYER
from pfsetl.payers.opening import WORKS, RatesFile
from pfsetl.payers.rate import Rate
from pfsetl.payers.told import Told
from pfsetl.pricing.csv_line import beyond, over_lines

Lines = Iterator[tuple[int, list[str]]]
FIRST = "hospital_name"  # in the first line, whose values are in the second; columns are named in the third
_NEGOTIATED = {
    "negotiated_dollar": "dollars", "negotiated_percentage": "percentage", "negotiated_algorithm": "algorithm",
    "methodology": "methodology",
}  # fmt: skip
_CHARGE = "standard_charge"


class _Plan(NamedTuple):
    """Where a plan's charge stands; of a tall file payer and plan are columns, too."""

    payer: str
    plan: str
    at: Mapping[str, int]


def is_hospital(first: Sequence[str]) -> bool:
    """Return whether the first line of a CSV is that of a hospital's file."""
    return FIRST in (_name(cell) for cell in first)


def rates(file: RatesFile, first: Sequence[str], lines: Lines, told: Told) -> Iterator[Rate]:
    """Yield the rates of payers' plans with the numbers of their lines; raises UsageError for another shape."""
    about = dict(zip(map(_name, first), next(lines, (2, []))[1], strict=False))
    for what in ("version", "last_updated_on"):
        if about.get(what):
            told.note(f"the file says {what.replace('_', ' ')} {about[what][:40]}")
    header = [_name(cell) for cell in next(lines, (3, []))[1]]
    plain = {name: at for at, name in reversed(list(enumerate(header)))}
    plans = _plans(header, plain)
    codes = [
        (plain[name], plain.get(f"{name}|type")) for name in plain if name.startswith("code|") and name[5:].isdigit()
    ]
    if not codes or not plans:
        lacking = "negotiated charges" if codes else "code|1"
        raise UsageError(
            f"{file.path}: a hospital's file whose third line has no {lacking}. "
            f"It has {', '.join(header)[:300] or 'nothing'}. {WORKS}"
        )
    codes.sort()
    used = _used(plain, codes, plans)
    for number, cells in lines:
        wrong = beyond(cells, len(header)) or over_lines(cells[at] for at in used if at < len(cells))
        own = [*cells, *[""] * (len(header) - len(cells))]
        line = Hospital(
            _codes(own, codes), *(_cell(own, plain, name) for name in ("modifiers", "setting", "billing_class"))
        )
        line = line._replace(modifiers=modifiers_of([line.modifiers]))
        charges = [charge for plan in plans if (charge := _charge(own, plan)) is not None]
        if not charges:
            told.leave_out(WITHOUT_PAYER)
        for charge in charges:
            one = rate(number, line, charge, about.get(FIRST, ""), told)
            yield one._replace(amount=None, reason="not_readable", detail=wrong) if wrong else one


def _plans(header: Sequence[str], plain: Mapping[str, int]) -> list[_Plan]:
    if "payer_name" in plain:
        tall = {meant: at for name, meant in _NEGOTIATED.items() if (at := plain.get(f"{_CHARGE}|{name}")) is not None}
        return [_Plan("", "", tall | {name: plain[name] for name in ("payer_name", "plan_name") if name in plain})]
    wide: dict[tuple[str, str], dict[str, int]] = {}
    for at, name in enumerate(header):
        parts = name.split("|")
        if len(parts) == 4 and parts[0] == _CHARGE and parts[3] in _NEGOTIATED:
            wide.setdefault((parts[1], parts[2]), {})[_NEGOTIATED[parts[3]]] = at
    return [_Plan(payer, plan, at) for (payer, plan), at in wide.items()]


def _used(plain: Mapping[str, int], codes: Sequence[tuple[int, int | None]], plans: Sequence[_Plan]) -> list[int]:
    """Return where cells stand that say what a rate is for, whose and how much; a rule in words may be long."""
    named = [at for name in ("modifiers", "setting", "billing_class") if (at := plain.get(name)) is not None]
    of_plans = [at for plan in plans for name, at in plan.at.items() if name != "algorithm"]
    return [*named, *of_plans, *(at for pair in codes for at in pair if at is not None)]


def _charge(cells: Sequence[str], plan: _Plan) -> Charge | None:
    """Return what a line says of a plan, None where it says nothing."""
    found = {name: cells[at] for name, at in plan.at.items()}
    payer, named = found.get("payer_name", plan.payer), found.get("plan_name", plan.plan)
    dollars, percentage = found.get("dollars", ""), found.get("percentage", "")
    algorithm, methodology = found.get("algorithm", ""), found.get("methodology", "")
    if not (dollars or percentage or algorithm or (payer and "payer_name" in plan.at)):
        return None
    return Charge(payer, named, dollars, percentage, algorithm, methodology)


def _codes(cells: Sequence[str], at: Sequence[tuple[int, int | None]]) -> tuple[Code, ...]:
    return tuple((cells[kind] if kind is not None else "", cells[code]) for code, kind in at if cells[code])


def _cell(cells: Sequence[str], at: Mapping[str, int], name: str) -> str:
    return cells[at[name]] if name in at else ""


def _name(cell: str) -> str:
    """Return a heading in small letters without blanks around its bars; payers and plans keep their letters."""
    parts = [part.strip() for part in cell.strip().split("|")]
    if len(parts) == 4:
        return "|".join([parts[0].lower(), parts[1], parts[2], parts[3].lower()])
    return "|".join(part.lower() for part in parts)
