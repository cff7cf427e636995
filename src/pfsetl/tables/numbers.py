"""A table's columns as plain numbers, of which its digest and its Parquet file are made without another copy of them.

Text is numbered by its sorted distinct values, decimals are integers of their scale, and what is null is 0 with a mark.
Arrow's arrays are read where they lie in memory: its own ways to numpy import pandas where that is installed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, np.dtype[Any]]

SMALL_DIGITS = 9  # of a decimal that fits into 32 bits
_WIDTHS: Mapping[type[pl.DataType], str] = {
    pl.Boolean: "u1",
    pl.Float64: "f8",
    pl.Int32: "i8",
    pl.Date: "i8",
    pl.Decimal: "i8",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its numbers, 0 where `absent`, which is None where nothing is; of text its `words`, in order.

    `whole` is the same column in Arrow, where it's at hand.
    """

    values: "Array"
    absent: "Array | None" = None
    words: "pa.LargeStringArray | None" = None
    whole: "pa.Array | None" = None


Rows = Mapping[str, Column]


def is_small(dtype: pl.DataType) -> bool:
    """Return whether a type is a decimal whose digits fit into 32 bits.

    >>> is_small(pl.Decimal(9, 2)), is_small(pl.Decimal(10, 2))
    (True, False)
    """
    return isinstance(dtype, pl.Decimal) and dtype.precision <= SMALL_DIGITS


def width(dtype: pl.DataType, words: int = 0) -> str:
    """Return the numpy type of a column's numbers, which its type alone decides; that of text by how many `words`.

    >>> width(pl.Boolean()), width(pl.Decimal(9, 2)), width(pl.String(), words=257)
    ('u1', 'i4', 'u2')
    """
    if dtype == pl.String:
        return "u1" if words <= 2**8 else "u2" if words <= 2**16 else "u4"
    return "i4" if is_small(dtype) else _WIDTHS[type(dtype)]


def height(rows: Rows) -> int:
    """Return the number of rows."""
    return len(next(iter(rows.values())).values) if rows else 0


def numbered(frame: pl.DataFrame, promised: Mapping[str, pl.DataType]) -> dict[str, Column]:
    """Return a frame's columns as numbers of the promised types, which text as Enums and money in cents keep to."""
    return {series.name: column(series, promised[series.name]) for series in frame.iter_columns()}


def column(series: pl.Series, promised: pl.DataType) -> Column:
    """Return one column as numbers; the values of an Enum number its text, else the sorted distinct ones."""
    import pyarrow as pa

    series, dtype = series.rechunk(), series.dtype  # asked once: polars makes an Enum's list of words anew each time
    whole = (series.to_physical() if isinstance(dtype, pl.Enum) else series).to_arrow()
    absent = _held(whole.is_null()).view(bool) if whole.null_count else None
    if isinstance(dtype, pl.Enum):
        words = dtype.categories.to_arrow().cast(pa.large_string())
        return Column(_filled(_held(whole).astype(width(promised, len(words))), absent), absent, words)
    if dtype == pl.String:
        words, codes = _words(whole.cast(pa.large_string()), absent)
        return Column(_filled(codes.astype(width(promised, len(words))), absent), absent, words, whole)
    values = _filled(_held(whole).astype(width(promised)), absent)
    return Column(values, absent, whole=None if is_small(promised) else whole)


def _held(column: "pa.Array") -> "Array":
    """Return the numbers of an Arrow array as they're held; of a decimal the low half, its value where that fits in."""
    import numpy as np
    import pyarrow as pa

    start, end = column.offset, column.offset + len(column)
    held = column.buffers()[1]
    if pa.types.is_boolean(column.type):
        return np.unpackbits(np.frombuffer(held, "u1"), bitorder="little")[start:end]
    if pa.types.is_decimal128(column.type):
        return np.frombuffer(held, "i8")[2 * start : 2 * end : 2]
    kind = "f" if pa.types.is_floating(column.type) else "u" if pa.types.is_unsigned_integer(column.type) else "i"
    return np.frombuffer(held, f"{kind}{column.type.bit_width // 8}")[start:end]


def _words(texts: "pa.Array", absent: "Array | None") -> "tuple[pa.Array, Array]":
    """Return the sorted distinct values of an Arrow array of text, and which is each row's, any where it's null."""
    import numpy as np
    import pyarrow.compute as pc

    encoded = texts.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    place = np.zeros(len(order) + 1, np.uint32)
    place[_held(order)] = np.arange(len(order), dtype=np.uint32)
    codes = _held(encoded.indices)
    return encoded.dictionary.take(order), place[codes if absent is None else np.where(absent, len(order), codes)]


def _filled(values: "Array", absent: "Array | None") -> "Array":
    if absent is not None:
        values[absent] = 0
    return values
