"""Tables as a database in one file, of DuckDB or SQLite, that carries the meaning of each column."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.export import views

PART = 50_000
MEANINGS = "column_meanings"


def write_duckdb(tables: Mapping[str, pl.LazyFrame], file: Path) -> None:
    """Write tables, decimals as decimals, with comments on columns; raises UsageError where DuckDB isn't installed."""
    duckdb = views.library()
    with duckdb.connect(str(file)) as connection:
        for name, rows in tables.items():
            known = contracts.find_table(name)
            connection.register("part", rows.collect_schema().to_frame())
            connection.execute(f"CREATE TABLE {name} AS FROM part")
            for part in rows.collect_batches(chunk_size=PART, maintain_order=True):
                connection.register("part", part)
                connection.execute(f"INSERT INTO {name} FROM part")
            connection.unregister("part")
            if known is None:
                continue
            connection.execute(f"COMMENT ON TABLE {name} IS {views.quoted(known.description)}")
            for column in known.columns:
                said = views.quoted(column.description)
                connection.execute(f'COMMENT ON COLUMN {name}."{column.name}" IS {said}')


def write_sqlite(tables: Mapping[str, pl.LazyFrame], file: Path) -> None:
    """Write tables with their primary keys; codes are text, and decimals numbers, which SQLite keeps as doubles.

    A day is its ISO text, true and false are 1 and 0. The table `column_meanings` says what each column holds.
    """
    connection = sqlite3.connect(file)
    try:
        connection.execute("PRAGMA journal_mode = OFF")  # what fails is removed as a whole
        meanings: list[tuple[str, str, str, str | None, str]] = []
        for name, rows in tables.items():
            schema, known = rows.collect_schema(), contracts.find_table(name)
            key = known.key if known and name not in contracts.companions().tables else ()
            connection.execute(_created(name, schema, key))
            places = ", ".join("?" for _ in schema)
            for part in rows.collect_batches(chunk_size=PART, maintain_order=True):
                plain = ([_plain(value) for value in row] for row in part.iter_rows())
                connection.executemany(f'INSERT INTO "{name}" VALUES ({places})', plain)  # noqa: S608 - our own name
            if "hcpcs" in schema:
                connection.execute(f'CREATE INDEX "{name}_by_code" ON "{name}" (hcpcs)')
            told = known.columns if known else ()
            meanings += [(name, c.name, contracts.type_name(c.dtype), c.unit, c.description) for c in told]
        _meanings(connection, meanings)
        connection.commit()
    finally:
        connection.close()


def _meanings(connection: sqlite3.Connection, meanings: Iterable[tuple[Any, ...]]) -> None:
    connection.execute(f'CREATE TABLE {MEANINGS} ("table" TEXT, "column" TEXT, "type" TEXT, unit TEXT, meaning TEXT)')
    connection.executemany(f"INSERT INTO {MEANINGS} VALUES (?, ?, ?, ?, ?)", meanings)  # noqa: S608 - our own name


def _created(name: str, schema: pl.Schema, key: Iterable[str]) -> str:
    columns = [f'"{column}" {_affinity(dtype)}' for column, dtype in schema.items()]
    named = ", ".join(f'"{column}"' for column in key)
    columns += [f"PRIMARY KEY ({named})"] if named else []
    return f'CREATE TABLE "{name}" ({", ".join(columns)}){" WITHOUT ROWID" if named else ""}'


def _affinity(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean or dtype.is_integer():
        return "INTEGER"
    return "NUMERIC" if dtype.is_numeric() else "TEXT"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
