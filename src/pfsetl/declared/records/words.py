"""Records of what coded values of the published tables mean in words, as far as they aren't lists of CMS's."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pfsetl.declared.records.sheet import Fits, Name, Prose, Reference, Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleRow:
    """What a column of coded values is about, in a few words."""

    column: Name
    title: Prose
    source: Prose


TITLES = Sheet("words/titles.csv", TitleRow, ("column",))


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRow:
    """A value of a column in words, and the days of the releases that can have it."""

    column: Name
    code: Annotated[str, Fits(r"[a-z0-9][a-z0-9_ ]*", "a word in small letters")]
    meaning: Prose
    valid_from: date | None = None
    valid_to: date | None = None


WORDS = Sheet(
    "words/values.csv",
    WordRow,
    ("column", "code", "valid_from"),
    days=("valid_from", "valid_to"),
    once_a_day=("column", "code"),
    refers=(Reference("column", (("words/titles.csv", "column"),)),),
)
