"""The data contracts of the published tables as records, and frames held against them; `contract_file` reads them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import polars as pl

from pfsetl.declared import declarations
from pfsetl.errors import ContractError

PUBLIC, RESTRICTED = "public", "restricted"
ONE_RELEASE = "each release alone, with what is loaded beside it"
ALL_RELEASES = "one file over all releases"
DECLARED = "no release: what is declared, in one file"
OVER = ("each release against the one before", ONE_RELEASE, ALL_RELEASES, DECLARED)  # of a table made at commit
DTYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "int32": pl.Int32(),
    "float64": pl.Float64(),
    "date": pl.Date(),
}


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
    from pfsetl.declared import contract_file

    return contract_file.read(path or declarations.folder() / "pfs.odcs.yaml")


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


def type_name(dtype: pl.DataType) -> str:
    """Return a type as the contract writes it."""
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return next((name for name, known in DTYPES.items() if known == dtype), str(dtype))


def _differences(found: Mapping[str, pl.DataType], expected: pl.Schema) -> Iterator[str]:
    for name, dtype in expected.items():
        if found.get(name) != dtype:
            there = f"found {type_name(found[name])}" if name in found else "found no such column"
            yield f"{name}: expected {type_name(dtype)}, {there}"
    for name, dtype in found.items():
        if name not in expected:
            yield f"{name}: expected no such column, found {type_name(dtype)}"
