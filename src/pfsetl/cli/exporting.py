"""Commands that take tables out of a store: as copies, for spreadsheets and databases, as views and by SQL."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from pfsetl.cli import render, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output, Several
from pfsetl.errors import StoreError, UsageError
from pfsetl.export import databases, delimited, selection, workbook
from pfsetl.export import query as asking
from pfsetl.export import views as making_views
from pfsetl.plural import count
from pfsetl.publication import version
from pfsetl.publication.published import published
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore

Format = Literal["parquet", "csv", "xlsx", "duckdb", "sqlite"]
Tables = Mapping[str, pl.LazyFrame]
SHOWN = 1000  # rows of an answer on a terminal
MOST_COLUMNS = 12  # side by side
_LIBRARIES = ("_duckdb", "duckdb", "sqlite3", "xlsxwriter")  # that have errors of their own for a full disk
_FULL = re.compile(rf"\(os error ({errno.EFBIG}|{errno.ENOSPC}|{errno.EDQUOT})\)")  # within one of polars


def export(
    out: Path,
    *,
    format: Format = "parquet",  # noqa: A002 - the option's name
    table: Several = (),
    release: Several = (),
    code: Several = (),
    where: str | None = None,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
) -> None:
    """Copy one version, or the rows you choose, as Parquet, CSV, an Excel workbook, or a database.

    Parameters
    ----------
    out
        Where to write: a new or empty folder for Parquet and CSV, else a file that isn't there.
    format
        Parquet without a choice of rows is an exact copy, with a datapackage.json.
    table
        A table to write; may be given several times. Default all that have the columns asked for.
    release
        Only rows of this release; may be given several times.
    code
        Only rows of this code; may be given several times.
    where
        Only rows for which this holds, in SQL: "status = 'A' AND work_rvu > 1".
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    published(opened)
    if format == "parquet" and not (table or release or code or where):
        written = opened.export(out)
        print(f"version {opened.number}: {count(len(written), 'file')} in {out}")
        if beside := sorted({one.kind for one in opened.companions}):
            print(f"not copied, as they belong to no version: {', '.join(beside)}")
        return
    chosen = selection.select(opened, table, release, code, where)
    try:
        _write(opened, chosen.tables, out, format)
    except pl.exceptions.PolarsError as error:
        if not where:
            raise
        said = str(error).strip().partition("\n")[0]
        raise UsageError(
            f"--where {where!r}: can't be computed ({said}). If that isn't the condition's fault, a file is damaged: "
            f"{command('verify', opened.store)} says which."
        ) from error
    print(f"version {opened.number}: {', '.join(chosen.tables)} in {out}")
    for what in selection.without_rows(opened, chosen, release, code):
        print(what)
    for why in dict.fromkeys(chosen.left_out.values()):
        print(f"left out, as each {why}: {', '.join(name for name, said in chosen.left_out.items() if said == why)}")


def _write(opened: Version, tables: Tables, out: Path, form: Format) -> None:
    """Write tables to a place where nothing is yet; nothing is left there when it fails."""
    write: dict[Format, Callable[[], object]] = {
        "parquet": lambda: _parquet(tables, out),
        "csv": lambda: delimited.write(tables, out),
        "xlsx": lambda: workbook.write(opened, tables, out),
        "duckdb": lambda: databases.write_duckdb(tables, out),
        "sqlite": lambda: databases.write_sqlite(tables, out),
    }
    if form in ("parquet", "csv"):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UsageError(f"{out}: not empty, or not a folder. Export into a new folder.")
    elif out.exists():
        raise UsageError(f"{out}: there already. Name a file that isn't there.")
    _refuse_inside(out, opened)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write[form]()
    except BaseException as error:
        _remove(out)
        if type(error).__module__.partition(".")[0] in _LIBRARIES or _FULL.search(str(error)):
            said = str(error).strip().partition("\n")[0]
            raise StoreError(f"{out}: can't be written ({said}). Check path, rights and space.") from error
        raise


def _remove(out: Path) -> None:
    if out.is_dir():
        shutil.rmtree(out, ignore_errors=True)
    elif out.exists():
        os.truncate(out, 0)  # a library may have it open still, and add its end
        out.unlink()


def _refuse_inside(out: Path, opened: Version) -> None:
    """Raise UsageError for a place in the store, whose folders hold what was published and nothing else."""
    store = opened.store
    if isinstance(store, LocalStore) and out.resolve().is_relative_to(store.root.resolve()):
        raise UsageError(f"{out}: inside the store {store}. Name a place outside of it.")


def _parquet(tables: Tables, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        rows.sink_parquet(folder / f"{name}.parquet", compression="zstd")


def views(folder: Path, *, base: str | None = None, output: Output = DEFAULT_OUTPUT, at: int | None = None) -> None:
    """Write views.sql and pfs.duckdb: every table of a version as a view of DuckDB over the published files.

    Parameters
    ----------
    folder
        Where to write the two files.
    base
        The address under which the store will be read, such as https://example.org/mpfs; then views.sql alone is
        written, for DuckDB looks at files when it makes a view. Default: where the store is.
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    published(opened)
    _refuse_inside(folder, opened)
    written = making_views.write(opened, folder, base)
    print(f"version {opened.number}: {', '.join(str(file) for file in written)}")


def sql(
    query: str,
    *,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    csv: Annotated[bool, Parameter(negative="", help="Print CSV.")] = False,
    json: Json = False,
) -> None:
    """Ask the tables of a version in SQL, by DuckDB; it reads the store and nothing else, and writes nothing.

    Parameters
    ----------
    query
        Such as "SELECT status, count(*) FROM rvu WHERE release = 'RVU26A' GROUP BY ALL".
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    published(opened)
    rows = asking.rows(opened, query)
    if json:
        print(render.as_json(rows.to_dicts()))
    elif csv:
        terminal.print_csv(delimited.harmless(rows.lazy()).collect().write_csv())
    else:
        _show(rows)


def _show(rows: pl.DataFrame) -> None:
    """Print an answer as a table, or row by row where it has more columns than a terminal is wide."""
    out, most = render.console(), SHOWN
    cells = [[None if cell is None else str(cell) for cell in row] for row in rows.head(SHOWN).rows()]
    if rows.width > MOST_COLUMNS:
        most = SHOWN // rows.width
        for number, row in enumerate(cells[:most], 1):
            out.print(render.table(f"row {number}", ("column", "value"), zip(rows.columns, row, strict=True)))
    else:
        out.print(render.table("", rows.columns, cells))
    more = f", the first {most:,} shown; --csv prints all" if rows.height > most else ""
    print(f"{rows.height:,} row{'s' if rows.height != 1 else ''}{more}")
