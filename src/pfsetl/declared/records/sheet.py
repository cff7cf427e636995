"""What is said of one file of declarations: the record of its rows, what tells rows apart, and what they name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

Row = TypeVar("Row")
Key = tuple[str, ...]
Clash = tuple[Key, Key, str]  # the keys of two rows that can't be right together, and what is wrong and what to do
Read = Callable[["Sheet[Any]"], tuple[Any, ...]]  # what returns the rows of another file


@dataclass(frozen=True, slots=True)
class Fits:
    """What the whole of a cell has to look like, said beside its type: a pattern, and the same in words.

    With `blanks` it may begin or end with some.
    """

    pattern: str
    words: str = ""
    blanks: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """What a number has to lie in, said beside its type, and how many decimals it may have."""

    least: int
    most: int
    decimals: int = 0


LONGEST_LINE = 2_000  # characters of a line of a text file that a layout cuts

# Every column has a type that says what may stand there; the reader refuses what doesn't fit the whole of it.
Prose = Annotated[str, Fits(r"(?=.*[A-Za-z]).{1,500}", "words, of 500 characters at most")]
Title = Annotated[str, Fits(r"[0-9A-Za-z\u00c0-\u024f].{0,199}", "a name, of 200 characters at most")]
Label = Annotated[str, Fits(r"[A-Z]{3}[0-9A-Z_]{2,20}", "a label in capitals, such as RVU26A")]
Layout = Annotated[str, Fits(r"[A-Z][0-9A-Z_]{1,29}", "a name in capitals and digits, such as G31")]
Path = Annotated[str, Fits(r"/[!-~]{1,300}", "a path, such as /files/zip/rvu26a.zip")]
Year = Annotated[int, Fits(r"(?:19|20)[0-9]{2}")]
State = Annotated[str, Fits(r"[A-Z]{2}")]
Code = Annotated[str, Fits(r"[0-9A-Z]{5}")]
Modifier = Annotated[str, Fits(r"[0-9A-Z]{2}")]
Name = Annotated[str, Fits(r"[a-z0-9_]+")]
Sha256 = Annotated[str, Fits(r"[0-9A-Fa-f]{64}")]
Count = Annotated[int, Within(0, 1_000_000)]
Days = Annotated[int, Within(0, 366)]
Characters = Annotated[int, Within(0, LONGEST_LINE)]  # of a line of a text file
Lines = Annotated[int, Within(0, 20)]  # of a heading
Digits = Annotated[int, Within(0, 9)]
Rank = Annotated[int, Within(1, 99)]
Priority = Annotated[int, Within(-9, 9)]
Share = Annotated[int, Within(0, 10_000)]  # above or below the line of a fraction

# A regular expression that polars reads too, which has no look-around.
LinearPattern = NewType("LinearPattern", str)

Certainty = Literal["certain", "likely", "unconfirmed"]
Setting = Literal["facility", "nonfacility"]
Format = Literal["txt", "csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A column whose words have to stand in a column of another file; of several places one is enough.

    The place `contract` is the tables of the data contracts. With `patterns` a word may be a pattern (`RVU2[4-9]*`)
    that fits one of the names at least. With `only`, a column and values, it's asked of rows with one of these alone;
    with `of`, a column and a value, rows of the other file count alone that have it. What stands in `besides`, which
    may be patterns, may stand there too.
    """

    column: str
    places: tuple[tuple[str, str], ...]
    patterns: bool = False
    only: tuple[Any, ...] = ()
    of: tuple[str, str] | None = None
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Row]):
    """A file of declarations: the record of its rows, and what has to be so of them together.

    `key` are the columns that tell rows apart, `days` those of the first and the last day (an empty one is without
    end). Rows that are the same in the columns `once_a_day` have no day in common. `codes` are the columns of the first
    and the last code; ranges of rows that are the same in `within` have no code in common, or if `nested` one lies in
    the other and the narrower wins. Rows that are the same in `group` are so in `alike` too. `together` are columns of
    which a row fills all or none. `check` yields what else
    can't be right together, or of one row, given twice, what can't be right beside other files.
    """

    name: str
    record: type[Row]
    key: tuple[str, ...]
    days: tuple[str, str] | None = None
    once_a_day: tuple[str, ...] = ()
    codes: tuple[str, str] | None = None
    within: tuple[str, ...] = ()
    nested: bool = False
    group: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    refers: tuple[Reference, ...] = ()
    check: Callable[[Mapping[Key, Row], Read], Iterable[Clash]] | None = None
    may_be_empty: bool = False


def cell(row: Any, column: str) -> Any:
    """Return the value of a column of a record; a column named as a word of Python ends in _ there (`from_`)."""
    return getattr(row, f"{column}_" if column == "from" else column)


RELEASE = (("releases.csv", "release"),)
STATE = (("states.csv", "state"),)
MEMBER = (("members.csv", "member"), ("companions.csv", "companion"))
PARTICIPANT = (("participants.csv", "participant"),)
MODIFIER = (("modifiers.csv", "modifier"),)
TABLE = (("contract", "table"),)


def share_a_day(row: Any, beside: Any) -> bool:
    """Return whether two rows (`from_`, `to`) hold on a day in common; an empty end is none."""
    return bool(
        (row.from_ or date.min) <= (beside.to or date.max) and (beside.from_ or date.min) <= (row.to or date.max)
    )
