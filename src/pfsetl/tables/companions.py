"""The tables of CMS's files beside the releases, each by one function (`schemas/companions.odcs.yaml`)."""

from collections.abc import Callable, Mapping

import polars as pl

from pfsetl.declared import contracts
from pfsetl.parsing.parse import Parsed
from pfsetl.tables import places
from pfsetl.tables.columns import shaped


def zip_locality(parsed: Parsed) -> pl.DataFrame:
    """Return the locality of each ZIP code; raises ValueRefused for a contractor that nobody knows."""
    placed = places.with_state(parsed.frame, places.known_states(None, None), parsed.raw.file)
    flagged = pl.col("plus_four") == "1"
    return placed.select("zip", "state", "locality", "mac", "region", "rural", plus_four=flagged, line="line")


def anesthesia_base_units(parsed: Parsed) -> pl.DataFrame:
    """Return the base units of each anesthesia service."""
    return parsed.frame.select("hcpcs", "base_units", "line")


MADE_BY: Mapping[str, Callable[[Parsed], pl.DataFrame]] = {
    "zip_locality": zip_locality,
    "anesthesia_base_units": anesthesia_base_units,
}


def table(parsed: Parsed) -> pl.DataFrame:
    """Return the table of a parsed companion, in the order of its key."""
    kind = parsed.raw.member
    return shaped(MADE_BY[kind](parsed), contracts.companions().tables[kind])
