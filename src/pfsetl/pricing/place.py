"""Where a service is priced: a locality by number, by contractor, by ZIP code or by county, or the whole nation."""

import re
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import polars as pl

from pfsetl.checks import work_index
from pfsetl.errors import UsageError
from pfsetl.near import alike
from pfsetl.pricing.counties import county_locality
from pfsetl.pricing.given import text_of
from pfsetl.pricing.loaded import Loaded
from pfsetl.pricing.lookup import Source, sources_of
from pfsetl.pricing.zip_codes import zip_locality
from pfsetl.publication.version import Version
from pfsetl.tables import exact, places, set_aside
from pfsetl.tables.exact import scaled

_NUMBERED = re.compile(r"([A-Z]{2})[ /-]*([0-9]{0,2})")
_CONTRACTOR = re.compile(r"([0-9]{4,5})[ /-]+([0-9]{1,2})")
_BOTH_IN_ONE = re.compile(r"([0-9]{4,5})([0-9]{2})")  # as CMS's Look-Up Tool writes it
_ZIP = re.compile(r"([0-9]{5})(?:-?[0-9]{4})?")
_NATION = (exact.ONE_INDEX,) * 3
Indices = tuple[int, int, int]  # work, practice expense and malpractice GPCI x 1,000


@dataclass(frozen=True, slots=True)
class Place:
    """One locality of a release with its GPCIs x 1,000, and how it was found."""

    state: str
    locality: str
    name: str
    indices: Indices
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    mac: str = ""
    without_floor: int | None = None  # the work index without the floor, where it's printed too
    lowest_work: int | None = None  # of all localities of the release, which tells whether it's floored

    @property
    def national(self) -> bool:
        """Whether this is the whole nation, every GPCI 1.000."""
        return not self.state


def find_place(version: Version, label: str, wanted: str | None, day: date, loaded: Loaded) -> Place:
    """Return the locality that a user names: `CA/18`, `01182/18`, `0118218`, a ZIP code, `CA/Los Angeles`.

    None and CMS's `0000000` are the nation; a contractor may have lost its leading zero.

    Raises UsageError with what is near. A ZIP code needs a loaded ZIP file; a county is looked up in LOCCO.
    """
    text = "NATIONAL" if wanted is None else text_of("locality", wanted).strip().upper() or "NATIONAL"
    if text == "NATIONAL":
        return Place("", "", "national", _NATION, (), ("no locality given: every GPCI is 1.000",))
    if match := _NUMBERED.fullmatch(text):
        return _numbered(version, label, match[1], match[2] and match[2].zfill(2))
    if match := _CONTRACTOR.fullmatch(text) or _BOTH_IN_ONE.fullmatch(text):
        mac, locality = match[1].zfill(5), match[2].zfill(2)
        if not int(mac + locality):
            return Place("", "", "national", _NATION, (), ("0000000 is the nation: every GPCI is 1.000",))
        return _by_contractor(version, label, mac, locality)
    if match := _ZIP.fullmatch(text):
        found, sources, notes = zip_locality(version, label, match[1], day, loaded)
        return _numbered(version, label, *found, sources, tuple(notes))
    found, county = county_locality(version, label, text)
    return _numbered(version, label, *found, notes=(f"county {county} by CMS's LOCCO",))


def goes_by_day(wanted: str | None) -> bool:
    """Return whether the place that a user names may be another one on another day of a release, as a ZIP code may."""
    return bool(_ZIP.fullmatch((wanted or "").strip()))


def _numbered(
    version: Version,
    label: str,
    state: str,
    locality: str,
    sources: tuple[Source, ...] = (),
    notes: tuple[str, ...] = (),
) -> Place:
    indices, known = _localities(version, label)
    found = known.get((state, locality))
    if found is None:
        there = indices.filter(state=state)
        if there.is_empty():
            states = indices["state"].unique().sort().to_list()
            close = alike(state, states)
            shown = f"Near: {', '.join(close)}." if close else f"There are {', '.join(states)}."
            raise UsageError(f"locality {state}/{locality}: {label} has no state {state}. {shown}")
        listed = [
            f"{state}/{number} {name.title()}" for number, name in there.select("locality", "locality_name").rows()
        ]
        raise UsageError(
            f"locality {state}/{locality}: {label} has no locality of this number. There are {', '.join(listed)}."
        )
    return replace(found, sources=(*sources, *found.sources), notes=notes)


@lru_cache(maxsize=32)
def _localities(version: Version, label: str) -> tuple[pl.DataFrame, dict[tuple[str, str], Place]]:
    """Return the localities of a release, as a table and each as a place with its line in CMS's file."""
    table = version.scan("gpci", label).collect()
    lines = sources_of(version, label, "GPCIs", "gpci", "state", "locality")
    without = scaled(work_index.WITHOUT) if work_index.WITHOUT in table.columns else pl.lit(None, dtype=pl.Int64)
    rows = table.select(
        "state", "locality", "locality_name", "mac", scaled("work_gpci"), scaled("pe_gpci"), scaled("mp_gpci"), without
    ).rows()
    lowest = min((row[4] for row in rows), default=None)
    return table, {
        (state, number): Place(state, number, name, (work, pe, mp), (lines[state, number],), (), mac, without, lowest)
        for state, number, name, mac, work, pe, mp, without in rows
    }


def _by_contractor(version: Version, label: str, mac: str, locality: str) -> Place:
    indices, _ = _localities(version, label)
    named = pl.col("macs").fill_null(pl.col("mac")).str.split(",").list.contains(mac)
    found = indices.filter(named, locality=locality)
    if found.is_empty():
        if state := _state_of(version, label, mac, locality, indices):
            place = _numbered(version, label, state, locality)
            raise UsageError(
                f"contractor {mac}, locality {locality}: {label} has {state}/{locality} under contractor "
                f"{place.mac}. Write {state}/{locality} or {place.mac}/{locality}."
            )
        close = alike(mac, indices["mac"].unique().to_list())
        raise UsageError(
            f"contractor {mac}, locality {locality}: not in {label}. Contractors near: {', '.join(close) or 'none'}. "
            "Include the state, for example CA/18; contractor numbers change."
        )
    return _numbered(version, label, found["state"][0], locality)


def _state_of(version: Version, label: str, mac: str, locality: str, indices: pl.DataFrame) -> str | None:
    """Return the state of a contractor that the indices don't name for a locality, None where nothing tells it.

    By `schemas/carriers.csv`, else as another member of the release has it, else by its first three digits.
    """
    asked = pl.DataFrame({"mac": [mac], "locality": [locality]})
    told = [
        version.scan(table, label)
        .select(pl.col("macs").str.split(",").alias("mac"), "locality", "state")
        .explode("mac")
        .filter(mac=mac)
        .unique()
        .collect()
        for table in ("gpci", *set_aside.MEMBERS)
    ]
    state: str | None = places.with_likely_state(asked, pl.concat(told).unique(), indices)["state"][0]
    return state
