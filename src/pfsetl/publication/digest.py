"""A digest of a table's rows that is the same on every machine, polars version and chunking.

It is taken over values in key order, column by column, not over Parquet bytes, which change with the writer. Text
is hashed as its sorted distinct values plus a code per row, numbers as integers, nulls as row positions.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from pfsetl.tables.numbers import Rows, height, numbered

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS: Mapping[type[pl.DataType], str] = {
    pl.String: "String",
    pl.Boolean: "Boolean",
    pl.Int32: "Int32",
    pl.Float64: "Float64",
    pl.Date: "Date",
}


class RowsDigest:
    """Digest of a table of these columns that arrives in one or more parts, all in key order.

    Text columns may come as Enums; all parts must then share one category list, sorted and without unused values.
    Decimals of up to nine digits may come as integers of their scale. Parts may come as numbers, in the same way.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self.rows = 0
        self._schema = schema
        self._values: dict[str, Any] = {}
        self._nulls: dict[str, Any] = {}
        self._words: dict[str, pa.Array] = {}

    def update(self, part: pl.DataFrame | Rows) -> None:
        """Add the next rows."""
        import numpy as np

        part = numbered(part, self._schema) if isinstance(part, pl.DataFrame) else part
        at: dict[int, Any] = {}  # the rows that are null, which columns often share
        for name, column in part.items():
            if column.words is not None:
                known = self._words.setdefault(name, column.words)
                if known is not column.words and not known.equals(column.words):
                    raise ValueError(f"{name}: parts of one table must share one list of text values")
            if name not in self._values:
                self._values[name], self._nulls[name] = hashlib.sha256(), hashlib.sha256()
            if column.absent is not None:
                if id(column.absent) not in at:
                    at[id(column.absent)] = (np.flatnonzero(column.absent) + self.rows).astype(np.uint32)
                self._nulls[name].update(at[id(column.absent)])
            self._values[name].update(np.ascontiguousarray(column.values))
        self.rows += height(part)

    def hexdigest(self) -> str:
        """Return the digest of what was added."""
        total = hashlib.sha256(f"rows {self.rows}\n".encode())
        for name, dtype in self._schema.items():
            total.update(f"{name} {type_text(dtype)}\n".encode())
            if name in self._values:
                if name in self._words:
                    total.update("\0".join(self._words[name].to_pylist()).encode())
                total.update(self._values[name].digest() + self._nulls[name].digest())
        return total.hexdigest()


def rows_digest(frame: pl.DataFrame) -> str:
    """Return the digest of one whole table.

    >>> rows_digest(pl.DataFrame({"a": ["x"]})) == rows_digest(pl.DataFrame({"a": ["y"]}))
    False
    """
    digest = RowsDigest(frame.schema)
    digest.update(frame)
    return digest.hexdigest()


def type_text(dtype: pl.DataType) -> str:
    """Return how a digest writes a type, which no release of polars changes; raises ValueError for one it never had.

    >>> type_text(pl.Decimal(6, 3))
    'Decimal(precision=6, scale=3)'
    """
    if isinstance(dtype, pl.Decimal):
        return f"Decimal(precision={dtype.precision}, scale={dtype.scale})"
    if type(dtype) not in _TEXTS:
        raise ValueError(f"{dtype}: no table has a column of this type. Give it a text in _TEXTS.")
    return _TEXTS[type(dtype)]
