"""SQL over the tables of a version, in DuckDB, which may read those and nothing else."""

import re
from collections.abc import Collection
from datetime import date
from typing import Any, cast

import polars as pl

from pfsetl.errors import StoreError, UsageError
from pfsetl.export import views
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore

# Kinds that polars takes in whole; a large whole number would be a double, and the hour 24:00:00 null.
_KEPT = re.compile(
    r'"?NULL"?|VARCHAR|BOOLEAN|DATE|TIMESTAMP.*|U?(TINY|SMALL|BIG)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\([^)]*\)'
)
_QUOTE = '"'
_AS_TEXT = "Codes, indicators and localities are text, days are dates: hcpcs = '99213', DATE '2026-01-01'."
_FIRST, _LAST = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def rows(at: Version, sql: str) -> pl.DataFrame:
    """Return what a query over the tables of a version answers, each table under its name, companions too.

    Nothing can be written, and nothing outside of the store be read. Raises UsageError for what DuckDB refuses.
    """
    duckdb = views.library()
    with duckdb.connect(":memory:") as connection:
        try:
            _show(connection, at)
        except duckdb.Error as error:
            gone = next((r.path for r in at.resources if not at.store.exists(r.path)), None)
            said = f"{at.store}/{gone}: missing" if gone else f"{at.store}: a file can't be read"
            raise StoreError(f"{said}. {command('verify', at.store)} says what is wrong.") from error
        try:
            _refuse_others(connection.extract_statements(sql), duckdb.StatementType)
            found = connection.sql(sql)
            return pl.DataFrame() if found is None else _finite(_exact(found))
        except duckdb.Error as error:
            unfit = isinstance(error, duckdb.ConversionException)
            remedy = _AS_TEXT if unfit else f"The tables are {', '.join(_tables(at))}."
            raise UsageError(f"{str(error).rstrip()}\n{remedy}") from error


def _exact(found: Any, beyond: Collection[int] = ()) -> pl.DataFrame:
    """Return an answer with every digit: what polars doesn't take in as it is comes as DuckDB's text of it.

    So do columns with days `beyond` those of Python, which has none before the year 1 and after 9999.
    """
    kinds = [str(kind) for kind in found.types]
    columns = (
        f"#{at}"
        if at not in beyond and _KEPT.fullmatch(kind)
        else f'CAST(#{at} AS VARCHAR) AS "{name.replace(_QUOTE, 2 * _QUOTE)}"'
        for at, (name, kind) in enumerate(zip(found.columns, kinds, strict=True), start=1)
    )
    made = pl.DataFrame(found.project(", ".join(columns)).pl())
    if strange := [at for at, column in enumerate(made.get_columns(), start=1) if _is_beyond(column)]:
        return _exact(found, strange)
    large = (name for name, kind in zip(made.columns, kinds, strict=True) if kind == "HUGEINT")
    return made.cast(dict.fromkeys(large, pl.Int128))


def _is_beyond(column: pl.Series) -> bool:
    if column.dtype not in (pl.Date, pl.Datetime):
        return False
    a_day = 1 if column.dtype == pl.Date else _DAY[str(column.dtype.time_unit)]  # type: ignore[attr-defined]
    there = column.to_physical().drop_nulls()
    ends = cast("list[int]", [there.min(), there.max()] if len(there) else [])
    return any(not _FIRST * a_day <= end < (_LAST + 1) * a_day for end in ends)


def _finite(found: pl.DataFrame) -> pl.DataFrame:
    """Return an answer whose numbers are finite or null, as JSON has them."""
    return found.with_columns(c.set(~c.is_finite(), None) if c.dtype.is_float() else c for c in found.get_columns())


def _refuse_others(statements: Any, kinds: Any) -> None:
    """Raise UsageError for a statement that isn't a query, as DuckDB may write where it may read, and for several."""
    queries = (kinds.SELECT, kinds.MULTI)  # several are what PIVOT is made into
    for statement in statements:
        if statement.type not in queries:
            raise UsageError(
                f"{statement.query.strip()}: not a query, and nothing else is run. Rows go into a file by the command "
                "export."
            )
    if len(statements) > 1:
        raise UsageError(f"{len(statements)} queries, of which DuckDB would answer the last alone. Ask one at a time.")


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
