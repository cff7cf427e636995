"""A digest of a table's rows that is the same on every machine, polars version and chunking.

It is taken over values in key order, column by column, not over Parquet bytes, which change with the writer. Text
is hashed as its sorted distinct values plus a code per row, numbers as integers, nulls as row positions.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

_INT32_DIGITS = 9
_TEXTS: Mapping[type[pl.DataType], str] = {
    pl.String: "String",
    pl.Boolean: "Boolean",
    pl.Int32: "Int32",
    pl.Float64: "Float64",
    pl.Date: "Date",
}


@dataclass(frozen=True, slots=True)
class Coded:
    """Rows whose text is numbered: `frame` has the numbers of `words`, the sorted distinct values of each text column.

    Other columns are as they are in memory.
    """

    frame: pl.DataFrame
    words: Mapping[str, pl.Series]


class RowsDigest:
    """Digest of a table of these columns that arrives in one or more parts, all in key order.

    Text columns may come as Enums; all parts must then share one category list, sorted and without unused values.
    Decimals of up to nine digits may come as integers of their scale.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self.rows = 0
        self._schema = schema
        self._values: dict[str, Any] = {}
        self._nulls: dict[str, Any] = {}
        self._words: dict[str, pl.Series] = {}

    def update(self, part: pl.DataFrame | Coded) -> None:
        """Add the next rows."""
        part = coded(part) if isinstance(part, pl.DataFrame) else part
        for name, words in part.words.items():
            if not self._words.setdefault(name, words).equals(words):
                raise ValueError(f"{name}: parts of one table must share one list of text values")
        counts = {name: len(words) for name, words in part.words.items()}
        numbers = part.frame.select(
            _numbers(n, d, self._schema[n], counts.get(n)) for n, d in part.frame.schema.items()
        )
        for column, number in zip(part.frame.iter_columns(), numbers.iter_columns(), strict=True):
            nulls = self._nulls.setdefault(column.name, hashlib.sha256())
            if column.null_count():
                nulls.update(_bytes(column.is_null().arg_true().cast(pl.UInt32) + self.rows))
            self._values.setdefault(column.name, hashlib.sha256()).update(_bytes(number))
        self.rows += part.frame.height

    def hexdigest(self) -> str:
        """Return the digest of what was added."""
        total = hashlib.sha256(f"rows {self.rows}\n".encode())
        for name, dtype in self._schema.items():
            total.update(f"{name} {type_text(dtype)}\n".encode())
            if name in self._values:
                if name in self._words:
                    total.update("\0".join(self._words[name]).encode())
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


def coded(part: pl.DataFrame) -> Coded:
    """Return rows with their text numbered: by the values of an Enum, else by the part's sorted distinct values."""
    words: dict[str, pl.Series] = {}
    numbers: list[pl.Expr] = []
    for name, dtype in part.schema.items():
        if isinstance(dtype, pl.Enum):
            words[name] = dtype.categories
            numbers.append(pl.col(name).to_physical())
        elif dtype == pl.String:
            words[name] = part[name].drop_nulls().unique().sort()
            numbers.append(pl.col(name).cast(pl.Enum(words[name])).to_physical())
    return Coded(part.with_columns(numbers), words)


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


def is_small(dtype: pl.DataType) -> bool:
    """Return whether a type is a decimal whose digits fit into 32 bits.

    >>> is_small(pl.Decimal(9, 2)), is_small(pl.Decimal(10, 2))
    (True, False)
    """
    return isinstance(dtype, pl.Decimal) and dtype.precision <= _INT32_DIGITS


def _numbers(name: str, dtype: pl.DataType, promised: pl.DataType, words: int | None) -> pl.Expr:
    """Return a column as numbers of a width that its type alone decides, nulls as 0; of text, by how many `words`."""
    if dtype == pl.Float64:
        return pl.col(name).fill_null(0.0)
    number = pl.col(name).to_physical()
    width: type[pl.DataType] = pl.Int64
    if words is not None:
        width = pl.UInt8 if words <= 2**8 else pl.UInt16 if words <= 2**16 else pl.UInt32
    elif dtype == pl.Boolean:
        width = pl.UInt8
    elif is_small(promised):
        width = pl.Int32
    return number.cast(width).fill_null(0)


def _bytes(column: pl.Series) -> memoryview:
    values = column.rechunk().to_arrow()
    width = values.type.bit_width // 8
    return memoryview(values.buffers()[1])[values.offset * width : (values.offset + len(values)) * width]
