"""Records of what CMS's archives hold: members, participants, what files say of themselves, what is odd in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Annotated, Literal

from pfsetl.declared.records.calendar import RELEASES
from pfsetl.declared.records.sheet import (
    MEMBER,
    PARTICIPANT,
    RELEASE,
    TABLE,
    Clash,
    Format,
    Key,
    Name,
    Read,
    Reference,
    Sheet,
)

ONLY_IN = ("(only in the believed file)", "(only in the other file)")  # what rows one of two files lacks


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One logical member of an archive: which file names belong to it, and which format is believed first.

    It belongs to the releases whose quarter begins in its days. `example` is a name that CMS has given it; a name that
    only `looks` like one of its is named and not used.
    """

    member: Name
    participant: str
    from_: date | None = None
    to: date | None = None
    pattern: re.Pattern[str]
    required: bool = False
    formats: tuple[Format, ...]
    note: str = ""
    example: str = ""
    looks: re.Pattern[str]


MEMBERS = Sheet(
    "members.csv", MemberRow, ("member", "participant"), days=("from", "to"),
    refers=(Reference("participant", PARTICIPANT),),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionRow:
    """A file that CMS publishes beside the releases, told by its name, alone or in `parts` that belong together.

    `quarter` finds in a name or a title from when the file holds. Its groups may be year (two digits are of this
    century), quarter, month, day, and volume and number, where volume 0 is that of `year_zero` and number 0 its first
    quarter; a name that ends in _ is the same group again. Of a file in parts the group `part` of `pattern` is the
    number of each. No row begins later, by its column `begins`, than the file does. `most_lines` and `most_megabytes`
    are those of one part.
    """

    companion: Name
    pattern: re.Pattern[str]
    quarter: re.Pattern[str] | None = None
    year_zero: int = 0
    parts: int = 1
    begins: Name | None = None
    most_lines: int = 200_000
    most_megabytes: int = 32
    formats: tuple[Format, ...]
    note: str = ""
    example: str = ""

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise ValueError(f"parts {self.parts}: a file has 1 or more. Write how many.")
        if self.parts > 1 and "part" not in self.pattern.groupindex:
            raise ValueError(f"pattern {self.pattern.pattern!r} has no group (?P<part>...), and parts is {self.parts}.")
        if self.quarter:
            strange = {name.rstrip("_") for name in self.quarter.groupindex} - set(_GROUPS)
            if strange:
                raise ValueError(f"quarter: group {min(strange)} is none of {', '.join(_GROUPS)}. Rename it.")


_GROUPS = ("year", "quarter", "month", "day", "volume", "number")
COMPANIONS = Sheet("companions.csv", CompanionRow, ("companion",))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantRow:
    """Whose conversion factor a file is for; `pricing_indicator` is what its rows say, as far as they do.

    `continues` is whose rows its rows are, under another name; `follows` whose payment it had before it was there.
    """

    participant: Name
    continues: Name | None = None
    follows: Name | None = None
    pricing_indicator: str | None = None
    meaning: str = ""


PARTICIPANTS = Sheet(
    "participants.csv",
    ParticipantRow,
    ("participant",),
    refers=(Reference("continues", PARTICIPANT), Reference("follows", PARTICIPANT)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRow:
    """A place where a file says of which release it is, and what follows where that is another one.

    `outvoted` is refused unless more places say the release, `unless supported` unless one does. For `column` the
    pattern is the column's name, and behind it the category of the factors that it's held against.
    """

    member: Name
    where: Literal["name", "title", "column"]
    says: Literal["year", "month", "released", "participant", "factor"]
    pattern: re.Pattern[str]
    contradiction: Literal["refused", "outvoted", "unless supported", "noticed"]
    note: str = ""

    @property
    def column(self) -> str:
        """The column that is read, where it's one."""
        return self.pattern.pattern.partition(" ")[0]

    def __post_init__(self) -> None:
        group = "anesthesia" if self.says == "factor" else self.says
        if self.where != "column" and group not in self.pattern.groupindex:
            raise ValueError(f"pattern {self.pattern.pattern!r} has no group (?P<{group}>...), which it reads. Add it.")


IDENTITY = Sheet(
    "identity.csv",
    IdentityRow,
    ("member", "where", "says", "pattern"),
    group=("member", "where", "says"),
    alike=("contradiction",),
    refers=(
        Reference("member", MEMBER),
        Reference("column", (("fields.csv", "field"),), only=("where", "column")),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """What is odd in files as CMS published them, and why: for the releases, members and fields that it fits.

    `release`, `member` and `field` may be patterns such as `RVU2[4-9]*`; an empty format is any; `differs` says in what
    alone two cells differ.
    """

    release: str
    member: str
    format: Format | None = None
    field: str = ""
    action: Literal["explain", "identity", "stale", "differs", "breaks"]
    archive: str = ""
    differs: Annotated[str, "cut|letters|.* => .*"] = ""
    what: str
    source: str = ""

    def __post_init__(self) -> None:
        if self.action in ("explain", "identity", "breaks") and not self.field:
            raise ValueError(f"field '': action {self.action} has one. Write it.")
        if self.action == "explain" and not self.format:
            raise ValueError("format '': action explain is about one. Write txt, csv or xlsx.")


def exactness(row: CorrectionRow) -> tuple[bool, int, bool, bool, bool, bool]:
    """Return how exactly a correction says what it's for: one label before a pattern, a cell's text before any text."""
    names = (row.release, row.member, row.field)
    label, *_ = exact = [not any(sign in name for sign in "*?[") for name in names]
    return label, len(row.release), all(exact), row.format is not None, bool(row.differs), bool(row.archive)


def _of_the_same(rows: Mapping[Key, CorrectionRow], read: Read) -> Iterator[Clash]:
    """Yield corrections that are for the same files and say it equally exactly, but give different reasons."""
    labels = [release.release for release in read(RELEASES)]
    columns = ("member", "format", "field", "action", "archive", "differs")
    for (one, row), (other, beside) in combinations(rows.items(), 2):
        same = all(getattr(row, column) == getattr(beside, column) for column in columns)
        if same and row.what != beside.what and exactness(row) == exactness(beside):
            both = [x for x in labels if fnmatchcase(x, row.release) and fnmatchcase(x, beside.release)]
            if both:
                yield one, other, (
                    f"release {row.release}, and {beside.release} in the other row: both are for {both[0]}, and give "
                    "different reasons. Keep one of the two, or write one for that label alone."
                )  # fmt: skip


CORRECTIONS = Sheet(
    "corrections.csv",
    CorrectionRow,
    ("release", "member", "format", "field", "action", "archive", "differs"),
    refers=(
        Reference("release", RELEASE, patterns=True),
        Reference("member", (*MEMBER, *TABLE), patterns=True),
        Reference("field", (("fields.csv", "field"),), patterns=True, only=("action", "explain"), besides=ONLY_IN),
    ),
    check=_of_the_same,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRow:
    """How many rows, or different values of `columns`, a table has at least in releases of these days.

    With `value` it's about the rows with that value; `participants` are those whose file is meant, unless the table has
    rows of `without` too.
    """

    table: Name
    columns: tuple[Name, ...]
    value: str = ""
    participants: tuple[Name, ...] = ()
    without: str = ""
    from_: date
    until: date | None = None
    at_least: int
    source: str = ""


FLOORS = Sheet(
    "floors.csv",
    FloorRow,
    ("table", "columns", "value", "from"),
    days=("from", "until"),
    once_a_day=("table", "columns", "value", "participants"),
    refers=(
        Reference("table", (*TABLE, ("companions.csv", "companion"))),
        Reference("columns", (("contract", "column"), ("fields.csv", "field"))),
        Reference("participants", PARTICIPANT),
        Reference("without", PARTICIPANT),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """A measured bound; where `stops_from` is a day, crossing it stops the build of releases from that day on."""

    name: Literal[
        "opps_cap_agree_at_least", "opps_cap_of_a_locality_agree_at_least", "opps_cap_of_a_service_agree_at_least",
        "anesthesia_off_by", "anesthesia_far_off_by", "anesthesia_far_off_at_most",
        "anesthesia_of_a_locality_off_at_most", "anesthesia_ratio_at_least", "anesthesia_ratio_at_most",
        "anesthesia_national_off_by", "conversion_factor_moves_at_most", "relative_values_repeated_at_most",
        "work_gpci_moves_at_most", "pe_gpci_moves_at_most", "mp_gpci_moves_at_most", "known_rows_missing_at_most",
        "revision_rows_lost_at_most", "unplaced_at_most",
    ]  # fmt: skip
    value: float
    stops_from: date | None = None
    unit: Literal["share", "USD", "ratio"] | None = None
    meaning: str = ""
    source: str = ""


THRESHOLDS = Sheet("thresholds.csv", ThresholdRow, ("name",))
