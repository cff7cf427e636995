"""What the card of a code says of its indicators and modifiers, in the words of the published tables."""

from datetime import date
from typing import Any

import polars as pl

from pfsetl.declared import calendar
from pfsetl.errors import UsageError
from pfsetl.publication.version import Version

KEY = ("participant", "modifier")  # which say of which row the card's numbers are


def words(version: Version, hcpcs: str, release: str) -> dict[str, Any]:
    """Return each indicator of a code with its title and meaning, and each modifier with what it pays.

    Indicators are those of the code's first row in `rvu`, in the order of the columns; modifiers those of
    `code_modifier`, for every participant and setting. What an older store lacks is in `not_told`.
    """
    told: dict[str, Any] = {"indicators": None, "modifiers": None, "not_told": []}
    try:
        day = calendar.formula_day(version.release(release))
        told["indicators"] = _indicators(version, hcpcs, release, day)
        told["modifiers"] = _modifiers(version, hcpcs, release, day)
    except UsageError as error:
        told["not_told"].append(str(error))
    return told


def _on(version: Version, table: str, day: date) -> pl.LazyFrame:
    """Return the rows of a table of declarations that hold on a day."""
    since, until = pl.col("valid_from").fill_null(date.min), pl.col("valid_to").fill_null(date.max)
    return version.scan(table).filter(since <= day, until >= day)


def _indicators(version: Version, hcpcs: str, release: str, day: date) -> list[dict[str, Any]]:
    rows = version.scan("rvu", release).filter(pl.col("hcpcs") == hcpcs)
    row = rows.sort("modifier", "participant").head(1).collect()
    known = _on(version, "code_values", day).select("column", "code", "title", "meaning").collect()
    coded = [name for name in row.columns if name in set(known["column"]) and name not in KEY]
    values = row.select(pl.col(coded).cast(pl.String)).unpivot(variable_name="column", value_name="code").drop_nulls()
    order = pl.DataFrame({"column": coded, "place": range(len(coded))}, schema={"column": pl.String, "place": pl.Int64})
    found = values.join(known, on=["column", "code"], how="left").join(order, on="column").sort("place").drop("place")
    return found.rename({"code": "value"}).to_dicts()


def _modifiers(version: Version, hcpcs: str, release: str, day: date) -> list[dict[str, Any]]:
    rows = version.scan("code_modifier", release).filter(pl.col("hcpcs") == hcpcs).collect()
    names = _on(version, "modifier", day).select("modifier", "name").collect()
    meanings = _on(version, "code_values", day).select(
        pl.col("column").alias("indicator"), pl.col("code").alias("indicator_value"), "meaning"
    )
    found = rows.join(names, on="modifier", how="left").join(
        meanings.collect(), on=["indicator", "indicator_value"], how="left"
    )
    return found.drop("release", "hcpcs").sort("modifier", "participant", "setting").to_dicts()
