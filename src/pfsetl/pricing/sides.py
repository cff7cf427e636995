"""Both sides of one procedure on two lines, RT and LT: one bilateral procedure, as modifier 50 on one line says it."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from pfsetl.pricing.apply import order_in, stepped
from pfsetl.pricing.global_package import operates
from pfsetl.pricing.lines import Line, PricedLine
from pfsetl.pricing.procedures import SIDES, Procedure, procedures_of
from pfsetl.pricing.reductions import find, named
from pfsetl.pricing.rules import has_rule


def joined(lines: Sequence[Line], reasons: Sequence[str | None]) -> list[Line | PricedLine]:
    """Return the lines in their order; of a pair of sides one is bilateral, and the other is priced in it.

    A pair is one code on one day by one practitioner under the same rules, once RT and once LT, where a row
    `two_sides` of `schemas/reductions.csv` names the code's bilateral indicator. The RT line carries the price, both
    charges, and the days of care of both sides. A line with a reason isn't paid and is of no pair, nor is a return to
    the operating room.
    """
    places: dict[Hashable, dict[str, int]] = {}
    sided = {place: side for place, line in enumerate(lines) if line.modifiers and (side := _side(line))}
    sided = {place: side for place, side in sided.items() if not reasons[place]}
    for place in sorted(sided, key=lambda at: order_in(lines[at])):
        places.setdefault(_key(lines[place]), {}).setdefault(sided[place], place)
    result: list[Line | PricedLine] = list(lines)
    for pair in places.values():
        if len(pair) == len(SIDES):
            right, left = (lines[pair[side]] for side in SIDES)
            result[pair["RT"]], result[pair["LT"]] = _both(right, left), _included(left, right)
    return result


def done_again(lines: Sequence[Line]) -> list[str | None]:
    """Return for each line why it can't be paid as one of its sides: a patient has one of each.

    Rows `one_a_side` of `schemas/reductions.csv`. 58, 59, 76 to 79, an X modifier or a site say that it's another one.
    """
    rules = [find("one_a_side", line) if line.modifiers and operates(line) else None for line in lines]
    if not any(rules):
        return [None] * len(lines)
    done: Counter[Procedure] = Counter()
    of = [procedures_of(line) if rule else [] for line, rule in zip(lines, rules, strict=True)]
    for line, procedures in zip(lines, of, strict=True):
        done.update(dict.fromkeys(procedures, line.units if line.payment is not None else 0))
    return [
        rule.outcome if rule and any(done[one] > 1 for one in procedures) else None
        for rule, procedures in zip(rules, of, strict=True)
    ]


def _key(line: Line) -> Hashable:
    ruled = frozenset(name for name in line.modifiers if name not in SIDES and has_rule(name, line.date))
    who = line.practitioner, line.person
    return line.date, who, line.hcpcs, line.row_modifier, line.facility, line.documented, ruled


def _side(line: Line) -> str | None:
    """Return the side a line is for, None where it isn't one side of a procedure that is paid as a pair."""
    sides = [name for name in line.modifiers if name in SIDES]
    alone = len(sides) == 1 and line.units == 1 and line.payment is not None and not named("bilateral", line)
    ruled = alone and find("two_sides", line) and not find("return_to_operating_room", line)
    return sides[0] if ruled else None


def _both(right: Line, left: Line) -> Line:
    charges = None if right.charge is None or left.charge is None else right.charge + left.charge
    days = () if right.days == left.days else (right.days, left.days)
    modifiers = (*(m for m in right.modifiers if m != "RT"), "50")
    return replace(right, modifiers=modifiers, charge=charges, days_by_side=days)


def _included(left: Line, right: Line) -> PricedLine:
    alone, rule = PricedLine(left, left.payment, None, (), 0), find("two_sides", left)
    text = f"both sides are priced on line {right.number}"
    if (left.charge is None) != (right.charge is None):
        text += ", without the charge: only one of them has one"
    return stepped(alone, rule, 0, text) if rule else alone
