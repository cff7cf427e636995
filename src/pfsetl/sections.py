"""CPT and HCPCS sections and subsections by code number, as `schemas/sections.csv` declares them."""

import functools

import polars as pl

from pfsetl import declarations


def section() -> pl.Expr:
    """Return the expression for the section of `hcpcs`; null where no range holds the code."""
    return _first_match("section")


def subsection() -> pl.Expr:
    """Return the expression for the subsection of `hcpcs`; null where the section isn't divided there."""
    return _first_match("subsection")


def with_statistics() -> tuple[tuple[str, str], ...]:
    """Return the (section, subsection) pairs that have statistics of their own."""
    rows = declarations.rows("sections.csv")
    return tuple((r["section"], r["subsection"]) for r in rows if r["subsection_statistics"] == "true")


def _first_match(name: str) -> pl.Expr:
    code = pl.col("hcpcs")
    number = code.str.slice(0, 5).cast(pl.Int32, strict=False)
    tests: list[tuple[pl.Expr, str]] = []
    for row in declarations.rows("sections.csv"):
        match row["rule"]:
            case "number":
                test = number.is_between(int(row["first"]), int(row["last"]))
            case "suffix":
                test = code.str.contains(rf"^\d{{4}}[{row['first']}]$")
            case _:
                test = code.str.starts_with(row["first"])
        tests.append((test, row[name]))
    empty = pl.lit(None, dtype=pl.String)
    chain = functools.reduce(
        lambda otherwise, case: pl.when(case[0]).then(pl.lit(case[1] or None, dtype=pl.String)).otherwise(otherwise),
        reversed(tests),
        empty,
    )
    return chain.alias(name)
