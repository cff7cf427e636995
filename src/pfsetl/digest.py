"""A digest of a table's rows that is the same on every machine, polars version and chunking.

It is taken over values in key order, column by column, not over Parquet bytes, which change with the writer. Text
is hashed as its sorted distinct values plus a code per row, numbers as 64-bit integers, nulls as row positions.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import polars as pl


class RowsDigest:
    """Digest of a table that arrives in one or more parts, all in key order.

    Text columns may come as Enums; all parts must then share one category list, sorted and without unused values.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._values: dict[str, Any] = {}
        self._nulls: dict[str, Any] = {}
        self._categories: dict[str, list[str]] = {}

    def update(self, part: pl.DataFrame) -> None:
        """Add the next rows."""
        for name, column in encoded(part).to_dict().items():
            values = self._values.setdefault(name, hashlib.sha256())
            nulls = self._nulls.setdefault(name, hashlib.sha256())
            if isinstance(column.dtype, pl.Enum):
                self._categories[name] = column.dtype.categories.to_list()
            numbers = _numbers(column)
            if column.null_count():
                positions = (column.is_null().arg_true().cast(pl.Int64) + self.rows).rechunk()
                nulls.update(_bytes(positions))
                numbers = numbers.fill_null(0)
            values.update(_bytes(numbers))
        self.rows += part.height

    def hexdigest(self, schema: Mapping[str, pl.DataType]) -> str:
        """Return the digest of what was added, for a table of these columns."""
        total = hashlib.sha256(f"rows {self.rows}\n".encode())
        for name, dtype in schema.items():
            total.update(f"{name} {dtype}\n".encode())
            if name in self._values:
                total.update("\0".join(self._categories.get(name, ())).encode())
                total.update(self._values[name].digest() + self._nulls[name].digest())
        return total.hexdigest()


def rows_digest(frame: pl.DataFrame) -> str:
    """Return the digest of one whole table.

    >>> rows_digest(pl.DataFrame({"a": ["x"]})) == rows_digest(pl.DataFrame({"a": ["y"]}))
    False
    """
    digest = RowsDigest()
    digest.update(frame)
    return digest.hexdigest(frame.schema)


def encoded(part: pl.DataFrame) -> pl.DataFrame:
    """Return the part with every text column as an Enum of its sorted distinct values."""
    texts = [name for name, dtype in part.schema.items() if dtype == pl.String]
    return part.with_columns(pl.col(n).cast(pl.Enum(part[n].drop_nulls().unique().sort())) for n in texts)


def plain(part: pl.DataFrame) -> pl.DataFrame:
    """Return the part with every Enum column as text."""
    # NOTE: gathering from the category list is several times faster than polars' cast of Enum to String.
    return part.with_columns(
        column.dtype.categories.gather(column.to_physical()).alias(column.name)
        for column in part.iter_columns()
        if isinstance(column.dtype, pl.Enum)
    )


def _numbers(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Enum):
        count = len(dtype.categories)
        width = pl.UInt8 if count <= 2**8 else pl.UInt16 if count <= 2**16 else pl.UInt32
        return column.to_physical().cast(width)
    if dtype == pl.Float64:
        return column
    return column.to_physical().cast(pl.UInt8 if dtype == pl.Boolean else pl.Int64)


def _bytes(column: pl.Series) -> memoryview:
    values = column.rechunk().to_arrow()
    width = values.type.bit_width // 8
    return memoryview(values.buffers()[1])[values.offset * width : (values.offset + len(values)) * width]
