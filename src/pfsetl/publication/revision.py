"""What a new revision of a release changes against the revision that is published: CMS re-posts under one label."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.publication.json_records import record_of
from pfsetl.publication.release_record import ChangedTable, SinceRevision
from pfsetl.publication.version import Version
from pfsetl.tables import row_changes
from pfsetl.tables.since import COLUMNS, Earlier, columns, compared

# What these say is which file and revision a row is from, and so differs between any two of them.
OF_ONE_REVISION = ("releases", "source_lines")
FROM_OTHERS = "payment_locality: it follows from rvu and gpci; the manifest counts its rows (pfsetl.changes)"


def since_revision(
    release: Release, tables: Mapping[str, pl.DataFrame], base: Version | None, content: str, *, sample: bool
) -> SinceRevision | None:
    """Return what the tables of a release change against those that the base version has of it, for its record.

    That is what `since` says of another release (factors, localities, codes), and of each table that differs its rows
    added, removed and changed, and of each of its columns the changed cells and the first rows with one. `content` is
    that of the archive: the same one as before means that this software or the declarations made the difference. None
    where the base has no revision of it; `unread` says why one can't be compared with, which stops no build.
    """
    before = None if base is None else base.releases.get(release.label)
    if base is None or before is None:
        return None
    said: dict[str, Any] = {
        "revision": before.revision,
        "version": base.number,
        "same_files": before.archive.content == content,
    }
    name = f"{release.label} revision {before.revision}"
    if sample != before.sample:
        which = ("a sample", "a whole release") if sample else ("a whole release", "a sample")
        return record_of(SinceRevision, said | {"unread": f"{name} is {which[1]} and this is {which[0]}"})
    there = {str(r.table) for r in base.resources if r.release == release.label}
    both = [table for table in tables if table in there and table not in OF_ONE_REVISION]
    try:
        earlier = {table: base.scan(table, release.label) for table in both}
        found = {table: _changed(table, earlier[table], tables[table]) for table in both}
        few = {table: earlier[table].select(columns(table)).collect() for table in COLUMNS}
    except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
        return record_of(SinceRevision, said | {"unread": f"{name} can't be read: {str(error).splitlines()[0]}"})
    told = compared(tables, Earlier(name, few))
    lacking = [f"{table}: {name} has no such table" for table in tables if table not in there]
    lacking += [
        f"{table}.{column}: {name} has no such column"
        for table in both
        for column in set(tables[table].columns) - set(earlier[table].collect_schema())
    ]
    told_tables = {
        "tables": {table: one for table, one in found.items() if one},
        "unchanged": sorted(table for table, one in found.items() if not one),
        **{what: told[what] for what in ("factors", "localities", "codes", "new_values")},
        "not_compared": [*told["not_compared"], *sorted(lacking), *([FROM_OTHERS] if any(found.values()) else [])],
    }
    return record_of(SinceRevision, said | told_tables)


def summary(said: SinceRevision) -> str:
    """Return in a sentence what a release's `since_revision` says: the rows of each table that differ."""
    if said.unread:
        return f"compared with nothing: {said.unread}, so what changed since isn't known"
    differ = "; ".join(f"{table} {_rows(one)}" for table, one in ordered(said)) or "no table differs"
    return f"compared with revision {said.revision}{', of the same files' * said.same_files}: {differ}"


def ordered(said: SinceRevision) -> list[tuple[str, ChangedTable]]:
    """Return the tables that differ and how, in the contract's order."""
    known = list(contracts.load().tables)
    return sorted(said.tables.items(), key=lambda item: known.index(item[0]) if item[0] in known else len(known))


def _rows(one: ChangedTable) -> str:
    counts = {"changed": one.changed, "added": one.added, "removed": one.removed}
    return ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)


def _changed(table: str, old: pl.LazyFrame, new: pl.DataFrame) -> dict[str, Any] | None:
    """Return how one table differs, None where it doesn't."""
    promised = contracts.load().tables[table]
    key = [c for c in promised.key if c != "release"]
    now = new.lazy().cast({name: promised.schema[name] for name in new.columns})  # text may be Enums
    found = row_changes.counted(old.drop("release", strict=False), now.drop("release", strict=False), key)
    if not (found.added or found.removed or found.changed):
        return None
    return {
        "added": found.added,
        "removed": found.removed,
        "changed": found.changed,
        "first_added": list(found.first_added),
        "first_removed": list(found.first_removed),
        "columns": {
            column: {"cells": cells, "first": list(found.first[column])} for column, cells in found.columns.items()
        },
    }
