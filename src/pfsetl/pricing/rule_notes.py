"""What is said of rules that a line names and that leave its amount alone."""

from collections.abc import Iterator
from fractions import Fraction

from pfsetl.pricing.lines import Line
from pfsetl.pricing.procedures import APART
from pfsetl.pricing.reductions import asks_for_documentation, find, named
from pfsetl.pricing.rules import has_rule, rules_of
from pfsetl.pricing.service import modifier_of, modifiers
from pfsetl.pricing.technical import without_technical


def rule_notes(line: Line) -> Iterator[str]:
    """Say what its modifiers' rules are, which do nothing to it, and what isn't paid by this schedule."""
    for name in line.modifiers:
        known = modifier_of(name)
        if known.effect == "rule" and not has_rule(name, line.date):
            yield f"modifier {name}: no rule on {line.date}; it changes nothing then"
        elif known.effect == "rule" and known.note != known.source:
            yield f"modifier {name}: {known.note}"
    if without_technical(line):
        yield "the line has no technical part: what modifier FX, FY or CT takes off it doesn't apply"
    if line.documented and line.payment is None:
        yield "documented: it changes nothing, as the line has no amount"
    elif line.documented and not asks_for_documentation(line):
        yield "documented: no rule on this line asks for documentation"
    yield from _without_plan(line)
    yield from _both_sides(line)
    hospital = find("hospital_patient", line) if line.payment is not None else None
    part = find("part", line)
    if hospital and not (part and part.part == "professional"):
        yield f"not paid by this schedule for a hospital's patient (places 19, 21, 22, 23): {hospital.source}"
    trip = find("portable_transport", line)
    if trip and trip.outcome:
        yield f"{line.hcpcs} is a trip for several patients: {' '.join(_trips(line))} say for how many ({trip.source})"
    elif not trip and named("portable_transport", line):
        several = " and ".join({row.indicator for row in rules_of("portable_transport", line.date)})
        yield f"{line.hcpcs} isn't a trip for several patients, {several} is: its modifiers don't belong here"
    elif trip and line.payment is None:
        yield f"of the contractor's price {trip.numerator}/{trip.denominator} is paid: one trip for several patients"


def _both_sides(line: Line) -> Iterator[str]:
    """Say of two units that may be both sides what is paid then: no line tells, unless a modifier does."""
    sides = find("two_units", line) if line.units == 2 and line.payment is not None else None
    if sides and not any(modifier_of(name).kind in APART for name in line.modifiers):
        percent = Fraction(100 * sides.numerator, sides.denominator)
        yield (
            f"2 units are priced as two services; if they are both sides, Medicare pays {percent} % of one for both: "
            f"give 1 unit with modifier 50 ({sides.source})"
        )


def _trips(line: Line) -> list[str]:
    return [name for row in rules_of("portable_transport", line.date) for name in row.modifier]


def _without_plan(line: Line) -> Iterator[str]:
    """Say where a therapist assistant's modifier stands without the plan of care that it goes with."""
    for row in rules_of("therapy_assistant", line.date) if line.modifiers else ():
        here = set(row.modifier) & set(line.modifiers)
        if here and row.indicator in modifiers() and row.indicator not in line.modifiers:
            yield (
                f"modifier {' '.join(here)} without {row.indicator}: contractors return the line (Medicare Claims "
                "Processing Manual chapter 5 section 20.1)"
            )
