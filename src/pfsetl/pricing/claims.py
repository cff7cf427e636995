"""Claim lines priced together: modifiers, multiple procedures, practitioner, charge, sequestration.

Lines come priced alone; every factor, its dates and its source are rows of `schemas/reductions.csv`. A claim is what
one practice did for one patient. Each step rounds to cents, half up, on the line's total.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from pfsetl.declared.records.rules import ReductionRow
from pfsetl.pricing.global_package import refuse_impossible, share_package
from pfsetl.pricing.medicare_share import parted
from pfsetl.pricing.reductions import Line, PricedLine, asks_for_documentation, find, named, rules_of
from pfsetl.pricing.same_day import cut_visits, pay_shares
from pfsetl.pricing.sides import joined
from pfsetl.pricing.steps import amount_of, order_of, refused, scaled, shared, stepped
from pfsetl.pricing.technical import part_of, reduce_equipment, uncapped_of
from pfsetl.tables.exact import share_of

_COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # rules on the technical and the professional part
_ROLES = ("assistant_surgeon", "co_surgeons", "team_surgery")
# What a modifier says of a line that has to fit its code; where it doesn't, nothing is paid and the reason names it.
_FITTING = (
    *_ROLES, "reduced", "bilateral", "practitioner", "medical_direction", "medical_supervision", "technical_equipment",
    "therapy_assistant", "portable_transport",
)  # fmt: skip


def price_claim(lines: Sequence[Line]) -> tuple[PricedLine, ...]:
    """Return the lines with what Medicare allows for each, in the order given; that order has no effect."""
    entries = joined(lines)
    lines = [one for one in entries if isinstance(one, Line)]
    bases = frozenset(line.endoscopic_base for line in lines if find("endoscopy", line) and line.endoscopic_base)
    priced = refuse_impossible([_alone(line) for line in lines])
    priced = _in_groups(priced, lambda line: line.date, _bundle)
    priced = _in_groups(priced, lambda line: _family(line, bases), _pay_endoscopies)
    priced = _in_groups(priced, _surgeon, lambda group: _rank_surgery(group, bases))
    priced = pay_shares(cut_visits(priced))
    priced = _in_groups(priced, _component_session, _reduce_parts)
    priced = _in_groups(priced, lambda line: line.date if find("therapy", line, 2) else None, _reduce_therapy)
    finished = iter(priced)
    return tuple(one if isinstance(one, PricedLine) else _finish(next(finished)) for one in entries)


def _alone(line: Line) -> PricedLine:
    """Multiply by units and sides, and leave out of any ranking what isn't paid."""
    if line.payment is None:
        return PricedLine(line, None, line.reason or "no_payment", (), 0)
    one = PricedLine(line, line.payment * line.units, None, (), 0)
    # A discontinued service with a row of its own is paid by that row.
    rest = replace(line, modifiers=tuple(name for name in line.modifiers if name != line.row_modifier))
    for rule in _FITTING:
        found = find(rule, rest)
        if found and found.outcome:
            return refused(one, found.outcome)
        if found is None and named(rule, rest):
            return refused(one, f"{rule}_not_applicable")
    sides = find("bilateral", line)
    one = shared(one, sides, f"both sides, indicator {sides.indicator}") if sides else one
    return reduce_equipment(one)


def _bundle(group: list[PricedLine]) -> list[PricedLine]:
    """Bundle what is paid only as the only service of its day into the other services."""
    rules = [find("only_service", one.line) for one in group]
    if all(rules):
        return group
    text = "bundled into the other services of the day"
    return [shared(one, rule, text) if rule else one for one, rule in zip(group, rules, strict=True)]


def _pay_endoscopies(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest of a family in full, the others less the base procedure, the base procedure not at all."""
    base = next((one.line.endoscopic_base for one in group if find("endoscopy", one.line)), None)
    members = sorted((one for one in group if one.line.hcpcs != base), key=order_of)
    rule = find("endoscopy", members[0].line) if members and sum(one.line.units for one in group) > 1 else None
    if rule is None:
        return group
    results = []
    for one in group:
        line, first = one.line, one is members[0]
        less = scaled(line, line.base_payment or 0, line.units - first)
        text = f"less ${Decimal(less).scaleb(-2):,} of the base procedure {base}"
        if line.hcpcs == base:
            results.append(stepped(one, rule, 0, f"base procedure, included in {members[0].line.hcpcs}", (0, 1)))
        elif first and line.units == 1:
            results.append(stepped(one, rule, amount_of(one), f"highest of the family of {base}"))
        elif line.base_payment is None:
            results.append(refused(one, "endoscopic_base_not_priced"))
        else:
            after = max(0, amount_of(one) - less)
            results.append(stepped(one, rule, after, f"one unit in full, others {text}" if first else text))
    return results


def _rank_surgery(group: list[PricedLine], bases: frozenset[str]) -> list[PricedLine]:
    """Rank the procedures and endoscopy families of one surgeon's day by amount; the later are paid in part.

    Every unit of a line is a procedure: two units are paid as two lines are.
    """
    procedures: dict[Hashable, list[int]] = {}
    for place, one in enumerate(group):
        procedures.setdefault(_family(one.line, bases) or place, []).append(place)
    # NOTE: what a family has of further units is less the base procedure already, so that it ranks as one.
    units = {
        name: 1 if any(find("endoscopy", group[p].line) for p in at) else sum(group[p].line.units for p in at)
        for name, at in procedures.items()
    }
    ranked = sorted(
        procedures,
        key=lambda name: (
            Fraction(-sum(amount_of(group[p]) for p in procedures[name]), units[name]),
            min(order_of(group[p]) for p in procedures[name]),
        ),
    )
    results, rank, several = list(group), 1, sum(units.values()) > 1
    for name in ranked:
        for place in procedures[name] if several else ():
            results[place] = _ranked(group[place], rank, units[name])
        rank += units[name]
    return results


def _ranked(one: PricedLine, first: int, units: int) -> PricedLine:
    last = first + units - 1
    rules = []
    for rank in range(first, last + 1):
        rule = find("surgery", one.line, rank)
        if rule is None:
            return one
        if rule.outcome:
            return refused(one, rule.outcome)
        rules.append(rule)
    if units == 1:
        return shared(one, rules[0], f"procedure {first} of the day by amount")
    share = (sum(Fraction(rule.numerator, rule.denominator) for rule in rules) / Fraction(units)).as_integer_ratio()
    text = f"procedures {first} to {last} of the day by amount"
    return stepped(one, rules[-1], share_of(amount_of(one), *share), text, share)


def _reduce_parts(group: list[PricedLine]) -> list[PricedLine]:
    """Pay one unit of the highest technical and of the highest professional part in full, all others in part."""
    if len(group) == 1 and not _reducible(group[0].line, 1, holds_first=True):
        return group
    results = list(group)
    for rule in _component_rules(group[0].line):
        parts = [part_of(one.line, rule.part) for one in group]
        full = [uncapped_of(one.line, rule.part) or part or 0 for one, part in zip(group, parts, strict=True)]
        first = min(range(len(group)), key=lambda place: (-full[place], order_of(group[place])))
        for place, part in enumerate(parts):
            if part is None:
                results[place] = refused(results[place], f"{rule.part}_part_not_known")
            elif results[place].allowed is not None and (
                whole := _reducible(group[place].line, part, holds_first=place == first)
            ):
                uncapped = _reducible(group[place].line, full[place], holds_first=place == first)
                less = max(0, whole - share_of(uncapped, rule.numerator, rule.denominator))
                after = max(0, amount_of(results[place]) - less)
                results[place] = stepped(results[place], rule, after, f"second or later {rule.part} part")
    return results


def _reduce_therapy(group: list[PricedLine]) -> list[PricedLine]:
    """Pay one unit of the day in full, the one with the most practice expense, and every other unit reduced."""
    if sum(one.line.units for one in group) == 1:
        return group
    less = [(one.line.payment or 0) - (one.line.therapy or 0) for one in group]
    known = [place for place, one in enumerate(group) if one.line.therapy is not None]
    first = min(known, key=lambda place: (-less[place], order_of(group[place])), default=None)
    results = []
    for place, one in enumerate(group):
        reduced, rule = one.line.units - (place == first), find("therapy", one.line, 2)
        if place not in known:
            results.append(refused(one, "therapy_payment_not_known"))
        elif reduced and rule:
            after = max(0, amount_of(one) - max(0, scaled(one.line, less[place], reduced)))
            results.append(stepped(one, rule, after, f"practice expense of {reduced} of {one.line.units} units"))
        else:
            results.append(one)
    return results


def _finish(one: PricedLine) -> PricedLine:
    """Apply what follows the ranking: the surgeon's role, the part of the package, who bills, the charge."""
    line = one.line
    if one.allowed is None:
        return one
    for name in _ROLES:
        role = find(name, line)
        one = shared(one, role, _by_modifier(role, line)) if role else one
    one = share_package(one)
    direction = find("medical_direction", line)
    one = shared(one, direction, "medical direction, shared by two") if direction else one
    trip = find("portable_transport", line)
    one = shared(one, trip, f"{_by_modifier(trip, line)}: one trip for several patients") if trip else one
    who = find("practitioner", line)
    if who is None:
        return refused(one, "unknown_practitioner")
    if who.numerator != who.denominator:
        one = shared(one, who, f"practitioner {line.practitioner}")
    lower = find("charge", line)
    if lower and line.charge is not None and line.charge < amount_of(one):
        one = stepped(one, lower, line.charge, "billed charge, lower than the amount")
    return parted(one)


def _by_modifier(rule: ReductionRow, line: Line) -> str:
    documented = ", documented" if line.documented and asks_for_documentation(line) else ""
    return f"modifier {' '.join(m for m in line.modifiers if m in rule.modifier)}{documented}"


def _in_groups(
    priced: list[PricedLine],
    key: Callable[[Line], Hashable | None],
    apply: Callable[[list[PricedLine]], list[PricedLine]],
) -> list[PricedLine]:
    """Apply a rule to each group of paid lines with the same key; lines without a key stay as they are."""
    groups: dict[Hashable, list[int]] = {}
    for place, one in enumerate(priced):
        name = key(one.line)
        if one.allowed is not None and name is not None:
            groups.setdefault(name, []).append(place)
    results = list(priced)
    for places in groups.values():
        for place, one in zip(places, apply([priced[place] for place in places]), strict=True):
            results[place] = one
    return results


def _surgeon(line: Line) -> Hashable | None:
    """One surgeon's day: an assistant's procedures are ranked apart from the surgeon's."""
    return (line.date, line.practitioner, named("assistant_surgeon", line)) if find("surgery", line) else None


def _family(line: Line, bases: frozenset[str]) -> Hashable | None:
    base = line.endoscopic_base if find("endoscopy", line) else line.hcpcs if line.hcpcs in bases else None
    return (_surgeon(line), base) if base else None


def _component_session(line: Line) -> Hashable | None:
    """One day's tests under one rule; imaging also within one family."""
    rules = _component_rules(line)
    return (line.date, rules[0].rule, line.imaging_family) if rules else None


def _component_rules(line: Line) -> tuple[ReductionRow, ...]:
    rules = (rule for name in _COMPONENTS for rule in rules_of(name, line.date))
    outside = find("not_a_family", line)
    return tuple(r for r in rules if r.indicator == line.multiple_procedure and not (outside and r.rule == "imaging"))


def _reducible(line: Line, cents: int, *, holds_first: bool) -> int:
    """Multiply cents by all units and sides of a line but the one paid in full, if the line holds it."""
    sides = find("bilateral", line)
    apart = sides is not None and sides.numerator % sides.denominator == 0  # each side is a service of its own
    return scaled(line, cents) - (0 if not holds_first else cents if apart else scaled(line, cents, 1))
