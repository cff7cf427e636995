"""What somebody writes in polars who wants the tables of words: what is declared, in two tables of no release."""

from pathlib import Path

import polars as pl

from tools.bare import payment, source

TABLES = ("code_values", "modifier")
RULES = "reductions"
CERTAINTIES = pl.Enum(["certain", "likely", "unconfirmed"])


def tables(folder: Path) -> None:
    """Write the tables."""
    payment.keep(_values(), folder, "code_values")
    payment.keep(_modifiers(), folder, "modifier")


def _values() -> pl.DataFrame:
    """Return every coded value in words; a reason has its status's where it has none of its own."""
    names = sorted(path.stem for path in (source.SCHEMAS / "codes").glob("*.csv"))
    lists = {name: source.declared(f"codes/{name}") for name in names}
    words = source.declared("words/values")
    told = words.filter(column="reason")["code"]
    reasons = lists["status"].drop("code").rename({"reason": "code"}).drop_nulls("code")
    reasons = reasons.filter(~pl.col("code").is_in(told.implode())).unique("code", keep="first")
    every = pl.concat(
        [
            *(rows.with_columns(column=pl.lit(name)) for name, rows in lists.items()),
            words,
            reasons.with_columns(column=pl.lit("reason")),
        ],
        how="diagonal",
    )
    beginning = source.declared("conversion_factors")["from"].min()
    rows = every.join(source.declared("words/titles"), on="column").select(
        "column", pl.col("code").fill_null(""), pl.col("valid_from").fill_null(pl.lit(beginning)).str.to_date(),
        pl.col("valid_to").str.to_date(), "title", "meaning", "source",
    )  # fmt: skip
    return rows.sort("column", "code", "valid_from")


def _modifiers() -> pl.DataFrame:
    """Return every modifier; one known by the rules alone has their sources, and is as sure as the least of them."""
    rules = source.declared(RULES).sort("rule", "indicator", "modifier", "part")
    rules = rules.with_columns(pl.col("modifier").str.split(" ")).explode("modifier")
    sources = pl.col("source").unique(maintain_order=True).str.join("; ")
    by_rules = rules.group_by("modifier").agg(rules=sources, least=pl.col("certainty").cast(CERTAINTIES).max())
    named, sure = pl.col("source") == f"schemas/{RULES}.csv", pl.col("certainty").cast(CERTAINTIES)
    rows = source.declared("modifiers").join(by_rules, on="modifier", how="left")
    days = (pl.col(name).str.to_date().alias(f"valid_{name}") for name in ("from", "to"))
    return rows.select(
        "modifier", "name", pl.col("kind").alias("category"), "effect", *days, "note",
        source=pl.when(named).then(pl.coalesce("rules", "source")).otherwise("source"),
        certainty=pl.when(named & (pl.col("least") > sure)).then("least").otherwise(sure),
    ).sort("modifier")  # fmt: skip
