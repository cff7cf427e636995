"""The tables of CMS's files beside the releases, each by one function (`schemas/companions.odcs.yaml`)."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Table
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


def mue(parsed: Parsed) -> pl.DataFrame:
    """Return the most units of each code, and whether they count for a line or for a day."""
    return parsed.frame.select(
        "hcpcs", "most_units", indicator=pl.col("mue_indicator").str.slice(0, 1), rationale="rationale", line="line"
    )


MADE_BY: Mapping[str, Callable[[Parsed], pl.DataFrame]] = {
    "zip_locality": zip_locality,
    "anesthesia_base_units": anesthesia_base_units,
    "mue": mue,
}


def rows(parsed: Parsed, part: int = 1) -> pl.DataFrame:
    """Return the rows of a parsed companion, or of one part of it, in the order of the file."""
    kind = parsed.raw.member
    made = MADE_BY[kind](parsed)
    return made.with_columns(part=pl.lit(part)) if "part" in contracts.companions().tables[kind].schema else made


def tables_of(kind: str) -> list[Table]:
    """Return the tables that are made of a kind of companion, the one of its own name first."""
    made = [table for table in contracts.companions().tables.values() if kind in table.members]
    return sorted(made, key=lambda table: table.name != kind)


def in_order(parts: Sequence[pl.DataFrame], table: Table) -> pl.DataFrame:
    """Return the rows of all parts as one table, in the order of its key."""
    return shaped(pl.concat(parts), table)
