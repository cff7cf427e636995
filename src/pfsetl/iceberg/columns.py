"""The columns of published files as an Iceberg schema: ids that stay when columns come, meanings, the key."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
)

from pfsetl.document import read_json
from pfsetl.errors import StoreError
from pfsetl.publication.manifest import Resource
from pfsetl.remedies import command
from pfsetl.storage.scanning import scan_files
from pfsetl.storage.store import Store

TYPES: Mapping[type[pl.DataType], IcebergType] = {
    pl.String: StringType(),
    pl.Categorical: StringType(),
    pl.Enum: StringType(),
    pl.Boolean: BooleanType(),
    pl.Int32: IntegerType(),
    pl.Int64: LongType(),
    pl.Float64: DoubleType(),
    pl.Date: DateType(),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Types and meanings of columns by name, in the order of the file, and the key."""

    types: Mapping[str, IcebergType]
    meanings: Mapping[str, str]
    key: tuple[str, ...]


class Readings:
    """The columns of a store's files; of files that share a schema, one is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Columns] = {}

    def of(self, files: Sequence[Resource]) -> Columns:
        """Return the columns of the files of one table; those of an older schema may lack some.

        Raises StoreError where two files have a column in two types, which one Iceberg schema can't hold.
        """
        each = [self._file(r) for r in reversed(files)]
        types: dict[str, IcebergType] = {}
        meanings: dict[str, str] = {}
        for file, columns in zip(reversed(files), each, strict=True):
            for name, kind in columns.types.items():
                if types.setdefault(name, kind) != kind:
                    raise _two_types(self._store, f"{file.table}.{name}", types[name], kind, file.path)
                meanings.setdefault(name, columns.meanings.get(name, ""))
        return Columns(types, meanings, each[0].key)

    def _file(self, file: Resource) -> Columns:
        if file.schema not in self._known:
            try:
                rows = scan_files(self._store, file.path)
                types = {name: _iceberg_type(dtype) for name, dtype in rows.collect_schema().items()}
                told: Any = read_json(self._store.get(file.schema))
                meanings = {f["name"]: _meaning(f) for f in told["fields"]}
                key = tuple(told["primaryKey"])
            except (pl.exceptions.PolarsError, OSError, ValueError, KeyError, TypeError) as error:
                looks = command("verify", self._store)
                raise StoreError(
                    f"{self._store}/{file.path}: it or its schema {file.schema} can't be read. {looks} says what is "
                    "wrong. Nothing was registered."
                ) from error
            self._known[file.schema] = Columns(types, meanings, key)
        return self._known[file.schema]


def schema_of(columns: Columns, earlier: Sequence[Schema], store: Store, table: str) -> Schema:
    """Return the Iceberg schema of columns: an earlier one where it's the same, else one with the next id.

    A column keeps the id it has in any earlier schema. Raises StoreError where its type was another one.
    """
    known = {field.name: field for schema in earlier for field in schema.fields}
    last = max((field.field_id for field in known.values()), default=0)
    fields: list[NestedField] = []
    for name, kind in columns.types.items():
        before = known.get(name)
        if before and before.field_type != kind:
            raise _two_types(store, f"{table}.{name}", kind, before.field_type, "an earlier version")
        last += 0 if before else 1
        number = before.field_id if before else last
        meaning = columns.meanings[name] or None
        fields.append(NestedField(number, name, kind, required=name in columns.key, doc=meaning))
    ids = {field.name: field.field_id for field in fields}
    number = max((schema.schema_id for schema in earlier), default=-1) + 1
    made = Schema(*fields, schema_id=number, identifier_field_ids=[ids[name] for name in columns.key])
    return next((s for s in earlier if _content(s) == _content(made)), made)


def last_id(schemas: Iterable[Schema]) -> int:
    """Return the highest id of a column in any schema."""
    return max(schema.highest_field_id for schema in schemas)


def name_mapping(schemas: Iterable[Schema]) -> str:
    """Return which column of a file has which id, as JSON, since the published Parquet has names alone."""
    ids = {field.name: field.field_id for schema in schemas for field in schema.fields}
    return json.dumps([{"field-id": number, "names": [name]} for name, number in ids.items()])


def _content(schema: Schema) -> tuple[Any, ...]:
    return schema.fields, sorted(schema.identifier_field_ids)


def _meaning(field: Mapping[str, Any]) -> str:
    unit = field.get("unit")
    return f"{field['description']} [{unit}]" if unit else str(field["description"])


def _iceberg_type(dtype: pl.DataType) -> IcebergType:
    if isinstance(dtype, pl.Decimal):
        return DecimalType(dtype.precision, dtype.scale)
    return TYPES[dtype.base_type()]


def _two_types(store: Store, column: str, one: IcebergType, other: IcebergType, where: str) -> StoreError:
    keep = command("iceberg --keep 1 --again", store)
    return StoreError(
        f"{column}: {one}, and {other} in {where}. An Iceberg table has one type for a column. {keep} registers the "
        "newest version alone, if its own files agree; else build the releases again first. Nothing was registered."
    )
