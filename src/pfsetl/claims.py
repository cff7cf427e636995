"""Claim lines priced together: modifiers, multiple procedures, practitioner, charge, sequestration.

Lines come priced alone; every factor, its dates and its source are rows of `schemas/reductions.csv`. A claim is what
one practice did for one patient. Each step rounds to cents, half up, on the line's total.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache

from pfsetl import declarations
from pfsetl.exact import share_of

_COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # rules on the technical and the professional part
_ROLES = ("assistant_surgeon", "co_surgeons", "team_surgery")


@dataclass(frozen=True, slots=True)
class Line:
    """One claim line, priced alone: amounts are cents for one unit, None where there is none."""

    number: int
    hcpcs: str
    modifiers: tuple[str, ...]
    units: int
    date: date
    payment: int | None  # of the row priced (blank, 26, TC or 53), after the imaging cap
    reason: str | None  # why there is no payment
    technical: int | None  # payment of the code's TC row
    professional: int | None  # payment of the code's 26 row
    therapy: int | None  # payment with the practice expense of a second and later unit
    base_payment: int | None  # of the endoscopic base code, same setting and place
    endoscopic_base: str | None
    multiple_procedure: str | None
    bilateral: str | None
    assistant_surgeon: str | None
    co_surgeons: str | None
    team_surgery: str | None
    imaging_family: str | None
    pctc: str | None
    preoperative: Decimal
    intraoperative: Decimal
    postoperative: Decimal
    practitioner: str = "physician"
    facility: bool = False
    charge: int | None = None  # billed for the whole line
    row_modifier: str = ""  # modifier of the row that `payment` is from
    uncapped_technical: int | None = None  # TC before the imaging cap, where they differ: reduced first, then capped


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that touched a line: the total before and after, in cents."""

    rule: str
    text: str
    numerator: int
    denominator: int
    before: int
    after: int
    source: str


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What Medicare allows for a line, or why nothing; `sequestration` is cents off its payment, not off `allowed`."""

    line: Line
    allowed: int | None
    reason: str | None
    steps: tuple[Step, ...]
    sequestration: int


@dataclass(frozen=True, slots=True)
class Reduction:
    """One row of `schemas/reductions.csv`: a share, or the reason (`outcome`) why there is no payment."""

    rule: str
    indicator: str
    modifiers: tuple[str, ...]
    part: str
    setting: str
    rank_from: int
    rank_to: int | None
    numerator: int
    denominator: int
    outcome: str
    effective_from: date
    effective_to: date
    certainty: str
    source: str


# Which indicator of a line each rule goes by; the multiple-procedure indicator where it isn't here.
_INDICATORS: Mapping[str, Callable[[Line], str | None]] = {
    "bilateral": lambda line: line.bilateral,
    "assistant_surgeon": lambda line: line.assistant_surgeon,
    "co_surgeons": lambda line: line.co_surgeons,
    "team_surgery": lambda line: line.team_surgery,
    "practitioner": lambda line: line.practitioner,
    "part": lambda line: line.pctc,
    "not_a_family": lambda line: line.imaging_family,
}


def price_claim(lines: Sequence[Line]) -> tuple[PricedLine, ...]:
    """Return the lines with what Medicare allows for each, in the order given; that order has no effect."""
    bases = frozenset(line.endoscopic_base for line in lines if _find("endoscopy", line) and line.endoscopic_base)
    priced = [_alone(line) for line in lines]
    priced = _in_groups(priced, lambda line: _family(line, bases), _pay_endoscopies)
    priced = _in_groups(priced, _surgeon, lambda group: _rank_surgery(group, bases))
    priced = _in_groups(priced, _component_session, _reduce_parts)
    priced = _in_groups(priced, lambda line: line.date if _find("therapy", line, 2) else None, _reduce_therapy)
    return tuple(_finish(one) for one in priced)


def therapy_share(day: date, *, facility: bool) -> tuple[int, int] | None:
    """Return the share of practice expense paid for a second and later therapy unit, None before the rule began.

    >>> therapy_share(date(2020, 7, 1), facility=False)
    (50, 100)
    """
    found = next((rule for rule in _rules("therapy", day) if rule.setting in ("", _setting(facility))), None)
    return (found.numerator, found.denominator) if found else None


def practitioners() -> tuple[str, ...]:
    """Return the kinds of practitioner that a line can name."""
    return tuple(dict.fromkeys(row.indicator for row in _reductions() if row.rule == "practitioner" and row.indicator))


def _alone(line: Line) -> PricedLine:
    """Multiply by units and sides, and leave out of any ranking what isn't paid."""
    if line.payment is None:
        return PricedLine(line, None, line.reason or "no_payment", (), 0)
    one = PricedLine(line, line.payment * line.units, None, (), 0)
    # A discontinued service with a row of its own is paid by that row.
    rest = replace(line, modifiers=tuple(name for name in line.modifiers if name != line.row_modifier))
    for rule in (*_ROLES, "reduced", "bilateral", "practitioner"):
        found = _find(rule, rest)
        if (found and found.outcome) or (found is None and _named(rule, rest)):
            return _refuse(one, found.outcome if found else f"{rule}_not_applicable")
    if _named("global_split", line) and not line.preoperative + line.intraoperative + line.postoperative:
        return _refuse(one, "no_global_package")
    sides = _find("bilateral", line)
    return _share(one, sides, f"both sides, indicator {sides.indicator}") if sides else one


def _pay_endoscopies(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest of a family in full, the others less the base procedure, the base procedure not at all."""
    base = next((one.line.endoscopic_base for one in group if _find("endoscopy", one.line)), None)
    members = sorted((one for one in group if one.line.hcpcs != base), key=_order)
    rule = _find("endoscopy", members[0].line) if members and len(group) > 1 else None
    if rule is None:
        return group
    results = []
    for one in group:
        before, less = _amount(one), _scaled(one.line, one.line.base_payment or 0)
        if one.line.hcpcs == base:
            results.append(_step(one, rule, 0, f"base procedure, included in {members[0].line.hcpcs}", (0, 1)))
        elif one is members[0]:
            results.append(_step(one, rule, before, f"highest of the family of {base}"))
        elif one.line.base_payment is None:
            results.append(_refuse(one, "endoscopic_base_not_priced"))
        else:
            results.append(_step(one, rule, max(0, before - less), f"less {less} cents of the base procedure {base}"))
    return results


def _rank_surgery(group: list[PricedLine], bases: frozenset[str]) -> list[PricedLine]:
    """Rank the procedures and endoscopy families of one surgeon's day by amount; the later are paid in part."""
    procedures: dict[Hashable, list[int]] = {}
    for place, one in enumerate(group):
        procedures.setdefault(_family(one.line, bases) or place, []).append(place)
    ranked = sorted(
        procedures.values(),
        key=lambda places: (-sum(_amount(group[p]) for p in places), min(_order(group[p]) for p in places)),
    )
    results = list(group)
    for rank, places in enumerate(ranked, start=1):
        for place in places:
            rule = _find("surgery", group[place].line, rank)
            if rule and len(ranked) > 1:
                results[place] = _share(group[place], rule, f"procedure {rank} of the day by amount")
    return results


def _reduce_parts(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest technical part and the highest professional part in full, the others in part."""
    if len(group) == 1:
        return group
    results = list(group)
    for rule in _component_rules(group[0].line):
        parts = [_part(one.line, rule.part) for one in group]
        full = [_uncapped(one.line, rule.part) or part or 0 for one, part in zip(group, parts, strict=True)]
        first = min(range(len(group)), key=lambda place: (-full[place], _order(group[place])))
        for place, part in enumerate(parts):
            if part is None:
                results[place] = _refuse(results[place], f"{rule.part}_part_not_known")
            elif part and place != first and results[place].allowed is not None:
                line = group[place].line
                reduced = share_of(_scaled(line, full[place]), rule.numerator, rule.denominator)
                less = max(0, _scaled(line, part) - reduced)
                after = max(0, _amount(results[place]) - less)
                results[place] = _step(results[place], rule, after, f"second or later {rule.part} part")
    return results


def _reduce_therapy(group: list[PricedLine]) -> list[PricedLine]:
    """Pay one unit of the day in full, the one with the most practice expense, and every other unit reduced."""
    if sum(one.line.units for one in group) == 1:
        return group
    less = [(one.line.payment or 0) - (one.line.therapy or 0) for one in group]
    known = [place for place, one in enumerate(group) if one.line.therapy is not None]
    first = min(known, key=lambda place: (-less[place], _order(group[place])), default=None)
    results = []
    for place, one in enumerate(group):
        reduced, rule = one.line.units - (place == first), _find("therapy", one.line, 2)
        if place not in known:
            results.append(_refuse(one, "therapy_payment_not_known"))
        elif reduced and rule:
            after = max(0, _amount(one) - max(0, _scaled(one.line, less[place], reduced)))
            results.append(_step(one, rule, after, f"practice expense of {reduced} of {one.line.units} units"))
        else:
            results.append(one)
    return results


def _finish(one: PricedLine) -> PricedLine:
    """Apply what follows the ranking: the surgeon's role, the part of the package, who bills, the charge."""
    line = one.line
    if one.allowed is None:
        return one
    for name in _ROLES:
        role = _find(name, line)
        one = (
            _share(one, role, f"modifier {' '.join(m for m in line.modifiers if m in role.modifiers)}") if role else one
        )
    splits = [rule for rule in _rules("global_split", line.date) if set(rule.modifiers) & set(line.modifiers)]
    if splits:
        share = sum((_fraction(line, rule.part) for rule in splits), Decimal(0)).as_integer_ratio()
        text = f"{' and '.join(rule.part for rule in splits)} part of the package"
        one = _step(one, splits[0], share_of(_amount(one), *share), text, share)
    who = _find("practitioner", line)
    if who is None:
        return _refuse(one, "unknown_practitioner")
    if who.numerator != who.denominator:
        one = _share(one, who, f"practitioner {line.practitioner}")
    lower = _find("charge", line)
    if lower and line.charge is not None and line.charge < _amount(one):
        one = _step(one, lower, line.charge, "billed charge, lower than the amount")
    return replace(one, sequestration=_sequestration(line, _amount(one)))


def _sequestration(line: Line, allowed: int) -> int:
    share, cut = _find("coinsurance", line), _find("sequestration", line)
    if share is None or cut is None:
        return 0
    return share_of(share_of(allowed, share.numerator, share.denominator), cut.numerator, cut.denominator)
