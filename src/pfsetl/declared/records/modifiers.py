"""Records of modifiers: what each says and does, which contradict each other, and whom and what they tell apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Literal

from pfsetl.declared.records.sheet import (
    MODIFIER,
    Certainty,
    Clash,
    Key,
    Modifier,
    Name,
    Prose,
    Read,
    Reference,
    Sheet,
    share_a_day,
)

_KIND = Literal[
    "ambulance", "amount_of_work", "anesthesia", "assistant_or_team", "component", "demonstration", "dialysis", "drug",
    "functional_severity", "global_package", "imaging", "informational", "laboratory", "never_event",
    "physical_status", "practitioner", "quality", "repeat_or_separate", "research", "side_or_site", "state_program",
    "statutory_notice", "substitute", "supplier_dme", "teaching", "telehealth", "therapy",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifierRow:
    """What a modifier says, and does to a price: another row, a rule, nothing, no payment, or what isn't computed."""

    modifier: Modifier
    name: Prose = ""
    kind: _KIND = "informational"
    effect: Literal["none", "not_computed", "not_paid", "row", "rule"]
    from_: date | None = None
    to: date | None = None
    note: Prose = ""
    source: Prose = ""
    certainty: Certainty = "unconfirmed"


MODIFIERS = Sheet(
    "modifiers.csv",
    ModifierRow,
    ("modifier",),
    days=("from", "to"),
    refers=(
        Reference("modifier", (("reductions.csv", "modifier"),), only=("effect", "rule")),
        Reference("modifier", (("codes/modifier.csv", "code"),), only=("effect", "row")),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRow:
    """Two modifiers that contradict each other on one line, and what follows."""

    modifier: Modifier
    other: Modifier
    effect: Literal["no_amount", "note"]
    from_: date | None = None
    to: date | None = None
    note: Prose = ""
    source: Prose = ""
    certainty: Certainty = "unconfirmed"

    def __post_init__(self) -> None:
        if self.modifier == self.other:
            raise ValueError(f"other {self.other}: a modifier doesn't contradict itself. Name another one.")


def _other_way_round(rows: Mapping[Key, ConflictRow], _: Read) -> Iterator[Clash]:
    """Yield rows that name the same two modifiers, one of them in the other order, on the same days."""
    by_pair: dict[tuple[str, str], list[Key]] = {}
    for key, row in rows.items():
        by_pair.setdefault((row.modifier, row.other), []).append(key)
    for (modifier, other), keys in by_pair.items():
        if modifier > other:
            continue
        for one, beside in product(keys, by_pair.get((other, modifier), ())):
            row, twin = rows[one], rows[beside]
            if share_a_day(row, twin):
                yield one, beside, (
                    f"modifiers {modifier} and {other}, and the same two the other way round in the other row: both "
                    "would hold on the same days. Keep one of the two, or end one before the other begins."
                )  # fmt: skip


CONFLICTS = Sheet(
    "modifier_conflicts.csv",
    ConflictRow,
    ("modifier", "other", "from"),
    days=("from", "to"),
    once_a_day=("modifier", "other"),
    refers=(Reference("modifier", MODIFIER), Reference("other", MODIFIER)),
    check=_other_way_round,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionerModifierRow:
    """The practitioner that a modifier names, for a line that says nothing else of its practitioner."""

    modifier: Modifier
    practitioner: Name
    from_: date | None = None
    to: date | None = None
    certainty: Certainty
    source: Prose


PRACTITIONER_MODIFIERS = Sheet(
    "practitioner_modifiers.csv",
    PractitionerModifierRow,
    ("modifier", "from"),
    days=("from", "to"),
    once_a_day=("modifier",),
    refers=(
        Reference("modifier", MODIFIER),
        Reference("practitioner", (("reductions.csv", "indicator"),), of=("rule", "practitioner")),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairModifierRow:
    """A modifier that says that two services of an edit pair (NCCI) were apart, by where or when they were done."""

    modifier: Modifier
    group: Literal["site", "global package", "other"]
    certainty: Certainty = "unconfirmed"
    source: Prose = ""


PAIR_MODIFIERS = Sheet(
    "pair_modifiers.csv",
    PairModifierRow,
    ("modifier",),
    refers=(Reference("modifier", MODIFIER),),
)
