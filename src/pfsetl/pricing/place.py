"""Where a service is priced: a locality by number, by contractor, by ZIP code or by county, or the whole nation."""

import difflib
import re
from dataclasses import dataclass
from datetime import date

import polars as pl

from pfsetl.declared import declarations
from pfsetl.errors import UsageError
from pfsetl.pricing.published import Source, source_of
from pfsetl.publication import companions
from pfsetl.publication.version import Version

_NUMBERED = re.compile(r"([A-Z]{2})[ /-]*([0-9]{0,2})")
_CONTRACTOR = re.compile(r"([0-9]{5})[ /-]+([0-9]{2})")
_ZIP = re.compile(r"([0-9]{5})(?:-?[0-9]{4})?")
_COUNTY = re.compile(r"(?:([A-Z]{2})[/:])?\s*(.+?)(?:,\s*([A-Z]{2}))?")
_WORDS = re.compile(r"[,/]|\bAND\b")
_EVERY = ("", "ALL", "ALL OTHER", "ALL EQUIVALENTS")
_NOISE = re.compile(r"\b(CO|CNTY|COUNTY|COUNTIES|PARISH)\b|[^A-Z ]")


@dataclass(frozen=True, slots=True)
class Place:
    """One locality of a release with its GPCIs as a frame of one row, and how it was found."""

    state: str
    locality: str
    name: str
    gpci: pl.DataFrame
    sources: tuple[Source, ...]
    notes: tuple[str, ...]

    @property
    def national(self) -> bool:
        """Whether this is the whole nation, every GPCI 1.000."""
        return not self.state


def find_place(version: Version, label: str, wanted: str | None, day: date) -> Place:
    """Return the locality that a user names: `CA/18`, `01182/18`, a ZIP code, `CA/Los Angeles`; None is the nation.

    Raises UsageError with what is near. A ZIP code needs a loaded ZIP file; a county is looked up in LOCCO.
    """
    text = (wanted or "NATIONAL").strip().upper()
    if text == "NATIONAL":
        return Place("", "", "national", _nation(), (), ("no locality given: every GPCI is 1.000",))
    if match := _NUMBERED.fullmatch(text):
        return _numbered(version, label, match[1], match[2] and match[2].zfill(2))
    if match := _CONTRACTOR.fullmatch(text):
        return _by_contractor(version, label, match[1], match[2])
    if match := _ZIP.fullmatch(text):
        return _by_zip(version, label, match[1], day)
    return _by_county(version, label, text)


def _numbered(
    version: Version,
    label: str,
    state: str,
    locality: str,
    sources: tuple[Source, ...] = (),
    notes: tuple[str, ...] = (),
) -> Place:
    indices = version.scan("gpci", label).collect()
    row = indices.filter(state=state, locality=locality)
    if row.is_empty():
        there = indices.filter(state=state)
        if there.is_empty():
            states = indices["state"].unique().sort().to_list()
            near = difflib.get_close_matches(state, states, n=5, cutoff=0.4)
            shown = f"Near: {', '.join(near)}." if near else f"There are {', '.join(states)}."
            raise UsageError(f"locality {state}/{locality}: {label} has no state {state}. {shown}")
        near = [f"{state}/{number} {name.title()}" for number, name in there.select("locality", "locality_name").rows()]
        raise UsageError(f"locality {state}/{locality}: {label} has none of this number. There are {', '.join(near)}.")
    line = source_of(version, label, "GPCIs", "gpci", state=state, locality=locality)
    return Place(state, locality, row["locality_name"][0], row, (*sources, line), notes)


def _by_contractor(version: Version, label: str, mac: str, locality: str) -> Place:
    indices = version.scan("gpci", label).collect()
    named = pl.col("macs").fill_null(pl.col("mac")).str.split(",").list.contains(mac)
    found = indices.filter(named, locality=locality)
    if found.is_empty():
        near = difflib.get_close_matches(mac, indices["mac"].unique().to_list(), n=3)
        raise UsageError(
            f"contractor {mac}, locality {locality}: not in {label}. Contractors near: {', '.join(near) or 'none'}. "
            "Better name the state: CA/18; contractor numbers change."
        )
    return _numbered(version, label, found["state"][0], locality)


def _by_zip(version: Version, label: str, code: str, day: date) -> Place:
    companion = companions.find(version.store, "zip_locality", day)
    if companion is None:
        raise UsageError(
            f"ZIP code {code}: no ZIP file is loaded in {version.store}. Load CMS's \"Zip Code to Carrier Locality "
            'File": pfsetl load ZIP5_OCT2025.txt'
        )
    row = companion.frame(version.store).filter(zip=code)
    if row.is_empty():
        raise UsageError(
            f"ZIP code {code}: not in {companion.file}, which has {companion.rows:,}. Name the locality: CA/18."
        )
    found = row.row(0, named=True)
    notes = [f"ZIP code {code} is in {found['state']}/{found['locality']}"]
    if companion.effective_from > day:
        notes.append(f"{companion.file} holds from {companion.effective_from} only; none that is loaded is older")
    if found["plus_four"]:
        notes.append(f"ZIP code {code} lies in several localities: its last four digits decide, and aren't used")
    source = Source("ZIP code", companion.file, found["line"], companion.sha256)
    return _numbered(version, label, found["state"], found["locality"], (source,), tuple(notes))


def _by_county(version: Version, label: str, text: str) -> Place:
    match = _COUNTY.fullmatch(text)
    state, name = (match[1] or match[3] or "", match[2]) if match else ("", text)
    listed = _counties(version, label)
    same = [c for c in listed if c[3] == _plain(name) and state in ("", c[0])]
    found = sorted({(one_state, locality) for _, one_state, locality, _ in same})
    # NOTE: a name without its state is refused even where LOCCO has it once: it names only some of all counties.
    if len(found) == 1 and state:
        return _numbered(version, label, *found[0], notes=(f"county {name.title()} by CMS's LOCCO",))
    if found:
        shown = ", ".join(f"{s}/{n}" for s, n in found)
        raise UsageError(f"county {text!r}: LOCCO has it in {shown}. Say the state: {same[0][0]}/{name.title()}.")
    known = {c[3]: f"{c[0]}/{c[3].title()}" for c in listed if state in ("", c[0])}
    near = [known[c] for c in difflib.get_close_matches(_plain(name), known, n=4, cutoff=0.6)]
    hint = f" Near: {', '.join(near)}." if near else ""
    raise UsageError(
        f"locality {text!r}: no county of this name in the LOCCO of {label}, which names none in a statewide "
        f"locality or in the rest of a state.{hint} Write CA/18, a ZIP code, or CA/Los Angeles."
    )


def _counties(version: Version, label: str) -> list[tuple[str, str, str, str]]:
    """Return every county that LOCCO names: the state it lies in, state and locality that price it, its name.

    A locality of one state may hold counties of another: that of DC has some "in Virginia" and some "in Maryland".
    """
    states = {row["name"].upper(): row["state"] for row in declarations.rows("states.csv")}
    found = []
    for state, locality, counties in version.scan("locality_county", label).select(
        "state", "locality", "counties"
    ).collect().rows():  # fmt: skip
        for part in (counties or "").upper().partition("EXCEPT")[0].split(";"):
            here, _, elsewhere = part.partition(" IN ")
            lies_in = states.get(elsewhere.strip(), state)
            found += [(lies_in, state, locality, _plain(county)) for county in _WORDS.split(here)]
    return [county for county in found if county[3] not in _EVERY]


def _plain(name: str) -> str:
    return " ".join(_NOISE.sub(" ", name.replace("'", "")).split())


def _nation() -> pl.DataFrame:
    one = pl.lit("1.000").cast(pl.Decimal(6, 3))
    return pl.select(state=pl.lit(""), locality=pl.lit(""), mac=pl.lit(""), work_gpci=one, pe_gpci=one, mp_gpci=one)
