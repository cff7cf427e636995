"""Every table of a version as a view of DuckDB: SQL that names the published files, and a database of such views."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pfsetl.declared import contracts
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication.version import Version
from pfsetl.remedies import installing
from pfsetl.storage.folder import LocalStore

SQL = "views.sql"
DATABASE = "pfs.duckdb"


def statements(at: Version, base: str | None = None) -> Iterator[str]:
    """Yield the statements that make a view of each table of a version, with the meanings of its columns.

    The files are named one by one, so a view shows this version until it's pruned. `base` is the address under which
    the store is read, by default where it is now.
    """
    for table in sorted({r.table for r in at.resources}):
        files = [_address(at, r.path, base) for r in at.resources if r.table == table]
        named = ",\n  ".join(quoted(file) for file in files)
        # NOTE: files of releases that an older pfsetl published may lack columns that came later.
        files_of_it = f"read_parquet([\n  {named}\n], union_by_name = true)"
        yield f"CREATE OR REPLACE VIEW {table} AS FROM {files_of_it}"
        known = contracts.find_table(table)
        if known is None:
            continue
        yield f"COMMENT ON VIEW {table} IS {quoted(known.description)}"
        for column in known.columns:
            unit = f" [{column.unit}]" if column.unit else ""
            yield f'COMMENT ON COLUMN {table}."{column.name}" IS {quoted(column.description + unit)}'


def write(at: Version, folder: Path, base: str | None = None) -> list[Path]:
    """Write `views.sql`, and where DuckDB can see the files also `pfs.duckdb`, into a folder; return what was written.

    Raises UsageError, with nothing written, where a file of that name is there, or DuckDB isn't installed; StoreError
    where it can't write.
    """
    script, database = folder / SQL, folder / DATABASE
    if taken := [place for place in (script, database) if place.exists()]:
        raise UsageError(f"{taken[0]}: there already. Move it away, or name another folder.")
    duckdb = library() if base is None and isinstance(at.store, LocalStore) else None
    made = list(statements(at, base))
    heading = f"-- Version {at.number} of {base or at.store}: every table as a view of DuckDB.\n"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(heading + "".join(f"{statement};\n" for statement in made), encoding="utf-8")
    if duckdb is None:
        return [script]
    try:
        with duckdb.connect(str(database)) as connection:
            for statement in made:
                connection.execute(statement)
    except duckdb.Error as error:
        for place in (script, database):
            place.unlink(missing_ok=True)
        said = str(error).strip().partition("\n")[0]
        raise StoreError(f"{database}: can't be written ({said}). Check path, rights and space.") from error
    return [script, database]


def library() -> Any:
    """Return the module duckdb; raises UsageError where it isn't installed."""
    try:
        import duckdb
    except ImportError as error:
        raise UsageError(f"DuckDB isn't installed. {installing('duckdb')}") from error
    return duckdb


def _address(at: Version, path: str, base: str | None) -> str:
    if base is not None:
        return f"{base.rstrip('/')}/{path}"
    return str(Path(at.store.uri(path)).absolute()) if isinstance(at.store, LocalStore) else at.store.uri(path)


def quoted(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"
