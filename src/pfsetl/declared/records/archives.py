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
    Fits,
    Format,
    Key,
    Name,
    Prose,
    Read,
    Reference,
    Sheet,
    Title,
    Within,
    Year,
)

ONLY_IN = ("(only in the believed file)", "(only in the other file)")  # what rows one of two files lacks
SAID = (
    "[12][0-9][0-9][0-9]", "[12][0-9][0-9][0-9]-* to *", "January", "April", "July", "October",
    "*[0-9]/*[0-9]/20[0-9][0-9]", "*[0-9].[0-9]*",
)  # fmt: skip
# Checks of code that can stop a build, beside the rules of the contract.
CHECKS = (
    "apart_*", "formula_*", "key", "localities_known", "placed", "recomputed", "recomputed_*", "required",
    "rows_kept", "rows_kept_*", "rows_known", "rows_of_another", "shares_*", "whole_*",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """One logical member of an archive: which file names belong to it, and which format is believed first.

    It belongs to the releases whose quarter begins in its days. `example` is a name that CMS has given it; a name that
    only `looks` like one of its is named and not used.
    """

    member: Name
    participant: Name
    from_: date | None = None
    to: date | None = None
    pattern: re.Pattern[str]
    required: bool = False
    formats: tuple[Format, ...]
    note: Prose = ""
    example: Title = ""
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
    number of each. No row begins later, by its column `begins`, than the file does. A file that has fewer rows than the
    one before it by more than the share `lost_at_most` isn't whole; of a list that keeps what has ended the share is 0.
    `most_lines` and `most_megabytes` are those of one part. `page` is where CMS posts it, `address` that of the file
    itself, with {year} and {quarter}, as far as it's known; behind a `gate` CMS hands it over to a person alone.
    """

    companion: Name
    pattern: re.Pattern[str]
    quarter: re.Pattern[str] | None = None
    year_zero: Year | None = None
    parts: Annotated[int, Within(1, 99)] = 1
    begins: Name | None = None
    lost_at_most: Annotated[float, Within(0, 1, decimals=4)] = 0.10
    most_lines: Annotated[int, Within(1, 100_000_000)] = 200_000
    most_megabytes: Annotated[int, Within(1, 10_000)] = 32
    formats: tuple[Format, ...]
    page: Annotated[str, Fits(r"(https://data\.cms\.gov)?/[!-~]{1,300}", "a page of CMS's, such as /medicare/a")] = ""
    address: Annotated[str, Fits(r"/[!-~]{1,300}", "a path, such as /files/zip/a-{year}.zip")] = ""
    gate: Literal["", "licence"] = ""
    note: Prose = ""
    example: Title = ""

    def __post_init__(self) -> None:
        if self.parts > 1 and "part" not in self.pattern.groupindex:
            raise ValueError(f"pattern {self.pattern.pattern!r} has no group (?P<part>...), and parts is {self.parts}.")
        if strange := set(re.findall(r"{([^}]*)}", self.address)) - {"year", "quarter"}:
            raise ValueError(f"address: {{{min(strange)}}} is neither {{year}} nor {{quarter}}. Write one of them.")
        if self.quarter:
            found = {name.rstrip("_") for name in self.quarter.groupindex}
            strange = found - set(_GROUPS)
            if strange:
                raise ValueError(f"quarter: group {min(strange)} is none of {', '.join(_GROUPS)}. Rename it.")
            if not found & {"year", "volume"}:
                raise ValueError(
                    "quarter: it has neither a group year nor a group volume, and a day is of one. Add it."
                )
            if "volume" in found and self.year_zero is None:
                raise ValueError("year_zero is empty: quarter has a group volume, which is counted from it. Fill it.")


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
    pricing_indicator: Annotated[str, Fits(r"[0-9A-Z]")] | None = None
    meaning: Prose = ""


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
    note: Prose = ""

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
    alone two cells differ. `field` is a field's name for `explain`, what the file says of itself for `identity`, and
    the name of a check for `breaks`.
    """

    release: Annotated[str, Fits(r"[0-9A-Z_*?\[\]!-]{3,30}", "a label such as RVU26A, or a pattern such as RVU2[4-9]*")]
    member: Annotated[str, Fits(r"[0-9a-z_*?\[\]!-]{1,30}", "a member such as gpci, or a pattern")]
    format: Format | None = None
    field: Annotated[str, Fits(r"[ -~]{1,60}")] = ""
    action: Literal["explain", "identity", "stale", "differs", "breaks"]
    archive: Annotated[str, Fits(r"[0-9a-f]{8,64}", "the beginning of an archive's content hash")] = ""
    differs: Annotated[str, Fits("cut|letters|.* => .*", "cut, letters, or one text => another", blanks=True)] = ""
    what: Prose
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.action in ("explain", "identity", "breaks") and not self.field:
            raise ValueError(f"field '': action {self.action} has one. Write it.")
        if self.action == "explain" and not self.format:
            raise ValueError("format '': action explain is about one. Write txt, csv or xlsx.")
        read = {"explain": ("format", "field", "archive", "differs"), "identity": ("format", "field")}
        told = read.get(self.action, ("field",) if self.action == "breaks" else ())
        for column in ("format", "field", "archive", "differs"):
            if column not in told and (value := getattr(self, column)):
                raise ValueError(f"{column} {value!r}: nothing reads it for action {self.action}. Leave it empty.")


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
        Reference("field", PARTICIPANT, only=("action", "identity"), besides=SAID),
        Reference("field", (("contract", "rule"),), only=("action", "breaks"), besides=CHECKS),
    ),
    check=_of_the_same,
)
