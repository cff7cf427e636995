"""Which locality a county is in: the release's LOCCO, read with the everyday names of counties.

`schemas/counties.csv` are the counties of the Census Bureau (2010, and what was made or renamed since),
`schemas/county_names.csv` their other names and CMS's misprints. Names are compared without accents, spaces and words
such as County, and with Saint written St.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from pfsetl.declared import declarations
from pfsetl.declared.records.places import COUNTIES, COUNTY_NAMES, STATES
from pfsetl.errors import UsageError
from pfsetl.near import alike
from pfsetl.publication.version import Version

Locality = tuple[str, str]  # state, locality
County = tuple[str, str]  # the state it lies in, its name as it's compared

_PARTS = re.compile(r"[,/]|\bAND\b")
_KIND = re.compile(
    r"\bCITY AND (COUNTY|BOROUGH)\b( OF\b)?|\b(COUNTY|PARISH|BOROUGH) OF\b|\bPLANNING REGION\b|\bCENSUS AREA\b"
    r"|\b(CO|CNTY|COUNTY|COUNTIES|PARISH|BOROUGH|MUNICIPALITY|MUNICIPIO)\b"
)
_SAINT = re.compile(r"\bSAINT(E?)\b")
_CITY_OF = re.compile(r"^CITY OF (.+)$")
_REST = re.compile(r"ALL\b")  # ALL COUNTIES, ALL OTHER COUNTIES, ALL COUNTY EQUIVALENTS
_PRINTED = re.compile(r"(?:(?P<before>[A-Z. ]+?)\s*[/:])?\s*(?P<name>[^/:]+?)(?:,\s*(?P<after>[A-Z. ]+))?")


@dataclass(frozen=True, slots=True)
class Counties:
    """Where a release's LOCCO puts counties: those it names, and by state the localities of all others."""

    release: str
    named: Mapping[County, Locality]
    rest: Mapping[str, frozenset[Locality]]

    def of(self, county: County) -> Locality | None:
        """Return the locality of a county; None where LOCCO doesn't name it and its state isn't one locality."""
        rest = self.rest.get(county[0], frozenset())
        alone = len(rest) == 1 and not any(place[0] == county[0] and place not in rest for place in self.named.values())
        return self.named.get(county) or (next(iter(rest)) if alone else None)


@lru_cache(maxsize=32)
def counties(version: Version, label: str) -> Counties:
    """Return what a release's LOCCO says of counties.

    A locality of one state may hold counties of another: that of DC has some "in Virginia" and some "in Maryland".
    """
    states = _states()
    named: dict[County, Locality] = {}
    rest: dict[str, set[Locality]] = {}
    table = version.scan("locality_county", label).select("state", "locality", "counties").collect()
    for state, locality, text in table.rows():
        listed = (text or "").upper()
        if _REST.match(listed):
            rest.setdefault(state, set()).add((state, locality))
            continue
        for part in listed.split(";"):
            here, _, elsewhere = part.partition(" IN ")
            lies_in = states.get(elsewhere.strip(), state)
            for one in filter(str.strip, _PARTS.split(here)):
                named[lies_in, _canonical(lies_in, one)] = state, locality
    return Counties(label, named, {state: frozenset(places) for state, places in rest.items()})


def county_locality(version: Version, label: str, text: str) -> tuple[Locality, str]:
    """Return the locality of a county as a user writes it (`CA/Orange`, `Orange County, CA`), and the county's name.

    Raises UsageError where the state is missing, no such county is known, or LOCCO doesn't say where it is.
    """
    known = counties(version, label)
    states = _states()
    match = _PRINTED.fullmatch(text)
    written = ((match["before"] or match["after"] or "").strip()) if match else ""
    state, name = states.get(written, written), match["name"] if match else text
    if not state:
        raise _without_state(known, label, text, name)
    county = state, _canonical(state, name)
    shown = _shown().get(county)
    found = known.of(county) if shown or county in known.named else None
    if found:
        return found, shown or name.title()
    raise _unknown(known, label, text, county)


def _without_state(known: Counties, label: str, text: str, name: str) -> UsageError:
    """Return what to say of a county without its state: LOCCO names only some counties, so one isn't enough."""
    same = [(state, place) for (state, one), place in known.named.items() if one == _canonical(state, name)]
    if not same:
        return _unknown(known, label, text, ("", _folded(name)))
    shown = ", ".join(sorted({"/".join(place) for _, place in same}))
    return UsageError(f"county {text!r}: LOCCO has it in {shown}. Say the state: {same[0][0]}/{name.strip().title()}.")


def _unknown(known: Counties, label: str, text: str, county: County) -> UsageError:
    state, name = county
    write = "Write CA/18, a ZIP code, or CA/Los Angeles."
    if shown := _shown().get(county):
        rest = ", ".join(sorted("/".join(place) for place in known.rest.get(state, ())))
        others = f" All other counties of {state} are in {rest}: write that." if rest else f" {write}"
        return UsageError(f"locality {text!r}: the LOCCO of {label} doesn't name {state}/{shown}.{others}")
    listed = {one: f"{s}/{_shown().get((s, one), one.title())}" for s, one in known.named if state in ("", s)}
    listed |= {one: f"{s}/{shown}" for (s, one), shown in _shown().items() if s == state}
    close = [listed[one] for one in alike(name, listed)]
    hint = f" Near: {', '.join(close)}." if close else ""
    if text.isdecimal() and len(text) == 4:  # as a spreadsheet leaves a ZIP code of the northeast
        hint = f" A ZIP code has five digits: {text.zfill(5)}, if it lost its zero."
    return UsageError(
        f"locality {text!r}: no county of this name is known, in the LOCCO of {label} or among the counties of "
        f"{declarations.listed('counties.csv')}.{hint} {write}"
    )


def county_of(state: str, name: str) -> County:
    """Return a county as it's compared, whatever it's called."""
    return state, _canonical(state, name)


def _canonical(state: str, name: str) -> str:
    folded = _folded(name)
    return _aliases().get((state, folded), folded)


def _folded(name: str) -> str:
    """Letters and digits in capitals, without accents, the word County or its like, and with St for Saint."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.upper()) if not unicodedata.combining(c))
    plain = _SAINT.sub(r"ST\1", _KIND.sub(" ", plain).strip())
    return re.sub(r"[^A-Z0-9]", "", _CITY_OF.sub(r"\1 CITY", plain))


@cache
def _shown() -> Mapping[County, str]:
    """Return the names of all known counties as they're written, by state and as they're compared."""
    rows = declarations.rows(COUNTIES)
    return {(row.state, _folded(row.county)): row.county.removesuffix(" County") for row in rows}


@cache
def _aliases() -> Mapping[County, str]:
    """Return other names of counties; an independent city is also meant by its bare name where no county has it."""
    bare = {
        (state, name.removesuffix("CITY")): name
        for (state, name), shown in _shown().items()
        if shown.endswith(" city") and (state, name.removesuffix("CITY")) not in _shown()
    }
    other = {(row.state, _folded(row.name)): _folded(row.county) for row in declarations.rows(COUNTY_NAMES)}
    return bare | other


@cache
def _states() -> Mapping[str, str]:
    return {row.name.upper(): row.state for row in declarations.rows(STATES)}
