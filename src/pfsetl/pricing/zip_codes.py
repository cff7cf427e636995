"""Which locality a ZIP code is in on a day: CMS's ZIP file from its quarter on, the release's LOCCO before that."""

from datetime import date
from functools import cache

from pfsetl.declared import declarations
from pfsetl.declared.records.places import ZIP_COUNTIES, ZipCountyRow
from pfsetl.errors import UsageError
from pfsetl.pricing import lookup
from pfsetl.pricing.counties import Counties, County, Locality, counties, county_of
from pfsetl.pricing.loaded import Loaded, row_of
from pfsetl.pricing.lookup import Source
from pfsetl.publication.companions import Companion
from pfsetl.publication.version import Version
from pfsetl.remedies import command


def zip_locality(
    version: Version, label: str, code: str, day: date, loaded: Loaded
) -> tuple[Locality, tuple[Source, ...], list[str]]:
    """Return the locality of a five-digit ZIP code, the line it was read from, and notes.

    Raises UsageError where no file is loaded or has the ZIP code, or where the day is before the file's quarter and
    LOCCO doesn't tell in which of several localities the ZIP code was.
    """
    companion = loaded("zip_locality", day)
    if companion is None:
        raise UsageError(
            f"ZIP code {code}: no ZIP file is loaded in {version.store}. Load CMS's \"Zip Code to Carrier Locality "
            f'File": {command("load ZIP5_OCT2025.txt", version.store)}.'
        )
    found = row_of(version, companion, "zip", code)
    if found is None:
        raise UsageError(
            f"ZIP code {code}: not in {companion.file}, which has {companion.rows:,}. Name the locality: CA/18."
        )
    place: Locality = (found["state"], found["locality"])
    notes = []
    if companion.effective_from > day:
        place, how = _before(version, label, code, place, companion, day)
        notes.append(f"{companion.file} holds from {companion.effective_from} only; {how}")
    notes.insert(0, f"ZIP code {code} is in {'/'.join(place)}")
    if found["plus_four"]:
        notes.append(f"ZIP code {code} lies in several localities: its last four digits decide, and aren't used")
    return place, (Source("ZIP code", companion.file, found["line"], companion.sha256),), notes


def _before(
    version: Version, label: str, code: str, later: Locality, companion: Companion, day: date
) -> tuple[Locality, str]:
    """Return where a ZIP code was before the quarter of the ZIP file, and how that is known.

    The counties of its later locality decide where all of them were in one; else the ZIP code's own county, where
    `schemas/zip_counties.csv` has it.
    """
    then = counties(version, label)
    county = _county(code)
    own = then.of(county) if county else None
    if county and own:
        return own, f"on {day} {county[0]}/{_county_name(code)}, its county, decides, by the LOCCO of {label}"
    file = f"ZIP code {code}: {companion.file} holds from {companion.effective_from} only"
    name = "or name the locality or the county, like CA/18 or CA/Alameda"
    try:
        ruling = lookup.release_in_force(version, companion.effective_from).label
    except UsageError as error:
        raise UsageError(
            f"{file}, and where it was on {day} can't be told: {str(error).rstrip('.')}; {name}; or load a ZIP file "
            "of the day's quarter."
        ) from None
    places = _places_then(counties(version, ruling), then, later)
    if len(places) == 1 and None not in places:
        (place,) = (one for one in places if one)
        return place, f"on {day} the counties of its locality decide, by the LOCCO of {label}"
    shown = ", ".join(sorted("/".join(one) for one in places if one)) or "no locality that LOCCO names"
    raise UsageError(
        f"{file}. On {day} the counties of {'/'.join(later)} were in {shown}, by the LOCCO of {label}, and the county "
        f"of this ZIP code isn't known. Load a ZIP file of the day's quarter, {name}."
    )


def _places_then(later: Counties, then: Counties, locality: Locality) -> set[Locality | None]:
    """Return the localities that the counties of a later locality were in; None stands for one that isn't known."""
    state = locality[0]
    found: set[Locality | None] = set()
    for county, place in later.named.items():
        if place == locality:
            found |= {then.named[county]} if county in then.named else _rest(then, county[0])
    if locality in later.rest.get(state, ()):
        found |= _rest(then, state)
        found |= {place for county, place in then.named.items() if county[0] == state and county not in later.named}
    return found or {None}


def _rest(then: Counties, state: str) -> set[Locality | None]:
    return set(then.rest.get(state, {None}))


def _county(code: str) -> County | None:
    row = _row(code)
    return county_of(row.state, row.county) if row else None


def _county_name(code: str) -> str:
    row = _row(code)
    return row.county if row else ""


def _row(code: str) -> ZipCountyRow | None:
    return _rows().get(code)


@cache
def _rows() -> dict[str, ZipCountyRow]:
    return {row.zip: row for row in declarations.rows(ZIP_COUNTIES)}
