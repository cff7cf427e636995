"""What the modifiers of one line say together: why it has no amount, and what a reader of it has to know."""

from collections.abc import Sequence
from datetime import date
from itertools import combinations

from pfsetl.declared import declarations
from pfsetl.declared.records.modifiers import CONFLICTS, ConflictRow
from pfsetl.pricing.service import Service, modifier_of, practitioner_modifiers

ANESTHESIA = "J"  # CMS's status of anesthesia services
OF_ANESTHESIA = ("anesthesia", "physical_status")  # kinds of modifiers that say something of anesthesia alone


def reason_of(service: Service, status: str) -> str | None:
    """Return why the modifiers of a line leave it without an amount, None where they don't.

    Sources: `schemas/modifier_conflicts.csv` for two that contradict each other, `schemas/modifiers.csv` for one;
    Medicare Claims Processing Manual, chapter 12, section 50, for those that go with anesthesia (status J) alone.
    """
    for row in _conflicts(service.modifiers, service.day):
        if row.effect == "no_amount":
            return f"modifiers_{row.modifier}_and_{row.other}_contradict"
    for name in service.modifiers:
        known = modifier_of(name)
        if known.effect in ("not_computed", "not_paid"):
            return f"modifier_{name}_{known.effect}"
        # NOTE: one with a rule has the rule's own reason where it doesn't apply.
        if known.kind in OF_ANESTHESIA and known.effect != "rule" and status != ANESTHESIA:
            return f"modifier_{name}_without_anesthesia"
    return None


def modifier_notes(service: Service) -> list[str]:
    """Return what is said of a line's modifiers: what each does, its days, repetition, and contradictions."""
    named = [modifier_of(name) for name in service.modifiers]
    day = service.day
    notes = [f"modifier {m.modifier}: {m.note}" for m in named if m.effect not in ("row", "rule")]
    for m in named:
        if m.from_ and day < m.from_:
            notes.append(f"modifier {m.modifier}: known from {m.from_} on, not on {day}")
        if m.to and day > m.to:
            notes.append(f"modifier {m.modifier}: known until {m.to}, not on {day}")
    for name, practitioner in practitioner_modifiers(service.modifiers, day).items():
        if service.practitioner == practitioner and not service.practitioner_given:
            notes.append(f"practitioner {practitioner}: by modifier {name}; none was given")
        elif service.practitioner != practitioner:
            notes.append(f"modifier {name} says {practitioner}; priced as of practitioner {service.practitioner}")
    notes += [f"modifier {name}: given more than once, counted once" for name in service.repeated]
    return notes + [
        f"modifiers {row.modifier} and {row.other}: {row.note}" for row in _conflicts(service.modifiers, service.day)
    ]


def _conflicts(names: Sequence[str], day: date) -> list[ConflictRow]:
    there = [set(pair) for pair in combinations(names, 2)]
    rows = declarations.rows_on(CONFLICTS, day) if there else ()
    return [row for row in rows if {row.modifier, row.other} in there]
