"""Parts of the global surgical package: who operated (54), who cared afterwards for how many days (55), returns (78).

Medicare Claims Processing Manual chapter 12 section 40.4. The shares are CMS's of the code, the parts that a modifier
stands for are rows `global_split` and `return_to_operating_room` of `schemas/reductions.csv`, the days of a global
period are in `schemas/codes/global_days.csv`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import cache

from pfsetl.declared import declarations
from pfsetl.declared.records.rules import PACKAGE, ReductionRow
from pfsetl.declared.records.services import GLOBAL_DAYS
from pfsetl.pricing.apply import amount_of, shared, stepped
from pfsetl.pricing.lines import Line, PricedLine, by_rules
from pfsetl.pricing.procedures import Procedure, may_be, procedures_of
from pfsetl.pricing.reductions import find
from pfsetl.pricing.rules import rules_of
from pfsetl.tables.exact import share_of

RULE = "global_split"
RETURN = "return_to_operating_room"
BY_DAYS = "postoperative"  # the part that is paid by days of care


def with_days(line: Line) -> Line:
    """Take the units of a line of postoperative care for days: contractors have the days reported there.

    One unit is what a line has that says nothing of days.
    """
    cared = any(rule.part == BY_DAYS for rule in _rules(line))
    return replace(line, units=1, days=line.days or line.units) if cared and line.units > 1 else line


def impossible(lines: Sequence[Line]) -> list[str | None]:
    """Return for each line why its part of a package can't be as billed, None where it can.

    A code has to have a package, 56 has no payment of its own, the days of all lines of a procedure fit its global
    period, and each procedure is operated on once. The whole package isn't paid beside a part of it, and a return to
    the operating room has no other part.
    """
    if not any(line.days or _touched(line) for line in lines):
        return [None] * len(lines)
    days: Counter[Procedure] = Counter()
    operated: Counter[Procedure] = Counter()
    whole: set[Procedure] = set()
    parts: set[Procedure] = set()
    split = any(_rules(line) for line in lines)
    of = [procedures_of(line) if split and _packaged(line) else [] for line in lines]
    for line, procedures in zip(lines, of, strict=True):
        rules = _rules(line)
        for procedure in procedures if line.payment is not None else ():
            days[procedure] += line.days or 0
            operated[procedure] += line.units if rules and operates(line) else 0
            if rules and not any(rule.outcome for rule in rules):
                parts |= may_be(procedure)
            elif not rules and not find(RETURN, line) and _period(line):
                whole |= may_be(procedure)
    return [
        _reason(
            line,
            max((days[one] for one in procedures), default=0),
            max((operated[one] for one in procedures), default=0),
            any(one in whole and one in parts for one in procedures),
        )
        for line, procedures in zip(lines, of, strict=True)
    ]


@by_rules
def _touched(line: Line) -> bool:
    return bool(_rules(line) or find(RETURN, line))


def _packaged(line: Line) -> bool:
    return bool(line.days or any(_share(line, part) for part in PACKAGE) or _rules(line))


def _reason(line: Line, days: int, operated: int, both: bool) -> str | None:
    """Return why a line isn't paid, by what all lines of its procedure say of days, operations and the package."""
    rules, again = _rules(line), find(RETURN, line)
    if rules and again:
        return "part_of_package_on_return_to_operating_room"
    if (rules or (again and again.part)) and not any(_share(line, part) for part in PACKAGE):
        return "no_global_package"
    if line.days and not any(rule.part == BY_DAYS for rule in rules):
        return "days_without_postoperative_care"
    if rules and line.days and days > _period(line):
        return "more_days_than_global_period"
    if rules and operates(line) and operated > 1:
        return "operated_on_more_than_once"
    of_rules = next((rule.outcome for rule in [*rules, *([again] if again else [])] if rule.outcome), None)
    return of_rules or ("whole_package_beside_a_part_of_it" if both else None)


@by_rules
def operates(line: Line) -> bool:
    """Return whether a line is of an operation: postoperative care (55) is no procedure of the day."""
    rules = _rules(line)
    return not rules or any(rule.part == "intraoperative" for rule in rules)


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
    period, by_side = _period(line), line.days_by_side or (line.days,)
    text = f"{' and '.join(rule.part for rule in rules)} part of the package"
    cared = Fraction(1)
    if any(by_side):
        sides = [days or period for days in by_side]
        cared = Fraction(sum(sides), len(sides) * period)
        text += f", {' and '.join(map(str, sides))} of {period} days"
    shares = (Fraction(_share(line, rule.part)) * (cared if rule.part == BY_DAYS else 1) for rule in rules)
    whole = sum(shares, Fraction(0)).as_integer_ratio()
    return stepped(one, rules[0], share_of(amount_of(one), *whole), text, whole)


def days_unsaid(line: Line) -> bool:
    """Return whether a line of postoperative care says nothing of its days, so that its whole share is paid."""
    return not line.days and line.units == 1 and any(rule.part == BY_DAYS for rule in _rules(line))


@by_rules
def _rules(line: Line) -> tuple[ReductionRow, ...]:
    return tuple(rule for rule in rules_of(RULE, line.date) if set(rule.modifier) & set(line.modifiers))


def _share(line: Line, part: str) -> Decimal:
    return Decimal(getattr(line, part))


def _period(line: Line) -> int:
    return _periods().get(line.global_days or "", 0)


@cache
def _periods() -> dict[str, int]:
    return {row.code: row.postoperative_days for row in declarations.rows(GLOBAL_DAYS) if row.postoperative_days}
