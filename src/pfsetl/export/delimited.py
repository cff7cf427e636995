"""Tables as CSV, in which no text runs as a formula when a spreadsheet opens it."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

_TEXT = (pl.String, pl.Categorical, pl.Enum)
_FORMULA = r"^[=+\-@\t\r]"  # OWASP, CSV injection
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?$"


def write(tables: Mapping[str, pl.LazyFrame], folder: Path) -> list[Path]:
    """Write each table as `<table>.csv` into a folder, a part of it at a time; return the files.

    A text that a spreadsheet would run begins with an apostrophe; numbers with a sign stay as they are. Null is an
    empty cell, an empty text a pair of quotes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, rows in tables.items():
        target = folder / f"{name}.csv"
        harmless(rows).sink_csv(target, include_header=True)
        written.append(target)
    return written


def harmless(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows in which no text runs as a formula."""
    words = (name for name, dtype in rows.collect_schema().items() if dtype.base_type() in _TEXT)
    return rows.with_columns(map(_harmless, words))


def _harmless(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    runs = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return pl.when(runs).then(pl.lit("'") + text).otherwise(text).alias(name)
