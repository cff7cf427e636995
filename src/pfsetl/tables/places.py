"""Localities: which state a contractor's locality lies in, and one row per (state, locality).

Contractor numbers change as contracts change, locality numbers are stable within a state, and CMS lists some
localities under two contractors (Southern California, Kansas City); so (state, locality) is the key.
"""

from collections.abc import Sequence

import polars as pl

from pfsetl.declared import declarations
from pfsetl.errors import ValueRefused


def known_states(gpci: pl.DataFrame | None, locality_county: pl.DataFrame | None) -> pl.DataFrame:
    """Return `mac`, `locality`, `state` as the archive itself tells them: GPCI's column, then LOCCO's names."""
    parts = []
    if gpci is not None and "state" in gpci.columns:
        parts.append(gpci.select("mac", "locality", "state"))
    if locality_county is not None:
        names = pl.DataFrame(declarations.rows("states.csv")).select("state", state_name="name")
        parts.append(
            locality_county.with_columns(pl.col("state_name").forward_fill())
            .join(names, on="state_name", how="inner")
            .select("mac", "locality", "state")
        )
    empty = pl.DataFrame(schema={"mac": pl.String, "locality": pl.String, "state": pl.String})
    return pl.concat([*parts, empty]).unique(["mac", "locality"], keep="first", maintain_order=True)


def with_state(frame: pl.DataFrame, told: pl.DataFrame, place: str) -> pl.DataFrame:
    """Add `state` to rows of `mac`, `locality`: by `schemas/carriers.csv`, else as the archive tells it.

    NOTE: the declared carriers come first because LOCCO's own text drops a state now and then (24LOCCO.txt has
    no CALIFORNIA). A State column in the frame itself is CMS's word and stays.
    """
    if "state" in frame.columns:
        return frame
    carriers = pl.DataFrame(declarations.rows("carriers.csv")).rename({"carrier": "mac"})
    exact = carriers.filter(pl.col("locality") != "").select("mac", "locality", exact="state")
    whole = carriers.filter(pl.col("locality") == "").select("mac", whole="state")
    found = (
        frame.with_row_index("_row")
        .join(exact, on=["mac", "locality"], how="left", maintain_order="left")
        .join(whole, on="mac", how="left", maintain_order="left")
        .join(told.rename({"state": "told"}), on=["mac", "locality"], how="left", maintain_order="left")
        .with_columns(state=pl.coalesce("exact", "whole", "told"))
        .sort("_row")
        .drop("_row", "exact", "whole", "told")
    )
    unknown = found.filter(pl.col("state").is_null())
    if unknown.height:
        row = unknown.row(0, named=True)
        raise ValueRefused(
            f"{place}: line {row['line']}: contractor {row['mac']} locality {row['locality']} is in no known state. "
            "Add a row to schemas/carriers.csv."
        )
    return found


def merged(frame: pl.DataFrame, key: list[str], same: list[str], place: str) -> pl.DataFrame:
    """Make one row per key: `mac` the lowest contractor number, `macs` all of them; `same` columns must agree."""
    rows = (
        frame.sort("mac", maintain_order=True)
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("mac").first(),
            pl.col("mac").unique().sort().str.join(",").alias("macs"),
            pl.exclude(*key, "mac", "line").first(),
            pl.col("line").min(),
            *(pl.col(name).n_unique().alias(f"_{name}") for name in same),
        )
    )
    clash = rows.filter(pl.any_horizontal(pl.col(f"_{name}") > 1 for name in same))
    if clash.height:
        row = clash.row(0, named=True)
        column = next(name for name in same if row[f"_{name}"] > 1)
        where = ", ".join(f"{name} {row[name]}" for name in key)
        raise ValueRefused(
            f"{place}: {where} is listed more than once (contractors {row['macs']}) with different {column}. "
            "One of the rows is wrong. Get a corrected archive."
        )
    return rows.drop(f"_{name}" for name in same)


def contractors(members: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return `state`, `locality`, `contractor`: the one that most members name, of equals the first member's.

    Each member is rows of `state`, `locality` and `macs`. A wrong contractor in one member doesn't outvote three that
    agree; the member that differs keeps its own in `macs`.
    """
    votes = [
        rows.select("state", "locality", "macs")
        .unique()
        .select("state", "locality", contractor=pl.col("macs").str.split(","))
        .explode("contractor")
        .unique()
        .with_columns(member=pl.lit(at))
        for at, rows in enumerate(members)
    ]
    empty = pl.DataFrame(
        schema={"state": pl.String, "locality": pl.String, "contractor": pl.String, "member": pl.Int32}
    )
    return (
        pl.concat([empty, *votes])
        .group_by("state", "locality", "contractor")
        .agg(votes=pl.len(), first=pl.col("member").min())
        .sort("votes", "first", "contractor", descending=[True, False, False])
        .unique(["state", "locality"], keep="first", maintain_order=True)
        .select("state", "locality", "contractor")
    )
