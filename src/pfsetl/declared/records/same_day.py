"""Records of the rules across one practitioner's day, and of the services that they are of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Annotated, Literal

from pfsetl.declared.records.rules import overlap, refuse_ranks, refuse_share
from pfsetl.declared.records.sheet import (
    MODIFIER,
    Certainty,
    Clash,
    Fits,
    Key,
    Modifier,
    Name,
    Prose,
    Rank,
    Read,
    Reference,
    Share,
    Sheet,
)
from pfsetl.plural import count


@dataclass(frozen=True, slots=True, kw_only=True)
class SameDayRow:
    """What services of a group get beside others of one practitioner's day; a proposed rule is in force on no day.

    `of` is the group of the line that a share is taken of, empty where it's the line's own, or that a service isn't
    paid beside if that line has the modifier; a service of the day in the group `unless` makes it paid all the same,
    and of services of one session it's one that the rule isn't of. A modifier of `other_session` says that a service
    was apart from the day's others.
    `aco` says whether the practitioner is in one, None where it makes no difference.
    """

    rule: Literal["visit_and_procedure", "share_of_visit", "not_beside", "one_session", "other_session"]
    group: Name
    modifier: tuple[Modifier, ...] = ()
    of: Name = ""
    unless: Name = ""
    aco: bool | None = None
    rank_from: Rank = 1
    rank_to: Rank | None = None
    numerator: Share
    denominator: Share
    state: Literal["proposed", "in_force"]
    proposed_from: date | None = None
    from_: date | None = None
    to: date | None = None
    certainty: Certainty = "unconfirmed"
    source: Prose = ""

    def __post_init__(self) -> None:
        refuse_share(self.numerator, self.denominator)
        refuse_ranks(self.rank_from, self.rank_to)
        if (self.state == "proposed") == bool(self.from_):
            raise ValueError(
                f"state {self.state}, from {self.from_ or 'empty'}: a proposed rule has no first day, one in force has "
                "one. Correct one of the two."
            )
        if self.rule == "share_of_visit" and self.state == "in_force" and not self.of and not self.modifier:
            raise ValueError(
                "modifier is empty: a share of the line's own amount needs the modifier that asks for it, or every "
                "visit would have it. Write it, or the group in of."
            )


def _twice(rows: Mapping[Key, SameDayRow], _: Read) -> Iterator[Clash]:
    """Yield rows in force of one rule and group that fit one service together."""
    in_force = [(key, row) for key, row in rows.items() if row.state == "in_force"]
    for (one, row), (other, beside) in combinations(in_force, 2):
        same = (row.rule, row.group) == (beside.rule, beside.group) and overlap(row, beside)
        if same and (row.aco == beside.aco or None in (row.aco, beside.aco)):
            yield one, other, (
                f"a service of {row.group} can fit this row and the other one of rule {row.rule}. Part their ranks or "
                "their days."
            )  # fmt: skip


_GROUP = (("service_groups.csv", "group"),)
SAME_DAY = Sheet(
    "same_day.csv",
    SameDayRow,
    ("rule", "group", "modifier", "of", "aco", "rank_from", "from"),
    days=("from", "to"),
    refers=(
        Reference("group", _GROUP),
        Reference("of", _GROUP),
        Reference("unless", _GROUP),
        Reference("modifier", MODIFIER),
    ),
    check=_twice,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A range of the services of a group, by their code, global period or multiple-procedure indicator."""

    group: Name
    field: Literal["hcpcs", "global_days", "multiple_procedure"]
    first: Annotated[str, Fits(r"[0-9]|[0-9A-Z]{3}|[0-9A-Z]{5}")]
    last: Annotated[str, Fits(r"[0-9]|[0-9A-Z]{3}|[0-9A-Z]{5}")]
    source: Prose = ""

    def __post_init__(self) -> None:
        long = {"hcpcs": 5, "global_days": 3, "multiple_procedure": 1}[self.field]
        if {len(self.first), len(self.last)} != {long}:
            many = count(long, "character")
            raise ValueError(f"first {self.first}, last {self.last}: {self.field} has {many}. Correct it.")


GROUPS = Sheet(
    "service_groups.csv",
    GroupRow,
    ("group", "field", "first"),
    codes=("first", "last"),
    within=("group", "field"),
    refers=tuple(
        Reference(end, ((f"codes/{field}.csv", "code"),), only=("field", field))
        for field in ("global_days", "multiple_procedure")
        for end in ("first", "last")
    ),
)
