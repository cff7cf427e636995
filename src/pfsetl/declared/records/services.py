"""Records of services and of how claim lines are priced: CMS's indicators, sections, imaging, places, claim columns."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pfsetl.declared.records.shapes import FIELDS
from pfsetl.declared.records.sheet import (
    Certainty,
    Clash,
    Code,
    Days,
    Fits,
    Key,
    Name,
    Prose,
    Read,
    Reference,
    Setting,
    Sheet,
    Title,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A value of one of CMS's indicators, and the days of the releases that can have it."""

    code: Annotated[str, Fits(r"[0-9A-Z]{1,3}")] = ""
    meaning: Prose = ""
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow(CodeRow):
    """A value of the status; `reason` is why Medicare has no price for a row of it."""

    payable: bool = False
    reason: Name | None = None

    def __post_init__(self) -> None:
        if self.payable and self.reason:
            raise ValueError(f"reason {self.reason!r}: a status that is payable has none. Correct one of the two.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalDaysRow(CodeRow):
    """A value of the global period, with the days of care after the procedure that it holds, where it holds any."""

    postoperative_days: Days | None = None


def _of_field(name: str) -> Callable[[Mapping[Key, CodeRow], Read], Iterator[Clash]]:
    """Return what yields the codes that the pattern of their field, `pctc`, doesn't let through."""

    def check(rows: Mapping[Key, CodeRow], read: Read) -> Iterator[Clash]:
        pattern = next((row.pattern for row in read(FIELDS) if row.field == name), None)
        if pattern is None:
            yield from ((key, key, f"{name}: no field of this name in fields.csv. Add it there first.") for key in rows)
            return
        for key, row in rows.items():
            if not re.fullmatch(pattern, row.code):
                told = f"code {row.code!r} isn't of the form {pattern}, which {name} has in fields.csv. Correct it."
                yield key, key, told

    return check


def _field_of(name: str) -> str:
    return name.removeprefix("codes/").removesuffix(".csv")


STATUS = Sheet(
    "codes/status.csv", StatusRow, ("code",), days=("valid_from", "valid_to"), check=_of_field("status")
)  # fmt: skip
GLOBAL_DAYS = Sheet(
    "codes/global_days.csv", GlobalDaysRow, ("code",), days=("valid_from", "valid_to"), check=_of_field("global_days")
)


def code_sheet(name: str) -> Sheet[CodeRow]:
    """Return what is said of the values of an indicator that has no record of its own, `codes/pctc.csv`."""
    return Sheet(name, CodeRow, ("code",), days=("valid_from", "valid_to"), check=_of_field(_field_of(name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRow:
    """The section and subsection of a range of five-digit codes, or of the codes with a letter in front or behind."""

    rule: Literal["number", "letter", "suffix"]
    section: Title
    subsection: Title | None = None
    subsection_statistics: bool = False
    first: Annotated[str, Fits(r"[0-9A-Z]{1,5}")]
    last: Annotated[str, Fits(r"[0-9A-Z]{1,5}")]
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.subsection_statistics and not self.subsection:
            raise ValueError("subsection is empty: subsection_statistics true needs one. Write it, or false.")
        if self.rule == "number":
            if not all(len(code) == 5 and code.isascii() and code.isdigit() for code in (self.first, self.last)):
                raise ValueError(f"{self.first} to {self.last}: rule number is of five digits. Write 00100 and 01999.")
        elif self.first != self.last or len(self.first) != 1 or not self.first.isupper():
            raise ValueError(
                f"{self.first} to {self.last}: rule {self.rule} is of one letter, written in both columns."
            )


SECTIONS = Sheet(
    "sections.csv", SectionRow, ("rule", "first", "last"), codes=("first", "last"), within=("rule",), nested=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTraitRow:
    """What codes are whose indicator, or number, is one of a range; `trait` is a column of `code_profile`."""

    trait: Literal[
        "add_on", "anesthesia", "endoscopy", "global_surgery", "imaging", "incident_to", "laboratory", "maternity",
        "radiology", "reporting_only", "supply", "test_or_radiology", "therapy", "timed",
    ]  # fmt: skip
    field: Literal["global_days", "hcpcs", "imaging_family", "multiple_procedure", "pctc", "status"]
    first: Annotated[str, Fits(r"[0-9A-Z]{1,5}")]
    last: Annotated[str, Fits(r"[0-9A-Z]{1,5}")]
    certainty: Certainty = "unconfirmed"
    source: Prose = ""

    def __post_init__(self) -> None:
        if self.field == "hcpcs" and {len(self.first), len(self.last)} != {5}:
            raise ValueError(f"first {self.first}, last {self.last}: a code has 5 characters. Correct it.")


CODE_TRAITS = Sheet(
    "code_traits.csv",
    CodeTraitRow,
    ("trait", "field", "first"),
    codes=("first", "last"),
    within=("trait", "field"),
    refers=tuple(
        Reference(end, ((f"codes/{field}.csv", "code"),), only=("field", field))
        for field in ("global_days", "imaging_family", "multiple_procedure", "pctc", "status")
        for end in ("first", "last")
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingRow:
    """What kind of imaging the codes of a range are."""

    kind: Literal["ct", "x_ray"]
    first: Code
    last: Code
    certainty: Certainty = "unconfirmed"
    source: Prose = ""


IMAGING = Sheet("imaging_services.csv", ImagingRow, ("kind", "first"), codes=("first", "last"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCoinsuranceRow:
    """Codes of preventive services of which the patient pays nothing in their days."""

    first: Code
    last: Code
    from_: date | None = None
    to: date | None = None
    certainty: Certainty
    source: Prose


NO_COINSURANCE = Sheet("no_coinsurance.csv", NoCoinsuranceRow, ("first",), days=("from", "to"), codes=("first", "last"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOfServiceRow:
    """The setting that a place of service has in its days."""

    place: Annotated[str, Fits(r"[0-9]{2}")]
    setting: Setting
    from_: date | None = None
    to: date | None = None
    source: Prose = ""


PLACES_OF_SERVICE = Sheet(
    "places_of_service.csv", PlaceOfServiceRow, ("place", "from"), days=("from", "to"), once_a_day=("place",)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimColumnRow:
    """A name that claims have for a column of claim lines."""

    column: Name
    means: Literal[
        "hcpcs", "date", "modifiers", "units", "minutes", "locality", "setting", "participant", "practitioner",
        "charge", "days", "documented", "claim",
    ]  # fmt: skip


CLAIM_COLUMNS = Sheet("claim_columns.csv", ClaimColumnRow, ("column",))
