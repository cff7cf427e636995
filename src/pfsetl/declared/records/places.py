"""Records of places: contractors, states, counties, and the names that CMS has for localities."""

from dataclasses import dataclass
from typing import Annotated

from pfsetl.declared.records.sheet import RELEASE, STATE, Name, Reference, Sheet, State

Month = Annotated[str, r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])"]
Locality = Annotated[str, r"[0-9]{2}"]
_STATE = (Reference("state", STATE),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierRow:
    """The state of a contractor number, or of one of its localities; three digits are the beginning of numbers.

    `seen_from` and `seen_until` are releases that have it, `used_from` and `used_until` months in which CMS used it.
    """

    carrier: Annotated[str, r"[0-9A-Z]{3}|[0-9A-Z]{5}"]
    locality: Locality | None = None
    state: State
    seen_from: str | None = None
    seen_until: str | None = None
    used_from: Month | None = None
    used_until: Month | None = None
    source: str = ""
    note: str = ""


CARRIERS = Sheet(
    "carriers.csv",
    CarrierRow,
    ("carrier", "locality"),
    refers=(*_STATE, Reference("seen_from", RELEASE), Reference("seen_until", RELEASE)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """A state, by its postal code, and a name that CMS's files have for it."""

    state: State
    name: str


STATES = Sheet("states.csv", StateRow, ("name",))


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyRow:
    """A county or what stands for one."""

    state: State
    county: str


COUNTIES = Sheet("counties.csv", CountyRow, ("state", "county"), refers=_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyNameRow:
    """Another name of a county, or of what was a part of it."""

    state: State
    name: str
    county: str
    why: str = ""
    source: str = ""


COUNTY_NAMES = Sheet("county_names.csv", CountyNameRow, ("state", "name"), refers=_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalityRow:
    """A name that a published column has had for a locality."""

    table: Name
    column: Name
    state: State
    locality: Locality
    name: str


LOCALITIES = Sheet(
    "localities.csv",
    LocalityRow,
    ("table", "column", "state", "locality", "name"),
    refers=(*_STATE, Reference("table", (("members.csv", "member"),)), Reference("column", (("fields.csv", "field"),))),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipCountyRow:
    """The county of a ZIP code."""

    zip: Annotated[str, r"[0-9]{5}"]
    state: State
    county: str
    source: str = ""


ZIP_COUNTIES = Sheet("zip_counties.csv", ZipCountyRow, ("zip",), refers=_STATE)
