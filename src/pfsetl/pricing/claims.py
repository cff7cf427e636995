"""Claim lines priced together: modifiers, multiple procedures, practitioner, charge, sequestration.

Lines come priced alone; every factor, its dates and its source are rows of `schemas/reductions.csv`. A claim is what
one practice did for one patient. Each step rounds to cents, half up, on the line's total.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from pfsetl.declared.records.rules import COMPONENTS, ReductionRow
from pfsetl.pricing.apply import amount_of, order_of, refused, scaled, shared, stepped
from pfsetl.pricing.global_package import impossible, share_package
from pfsetl.pricing.lines import Line, PricedLine, by_rules
from pfsetl.pricing.medicare_share import parted
from pfsetl.pricing.procedures import name_duplicates, told_apart
from pfsetl.pricing.reductions import asks_for_documentation, find, named, sides_of
from pfsetl.pricing.rules import rules_of
from pfsetl.pricing.same_day import cut_visits, drop_beside, name_sessions, pay_shares, session_apart
from pfsetl.pricing.sides import done_again, joined
from pfsetl.pricing.surgery import family_of, pay_endoscopies, rank_surgery, surgeon_of
from pfsetl.pricing.technical import part_of, reduce_equipment, uncapped_of
from pfsetl.tables.exact import share_of

_ROLES = ("assistant_surgeon", "co_surgeons", "team_surgery")
# What a modifier says of a line that has to fit its code; where it doesn't, nothing is paid and the reason names it.
_FITTING = (
    *_ROLES, "reduced", "bilateral", "practitioner", "medical_direction", "medical_supervision", "technical_equipment",
    "therapy_assistant", "portable_transport",
)  # fmt: skip


def price_claim(lines: Sequence[Line]) -> tuple[PricedLine, ...]:
    """Return the lines with what Medicare allows for each, in the order given; that order has no effect."""
    lines = told_apart(lines)
    reasons = [part or side for part, side in zip(impossible(lines), done_again(lines), strict=True)]
    entries = joined(lines, reasons)
    priced = [_alone(one, why) for one, why in zip(entries, reasons, strict=True) if isinstance(one, Line)]
    priced = name_duplicates(priced)
    lines = [one.line for one in priced]
    rules = frozenset[str]().union(*map(_together, lines))
    families = [line for line in lines if find("endoscopy", line)] if "endoscopy" in rules else []
    bases = frozenset(line.endoscopic_base for line in families if line.endoscopic_base)
    if "only_service" in rules:
        priced = _in_groups(priced, lambda line: line.date, _bundle)
    if bases:
        priced = _in_groups(priced, lambda line: family_of(line, bases), pay_endoscopies)
    if "surgery" in rules:
        priced = _in_groups(priced, surgeon_of, lambda group: rank_surgery(group, bases))
    priced = pay_shares(cut_visits(drop_beside(name_sessions(priced))))
    if "parts" in rules:
        priced = _in_groups(priced, _component_session, _reduce_parts)
    if "therapy" in rules:
        priced = _in_groups(priced, lambda line: line.date if find("therapy", line, 2) else None, _reduce_therapy)
    finished = iter(priced)
    done = [one if isinstance(one, PricedLine) else _finish(next(finished)) for one in entries]
    return tuple(replace(one, line=replace(one.line, person=0)) if one.line.person else one for one in done)


@by_rules
def _together(line: Line) -> frozenset[str]:
    """Return which rules on several services of a day a line may come under."""
    may_be = {name: find(name, line) for name in ("only_service", "endoscopy", "surgery")}
    may_be |= {"parts": next(iter(_component_rules(line)), None), "therapy": find("therapy", line, 2)}
    return frozenset(name for name, rule in may_be.items() if rule)


def _alone(line: Line, reason: str | None) -> PricedLine:
    """Multiply by units and sides, and leave out of any ranking what isn't paid, for the claim's reason or its own."""
    if line.payment is None:
        return PricedLine(line, None, line.reason or "no_payment", (), 0)
    one = PricedLine(line, line.payment * line.units, None, (), 0)
    if why := _misfit(line) or reason:
        return refused(one, why)
    sides = sides_of(line)
    one = shared(one, sides, f"both sides, indicator {sides.indicator}") if sides else one
    return reduce_equipment(one)


@by_rules
def _misfit(line: Line) -> str | None:
    """Return why a modifier doesn't fit the line's code, None where all do."""
    # A discontinued service with a row of its own is paid by that row.
    rest = replace(line, modifiers=tuple(name for name in line.modifiers if name != line.row_modifier))
    for rule in _FITTING:
        found = find(rule, rest)
        if found and found.outcome:
            return found.outcome
        if found is None and named(rule, rest):
            return f"{rule}_not_applicable"
    return None


def _bundle(group: list[PricedLine]) -> list[PricedLine]:
    """Bundle what is paid only as the only service of its day into the other services."""
    rules = [find("only_service", one.line) for one in group]
    if all(rules) or not any(rules):
        return group
    text = "bundled into the other services of the day"
    return [shared(one, rule, text) if rule else one for one, rule in zip(group, rules, strict=True)]


def _reduce_parts(group: list[PricedLine]) -> list[PricedLine]:
    """Pay one unit of the highest technical and of the highest professional part in full, all others in part."""
    if apart := session_apart(group[0].line):
        text = "in a session of its own by its modifier: no reduction beside the day's other tests"
        group = [stepped(one, apart, amount_of(one), text) for one in group]
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
    roles, who, known = _shares(line)
    for rule, text in roles:
        one = shared(one, rule, text)
    one = share_package(one)
    for rule, text in who:
        one = shared(one, rule, text)
    if not known:
        return refused(one, "unknown_practitioner")
    if line.charge is not None and line.charge < amount_of(one) and (lower := find("charge", line)):
        one = stepped(one, lower, line.charge, "billed charge, lower than the amount")
    return parted(one)


@by_rules
def _shares(line: Line) -> tuple[list[tuple[ReductionRow, str]], list[tuple[ReductionRow, str]], bool]:
    """Return the shares of a surgeon's role, those of who directed, was driven to and bills, and if that is known.

    Each comes with what is said of it.
    """
    roles = [(role, _by_modifier(role, line)) for name in _ROLES if (role := find(name, line))]
    found: list[tuple[ReductionRow, str]] = []
    if direction := find("medical_direction", line):
        found.append((direction, "medical direction, shared by two"))
    if trip := find("portable_transport", line):
        found.append((trip, f"{_by_modifier(trip, line)}: one trip for several patients"))
    if (who := find("practitioner", line)) and who.numerator != who.denominator:
        found.append((who, f"practitioner {line.practitioner}"))
    return roles, found, who is not None


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


def _component_session(line: Line) -> Hashable | None:
    """One day's tests under one rule; imaging also within one family, and what was done in a session of its own."""
    rules = _component_rules(line)
    return (line.date, rules[0].rule, line.imaging_family, session_apart(line) and line.number) if rules else None


@by_rules
def _component_rules(line: Line) -> tuple[ReductionRow, ...]:
    rules = (rule for name in COMPONENTS for rule in rules_of(name, line.date))
    outside = find("not_a_family", line)
    return tuple(r for r in rules if r.indicator == line.multiple_procedure and not (outside and r.rule == "imaging"))


def _reducible(line: Line, cents: int, *, holds_first: bool) -> int:
    """Multiply cents by all units and sides of a line but the one paid in full, if the line holds it."""
    sides = sides_of(line)
    apart = sides is not None and sides.numerator % sides.denominator == 0  # each side is a service of its own
    return scaled(line, cents) - (0 if not holds_first else cents if apart else scaled(line, cents, 1))
