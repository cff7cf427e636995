"""Rows in the order of their key, and held as small as they can be: text as numbers in a list of its words."""

from collections.abc import Iterable, Iterator
from math import prod

import polars as pl

from pfsetl.declared.contracts import Table
from pfsetl.tables.numbers import column, is_small

ROWS_PER_PART = 65_536
_MOST_KEYS = 2**63


def in_order(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return rows in the order of their key, of which one number is made, since text takes longer to put in order.

    The number counts the distinct texts of each column in their order, so that it orders as the columns do.
    """
    import numpy as np

    if any(table.schema[c] != pl.String for c in table.key) or frame.is_empty():
        return frame.sort(table.key)
    coded = [column(frame[c], pl.String()) for c in table.key]
    counts = [len(one.words) for one in coded if one.words is not None]
    if prod(counts) >= _MOST_KEYS:
        return frame.sort(table.key)
    place = np.zeros(frame.height, np.int64)
    for one, count in zip(coded, counts, strict=True):
        if count > 1:
            place = place * count + one.values
    if (place[1:] >= place[:-1]).all():
        return frame
    order = pl.Series(np.argsort(place, kind="stable").astype(np.uint32))
    return frame.select(pl.all().gather(order))


def in_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose text is Enums of the words that occur in it, sorted, as a table's file and digest have it."""
    return rows.with_columns(
        series.cast(pl.Enum(series.unique().cast(pl.String).drop_nulls().sort()))
        for series in rows.iter_columns()
        if series.dtype in (pl.String, pl.Categorical)
    )


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
    rows = in_words(pl.concat(smalls))
    del smalls
    order = rows.select(pl.arg_sort_by([pl.col(name).to_physical() for name in table.key])).to_series()
    for start in range(0, rows.height, ROWS_PER_PART):
        yield rows[order.slice(start, ROWS_PER_PART)]
