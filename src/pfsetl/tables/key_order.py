"""Rows in the order of their key, and held as small as they can be: text as numbers in a list of its words."""

from collections.abc import Iterable, Iterator, Sequence
from math import prod

import polars as pl

from pfsetl.declared.contracts import Table
from pfsetl.tables.numbers import is_small

ROWS_PER_PART = 16_384
FEW_ROWS = 1_000
_MOST_KEYS = 2**63


def in_order(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return rows in the order of their key, of which one value is made, since a sort by several columns takes longer.

    Keys of Enums, whose words are sorted, make one number. Those of text are put together with a character below all
    others, so that the order is that of the parts.
    """
    if frame.height <= FEW_ROWS or len(table.key) == 1 or any(table.schema[c] != pl.String for c in table.key):
        return frame.sort(table.key)
    keys = _numbers(frame, table.key)
    if keys is None:
        keys = frame.select(pl.concat_str(table.key, separator="\0")).to_series()
    return frame if keys.is_sorted() else frame.select(pl.all().gather(keys.arg_sort()))


def _numbers(frame: pl.DataFrame, key: Sequence[str]) -> pl.Series | None:
    """Return a number for each row that orders as its key does, None where that is text or more than a number holds."""
    types = frame.select(key).dtypes
    counts = [len(dtype.categories) for dtype in types if isinstance(dtype, pl.Enum)]
    if len(counts) < len(types) or prod(counts) >= _MOST_KEYS:
        return None
    number = pl.lit(0, dtype=pl.Int64)
    for name, count in zip(key, counts, strict=True):
        number = number * count + pl.col(name).to_physical()
    return frame.select(number).to_series()


def in_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose text is Enums of the words that occur in it, sorted, as a table's file and digest have it."""
    texts = [pl.col(name) for name, dtype in rows.schema.items() if dtype in (pl.String, pl.Categorical)]
    words = rows.select(text.unique().cast(pl.String).drop_nulls().sort().implode() for text in texts)
    return rows.with_columns(rows[found.name].cast(pl.Enum(found[0])) for found in words.iter_columns())


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
