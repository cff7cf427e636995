"""The one reader of the Open Data Contract Standard files: strict, so that a contract means what it says."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pfsetl.declared.contracts import DECLARED, DTYPES, OVER, PUBLIC, RESTRICTED, Column, Contract, Rule, Table
from pfsetl.errors import ContractError

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def read(path: Path) -> Contract:
    """Return the contract of a file; raises ContractError for one that can't be read, or contradicts itself."""
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
    if dtype := DTYPES.get(physical):
        return dtype
    raise ContractError(f"{where}: physicalType '{physical}' is none of {', '.join(DTYPES)}, decimal(p,s).")
