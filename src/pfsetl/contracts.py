"""The data contract of the published tables: the one reader of the Open Data Contract Standard files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from pfsetl import declarations
from pfsetl.errors import ContractError

if TYPE_CHECKING:
    import pyarrow as pa

SEVERITIES = ("error", "warn")
_DTYPES = {
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "int32": pl.Int32(),
    "float64": pl.Float64(),
    "date": pl.Date(),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
_FRICTIONLESS = {"string": "string", "boolean": "boolean", "int32": "integer", "float64": "number", "date": "date"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a published table; `unit` is None for codes, names and counts."""

    name: str
    dtype: pl.DataType
    nullable: bool
    key: bool
    unit: str | None
    description: str

    @property
    def type(self) -> str:
        """The type as the contract writes it, e.g. `decimal(9,2)`."""
        return _type_name(self.dtype)


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on published rows; `query` counts the violations."""

    name: str
    table: str
    query: str
    severity: str
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """One published table: its columns in order and the rules over them."""

    name: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key, which is also the order of rows."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def schema(self) -> pl.Schema:
        """Names and dtypes, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return self.schema.to_frame()


@dataclass(frozen=True, slots=True)
class Contract:
    """The tables of one data product, under one version number."""

    id: str
    version: str
    tables: Mapping[str, Table]


@cache
def load(path: Path | None = None) -> Contract:
    """Read and compile a contract; without a path, that of the public tables."""
    import yaml

    path = path or declarations.folder() / "pfs.odcs.yaml"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times as fast, where it was built
    try:
        document = yaml.load(path.read_bytes(), Loader=loader)
    except (OSError, yaml.YAMLError) as error:
        raise ContractError(f"{path}: not a readable contract ({error}).") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}: expected a mapping at the top of the contract.")
    tables: dict[str, Table] = {}
    for entry in _need(document, "schema", path.name):
        table = _table(entry, path.name)
        if table.name in tables:
            raise ContractError(f"{path.name}: table '{table.name}' occurs twice.")
        tables[table.name] = table
    identity, version = (str(_need(document, field, path.name)) for field in ("id", "version"))
    return Contract(identity, version, MappingProxyType(tables))


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the frame with its columns in contract order, or raise with every column that isn't as promised.

    Nothing is cast: a wrong dtype means that a step before this one is wrong.
    """
    problems = [
        *(f"{table.name}.{name}: {problem}" for name, problem in _differences(frame.schema, table.schema)),
    ]
    if problems:
        raise ContractError("; ".join(problems))
    return frame.select(table.schema.names())


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema for `DataFrame.write_parquet`: each field carries its description and unit."""
    import pyarrow as pa

    types = table.empty().to_arrow().schema.types  # what Polars itself writes, so names and types can't disagree
    return pa.schema(
        [
            pa.field(column.name, arrow_type, column.nullable, _metadata(column))
            for column, arrow_type in zip(table.columns, types, strict=True)
        ]
    )


def table_schema(table: Table) -> dict[str, Any]:
    """Return the Frictionless Table Schema of a table, for the Data Package descriptor.

    `missingValues` is empty because an empty modifier is a value, not a missing one.
    """
    fields = [
        {
            "name": column.name,
            "type": _FRICTIONLESS.get(column.type, "number"),
            "description": column.description,
            "constraints": {"required": not column.nullable},
        }
        | ({"unit": column.unit} if column.unit else {})
        for column in table.columns
    ]
    return {"fields": fields, "primaryKey": list(table.key), "missingValues": []}


def dictionary(contract: Contract) -> str:
    """Return the data dictionary, in Markdown: what every table holds, its columns and its rules."""
    lines = [
        "# Tables",
        "",
        f"Contract `{contract.id}` {contract.version}. Made from `schemas/` by `make docs`; edit the contract instead.",
        "",
        "A column marked *key* is part of the primary key, one marked *null* may be null, and all others never are.",
        "A broken rule of severity `error` stops the release; one of severity `warn` is reported with it.",
        "",
        *(f"* [`{name}`](#{name})" for name in contract.tables),
    ]
    for table in contract.tables.values():
        lines += ["", *_section(table)]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> Iterator[str]:
    yield from (f"## {table.name}", "", table.description, "")
    yield from ("| column | type | | unit | meaning |", "|---|---|---|---|---|")
    for column in table.columns:
        mark = "key" if column.key else "null" if column.nullable else ""
        meaning = column.description.replace("|", "\\|")
        yield f"| `{column.name}` | {column.type} | {mark} | {column.unit or ''} | {meaning} |"
    if table.rules:
        yield from ("", "| rule | severity | meaning |", "|---|---|---|")
    for rule in table.rules:
        yield f"| `{rule.name}` | {rule.severity} | {rule.description} |"


def _table(entry: Mapping[str, Any], where: str) -> Table:
    name = str(_need(entry, "name", where))
    columns = tuple(_column(declared, name) for declared in _need(entry, "properties", name))
    duplicates = _duplicates([column.name for column in columns])
    if duplicates:
        raise ContractError(f"{name}.{duplicates[0]}: the column occurs twice.")
    positions = [declared.get("primaryKeyPosition") for declared in entry["properties"] if declared.get("primaryKey")]
    if not positions:
        raise ContractError(f"{name}: no column is a primaryKey.")
    if positions != list(range(1, len(positions) + 1)):
        raise ContractError(f"{name}: primaryKeyPosition must count 1, 2, 3 in column order, found {positions}.")
    rules = tuple(_rule(declared, name) for declared in entry.get("quality", ()))
    duplicates = _duplicates([rule.name for rule in rules])
    if duplicates:
        raise ContractError(f"{name}: rule '{duplicates[0]}' occurs twice.")
    return Table(name, str(_need(entry, "description", name)), columns, rules)


def _column(declared: Mapping[str, Any], table: str) -> Column:
    where = f"{table}.{_need(declared, 'name', table)}"
    nullable, key = not declared.get("required", False), bool(declared.get("primaryKey", False))
    if key and nullable:
        raise ContractError(f"{where}: a primaryKey column must be required.")
    units = [custom["value"] for custom in declared.get("customProperties", ()) if custom["property"] == "unit"]
    return Column(
        name=str(declared["name"]),
        dtype=_dtype(str(_need(declared, "physicalType", where)), where),
        nullable=nullable,
        key=key,
        unit=units[0] if units else None,
        description=str(_need(declared, "description", where)),
    )


def _rule(declared: Mapping[str, Any], table: str) -> Rule:
    where = f"{table}, rule '{_need(declared, 'name', table)}'"
    name, query, severity, description = (
        str(_need(declared, field, where)).strip() for field in ("name", "query", "severity", "description")
    )
    if declared.get("type") != "sql" or declared.get("mustBe") != 0:
        raise ContractError(f"{where}: expected type 'sql' and mustBe 0, a query that counts violations.")
    if severity not in SEVERITIES:
        raise ContractError(f"{where}: severity is '{severity}', expected one of {', '.join(SEVERITIES)}.")
    return Rule(name, table, query, severity, description)


def _need(mapping: Mapping[str, Any], field: str, where: str) -> Any:
    if mapping.get(field) in (None, ""):
        raise ContractError(f"{where}: '{field}' is missing.")
    return mapping[field]


def _dtype(physical: str, where: str) -> pl.DataType:
    if decimal := _DECIMAL.fullmatch(physical):
        return pl.Decimal(int(decimal[1]), int(decimal[2]))
    if physical not in _DTYPES:
        raise ContractError(f"{where}: physicalType '{physical}' is none of {', '.join(_DTYPES)}, decimal(p,s).")
    return _DTYPES[physical]


def _type_name(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return next((name for name, known in _DTYPES.items() if known == dtype), str(dtype))


def _differences(found: pl.Schema, expected: pl.Schema) -> Iterator[tuple[str, str]]:
    for name, dtype in expected.items():
        if name not in found:
            yield name, f"expected {_type_name(dtype)}, found no such column"
        elif found[name] != dtype:
            yield name, f"expected {_type_name(dtype)}, found {_type_name(found[name])}"
    for name in found.keys() - expected.keys():
        yield name, f"found {_type_name(found[name])}, expected no such column"


def _metadata(column: Column) -> dict[str, str]:
    return {"description": column.description} | ({"unit": column.unit} if column.unit else {})


def _duplicates(names: list[str]) -> list[str]:
    return [name for position, name in enumerate(names) if name in names[:position]]
