"""What four libraries make of the same Parquet: the types they give, and facts about every column.

Facts are exact: number of rows and nulls; the sum of a decimal; smallest, largest and number of distinct texts.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pfsetl.declared.contracts import Table

Facts = dict[str, tuple[Any, ...]]
Types = dict[str, str]

# What a type of the contract is in each library; {} stands for the precision and scale of a decimal.
TYPES: Mapping[str, Mapping[str, str]] = {
    "polars": {
        "string": "String", "decimal": "Decimal(precision={}, scale={})", "boolean": "Boolean", "int32": "Int32",
        "float64": "Float64", "date": "Date",
    },
    "duckdb": {
        "string": "VARCHAR", "decimal": "DECIMAL({},{})", "boolean": "BOOLEAN", "int32": "INTEGER",
        "float64": "DOUBLE", "date": "DATE",
    },
    "pyarrow": {
        "string": "large_string", "decimal": "decimal128({}, {})", "boolean": "bool", "int32": "int32",
        "float64": "double", "date": "date32[day]",
    },
    "pandas": {
        "string": "str", "decimal": "object of Decimal", "boolean": "bool", "int32": "int32", "float64": "float64",
        "date": "object of date",
    },
    "pandas on pyarrow": {
        "string": "large_string[pyarrow]", "decimal": "decimal128({}, {})[pyarrow]", "boolean": "bool[pyarrow]",
        "int32": "int32[pyarrow]", "float64": "double[pyarrow]", "date": "date32[day][pyarrow]",
    },
}  # fmt: skip
CONTRACT_TYPES = {
    pl.String: "string", pl.Decimal: "decimal", pl.Boolean: "boolean", pl.Int32: "int32", pl.Float64: "float64",
    pl.Date: "date",
}  # fmt: skip


def expected_types(reader: str, table: Table) -> Types:
    """The types that a reader gives the columns of a table, from the contract."""
    found = {}
    for column in table.columns:
        name = TYPES[reader][CONTRACT_TYPES[column.dtype.base_type()]]
        digits = (column.dtype.precision, column.dtype.scale) if isinstance(column.dtype, pl.Decimal) else ()
        found[column.name] = name.format(*digits)
    return found


def by_polars(files: Sequence[str]) -> tuple[Types, Facts]:
    frame = pl.read_parquet(list(files))
    facts: Facts = {"": (frame.height,)}
    for c in frame.iter_columns():
        if isinstance(c.dtype, pl.Decimal):
            more: tuple[Any, ...] = (c.cast(pl.Decimal(38, c.dtype.scale)).sum(),)
        elif c.dtype == pl.Boolean:
            more = (c.sum(),)
        else:
            more = (c.min(), c.max(), c.drop_nulls().n_unique())
        facts[c.name] = (c.null_count(), *more)
    return {name: str(dtype) for name, dtype in frame.schema.items()}, facts


def by_duckdb(files: Sequence[str]) -> tuple[Types, Facts]:
    with duckdb.connect() as connection:
        rows = connection.from_parquet(list(files))
        types = {name: str(dtype) for name, dtype in zip(rows.columns, rows.types, strict=True)}
        parts = [["count(*)"]]
        for name, dtype in types.items():
            nulls = f'count(*) - count("{name}")'
            if dtype.startswith("DECIMAL"):
                parts.append([nulls, f'coalesce(sum("{name}"), 0)'])
            elif dtype == "BOOLEAN":
                parts.append([nulls, f'count(*) FILTER ("{name}")'])
            else:
                parts.append([nulls, f'min("{name}")', f'max("{name}")', f'count(DISTINCT "{name}")'])
        values = iter(rows.aggregate(", ".join(x for part in parts for x in part)).fetchall()[0])
        return types, {name: tuple(next(values) for _ in part) for name, part in zip(["", *types], parts, strict=True)}


def by_pyarrow(files: Sequence[str]) -> tuple[Types, Facts]:
    return _of_arrow(ds.dataset(list(files), format="parquet").to_table())


def by_pandas_on_pyarrow(files: Sequence[str]) -> tuple[Types, Facts]:
    frame = pd.read_parquet(list(files), dtype_backend="pyarrow")
    types = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    facts: Facts = {"": (len(frame),)}
    for name in types:
        facts[name] = _of_series(frame[name], types[name].startswith("decimal"), types[name].startswith("bool"))
    return types, facts


def by_pandas(files: Sequence[str]) -> tuple[Types, Facts]:
    """Read with pandas as it comes; an `object` column is named by what it holds, when it holds anything."""
    frame = pd.read_parquet(list(files))
    types: Types = {}
    facts: Facts = {"": (len(frame),)}
    for name, dtype in frame.dtypes.items():
        column = frame[name]
        held = column.dropna()
        kinds = {type(value) for value in held} if str(dtype) == "object" else set()
        plain = {date: "object of date", Decimal: "object of Decimal", bool: "object of bool"}
        types[str(name)] = " and ".join(sorted(plain[k] for k in kinds)) or str(dtype)
        facts[str(name)] = _of_series(column, kinds == {Decimal}, kinds == {bool} or str(dtype) == "bool")
    return types, facts


def _of_series(column: "pd.Series[Any]", is_decimal: bool, is_flag: bool) -> tuple[Any, ...]:
    held, nulls = column.dropna(), int(column.isna().sum())
    if is_decimal:
        return nulls, held.sum() if len(held) else Decimal(0)
    if is_flag:
        return nulls, int(held.sum())
    return nulls, held.min() if len(held) else None, held.max() if len(held) else None, held.nunique()


def _of_arrow(table: pa.Table) -> tuple[Types, Facts]:
    types = {field.name: str(field.type) for field in table.schema}
    facts: Facts = {"": (table.num_rows,)}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_decimal(column.type):
            more: tuple[Any, ...] = (pc.sum(column, min_count=0).as_py(),)
        elif pa.types.is_boolean(column.type):
            more = (pc.sum(column, min_count=0).as_py(),)
        else:
            ends = pc.min_max(column).as_py()
            more = (ends["min"], ends["max"], pc.count_distinct(column, mode="only_valid").as_py())
        facts[name] = (column.null_count, *more)
    return types, facts


READERS: Mapping[str, Callable[[Sequence[str]], tuple[Types, Facts]]] = {
    "polars": by_polars,
    "duckdb": by_duckdb,
    "pyarrow": by_pyarrow,
    "pandas": by_pandas,
    "pandas on pyarrow": by_pandas_on_pyarrow,
}
