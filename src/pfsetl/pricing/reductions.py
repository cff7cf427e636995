"""Which rows of the rules fit a claim line: by its indicator, its modifiers, its setting, its rank and its day."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pfsetl.declared.records.rules import DOCUMENTED, ReductionRow
from pfsetl.pricing.lines import Line, by_rules
from pfsetl.pricing.rules import coinsurance_kind, imaging_of, rule_names, rules_of, setting_of


def therapy_of(line: Line) -> str | None:
    """Return 5 for a code that is always therapy, else the plan of care (GP, GO) that the line is billed under."""
    always = line.multiple_procedure if line.multiple_procedure == "5" else None
    return always or next((name for name in ("GP", "GO") if name in line.modifiers), None)


# Which indicator of a line each rule goes by; the multiple-procedure indicator where it isn't here.
_INDICATORS: Mapping[str, Callable[[Line], str | None]] = {
    "bilateral": lambda line: line.bilateral,
    "two_sides": lambda line: line.bilateral,
    "one_a_side": lambda line: line.bilateral,
    "two_units": lambda line: line.bilateral,
    "assistant_surgeon": lambda line: line.assistant_surgeon,
    "co_surgeons": lambda line: line.co_surgeons,
    "team_surgery": lambda line: line.team_surgery,
    "practitioner": lambda line: line.practitioner,
    "part": lambda line: line.pctc,
    "hospital_patient": lambda line: line.pctc,
    "not_a_family": lambda line: line.imaging_family,
    "medical_direction": lambda line: line.status,
    "only_service": lambda line: line.status,
    "medical_supervision": lambda line: line.status,
    "return_to_operating_room": lambda line: line.global_days,
    "no_time_units": lambda line: line.hcpcs,
    "portable_transport": lambda line: line.hcpcs,
    "technical_equipment": lambda line: imaging_of(line.hcpcs),
    "therapy_assistant": lambda line: therapy_of(line),
    "coinsurance": lambda line: coinsurance_kind(line.hcpcs, line.date),
}


def find(rule: str, line: Line, rank: int = 1) -> ReductionRow | None:
    """Return the first row of a rule in force that fits a line's indicator, modifiers, setting and rank."""
    found = found_of(rule, line, rank)
    return found[0] if found else None


def found_of(rule: str, line: Line, rank: int = 1) -> tuple[ReductionRow, ...]:
    """Return every row of a rule in force that fits a line; what asks for documentation is paid where it was given."""
    asked = rule, rank
    found: tuple[ReductionRow, ...] | None = line.known.get(asked)
    if found is None:
        found = line.known[asked] = tuple(_fitting(rule, line, rank))
    return found


def _fitting(rule: str, line: Line, rank: int) -> Iterator[ReductionRow]:
    indicator = _INDICATORS[rule](line) if rule in _INDICATORS else line.multiple_procedure
    for row in rules_of(rule, line.date):
        if (
            row.indicator in ("", indicator)
            and (not row.modifier or set(row.modifier) & set(line.modifiers))
            and row.setting in (None, setting_of(line.facility))
            and row.rank_from <= rank <= (row.rank_to or rank)
        ):
            yield replace(row, outcome=None) if line.documented and row.outcome == DOCUMENTED else row


def named(rule: str, line: Line) -> bool:
    """Return whether a rule names one of the line's modifiers."""
    if not line.modifiers:
        return False
    asked = named, rule
    found: bool | None = line.known.get(asked)
    if found is None:
        found = any(set(row.modifier) & set(line.modifiers) for row in rules_of(rule, line.date))
        line.known[asked] = found
    return found


@by_rules
def sides_of(line: Line) -> ReductionRow | None:
    """Return the rule on both sides of a line, None where there is none.

    A return to the operating room has none (Medicare Claims Processing Manual chapter 12 section 40.4).
    """
    sides = find("bilateral", line) if line.modifiers else None
    return None if sides and find("return_to_operating_room", line) else sides


@by_rules
def asks_for_documentation(line: Line) -> bool:
    """Return whether a rule pays this line, or more of it, only where documentation was given."""
    bare = replace(line, documented=False)
    return any(row.outcome == DOCUMENTED for rule in rule_names() for row in found_of(rule, bare))
