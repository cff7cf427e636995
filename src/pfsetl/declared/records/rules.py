"""Records of the rules on claim lines: what is paid in part or not at all, by indicator, modifier, rank and day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Annotated, Any, Literal

from pfsetl.declared.records.modifiers import CONFLICTS
from pfsetl.declared.records.sheet import (
    MODIFIER,
    Certainty,
    Clash,
    Fits,
    Key,
    Modifier,
    Priority,
    Prose,
    Rank,
    Read,
    Reference,
    Setting,
    Share,
    Sheet,
    share_a_day,
)

_RULE = Literal[
    "assistant_surgeon", "bilateral", "cardiovascular", "charge", "co_surgeons", "coinsurance", "duplicate",
    "endoscopy", "global_split", "hospital_patient", "imaging", "medical_direction", "medical_supervision",
    "no_time_units", "not_a_family", "one_a_side", "only_service", "ophthalmology", "part", "portable_transport",
    "practitioner", "reduced", "return_to_operating_room", "sequestration", "surgery", "team_surgery",
    "technical_equipment", "therapy", "therapy_assistant", "two_sides", "two_units",
]  # fmt: skip
_OUTCOME = Literal[
    "assistant_not_applicable", "assistant_not_paid", "bilateral_not_applicable", "by_report", "carrier_priced",
    "co_surgeons_not_applicable", "co_surgeons_not_permitted", "documentation_required", "no_global_package",
    "patients_not_said", "preoperative_paid_with_54", "side_done_more_than_once",
    "supervised_by_a_physician_only", "team_surgery_not_applicable", "team_surgery_not_permitted",
]  # fmt: skip
_PART = Literal[
    "", "technical", "professional", "preoperative", "intraoperative", "postoperative", "base_units", "induction"
]
# Words of these that code goes by.
DOCUMENTED = "documentation_required"  # the outcome of a row whose share is paid once documentation was given
PACKAGE = ("preoperative", "intraoperative", "postoperative")  # the parts of a global surgical package
COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # rules on the technical and the professional part


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionRow:
    """A rule's row: a share (or a number of units) of a part, or the reason (`outcome`) why there is no payment.

    An empty cell fits every line. Of rows that fit one line the one with the higher `priority` comes first; rows of the
    same priority fit no line together, save for different parts of it. The outcome `documentation_required` is dropped
    for a line that is documented.
    """

    rule: _RULE
    indicator: Annotated[str, Fits(r"[0-9A-Z]{1,5}|[a-z_]{2,20}")] = ""
    modifier: tuple[Modifier, ...] = ()
    part: _PART = ""
    setting: Setting | None = None
    rank_from: Rank = 1
    rank_to: Rank | None = None
    priority: Priority = 0
    numerator: Share = 1
    denominator: Share = 1
    outcome: _OUTCOME | None = None
    from_: date | None = None
    to: date | None = None
    certainty: Certainty = "unconfirmed"
    source: Prose = ""

    def __post_init__(self) -> None:
        refuse_share(self.numerator, self.denominator)
        refuse_ranks(self.rank_from, self.rank_to)


def refuse_share(numerator: int, denominator: int) -> None:
    """Raise ValueError for a share that can't be one."""
    if denominator < 1:
        raise ValueError(f"denominator {denominator}: nothing is divided by it. Write 1 or more.")
    if numerator < 0:
        raise ValueError(f"numerator {numerator}: a share isn't below 0. Write 0 or more.")


def refuse_ranks(first: int, last: int | None) -> None:
    """Raise ValueError for ranks that can't be such."""
    if first < 1 or (last is not None and last < first):
        raise ValueError(f"rank_from {first}, rank_to {last}: write the first rank, from 1 on, then the last one.")


def _ambiguous(rows: Mapping[Key, ReductionRow], read: Read) -> Iterator[Clash]:
    """Yield rows of a rule that fit one line together with nothing that says which of them comes first."""
    apart = {frozenset((row.modifier, row.other)) for row in read(CONFLICTS) if row.effect == "no_amount"}
    by_rule: dict[tuple[str, int, str], list[tuple[Key, ReductionRow]]] = {}
    for key, row in rows.items():
        by_rule.setdefault((row.rule, row.priority, row.part), []).append((key, row))
    for group in by_rule.values():
        for (one, row), (other, beside) in combinations(group, 2):
            if _fit_together(row, beside, apart):
                yield one, other, (
                    f"a line can fit this row and the other one of rule {row.rule}, and both have priority "
                    f"{row.priority}. Give the one that comes first a higher priority, or part them."
                )  # fmt: skip


def _fit_together(row: ReductionRow, beside: ReductionRow, apart: set[frozenset[str]]) -> bool:
    return (
        ("" in (row.indicator, beside.indicator) or row.indicator == beside.indicator)
        and (None in (row.setting, beside.setting) or row.setting == beside.setting)
        and overlap(row, beside)
        and (
            not (row.modifier and beside.modifier)
            or any({a, b} not in apart for a in row.modifier for b in beside.modifier)
        )
    )


def overlap(row: Any, beside: Any) -> bool:
    """Return whether two rows have a rank and a day in common; an empty end is none."""
    return (
        row.rank_from <= (beside.rank_to or row.rank_from)
        and beside.rank_from <= (row.rank_to or beside.rank_from)
        and share_a_day(row, beside)
    )


# Where the indicators stand that the rows of a rule can have: what CMS's field, or the claim line, can say.
_INDICATORS: Mapping[tuple[tuple[str, str], ...], tuple[str, ...]] = {
    (("codes/bilateral.csv", "code"),): ("bilateral", "one_a_side", "two_sides", "two_units"),
    (("codes/assistant_surgeon.csv", "code"),): ("assistant_surgeon",),
    (("codes/co_surgeons.csv", "code"),): ("co_surgeons",),
    (("codes/team_surgery.csv", "code"),): ("team_surgery",),
    (("codes/pctc.csv", "code"),): ("hospital_patient", "part"),
    (("codes/imaging_family.csv", "code"),): ("not_a_family",),
    (("codes/status.csv", "code"),): ("medical_direction", "medical_supervision", "only_service"),
    (("codes/global_days.csv", "code"),): ("return_to_operating_room",),
    (("imaging_services.csv", "kind"),): ("technical_equipment",),
    (("codes/multiple_procedure.csv", "code"), ("modifiers.csv", "modifier")): ("therapy_assistant",),
    (("codes/multiple_procedure.csv", "code"),): (
        "cardiovascular", "charge", "duplicate", "endoscopy", "global_split", "imaging", "ophthalmology", "reduced",
        "sequestration", "surgery", "therapy",
    ),
}  # fmt: skip
REDUCTIONS = Sheet(
    "reductions.csv",
    ReductionRow,
    ("rule", "indicator", "modifier", "part", "setting", "rank_from", "from"),
    days=("from", "to"),
    together=("numerator", "denominator"),
    refers=(
        Reference("modifier", MODIFIER),
        *(Reference("indicator", places, only=("rule", *rules)) for places, rules in _INDICATORS.items()),
        Reference("indicator", (), only=("rule", "coinsurance"), besides=("mental_health", "preventive")),
        Reference("indicator", (), only=("rule", "no_time_units", "portable_transport"), besides=("[0-9A-Z]" * 5,)),
    ),
    check=_ambiguous,
)
