"""The data contract of the published tables: the one reader of the Open Data Contract Standard files."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl.declared import declarations
from pfsetl.errors import ContractError

PUBLIC, RESTRICTED = "public", "restricted"
ONE_RELEASE = "each release alone, with what is loaded beside it"
ALL_RELEASES = "one file over all releases"
DECLARED = "no release: what is declared, in one file"
OVER = ("each release against the one before", ONE_RELEASE, ALL_RELEASES, DECLARED)  # of a table made at commit
_DTYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "int32": pl.Int32(),
    "float64": pl.Float64(),
    "date": pl.Date(),
}
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a published table; `unit` is None for codes, names and counts."""

    name: str
    dtype: pl.DataType
    nullable: bool
    key: bool
    unit: str | None
    description: str
    classification: str = PUBLIC


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on published rows; `query` counts the violations.

    A rule of the dimension `completeness` asks whether a release is whole; samples aren't asked.
    """

    name: str
    table: str
    query: str
    severity: str
    description: str
    dimension: str = ""


@dataclass(frozen=True)  # without slots: what follows from the columns is kept
class Table:
    """One published table: its columns in order, the rules over them, and the members it is made of.

    `over` is one of `OVER` for a table that is made when a version is committed, of several releases, of files beside
    them or of none, else empty.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    members: tuple[str, ...] = ()
    over: str = ""

    def __hash__(self) -> int:
        """By name, because what is kept of a table is looked up by it, and a contract has few of one name."""
        return hash(self.name)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key, which is also the order of rows."""
        return tuple(column.name for column in self.columns if column.key)

    @cached_property
    def schema(self) -> pl.Schema:
        """Names and dtypes, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def classification(self) -> str:
        """`restricted` where one column is, else `public`."""
        return RESTRICTED if any(column.classification == RESTRICTED for column in self.columns) else PUBLIC

    @cached_property
    def _without_rows(self) -> pl.DataFrame:
        return self.schema.to_frame()

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        return self._without_rows.clone()


@dataclass(frozen=True, slots=True)
class Contract:
    """The tables of one data product, under one version number."""

    id: str
    version: str
    tables: Mapping[str, Table]
    title: str = ""
    usage: str = ""

    @property
    def classification(self) -> str:
        """`public` or `restricted`, as all its tables are; raises ContractError where they differ."""
        classes = {name: table.classification for name, table in self.tables.items()}
        if len(set(classes.values())) > 1:
            named = ", ".join(f"{name} {known}" for name, known in classes.items())
            raise ContractError(f"{self.id}: public and restricted tables in one contract ({named}). Split it.")
        return next(iter(classes.values()), PUBLIC)


@cache
def load(path: Path | None = None) -> Contract:
    """Read and compile a contract; without a path, that of the public tables."""
    import yaml

    path = path or declarations.folder() / "pfs.odcs.yaml"
    # The C parser is eight times as fast as safe_load, but not every build of PyYAML has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506, one of the two safe loaders
    except (OSError, yaml.YAMLError) as error:
        raise ContractError(f"{path}: not a readable contract ({error}).") from error
    if not isinstance(document, dict):
        raise ContractError(f"{path}: expected a mapping at the top of the contract.")
    identity, version = (str(_need(document, field, path.name)) for field in ("id", "version"))
    tables = [_table(entry, path.name) for entry in _need(document, "schema", path.name)]
    _refuse_twins((table.name for table in tables), path.name)
    about = document.get("description") or {}
    contract = Contract(
        identity,
        version,
        {table.name: table for table in tables},
        title=str(document.get("name", "")),
        usage=str(about.get("usage", "")),
    )
    _ = contract.classification  # refuses a mixture
    return contract


def descriptors() -> Contract:
    """Return the contract of the licensed text."""
    return load(declarations.folder() / "descriptors.odcs.yaml")


def companions() -> Contract:
    """Return the contract of the files beside the releases."""
    return load(declarations.folder() / "companions.odcs.yaml")


def find_table(name: str) -> Table | None:
    """Return a table that versions hold, of either contract, by its name, which no two tables share."""
    return load().tables.get(name) or descriptors().tables.get(name)


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the frame with its columns in contract order, or raise with every column that isn't as promised.

    Nothing is cast: a wrong dtype means that a step before this one is wrong.
    """
    refuse_others(frame.schema, table)
    return frame.select(table.schema.names())


def refuse_others(found: Mapping[str, pl.DataType], table: Table) -> None:
    """Raise ContractError with every column that isn't there, isn't promised, or has another type than promised."""
    if problems := [f"{table.name}.{problem}" for problem in _differences(found, table.schema)]:
        raise ContractError("; ".join(problems))


def _table(entry: Mapping[str, Any], where: str) -> Table:
    name = str(_need(entry, "name", where))
    columns = tuple(_column(declared, name) for declared in _need(entry, "properties", name))
    _refuse_twins((column.name for column in columns), name)
    places = [column.get("primaryKeyPosition") for column in entry["properties"] if column.get("primaryKey")]
    if not places or places != list(range(1, len(places) + 1)):
        raise ContractError(f"{name}: primaryKeyPosition must count 1, 2, 3 in column order, found {places}.")
    rules = tuple(_rule(declared, name) for declared in entry.get("quality", ()))
    _refuse_twins((rule.name for rule in rules), name)
    members, over = (_custom(entry).get(what, ()) for what in ("members", "over"))
    table = Table(name, str(_need(entry, "description", name)), columns, rules, tuple(members), str(over or ""))
    _refuse_unkeepable(table)
    return table


def _refuse_unkeepable(table: Table) -> None:
    """Raise ContractError for what a table over several releases can't be."""
    if not table.over:
        return
    if table.over not in OVER:
        expected = " or ".join(f"'{one}'" for one in OVER)
        raise ContractError(f"{table.name}: over is '{table.over}', expected {expected}.")
    if table.over == DECLARED and "release" in table.schema:
        raise ContractError(f"{table.name}: goes over {table.over}, so it can't have a column 'release'.")
    if table.over != DECLARED and "release" not in table.key:
        raise ContractError(f"{table.name}: goes over {table.over}, so 'release' must be part of its key.")
    if warn := next((rule.name for rule in table.rules if rule.severity != "error"), None):
        raise ContractError(
            f"{table.name}, rule '{warn}': severity is 'warn', expected 'error': a table over several releases is made "
            "at commit, after the record of warnings."
        )


def _column(declared: Mapping[str, Any], table: str) -> Column:
    where = f"{table}.{_need(declared, 'name', table)}"
    nullable, key = not declared.get("required", False), bool(declared.get("primaryKey", False))
    if key and nullable:
        raise ContractError(f"{where}: a primaryKey column must be required.")
    classification = str(declared.get("classification", PUBLIC))
    if classification not in (PUBLIC, RESTRICTED):
        raise ContractError(f"{where}: classification is '{classification}', expected '{PUBLIC}' or '{RESTRICTED}'.")
    return Column(
        name=str(declared["name"]),
        dtype=_dtype(str(_need(declared, "physicalType", where)), where),
        nullable=nullable,
        key=key,
        unit=_custom(declared).get("unit"),
        description=str(_need(declared, "description", where)),
        classification=classification,
    )


def _rule(declared: Mapping[str, Any], table: str) -> Rule:
    where = f"{table}, rule '{_need(declared, 'name', table)}'"
    fields = ("name", "query", "severity", "description")
    name, query, severity, description = (str(_need(declared, field, where)).strip() for field in fields)
    if declared.get("type") != "sql" or declared.get("mustBe") != 0:
        raise ContractError(f"{where}: expected type 'sql' and mustBe 0, a query that counts violations.")
    if severity not in ("error", "warn"):
        raise ContractError(f"{where}: severity is '{severity}', expected 'error' or 'warn'.")
    return Rule(name, table, query, severity, description, str(declared.get("dimension", "")))


def _custom(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["property"]: entry["value"] for entry in declared.get("customProperties", ())}


def _need(mapping: Mapping[str, Any], field: str, where: str) -> Any:
    if mapping.get(field) in (None, "", []):
        raise ContractError(f"{where}: '{field}' is missing.")
    return mapping[field]


def _refuse_twins(names: Iterable[str], where: str) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ContractError(f"{where}.{name}: the name occurs {times} times.")


def _dtype(physical: str, where: str) -> pl.DataType:
    if decimal := _DECIMAL.fullmatch(physical):
        return pl.Decimal(int(decimal[1]), int(decimal[2]))
    if dtype := _DTYPES.get(physical):
        return dtype
    raise ContractError(f"{where}: physicalType '{physical}' is none of {', '.join(_DTYPES)}, decimal(p,s).")


def type_name(dtype: pl.DataType) -> str:
    """Return a type as the contract writes it."""
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return next((name for name, known in _DTYPES.items() if known == dtype), str(dtype))


def _differences(found: Mapping[str, pl.DataType], expected: pl.Schema) -> Iterator[str]:
    for name, dtype in expected.items():
        if found.get(name) != dtype:
            there = f"found {type_name(found[name])}" if name in found else "found no such column"
            yield f"{name}: expected {type_name(dtype)}, {there}"
    for name, dtype in found.items():
        if name not in expected:
            yield f"{name}: expected no such column, found {type_name(dtype)}"
