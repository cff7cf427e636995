"""The records of a claim line, and what is kept of its kind: one for all lines that rules see as the same."""

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, lru_cache, wraps
from operator import attrgetter
from typing import Any, TypeVar

from pfsetl.declared import declarations
from pfsetl.declared.records.services import NO_COINSURANCE
from pfsetl.pricing.rules import coinsurance_kind, imaging_of, reductions

Found = TypeVar("Found")


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
        coinsurance_kind(hcpcs, _turns()[span - 1] if span else date.min),
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
