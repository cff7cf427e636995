"""The technical part of a test: what a line holds of it, and less of it for equipment that Medicare pays less for.

X-rays on film (FX), computed radiography (FY) and older CT scanners (CT) take a share off the technical component and
off the technical part of the whole test, of the lower of amount and imaging cap. An interpretation keeps its amount.
"""

from pfsetl.pricing.apply import amount_of, refused, scaled, stepped
from pfsetl.pricing.lines import Line, PricedLine
from pfsetl.pricing.reductions import find, found_of
from pfsetl.tables.exact import share_of

RULE = "technical_equipment"


def part_of(line: Line, part: str) -> int | None:
    """Cents of a part of one unit: 0 where the line doesn't hold it, None where it does and isn't known."""
    return _less(line, _whole_part(line, part)) if part == "technical" else _whole_part(line, part)


def uncapped_of(line: Line, part: str) -> int | None:
    """Cents of the technical part of one unit before the imaging cap, None where the line has no such amount."""
    return _less(line, line.uncapped_technical) if part == "technical" and part_of(line, part) else None


def reduce_equipment(one: PricedLine) -> PricedLine:
    """Take off a line what Medicare doesn't pay for its equipment, one step for each modifier."""
    line, technical = one.line, _whole_part(one.line, "technical")
    for rule in found_of(RULE, line):
        if technical is None:
            return refused(one, "technical_part_not_known")
        if technical and one.allowed is not None:
            left = share_of(technical, rule.numerator, rule.denominator)
            after = max(0, amount_of(one) - (scaled(line, technical) - scaled(line, left)))
            one = stepped(one, rule, after, f"technical part, modifier {' '.join(rule.modifier)}")
            technical = left
    return one


def without_technical(line: Line) -> bool:
    """Return whether a line names equipment and holds no technical part, so that nothing is taken off."""
    return find(RULE, line) is not None and _whole_part(line, "technical") == 0


def _whole_part(line: Line, part: str) -> int | None:
    only = find("part", line)
    if only:
        return line.payment if only.part == part else 0
    return line.technical if part == "technical" else line.professional


def _less(line: Line, cents: int | None) -> int | None:
    for rule in found_of(RULE, line) if cents else ():
        cents = share_of(cents or 0, rule.numerator, rule.denominator)
    return cents
