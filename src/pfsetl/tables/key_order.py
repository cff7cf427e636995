"""Rows of many releases in the order of their key, held as small as they can be."""

from collections.abc import Iterable, Iterator

import polars as pl

from pfsetl.declared.contracts import Table
from pfsetl.tables.numbers import is_small

ROWS_PER_PART = 65_536


def small(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in a quarter of their memory: text as Categoricals, small decimals as integers of their scale."""
    return rows.with_columns(
        pl.col(name).cast(pl.Categorical)
        if dtype == pl.String
        else pl.col(name).reinterpret(dtype=pl.Int128).cast(pl.Int32)
        for name, dtype in rows.schema.items()
        if dtype == pl.String or is_small(dtype)
    )


def parts_in_order(smalls: Iterable[pl.DataFrame], table: Table) -> Iterator[pl.DataFrame]:
    """Yield `small` rows, put together and in the order of their key, as parts that `parquet.write` takes."""
    rows = pl.concat(smalls)
    del smalls
    for series in rows.iter_columns():
        if series.dtype == pl.Categorical:
            words = series.unique().cast(pl.String).drop_nulls().sort()
            rows = rows.with_columns(series.cast(pl.Enum(words)))
    order = rows.select(pl.arg_sort_by([pl.col(name).to_physical() for name in table.key])).to_series()
    for start in range(0, rows.height, ROWS_PER_PART):
        yield rows[order.slice(start, ROWS_PER_PART)]
