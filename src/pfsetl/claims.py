"""Claim lines priced together: modifiers, multiple procedures, practitioner, charge, sequestration.

Lines come priced alone; every factor, its dates and its source are rows of `schemas/reductions.csv`. A claim is what
one practice did for one patient. Each step rounds to cents, half up, on the line's total.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache

from pfsetl import declarations
from pfsetl.exact import share_of

_COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # rules on the technical or professional part
_MODIFIERS = ("assistant_surgeon", "co_surgeons", "team_surgery")  # rules by modifier, named as the Line's indicator


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


def price_claim(lines: Sequence[Line]) -> tuple[PricedLine, ...]:
    """Return the lines with what Medicare allows for each, in the order given; that order has no effect."""
    priced = [_alone(line) for line in lines]
    bases = {line.endoscopic_base for line in lines if _find("endoscopy", line) and line.endoscopic_base}
    priced = _in_groups(priced, lambda line: _family(line, bases), _endoscopies)
    priced = _in_groups(priced, _surgeon, lambda group: _rank_surgery(group, bases))
    for rule in _COMPONENTS:
        priced = _in_groups(priced, lambda line, rule=rule: _session(line, rule), _reduce_parts)  # type: ignore[misc]
    priced = _in_groups(priced, lambda line: line.date if _find("therapy", line) else None, _reduce_therapy)
    return tuple(_finished(one) for one in priced)


def therapy_share(day: date, *, facility: bool) -> tuple[int, int] | None:
    """Return the share of practice expense paid for a second and later therapy unit, None before the rule began.

    >>> therapy_share(date(2020, 7, 1), facility=False)
    (50, 100)
    """
    setting = "facility" if facility else "nonfacility"
    found = [r for r in _rules("therapy", day) if r.setting in ("", setting)]
    return (found[0].numerator, found[0].denominator) if found else None


def practitioners() -> tuple[str, ...]:
    """Return the kinds of practitioner that a line can name."""
    return tuple(dict.fromkeys(r.indicator for r in _reductions() if r.rule == "practitioner"))


def _alone(line: Line) -> PricedLine:
    """Units, then what rules a line out of any ranking, then both sides."""
    if line.payment is None:
        return PricedLine(line, None, line.reason or "no_payment", (), 0)
    one = PricedLine(line, line.payment * line.units, None, (), 0)
    for rule in (*_MODIFIERS, "reduced"):
        for modifier in line.modifiers:
            found = _by_modifier(rule, line, modifier)
            # A discontinued service that has a row of its own is paid by that row.
            if found and found.outcome and not (rule == "reduced" and modifier == line.row_modifier):
                return _refuse(one, found)
            if found is None and _uses(rule, modifier, line.date):
                return replace(one, allowed=None, reason=f"{rule}_not_applicable")
    sides = next(filter(None, (_by_modifier("bilateral", line, modifier) for modifier in line.modifiers)), None)
    return _share(one, sides, f"indicator {sides.indicator}: both sides") if sides else one


def _endoscopies(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest of a family in full, the others less the base procedure, the base itself not at all."""
    base = next(one.line.endoscopic_base for one in group if one.line.endoscopic_base) if len(group) > 1 else None
    members = sorted((one for one in group if one.line.hcpcs != base), key=_order)
    if base is None or not members:
        return group
    results = []
    for one in group:
        rule, before = _find("endoscopy", members[0].line), _amount(one)
        assert rule
        if one.line.hcpcs == base:
            results.append(_step(one, rule, 0, f"base procedure, included in {members[0].line.hcpcs}", (0, 1)))
        elif one is members[0]:
            results.append(_step(one, rule, before, f"highest of the family of {base}"))
        elif one.line.base_payment is None:
            results.append(replace(one, allowed=None, reason="endoscopic_base_not_priced"))
        else:
            # The base is scaled as the line is: units and sides.
            less = _scaled(one, one.line.base_payment)
            results.append(_step(one, rule, max(0, before - less), f"less the base procedure {base} ({less} cents)"))
    return results


def _rank_surgery(group: list[PricedLine], bases: set[str | None]) -> list[PricedLine]:
    """Rank procedures and endoscopy families of one surgeon's day by amount; later ranks are paid in part."""
    procedures: dict[Hashable, list[PricedLine]] = {}
    for one in group:
        procedures.setdefault(_family(one.line, bases) or id(one), []).append(one)
    ranked = sorted(procedures.values(), key=lambda lines: (-sum(map(_amount, lines)), min(map(_order, lines))))
    if len(ranked) == 1:
        return group
    done = {}
    for rank, lines in enumerate(ranked, start=1):
        for one in lines:
            rule = _find("surgery", one.line, rank)
            done[id(one)] = _share(one, rule, f"procedure {rank} of the day") if rule else one
    return [done[id(one)] for one in group]


def _reduce_parts(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest technical part in full, and the highest professional part; the others in part."""
    rule = next(r for name in _COMPONENTS for r in _rules(name, group[0].line.date) if _fits(r, group[0].line))
    parts = [r for r in _rules(rule.rule, group[0].line.date) if _fits(r, group[0].line)]
    unknown = [len(group) > 1 and not any(_parts(one)) for one in group]
    for part in parts:
        index = ("technical", "professional").index(part.part)
        having = [one for one in group if _parts(one)[index] is not None]
        first = min(having, key=lambda one: (-_full(one, index), _order(one)), default=None)
        number = first.line.number if first else None
        group = [_reduce_part(one, part, index) if one in having and one is not first else one for one in group]
        del number
    return [
        replace(one, allowed=None, reason="parts_not_known") if lost else one
        for one, lost in zip(group, unknown, strict=True)
    ]
