"""What is said of one file of declarations: the record of its rows, what tells rows apart, and what they name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NewType, TypeVar

Row = TypeVar("Row")
Key = tuple[str, ...]
Clash = tuple[Key, Key, str]  # the keys of two rows that can't be right together, and what is wrong and what to do
Read = Callable[["Sheet[Any]"], tuple[Any, ...]]  # what returns the rows of another file

# What a text has to look like is said beside its type; the reader refuses what doesn't fit the whole of it.
Year = Annotated[int, r"(?:19|20)[0-9]{2}"]
State = Annotated[str, r"[A-Z]{2}"]
Contractor = Annotated[str, r"[0-9A-Z]{5}"]
Code = Annotated[str, r"[0-9A-Z]{5}"]
Modifier = Annotated[str, r"[0-9A-Z]{2}"]
Name = Annotated[str, r"[a-z0-9_]+"]
Sha256 = Annotated[str, r"[0-9A-Fa-f]{64}"]

# A regular expression that polars reads too, which has no look-around.
LinearPattern = NewType("LinearPattern", str)

# A whole number that may be below 0; any other (counts, places, digits) is 0 or more.
Signed = NewType("Signed", int)

Certainty = Literal["certain", "likely", "unconfirmed"]
Setting = Literal["facility", "nonfacility"]
Format = Literal["txt", "csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A column whose words have to stand in a column of another file; of several places one is enough.

    The place `contract` is the tables of the data contracts. With `patterns` a word may be a pattern (`RVU2[4-9]*`)
    that fits one of the names at least. With `only`, a column and a value, it's asked of rows with that value alone.
    Words of `besides` may stand there too.
    """

    column: str
    places: tuple[tuple[str, str], ...]
    patterns: bool = False
    only: tuple[str, str] | None = None
    besides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Row]):
    """A file of declarations: the record of its rows, and what has to be so of them together.

    `key` are the columns that tell rows apart, `days` those of the first and the last day (an empty one is without
    end). Rows that are the same in the columns `once_a_day` have no day in common. `codes` are the columns of the first
    and the last code; ranges of rows that are the same in `within` have no code in common, or if `nested` one lies in
    the other and the narrower wins. Rows that are the same in `group` are so in `alike` too. `check` yields what else
    can't be right together.
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
TABLE = (("contract", "table"),)
