"""Records of what was in force when: releases, conversion factors, laws, and the days on which CMS posts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Annotated, Literal

from pfsetl.declared.records.sheet import (
    PARTICIPANT,
    RELEASE,
    STATE,
    Certainty,
    Clash,
    Days,
    Fits,
    Key,
    Label,
    Name,
    Path,
    Prose,
    Read,
    Reference,
    Sha256,
    Share,
    Sheet,
    State,
    Title,
    Within,
    Year,
    share_a_day,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One CMS release label: its quarter, its days, what it takes the place of, and what is known of its zip."""

    release: Label
    year: Year
    quarter: Literal[1, 2, 3, 4]
    kind: Literal["initial", "correction", "reissue", "pre_update", "post_update"]
    effective_from: date | None = None
    effective_to: date | None = None
    never_effective: bool | None = None
    supersedes: Label | None = None
    published_on: date | None = None
    page: Path | None = None
    zip: Path | None = None
    sha256: Sha256 | None = None
    rows: Annotated[int, Within(1, 1_000_000)] | None = None
    localities: Annotated[int, Within(1, 1_000)] | None = None
    note: Prose | None = None


RELEASES = Sheet("releases.csv", ReleaseRow, ("release",), days=("effective_from", "effective_to"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableRow:
    """How many rows of a release Medicare pays for (status A, R or T), in the posting whose `rows` are known."""

    release: Label
    rows: Annotated[int, Within(1, 1_000_000)]
    source: Prose = ""


PAYABLE_ROWS = Sheet("payable_rows.csv", PayableRow, ("release",), refers=(Reference("release", RELEASE),))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFromRow:
    """The day before which a release can't have been known, where CMS's day of posting isn't declared."""

    release: Label
    known_from: date
    certainty: Certainty = "unconfirmed"
    source: Prose = ""


KNOWN_FROM = Sheet("known_from.csv", KnownFromRow, ("release",), refers=(Reference("release", RELEASE),))


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRow:
    """A conversion factor as paid, in US dollars; one whose last day isn't known prices no day."""

    from_: date
    to: date | None = None
    category: Literal["all", "surgical", "nonsurgical", "primary care", "other nonsurgical", "anesthesia"]
    participant: Name
    conversion_factor: Annotated[Decimal, Within(0, 999, decimals=6)]
    certainty: Certainty = "unconfirmed"
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.conversion_factor <= 0:
            raise ValueError(f"conversion_factor {self.conversion_factor}: a factor is above 0. Write it as 32.3465.")


def _paid_at_once(rows: Mapping[Key, FactorRow], _: Read) -> Iterator[Clash]:
    """Yield two factors of one category and participant on the same day."""
    paid = [(key, row) for key, row in rows.items() if row.to]
    for (one, row), (other, beside) in combinations(paid, 2):
        same = (row.category, row.participant) == (beside.category, beside.participant)
        if same and share_a_day(row, beside):
            told = [f"{r.conversion_factor} from {r.from_} to {r.to}" for r in (row, beside)]
            yield one, other, (
                f"{told[0]}, and {told[1]} in the other row: two factors of {row.participant} on the same days. End "
                "one before the other begins; a row of your own with the same from, category and participant takes the "
                "place of a shipped one."
            )  # fmt: skip


FACTORS = Sheet(
    "conversion_factors.csv",
    FactorRow,
    ("from", "category", "participant"),
    days=("from", "to"),
    refers=(Reference("participant", PARTICIPANT),),
    check=_paid_at_once,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaRow:
    """A factor of the payment formula for a time, as a fraction."""

    rule: Literal["work_adjuster", "calculation_flag"]
    flag: Annotated[str, Fits(r"[0-9A-Z]")] = ""
    numerator: Share
    denominator: Share
    from_: date
    to: date
    certainty: Certainty = "unconfirmed"
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.denominator < 1:
            raise ValueError(f"denominator {self.denominator}: nothing is divided by it. Write 1 or more.")
        if (self.rule == "calculation_flag") != bool(self.flag):
            raise ValueError(f"flag {self.flag!r}: calculation_flag has one, work_adjuster none. Correct rule or flag.")


FORMULA = Sheet(
    "formula.csv",
    FormulaRow,
    ("rule", "flag", "from"),
    days=("from", "to"),
    once_a_day=("rule", "flag"),
    refers=(Reference("flag", (("codes/calculation_flag.csv", "code"),)),),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFloorRow:
    """An act with a floor under the work index: the days of service it is for, and when it was enacted."""

    act: Title
    from_: date | None = None
    to: date | None = None
    floor: Annotated[Decimal, Within(0, 2, decimals=3)]
    enacted_on: date | None = None
    certainty: Certainty = "unconfirmed"
    source: Prose = ""


# The act that was enacted last is law, so two of one day may not speak of the same days of service.
WORK_FLOOR = Sheet(
    "work_index_floor.csv", WorkFloorRow, ("act",), days=("from", "to"), once_a_day=("enacted_on",)
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexUpdateRow:
    """A year in which indices were updated, of all states or of one."""

    year: Year
    state: State | None = None
    part: Literal["first half", "second half", "transition"] | None = None
    source: Prose = ""


INDEX_UPDATES = Sheet(
    "index_updates.csv", IndexUpdateRow, ("year", "state"), refers=(Reference("state", STATE),)
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineRow:
    """Within how many days CMS has posted a release of a quarter, or has to be looked at."""

    what: Literal["first_posting", "look"]
    quarter: Literal[1, 2, 3, 4] | None = None
    days: Days
    meaning: Prose = ""
    source: Prose = ""

    def __post_init__(self) -> None:
        if (self.what == "first_posting") != bool(self.quarter):
            raise ValueError(f"quarter {self.quarter or ''}: first_posting has one, look none. Correct it.")


DEADLINES = Sheet("watch/deadlines.csv", DeadlineRow, ("what", "quarter"))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProblemRow:
    """An alarm of a release that is acknowledged, to a last day and for a reason."""

    release: Label
    problem: Literal["failed", "vanished", "absent"]
    until: date
    reason: Prose


KNOWN_PROBLEMS = Sheet("watch/known_problems.csv", KnownProblemRow, ("release", "problem"), may_be_empty=True)
