"""Claim lines priced together: modifiers, multiple procedures, practitioner, charge, sequestration.

Lines come priced alone; every factor, its dates and its source are rows of `schemas/reductions.csv`. A claim is what
one practice did for one patient. Each step rounds to cents, half up, on the line's total.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import astuple, replace
from decimal import Decimal

from pfsetl.pricing.reductions import Line, PricedLine, Reduction, Step, find, named, rules_of
from pfsetl.tables.exact import share_of

_COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # rules on the technical and the professional part
_ROLES = ("assistant_surgeon", "co_surgeons", "team_surgery")


def price_claim(lines: Sequence[Line]) -> tuple[PricedLine, ...]:
    """Return the lines with what Medicare allows for each, in the order given; that order has no effect."""
    bases = frozenset(line.endoscopic_base for line in lines if find("endoscopy", line) and line.endoscopic_base)
    priced = _in_groups([_alone(line) for line in lines], lambda line: line.date, _bundle)
    priced = _in_groups(priced, lambda line: _family(line, bases), _pay_endoscopies)
    priced = _in_groups(priced, _surgeon, lambda group: _rank_surgery(group, bases))
    priced = _in_groups(priced, _component_session, _reduce_parts)
    priced = _in_groups(priced, lambda line: line.date if find("therapy", line, 2) else None, _reduce_therapy)
    return tuple(_finish(one) for one in priced)


def _alone(line: Line) -> PricedLine:
    """Multiply by units and sides, and leave out of any ranking what isn't paid."""
    if line.payment is None:
        return PricedLine(line, None, line.reason or "no_payment", (), 0)
    one = PricedLine(line, line.payment * line.units, None, (), 0)
    # A discontinued service with a row of its own is paid by that row.
    rest = replace(line, modifiers=tuple(name for name in line.modifiers if name != line.row_modifier))
    for rule in (*_ROLES, "reduced", "bilateral", "practitioner", "medical_direction"):
        found = find(rule, rest)
        if (found and found.outcome) or (found is None and named(rule, rest)):
            return _refuse(one, found.outcome if found else f"{rule}_not_applicable")
    if named("global_split", line) and not line.preoperative + line.intraoperative + line.postoperative:
        return _refuse(one, "no_global_package")
    sides = find("bilateral", line)
    return _share(one, sides, f"both sides, indicator {sides.indicator}") if sides else one


def _bundle(group: list[PricedLine]) -> list[PricedLine]:
    """Bundle what is paid only as the only service of its day into the other services."""
    rules = [find("only_service", one.line) for one in group]
    if all(rules):
        return group
    text = "bundled into the other services of the day"
    return [_share(one, rule, text) if rule else one for one, rule in zip(group, rules, strict=True)]


def _pay_endoscopies(group: list[PricedLine]) -> list[PricedLine]:
    """Pay the highest of a family in full, the others less the base procedure, the base procedure not at all."""
    base = next((one.line.endoscopic_base for one in group if find("endoscopy", one.line)), None)
    members = sorted((one for one in group if one.line.hcpcs != base), key=_order)
    rule = find("endoscopy", members[0].line) if members and len(group) > 1 else None
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
            rule = find("surgery", group[place].line, rank)
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
        reduced, rule = one.line.units - (place == first), find("therapy", one.line, 2)
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
        role = find(name, line)
        one = (
            _share(one, role, f"modifier {' '.join(m for m in line.modifiers if m in role.modifiers)}") if role else one
        )
    splits = [rule for rule in rules_of("global_split", line.date) if set(rule.modifiers) & set(line.modifiers)]
    if splits:
        share = sum((_fraction(line, rule.part) for rule in splits), Decimal(0)).as_integer_ratio()
        text = f"{' and '.join(rule.part for rule in splits)} part of the package"
        one = _step(one, splits[0], share_of(_amount(one), *share), text, share)
    direction = find("medical_direction", line)
    one = _share(one, direction, "medical direction, shared by two") if direction else one
    who = find("practitioner", line)
    if who is None:
        return _refuse(one, "unknown_practitioner")
    if who.numerator != who.denominator:
        one = _share(one, who, f"practitioner {line.practitioner}")
    lower = find("charge", line)
    if lower and line.charge is not None and line.charge < _amount(one):
        one = _step(one, lower, line.charge, "billed charge, lower than the amount")
    return replace(one, sequestration=_sequestration(line, _amount(one)))


def _sequestration(line: Line, allowed: int) -> int:
    share, cut = find("coinsurance", line), find("sequestration", line)
    if share is None or cut is None:
        return 0
    return share_of(share_of(allowed, share.numerator, share.denominator), cut.numerator, cut.denominator)


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


def _component_rules(line: Line) -> tuple[Reduction, ...]:
    rules = (rule for name in _COMPONENTS for rule in rules_of(name, line.date))
    outside = find("not_a_family", line)
    return tuple(r for r in rules if r.indicator == line.multiple_procedure and not (outside and r.rule == "imaging"))


def _part(line: Line, part: str) -> int | None:
    """Cents of a part of one unit: 0 where the line doesn't hold it, None where it does and isn't known."""
    only = find("part", line)
    if only:
        return line.payment if only.part == part else 0
    return line.technical if part == "technical" else line.professional


def _uncapped(line: Line, part: str) -> int | None:
    return line.uncapped_technical if part == "technical" and _part(line, part) else None


def _fraction(line: Line, part: str) -> Decimal:
    return {"preoperative": line.preoperative, "intraoperative": line.intraoperative}.get(part, line.postoperative)


def _scaled(line: Line, cents: int, units: int | None = None) -> int:
    """Multiply cents of one unit by units and sides, as the line's own payment was."""
    sides = find("bilateral", line)
    total = cents * (line.units if units is None else units)
    return share_of(total, sides.numerator, sides.denominator) if sides else total


def _amount(one: PricedLine) -> int:
    return one.allowed or 0


def _order(one: PricedLine) -> tuple[int, tuple[str, ...], int]:
    """Largest first; equal amounts by code, modifiers and all else that has an effect, the line number last."""
    return -_amount(one), tuple(map(str, astuple(one.line)[1:])), one.line.number


def _share(one: PricedLine, rule: Reduction, text: str) -> PricedLine:
    if rule.outcome:
        return _refuse(one, rule.outcome)
    return _step(one, rule, share_of(_amount(one), rule.numerator, rule.denominator), text)


def _step(one: PricedLine, rule: Reduction, after: int, text: str, share: tuple[int, int] | None = None) -> PricedLine:
    numerator, denominator = share or (rule.numerator, rule.denominator)
    step = Step(rule.rule, text, numerator, denominator, _amount(one), after, rule.source)
    return replace(one, allowed=after, steps=(*one.steps, step))


def _refuse(one: PricedLine, reason: str) -> PricedLine:
    return replace(one, allowed=None, reason=reason)
