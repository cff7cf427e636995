"""Parts of the global surgical package: who operated (54), who cared afterwards for how many days (55), returns (78).

Medicare Claims Processing Manual chapter 12 section 40.4. The shares are CMS's of the code, the parts that a modifier
stands for are rows `global_split` and `return_to_operating_room` of `schemas/reductions.csv`, the days of a global
period are in `schemas/codes/global_days.csv`.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache

from pfsetl.declared import declarations
from pfsetl.declared.records.rules import ReductionRow
from pfsetl.declared.records.services import GLOBAL_DAYS
from pfsetl.pricing.reductions import Line, PricedLine, find, rules_of
from pfsetl.pricing.steps import amount_of, refused, shared, stepped
from pfsetl.tables.exact import share_of

RULE = "global_split"
RETURN = "return_to_operating_room"
PARTS = ("preoperative", "intraoperative", "postoperative")
BY_DAYS = "postoperative"  # the part that is paid by days of care


def with_days(line: Line) -> Line:
    """Take the units of a line of postoperative care for days: contractors have the days reported there.

    One unit is what a line has that says nothing of days.
    """
    cared = any(rule.part == BY_DAYS for rule in _rules(line))
    return replace(line, units=1, days=line.days or line.units) if cared and line.units > 1 else line


def refuse_impossible(priced: Sequence[PricedLine]) -> list[PricedLine]:
    """Leave without payment the parts of a package that can't be as billed, each with its reason.

    A code has to have a package, 56 has no payment of its own, the days of all lines of a procedure fit its global
    period, and each procedure is operated on once. A return to the operating room has no other part of a package.
    """
    days: Counter[Hashable] = Counter()
    operated: Counter[Hashable] = Counter()
    for one in priced:
        days[_procedure(one.line)] += one.line.days or 0
        operated[_procedure(one.line)] += _operates(one.line)
    results = []
    for one in priced:
        rules, again = _rules(one.line), find(RETURN, one.line)
        period = _period(one.line)
        package = sum(_share(one.line, part) for part in PARTS)
        reason: str | None = next(
            (rule.outcome for rule in [*rules, *([again] if again else [])] if rule.outcome), None
        )
        if rules and again:
            reason = "part_of_package_on_return_to_operating_room"
        elif (rules or (again and again.part)) and not package:
            reason = "no_global_package"
        elif one.line.days and not any(rule.part == BY_DAYS for rule in rules):
            reason = "days_without_postoperative_care"
        elif rules and days[_procedure(one.line)] > period and one.line.days:
            reason = "more_days_than_global_period"
        elif _operates(one.line) and operated[_procedure(one.line)] > 1:
            reason = "operated_on_more_than_once"
        results.append(refused(one, reason) if reason and one.allowed is not None else one)
    return results


def share_package(one: PricedLine) -> PricedLine:
    """Pay the parts of the package that a line's modifiers stand for; postoperative care by its days."""
    line, rules, again = one.line, _rules(one.line), find(RETURN, one.line)
    if again and not again.part:
        return shared(one, again, f"return to the operating room, no package: global period {line.global_days}")
    if again:
        returned = _share(line, again.part).as_integer_ratio()
        text = f"return to the operating room: {again.part} part of the package"
        return stepped(one, again, share_of(amount_of(one), *returned), text, returned)
    if not rules:
        return one
    share = sum((_share(line, rule.part) for rule in rules), Decimal(0))
    text = f"{' and '.join(rule.part for rule in rules)} part of the package"
    if line.days:
        period = _period(line)
        share = sum(
            (_share(line, rule.part) * (line.days if rule.part == BY_DAYS else period) for rule in rules), Decimal(0)
        )
        numerator, denominator = share.as_integer_ratio()
        text += f", {line.days} of {period} days"
        whole = (numerator, denominator * period)
    else:
        whole = share.as_integer_ratio()
    return stepped(one, rules[0], share_of(amount_of(one), *whole), text, whole)


def days_unsaid(line: Line) -> bool:
    """Return whether a line of postoperative care says nothing of its days, so that its whole share is paid."""
    return not line.days and line.units == 1 and any(rule.part == BY_DAYS for rule in _rules(line))


def _rules(line: Line) -> list[ReductionRow]:
    if not line.modifiers:
        return []
    return [rule for rule in rules_of(RULE, line.date) if set(rule.modifier) & set(line.modifiers)]


def _operates(line: Line) -> bool:
    return any(rule.part == "intraoperative" for rule in _rules(line))


def _procedure(line: Line) -> Hashable:
    """One procedure: the same code on one day and side; modifiers 76 to 79 say that it was done again."""
    apart = {"RT", "LT", "76", "77", "78", "79"} & set(line.modifiers)
    return line.hcpcs, line.row_modifier, line.date, *sorted(apart)


def _share(line: Line, part: str) -> Decimal:
    return dict(zip(PARTS, (line.preoperative, line.intraoperative, line.postoperative), strict=True))[part]


def _period(line: Line) -> int:
    return _periods().get(line.global_days or "", 0)


@cache
def _periods() -> dict[str, int]:
    return {row.code: row.postoperative_days for row in declarations.rows(GLOBAL_DAYS) if row.postoperative_days}
