"""The records of a claim line, and the rules that touch one: factors, dates and sources of `schemas/reductions.csv`."""

from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache, wraps
from operator import attrgetter
from typing import Any, TypeVar

from pfsetl.declared import declarations
from pfsetl.declared.records.rules import REDUCTIONS, ReductionRow
from pfsetl.declared.records.services import IMAGING, NO_COINSURANCE

Found = TypeVar("Found")
DOCUMENTED = "documentation_required"  # the outcome of a row whose share is paid once documentation was given


@dataclass(frozen=True, slots=True)
class Line:
    """One claim line, priced alone: amounts are cents for one unit, None where there is none."""

    number: int
    hcpcs: str
    modifiers: tuple[str, ...]
    units: int
    date: date
    payment: int | None  # of the row priced (blank, 26, TC or 53), after the imaging cap
    reason: str | None  # why there is no payment
    technical: int | None  # payment of the code's TC row
    professional: int | None  # payment of the code's 26 row
    therapy: int | None  # payment with the practice expense of a second and later unit
    base_payment: int | None  # of the endoscopic base code, same setting and place
    endoscopic_base: str | None
    multiple_procedure: str | None
    bilateral: str | None
    assistant_surgeon: str | None
    co_surgeons: str | None
    team_surgery: str | None
    imaging_family: str | None
    pctc: str | None
    preoperative: Decimal
    intraoperative: Decimal
    postoperative: Decimal
    status: str = "A"
    practitioner: str = "physician"
    facility: bool = False
    charge: int | None = None  # billed for the whole line
    row_modifier: str = ""  # modifier of the row that `payment` is from
    global_days: str | None = None  # CMS's code of the global period
    days: int | None = None  # of postoperative care, where only a part of the global period's
    uncapped_technical: int | None = None  # TC before the imaging cap, where they differ: reduced first, then capped
    documented: bool = False  # what a rule asks documentation for was documented
    aco: bool = False  # the practitioner is in an accountable care organization
    person: int = 0  # which of several surgeons or assistants who bill the same procedure
    days_by_side: tuple[int | None, ...] = ()  # days of care of the right and the left side, where they differ
    known: dict[Any, Any] = field(init=False, repr=False, compare=False)  # of all lines that the rules see as this one

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", _known_of(self))


@dataclass(frozen=True, slots=True)
class Step:
    """One rule that touched a line: the total before and after, in cents."""

    rule: str
    text: str
    numerator: int
    denominator: int
    before: int
    after: int
    source: str
    certainty: str = "certain"


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What Medicare allows for a line, or why nothing; `sequestration` is cents off its payment, not off `allowed`.

    `medicare` and `patient` are the parts of `allowed` where a rule on Medicare's own payment sets them, else None.
    """

    line: Line
    allowed: int | None
    reason: str | None
    steps: tuple[Step, ...]
    sequestration: int
    medicare: int | None = None
    patient: int | None = None


@cache
def imaging_of(hcpcs: str) -> str | None:
    """Return what kind of imaging a code is by `schemas/imaging_services.csv`, None where it names the code nowhere.

    >>> imaging_of("71250"), imaging_of("G0279"), imaging_of("99213")
    ('ct', 'x_ray', None)
    """
    return next((row.kind for row in declarations.rows(IMAGING) if row.first <= hcpcs <= row.last), None)


@lru_cache(maxsize=10_000)
def preventive_of(hcpcs: str, day: date) -> str | None:
    """Return `preventive` for a service of `schemas/no_coinsurance.csv` on a day, None for any other.

    >>> preventive_of("G0101", date(2025, 3, 3)), preventive_of("G0101", date(2010, 3, 3))
    ('preventive', None)
    """
    rows = (row for row in declarations.rows(NO_COINSURANCE) if row.first <= hcpcs <= row.last)
    in_force = any((row.from_ or date.min) <= day <= (row.to or date.max) for row in rows)
    return "preventive" if in_force else None


def therapy_of(line: Line) -> str | None:
    """Return 5 for a code that is always therapy, else the plan of care (GP, GO) that the line is billed under."""
    always = line.multiple_procedure if line.multiple_procedure == "5" else None
    return always or next((name for name in ("GP", "GO") if name in line.modifiers), None)


# Which indicator of a line each rule goes by; the multiple-procedure indicator where it isn't here.
_INDICATORS: Mapping[str, Callable[[Line], str | None]] = {
    "bilateral": lambda line: line.bilateral,
    "two_sides": lambda line: line.bilateral,
    "one_a_side": lambda line: line.bilateral,
    "assistant_surgeon": lambda line: line.assistant_surgeon,
    "co_surgeons": lambda line: line.co_surgeons,
    "team_surgery": lambda line: line.team_surgery,
    "practitioner": lambda line: line.practitioner,
    "part": lambda line: line.pctc,
    "not_a_family": lambda line: line.imaging_family,
    "medical_direction": lambda line: line.status,
    "only_service": lambda line: line.status,
    "medical_supervision": lambda line: line.status,
    "return_to_operating_room": lambda line: line.global_days,
    "portable_transport": lambda line: line.hcpcs,
    "technical_equipment": lambda line: imaging_of(line.hcpcs),
    "therapy_assistant": lambda line: therapy_of(line),
    "coinsurance": lambda line: preventive_of(line.hcpcs, line.date),
}


@lru_cache(maxsize=20_000)
def therapy_share(day: date, *, facility: bool) -> tuple[int, int] | None:
    """Return the share of practice expense paid for a second and later therapy unit, None before the rule began.

    >>> therapy_share(date(2020, 7, 1), facility=False)
    (50, 100)
    """
    found = next((rule for rule in rules_of("therapy", day) if rule.setting in (None, setting_of(facility))), None)
    return (found.numerator, found.denominator) if found else None


def practitioners() -> tuple[str, ...]:
    """Return the kinds of practitioner that a line can name."""
    return tuple(dict.fromkeys(row.indicator for row in reductions() if row.rule == "practitioner" and row.indicator))


def by_rules(ask: Callable[[Line], Found]) -> Callable[[Line], Found]:
    """Ask a question once for all lines that differ in nothing that rules look at, and keep the answer."""

    @wraps(ask)
    def answer(line: Line) -> Found:
        try:
            found: Found = line.known[ask]
        except KeyError:
            found = line.known[ask] = ask(line)
        return found

    return answer


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


# Fields of a line that no rule or indicator looks at: its amounts, and code and day, seen by `_code_seen` and `_span`.
# A field that isn't here parts lines of one kind, so that a new one counts until somebody says that it needn't.
_UNSEEN = frozenset(
    {"number", "hcpcs", "units", "date", "payment", "reason", "technical", "professional", "therapy", "base_payment",
     "endoscopic_base", "preoperative", "intraoperative", "postoperative", "charge", "days", "uncapped_technical",
     "person", "days_by_side", "known"}
)  # fmt: skip
_seen = attrgetter(*(one.name for one in fields(Line) if one.name not in _UNSEEN))


def _known_of(line: Line) -> dict[Any, Any]:
    """Return what is known of a line's kind: lines of one kind are alike in all that rules and indicators look at."""
    span = _span(line.date)
    return _known((span, _code_seen(line.hcpcs, span), *_seen(line)))


@lru_cache(maxsize=50_000)
def _known(_kind: tuple[Any, ...]) -> dict[Any, Any]:
    return {}


@lru_cache(maxsize=50_000)
def _code_seen(hcpcs: str, span: int) -> tuple[str | None, ...]:
    """Return what rules see of a code in a span of days."""
    return (
        hcpcs if hcpcs in _indicators() else None,
        imaging_of(hcpcs),
        preventive_of(hcpcs, _turns()[span - 1] if span else date.min),
    )


@cache
def _indicators() -> frozenset[str]:
    return frozenset(row.indicator for row in reductions())


@lru_cache(maxsize=20_000)
def _span(day: date) -> int:
    """Return in which span of days a day is; within one, the same rules are in force."""
    return bisect(_turns(), day)


@cache
def _turns() -> tuple[date, ...]:
    """Return the days on which a rule, or a service without coinsurance, begins or is no more."""
    dated = [(row.from_, row.to) for row in reductions()]
    dated += [(row.from_, row.to) for row in declarations.rows(NO_COINSURANCE)]
    after = (last + timedelta(days=1) for _, last in dated if last and last < date.max)
    return tuple(sorted({first for first, _ in dated if first} | set(after)))


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
    return any(row.outcome == DOCUMENTED for rule in _by_rule() for row in found_of(rule, bare))


def has_rule(modifier: str, day: date) -> bool:
    """Return whether a rule in force on a day names a modifier."""
    return any(modifier in row.modifier for rule in _by_rule() for row in rules_of(rule, day))


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


def setting_of(facility: bool) -> str:
    """Return the setting as the rules name it."""
    return "facility" if facility else "nonfacility"


@lru_cache(maxsize=100_000)
def rules_of(rule: str, day: date) -> tuple[ReductionRow, ...]:
    """Return the rows of a rule that are in force on a day, those of a higher priority first."""
    return tuple(r for r in _by_rule().get(rule, ()) if (r.from_ or date.min) <= day <= (r.to or date.max))


@cache
def _by_rule() -> Mapping[str, tuple[ReductionRow, ...]]:
    rules = dict.fromkeys(row.rule for row in reductions())
    return {rule: tuple(row for row in reductions() if row.rule == rule) for rule in rules}


@cache
def reductions() -> tuple[ReductionRow, ...]:
    """Return every row of `schemas/reductions.csv`, those of a higher priority first."""
    return tuple(sorted(declarations.rows(REDUCTIONS), key=lambda row: -row.priority))
