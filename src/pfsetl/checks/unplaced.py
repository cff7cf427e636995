"""Lines that were set aside because nobody knows their contractor or locality: counted, and what they excuse."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from pfsetl.checks.check import WHOLE, Finding
from pfsetl.declared import registry
from pfsetl.tables import places
from pfsetl.tables.set_aside import IN_NO_LOCALITY, IN_NO_STATE, MEMBERS

_EXAMPLES = 5
# Checks that count places, and the one that counts lines, with the members whose lines they miss.
_OF_PLACES = ("same_localities_as_gpci", "same_localities_as_counties", "localities_known")
_OF_LINES = ("every_locality_of_a_service",)


def findings(tables: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Say which lines were set aside because their contractor isn't known, and which of those were placed all the same.

    More than `unplaced_at_most` of a member's lines are an error, which can be accepted as a loss.
    """
    return [finding for name in MEMBERS for finding in (_aside(name, tables), _by_the_archive(name, tables[name]))]


def excused(found: Iterable[Finding], tables: Mapping[str, pl.DataFrame]) -> tuple[Finding, ...]:
    """Return the checks with those as warnings that miss no more than the lines that were set aside and are named."""
    lines = {name: _rejected(name, tables) for name in MEMBERS}
    spots = {name: rows.n_unique("reason") for name, rows in lines.items()}

    def judged(one: Finding) -> Finding:
        of_places = one.check in _OF_PLACES or (one.check.startswith("whole_") and "locality" in one.check)
        of_lines = one.check in _OF_LINES
        members = {one.table, "locality_county"} if one.check == "same_localities_as_counties" else {one.table}
        count = sum((spots[m] if of_places else lines[m].height) for m in members if m in lines)
        if one.severity != "error" or not (of_places or of_lines) or not 0 < one.violations <= count:
            return one
        return replace(one, severity="warn", description=f"{one.description} (lines in no known place are in rejects)")

    return tuple(map(judged, found))


def _rejected(name: str, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    rejects = tables["rejects"]
    if rejects.is_empty():
        return rejects
    said = pl.any_horizontal(
        pl.col("reason").str.starts_with(told.partition(":")[0]) for told in (IN_NO_STATE, IN_NO_LOCALITY)
    )
    return rejects.filter((pl.col("member") == name) & said)


def _aside(name: str, tables: Mapping[str, pl.DataFrame]) -> Finding:
    lost = _rejected(name, tables)
    counts = lost.group_by("reason", maintain_order=True).len().rows() if lost.height else []
    examples = tuple(f"{reason.partition(': ')[2]}: {count:,} lines" for reason, count in counts[:_EXAMPLES])
    rows = tables["source_lines"].filter(pl.col("table") == name).height + lost.height if lost.height else 0
    most = registry.thresholds()["unplaced_at_most"].value
    return Finding(
        name,
        "placed",
        "error" if lost.height > most * rows else "warn",
        f"{lost.height:,} lines are in no known {_lacking(lost)} and aren't published (table `rejects`). A row "
        "for each contractor in carriers.csv places them, if GPCI has the locality",
        lost.height,
        examples,
        WHOLE,
        counted=True,
    )


def _lacking(lost: pl.DataFrame) -> str:
    words = lost["reason"].str.extract(r"^in no known (\w+)").unique().sort(descending=True) if lost.height else ()
    return " or ".join(words) or "state"


def _by_the_archive(name: str, rows: pl.DataFrame) -> Finding:
    """Say which contractors were placed though `schemas/carriers.csv` hasn't got them."""
    named = {mac for macs in rows["macs"].unique() for mac in macs.split(",")}
    new: list[tuple[str, ...]] = []
    if unknown := named - places.known_contractors():
        numbers = rows.select("state", "locality", mac=pl.col("macs").str.split(",")).explode("mac").unique()
        new = numbers.filter(pl.col("mac").is_in(list(unknown))).sort("mac", "state", "locality").rows()
    examples = tuple(f"{mac} in {state}/{locality}" for state, locality, mac in new[:_EXAMPLES])
    return Finding(
        name,
        "contractors_known",
        "warn",
        "carriers.csv doesn't have the contractor; its state is what the archive's other members, or the first "
        "three digits, say",
        len(new),
        examples,
    )
