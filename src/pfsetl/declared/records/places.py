"""Records of places: contractors, states, counties, and the names that CMS has for localities."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pfsetl.declared.records.sheet import (
    RELEASE,
    STATE,
    Clash,
    Fits,
    Key,
    Label,
    Name,
    Prose,
    Read,
    Reference,
    Sheet,
    State,
    Title,
)

Month = Annotated[str, Fits(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])")]
Locality = Annotated[str, Fits(r"[0-9]{2}")]
_STATE = (Reference("state", STATE),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierRow:
    """The state of a contractor number, or of one of its localities; three digits are the beginning of numbers.

    `seen_from` and `seen_until` are releases that have it, `used_from` and `used_until` months in which CMS used it.
    """

    carrier: Annotated[str, Fits(r"[0-9A-Z]{3}|[0-9A-Z]{5}")]
    locality: Locality | None = None
    state: State
    seen_from: Label | None = None
    seen_until: Label | None = None
    used_from: Month | None = None
    used_until: Month | None = None
    source: Prose = ""
    note: Prose = ""


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
    name: Title


STATES = Sheet("states.csv", StateRow, ("name",))


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyRow:
    """A county or what stands for one."""

    state: State
    county: Title


COUNTIES = Sheet("counties.csv", CountyRow, ("state", "county"), refers=_STATE)


def _nowhere(rows: Mapping[Key, Any], read: Read) -> Iterator[Clash]:
    """Yield rows with a county that their state doesn't have, with or without what it's called: Dade, Dade County."""
    known = {(row.state, name) for row in read(COUNTIES) for name in _short_names(row.county)}
    for key, row in rows.items():
        if (row.state, row.county) not in known:
            told = f"county {row.county!r}: counties.csv has none of this name in {row.state}. Correct it, or add it."
            yield key, key, told


def _short_names(county: str) -> Iterator[str]:
    words = county.split()
    yield from (" ".join(words[:n]) for n in range(1, len(words) + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyNameRow:
    """Another name of a county, or of what was a part of it."""

    state: State
    name: Title
    county: Title
    why: Prose = ""
    source: Prose = ""


COUNTY_NAMES = Sheet("county_names.csv", CountyNameRow, ("state", "name"), refers=_STATE, check=_nowhere)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalityRow:
    """A name that a published column has had for a locality."""

    table: Name
    column: Name
    state: State
    locality: Locality
    name: Title


LOCALITIES = Sheet(
    "localities.csv",
    LocalityRow,
    ("table", "column", "state", "locality", "name"),
    refers=(*_STATE, Reference("table", (("members.csv", "member"),)), Reference("column", (("fields.csv", "field"),))),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipCountyRow:
    """The county of a ZIP code."""

    zip: Annotated[str, Fits(r"[0-9]{5}")]
    state: State
    county: Title
    source: Prose = ""


ZIP_COUNTIES = Sheet("zip_counties.csv", ZipCountyRow, ("zip",), refers=_STATE, check=_nowhere)
