"""A table of a contract as other formats describe it: Arrow, Parquet's metadata, and Frictionless Data."""

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from pfsetl.declared.contracts import Column, Table, type_name

if TYPE_CHECKING:
    import pyarrow as pa


@cache
def arrow_schema(table: Table) -> "pa.Schema":
    """Return the Arrow schema of a table's Parquet files: each field carries its description and unit."""
    import pyarrow as pa

    fields = []
    # Polars refuses types that differ from those it writes by itself, so it is asked for them.
    for column, written in zip(table.columns, table.empty().to_arrow().schema, strict=True):
        fields.append(pa.field(column.name, written.type, column.nullable, _about(column)))
    return pa.schema(fields)


@cache
def parquet_metadata(table: Table) -> Mapping[str, str]:
    """Return what a table's Parquet file says of it as a whole: the table's description, and its columns' in JSON.

    The columns carry theirs in `arrow_schema` too; this is for readers that don't know Arrow's schema, as DuckDB.
    """
    columns = {column.name: _about(column) for column in table.columns}
    return {"description": table.description, "columns": json.dumps(columns, ensure_ascii=False)}


def table_schema(table: Table) -> dict[str, Any]:
    """Return the Frictionless Table Schema of a table, for the Data Package descriptor.

    `missingValues` is empty because an empty modifier is a value, not a missing one.
    """
    numbers: dict[type[pl.DataType], str] = {pl.Int32: "integer", pl.Float64: "number", pl.Decimal: "number"}
    fields = [
        {
            "name": column.name,
            "type": numbers.get(column.dtype.base_type(), type_name(column.dtype)),
            "description": column.description,
            "constraints": {"required": not column.nullable},
        }
        | ({"unit": column.unit} if column.unit else {})
        for column in table.columns
    ]
    return {"fields": fields, "primaryKey": list(table.key), "missingValues": []}


@cache
def encoded_schema(table: Table) -> bytes:
    """Return the bytes of a table's schema as a store keeps them."""
    return json.dumps(table_schema(table), indent=1).encode()


def _about(column: Column) -> dict[str, str]:
    return {"description": column.description} | ({"unit": column.unit} if column.unit else {})
