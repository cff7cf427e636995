"""Both sides of one procedure on two lines, RT and LT: one bilateral procedure, as modifier 50 on one line says it."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from pfsetl.pricing.reductions import Line, PricedLine, find, has_rule, named
from pfsetl.pricing.steps import stepped

SIDES = ("RT", "LT")


def joined(lines: Sequence[Line]) -> list[Line | PricedLine]:
    """Return the lines in their order; of a pair of sides one is bilateral, and the other is priced in it.

    A pair is one code on one day by one practitioner under the same rules, once RT and once LT, where a row
    `two_sides` of `schemas/reductions.csv` names the code's bilateral indicator. The RT line carries the price and both
    charges.
    """
    places: dict[Hashable, dict[str, int]] = {}
    for place, line in enumerate(lines):
        if side := _side(line):
            places.setdefault(_key(line), {}).setdefault(side, place)
    result: list[Line | PricedLine] = list(lines)
    for pair in places.values():
        if len(pair) == len(SIDES):
            right, left = (lines[pair[side]] for side in SIDES)
            result[pair["RT"]], result[pair["LT"]] = _both(right, left), _included(left, right)
    return result


def _key(line: Line) -> Hashable:
    ruled = frozenset(name for name in line.modifiers if name not in SIDES and has_rule(name, line.date))
    return line.date, line.practitioner, line.hcpcs, line.row_modifier, line.facility, line.documented, ruled


def _side(line: Line) -> str | None:
    """Return the side a line is for, None where it isn't one side of a procedure that is paid as a pair."""
    sides = set(line.modifiers) & set(SIDES)
    alone = line.units == 1 and not named("bilateral", line) and line.payment is not None
    return sides.pop() if len(sides) == 1 and alone and find("two_sides", line) else None


def _both(right: Line, left: Line) -> Line:
    charges = None if right.charge is None or left.charge is None else right.charge + left.charge
    return replace(right, modifiers=(*(m for m in right.modifiers if m != "RT"), "50"), charge=charges)


def _included(left: Line, right: Line) -> PricedLine:
    alone, rule = PricedLine(left, left.payment, None, (), 0), find("two_sides", left)
    return stepped(alone, rule, 0, f"both sides are priced on line {right.number}") if rule else alone
