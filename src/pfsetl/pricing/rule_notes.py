"""What is said of rules that a line names and that leave its amount alone."""

from collections.abc import Iterator
from fractions import Fraction

from pfsetl.pricing.medicare_share import lowered
from pfsetl.pricing.reductions import Line, asks_for_documentation, find, has_rule
from pfsetl.pricing.service import modifier_of
from pfsetl.pricing.technical import without_technical


def rule_notes(line: Line) -> Iterator[str]:
    """Say which rules a line names that do nothing to it, and what a rule takes of a price that isn't Medicare's."""
    for name in line.modifiers:
        known = modifier_of(name)
        if known.effect == "rule" and not has_rule(name, line.date):
            yield f"modifier {name}: no rule on {line.date}; it changes nothing then"
        elif known.effect == "rule" and known.note != known.source:
            yield f"modifier {name}: {known.note}"
    if without_technical(line):
        yield "the line has no technical part: what modifier FX, FY or CT takes off it doesn't apply"
    if line.documented and not asks_for_documentation(line):
        yield "documented: no rule on this line asks for documentation"
    share = find("coinsurance", line)
    if share and lowered(share) and line.payment is not None:
        percent = Fraction(100 * share.numerator, share.denominator)
        yield f"Medicare's part is taken to be {percent} % of what is allowed: {share.source}"
    trip = find("portable_transport", line)
    if trip and line.payment is None:
        yield f"of the contractor's price {trip.numerator}/{trip.denominator} is paid: one trip for several patients"
