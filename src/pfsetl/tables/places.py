"""Localities: which state a contractor's locality lies in, and one row per (state, locality).

Contractor numbers change as contracts change, locality numbers are stable within a state, and CMS lists some
localities under two contractors (Southern California, Kansas City); so (state, locality) is the key.
"""

from collections.abc import Sequence
from functools import cache

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.places import CARRIERS, STATES
from pfsetl.errors import ValueRefused

_PLACE = ("mac", "locality")
_PREFIX_DIGITS = 3  # of a MAC's number: jurisdiction and state
_PREFIX = pl.col("mac").str.slice(0, _PREFIX_DIGITS)
# Letters and digits, without a state behind them (`Napa, CA`), and no more of them than every format prints.
_NAME = (
    pl.col("locality_name")
    .str.to_uppercase()
    .str.replace(r",\s*[A-Z]{2}$", "")
    .str.replace_all(r"[^A-Z0-9]", "")
    .str.slice(0, 20)
)


def known_states(gpci: pl.DataFrame | None, locality_county: pl.DataFrame | None) -> pl.DataFrame:
    """Return `mac`, `locality`, `state` as the archive itself tells them: GPCI's column, then LOCCO's names."""
    parts = []
    if gpci is not None and "state" in gpci.columns:
        parts.append(gpci.select("mac", "locality", "state"))
    if locality_county is not None:
        parts.append(
            locality_county.with_columns(pl.col("state_name").forward_fill())
            .join(_state_names(), on="state_name", how="inner")
            .select("mac", "locality", "state")
        )
    empty = pl.DataFrame(schema={"mac": pl.String, "locality": pl.String, "state": pl.String})
    return pl.concat([*parts, empty]).unique(["mac", "locality"], keep="first", maintain_order=True)


def with_state(frame: pl.DataFrame, told: pl.DataFrame, place: str) -> pl.DataFrame:
    """Add `state` to rows of `mac`, `locality`: by `schemas/carriers.csv`, else as the archive tells it.

    A State column in the frame itself is CMS's word and stays. Raises ValueRefused for a place in no known state.
    """
    found = _known_state(frame, told)
    if found["state"].has_nulls():
        row = found.filter(pl.col("state").is_null()).row(0, named=True)
        raise ValueRefused(
            f"{place}: line {row['line']}: contractor {row['mac']} locality {row['locality']} is in no known state. "
            f"Add a row to {declarations.named('carriers.csv')}."
        )
    return found


def with_likely_state(frame: pl.DataFrame, told: pl.DataFrame, gpci: pl.DataFrame | None) -> pl.DataFrame:
    """Add `state` like `with_state`; a contractor that nobody knows is placed where GPCI's own rows can be meant.

    `gpci` has `state`. By the name of the locality there, else by the first three digits of the number, as GPCI's rows
    and then `schemas/carriers.csv` have them; null where the locality isn't in GPCI, and where nothing tells the state.
    """
    found = _known_state(frame, told)
    if not found["state"].has_nulls():
        return found
    open_ones = found.filter(pl.col("state").is_null()).select(*_PLACE, *_named(found))
    open_ones = open_ones.unique(maintain_order=True)  # so that of two names of a place the first one counts
    likely = _likely(open_ones, told, gpci)
    return (
        found.join(likely, on=list(_PLACE), how="left", maintain_order="left")
        .with_columns(state=pl.coalesce("state", "likely"))
        .drop("likely")
    )


def _known_state(frame: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Add `state`, null where neither `schemas/carriers.csv` nor the archive tells it of this very number.

    NOTE: the declared carriers come first because LOCCO's own text drops a state now and then (24LOCCO.txt has
    no CALIFORNIA).
    """
    if "state" in frame.columns:
        return frame
    exact, whole = _declared()
    return (
        frame.join(exact, on=["mac", "locality"], how="left", maintain_order="left")
        .join(whole, on="mac", how="left", maintain_order="left")
        .join(told.rename({"state": "told"}), on=["mac", "locality"], how="left", maintain_order="left")
        .select(pl.exclude("exact", "whole", "told"), state=pl.coalesce("exact", "whole", "told"))
    )


def _likely(unknown: pl.DataFrame, told: pl.DataFrame, gpci: pl.DataFrame | None) -> pl.DataFrame:
    """Return `mac`, `locality`, `likely` of places whose contractor nobody knows."""
    seen = pl.concat([told, *([gpci.select(told.columns)] if gpci is not None else [])])
    ours = _only_one(seen.filter(_is_mac()), {"prefix": _PREFIX}, "by_ours")
    declared = _carriers().filter(_is_prefix()).rename({"mac": "prefix"})
    exact = declared.filter(pl.col("locality") != "").select("prefix", "locality", exact="state")
    whole = declared.filter(pl.col("locality") == "").select("prefix", whole="state")
    found = (
        unknown.with_columns(prefix=pl.when(_is_mac()).then(_PREFIX))
        .join(ours, on="prefix", how="left", maintain_order="left")
        .join(exact, on=["prefix", "locality"], how="left", maintain_order="left")
        .join(whole, on="prefix", how="left", maintain_order="left")
    )
    ways = ["by_ours", "exact", "whole"]
    if gpci is not None and _named(gpci) and _named(unknown):
        names = _only_one(gpci, {"locality": pl.col("locality"), "name": _NAME}, "by_name")
        found = found.with_columns(name=_NAME).join(names, on=["locality", "name"], how="left", maintain_order="left")
        ways = ["by_name", *ways]
    found = found.with_columns(likely=pl.coalesce(ways))
    if gpci is not None:
        there = gpci.select("locality", likely="state").unique()
        found = found.join(there, on=["locality", "likely"], how="semi", maintain_order="left")
    return found.select(*_PLACE, "likely").unique(_PLACE, keep="first", maintain_order=True)


def _only_one(rows: pl.DataFrame, by: dict[str, pl.Expr], name: str) -> pl.DataFrame:
    """Return the state that belongs to each of `by`, where that is one state."""
    counted = rows.group_by(e.alias(n) for n, e in by.items()).agg(
        pl.col("state").n_unique().alias("_n"), pl.col("state").first().alias(name)
    )
    return counted.filter(pl.col("_n") == 1).drop("_n").drop_nulls()


@cache
def known_contractors() -> frozenset[str]:
    """Return the contractor numbers that `schemas/carriers.csv` has."""
    return frozenset(_carriers().filter(~_is_prefix())["mac"].to_list())


@cache
def _declared() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the states of localities by contractor number, and those of whole contractors."""
    carriers = _carriers().filter(~_is_prefix())
    exact = carriers.filter(pl.col("locality") != "").select("mac", "locality", exact="state")
    return exact, carriers.filter(pl.col("locality") == "").select("mac", whole="state")


@cache
def _state_names() -> pl.DataFrame:
    declared = ((row.name, row.state) for row in declarations.rows(STATES))
    return pl.DataFrame(declared, schema=["state_name", "state"], orient="row")


@cache
def _carriers() -> pl.DataFrame:
    rows = ((row.carrier, row.locality or "", row.state) for row in declarations.rows(CARRIERS))
    return pl.DataFrame(rows, schema=["mac", "locality", "state"], orient="row")


def _is_prefix() -> pl.Expr:
    return pl.col("mac").str.len_chars() == _PREFIX_DIGITS


def _is_mac() -> pl.Expr:
    """Return whether a number is a MAC's: it ends in 1 (Part A) or 2 (Part B), and older ones mostly begin with 00."""
    return pl.col("mac").str.contains(r"^(?:[1-9]|0[1-9])[0-9]*[12]$")


def _named(frame: pl.DataFrame) -> list[str]:
    return [c for c in ("locality_name",) if c in frame.columns]


def merged(frame: pl.DataFrame, key: list[str], same: list[str], place: str) -> pl.DataFrame:
    """Make one row per key: `mac` the lowest contractor number, `macs` all of them; `same` columns must agree."""
    frame = frame.sort("mac", maintain_order=True)
    if not frame.select(key).is_duplicated().any():
        alone = pl.col("mac").fill_null("").alias("macs")
        return frame.select(*key, "mac", alone, pl.exclude(*key, "mac", "line"), "line")
    rows = frame.group_by(key, maintain_order=True).agg(
        pl.col("mac").first(),
        pl.col("mac").unique().sort().str.join(",").alias("macs"),
        pl.exclude(*key, "mac", "line").first(),
        pl.col("line").min(),
        *(pl.col(name).n_unique().alias(f"_{name}") for name in same),
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
    votes = [rows.select("state", "locality", "macs", member=pl.lit(at)) for at, rows in enumerate(members)]
    empty = pl.DataFrame(schema={"state": pl.String, "locality": pl.String, "macs": pl.String, "member": pl.Int32})
    return (
        pl.concat([empty, *votes])
        .unique()
        .select("state", "locality", "member", contractor=pl.col("macs").str.split(","))
        .explode("contractor")
        .unique()
        .group_by("state", "locality", "contractor")
        .agg(votes=pl.len(), first=pl.col("member").min())
        .sort("votes", "first", "contractor", descending=[True, False, False])
        .unique(["state", "locality"], keep="first", maintain_order=True)
        .select("state", "locality", "contractor")
    )
