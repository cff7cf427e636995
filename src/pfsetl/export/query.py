"""SQL over the tables of a version, in DuckDB, which may read those and nothing else."""

from typing import Any

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.export import views
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore


def rows(at: Version, sql: str) -> pl.DataFrame:
    """Return what a query over the tables of a version answers, each table under its name, companions too.

    Nothing can be written, and nothing outside of the store be read. Raises UsageError for what DuckDB refuses.
    """
    duckdb = views.library()
    with duckdb.connect(":memory:") as connection:
        _show(connection, at)
        try:
            _refuse_others(connection.extract_statements(sql), duckdb.StatementType)
            found = connection.sql(sql)
            return pl.DataFrame() if found is None else _plain(pl.DataFrame(_without_intervals(found).pl()))
        except duckdb.Error as error:
            raise UsageError(f"{str(error).rstrip()}\nThe tables are {', '.join(_tables(at))}.") from error


def _without_intervals(found: Any) -> Any:
    """Return an answer whose intervals are text, because polars takes none in."""
    if "INTERVAL" not in str(found.types):
        return found
    names = ['"' + name.replace('"', '""') + '"' for name in found.columns]
    return found.project(
        ", ".join(
            f"CAST({name} AS VARCHAR) AS {name}" if "INTERVAL" in str(kind) else name
            for name, kind in zip(names, found.types, strict=True)
        )
    )


def _plain(found: pl.DataFrame) -> pl.DataFrame:
    """Return an answer whose lists and the like are text, and whose numbers are finite or null, as JSON has them."""
    kept = (pl.String, pl.Boolean, pl.Date, pl.Datetime, pl.Time)
    return found.with_columns(
        pl.Series(c.name, [None if value is None else str(value) for value in c.to_list()], dtype=pl.String)
        if not (c.dtype.is_numeric() or c.dtype in kept)
        else c.set(~c.is_finite(), None)
        if c.dtype.is_float()
        else c
        for c in found.get_columns()
    )


def _refuse_others(statements: Any, kinds: Any) -> None:
    """Raise UsageError for a statement that isn't a query: DuckDB may write where it may read."""
    queries = (kinds.SELECT, kinds.MULTI)  # several are what PIVOT is made into
    for statement in statements:
        if statement.type not in queries:
            raise UsageError(
                f"{statement.query.strip()}: not a query, and nothing else is run. Rows go into a file by the command "
                "export."
            )


def _tables(at: Version) -> list[str]:
    return sorted({r.table for r in at.resources} | {c.kind for c in at.companions})


def _show(connection: Any, at: Version) -> None:
    """Make every table readable under its name, then lock all other doors."""
    if isinstance(at.store, LocalStore):
        for statement in views.statements(at):
            connection.execute(statement)
        for kind in sorted({c.kind for c in at.companions}):  # with the first day of the file that each row is of
            connection.register(kind, at.scan(kind))
        connection.execute(f"SET allowed_directories = [{views.quoted(str(at.store.root.absolute()) + '/')}]")
    else:
        for table in _tables(at):
            connection.register(table, at.scan(table))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
