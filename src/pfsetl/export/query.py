"""SQL over the tables of a version, in DuckDB, which may read those and nothing else."""

from pathlib import Path
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
            return pl.DataFrame() if found is None else pl.DataFrame(found.pl())
        except duckdb.Error as error:
            raise UsageError(f"{str(error).rstrip()}\nThe tables are {', '.join(_tables(at))}.") from error


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
        for kind in sorted({c.kind for c in at.companions}):
            named = [str(Path(file).absolute()) for file in at.files(kind)]
            connection.execute(f"CREATE VIEW {kind} AS FROM read_parquet({named!r}, union_by_name = true)")
        connection.execute(f"SET allowed_directories = [{views.quoted(str(at.store.root.absolute()) + '/')}]")
    else:
        for table in _tables(at):
            connection.register(table, at.scan(table))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
