"""What changed between two versions of a store, or between two releases of one version."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import manifest, over_releases
from pfsetl.publication.manifest import ALL, ReleaseChanges, Resource, Supersedes, TableCounts
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.tables import row_changes

# What these tables say is about the release itself or its files, and so differs between any two of them.
OF_ONE_RELEASE = ("releases", "release_calendar", "source_lines", "rejects")


@dataclass(frozen=True, slots=True)
class TableChanges:
    """One table of a release: rows before and after; rows added, removed, changed; changed cells by column."""

    table: str
    release: str
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed from `old` to `new`: the tables that differ, how many don't, and the largest movers by section.

    `participants` says which participant of the new side was compared with which one of the old, where names differ;
    `notes` say what was not compared, or is empty for another reason than a change of CMS's.
    """

    old: str
    new: str
    tables: tuple[TableChanges, ...]
    unchanged: int
    movers: tuple[dict[str, Any], ...]
    participants: Mapping[str, str]
    notes: tuple[str, ...]


def between_versions(old: Version, new: Version, *, top: int = 3) -> Diff:
    """Compare two versions, table by table and release by release; equal digests are taken as equal unread."""
    tables, unchanged = _tables(old, new, {*new.releases, *old.releases, ALL})
    both = [label for label in new.releases if label in old.releases]
    moved = [m for label in both for m in _movers(old, label, new, label, top)]
    return Diff(f"version {old.number}", f"version {new.number}", tuple(tables), unchanged, tuple(moved), {}, ())


def replaced(old: Version, new: Version, releases: Iterable[str]) -> dict[str, ReleaseChanges]:
    """Return what a version makes of some releases of the one before it, for its manifest.

    By release: `supersedes`, the version, revision and archive it had before, None for a release that is new; and by
    table the rows `added`, `removed` and `changed`, and the changed cells by column; no tables, and `not_counted`,
    where a file can't be read. Under `all` stand tables of what is declared alone, where one changed.
    """
    found: dict[str, ReleaseChanges] = {}
    for label in sorted({*releases, ALL} if _moved_declared(old, new) else releases):
        was = old.releases.get(label)
        supersedes = None
        if was:
            sha256 = was.archive.sha256
            supersedes = Supersedes(version=old.number, revision=was.revision, archive_sha256=sha256)
        try:
            counted = _tables(old, new, [label])[0]
            tables = {
                t.table: TableCounts(added=t.added, removed=t.removed, changed=t.changed, columns=t.columns)
                for t in counted
            }
            found[label] = ReleaseChanges(supersedes=supersedes, tables=tables)
        except StoreError as error:  # a damaged file of before must not keep a sound one from being published
            found[label] = ReleaseChanges(supersedes=supersedes, tables=None, not_counted=str(error))
    return found


def _tables(old: Version, new: Version, releases: Collection[str]) -> tuple[list[TableChanges], int]:
    """Return the tables of some releases that differ, and how many don't."""
    before, after = _resources(old), _resources(new)
    tables, unchanged = [], 0
    over = {place for at in (before, after) for place, r in at.items() if manifest.releases_of(r)}
    for place in sorted(p for p in (before.keys() | after.keys()) - over if p[1] in releases):
        was, now = before.get(place), after.get(place)
        if was and now and was.digest == now.digest:
            unchanged += 1
        elif was and now:
            tables.append(_table(old, new, place[0], (place[1], place[1]), (was.rows, now.rows)))
        else:
            rows = was.rows if was else 0, now.rows if now else 0
            tables.append(TableChanges(*place, *rows, added=rows[1], removed=rows[0], changed=0, columns={}))
    for name in sorted({table for table, _ in over}):
        found, same = _of_all(old, new, name, releases)
        tables, unchanged = [*tables, *found], unchanged + same
    return tables, unchanged


def _of_all(old: Version, new: Version, name: str, releases: Collection[str]) -> tuple[list[TableChanges], int]:
    """Return how the rows of some releases differ in a table over all of them, and of how many releases they don't.

    Rows that were made of the same tables are the same, and aren't read.
    """
    was, now = (_resources(at).get((name, ALL)) for at in (old, new))
    if was and now and was.digest == now.digest:
        return [], 1
    before, after = (manifest.releases_of(side) if side else {} for side in (was, now))
    asked = sorted(x for x in releases if x in before or x in after)
    moved = [label for label in asked if before.get(label) != after.get(label)]
    there = _rows(old, name, moved) if was else {}
    # NOTE: a file of one release, as that of a store's first version, has no rows but its own.
    here = dict.fromkeys(after, now.rows) if now and len(after) == 1 else _rows(new, name, moved) if now else {}
    tables = []
    for label in moved:
        rows = there.get(label, 0), here.get(label, 0)
        if label in before and label in after:
            tables.append(_table(old, new, name, (label, label), rows))
        else:
            tables.append(TableChanges(name, label, *rows, added=rows[1], removed=rows[0], changed=0, columns={}))
    differing = [t for t in tables if t.added or t.removed or t.changed]
    return differing, len(asked) - len(differing)


def _moved_declared(old: Version, new: Version) -> bool:
    """Whether a table of what is declared alone differs, of a version that isn't the first."""
    alone = [{(r.table, r.digest) for r in at.resources if r.release == ALL and not manifest.releases_of(r)}
             for at in (old, new)]  # fmt: skip
    return bool(old.number) and alone[0] != alone[1]


def _rows(at: Version, table: str, releases: Collection[str]) -> dict[str, int]:
    """Return how many rows of each release a table over all has."""
    try:
        counted = at.scan(table).filter(pl.col("release").is_in(releases)).group_by("release").len().collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unread(at, table, "all releases", error) from error
    return dict(counted.iter_rows())


def between_releases(at: Version, old: str, new: str, *, top: int = 3) -> Diff:
    """Compare two releases of a version; keys are compared without the release, participants by their pairs.

    Raises UsageError for a release that isn't in the version.
    """
    at.files("rvu", old), at.files("rvu", new)  # raises for a release that isn't there
    resources = _resources(at)
    tables, unchanged = [], 0
    for name in sorted({r.table for r in at.resources if not over_releases.is_over_releases(r)} - set(OF_ONE_RELEASE)):
        was, now = resources.get((name, old)), resources.get((name, new))
        if not was or not now:
            continue
        found = _table(at, at, name, (old, new), (was.rows, now.rows))
        if found.added or found.removed or found.changed:
            tables.append(found)
        else:
            unchanged += 1
    mine, others = _participants(at, new), _participants(at, old)
    pairs = row_changes.paired(others, mine)
    notes = [f"{p} of {new} has no counterpart in {old} and isn't compared" for p in mine if p not in pairs]
    notes += [f"{p} of {old} has no counterpart in {new} and isn't compared" for p in others if p not in pairs.values()]
    notes += [f"{m} is missing from the archive of {x}" for x in (old, new) for m in at.releases[x].missing]
    parts = [x for x in (old, new) if at.releases[x].sample]
    notes += [f"{x} is a sample: what it lacks may be in CMS's release" for x in parts if len(parts) == 1]
    renamed = {p: other for p, other in pairs.items() if p != other}
    return Diff(old, new, tuple(tables), unchanged, tuple(_movers(at, old, at, new, top)), renamed, tuple(notes))


def _resources(at: Version) -> dict[tuple[str, str], Resource]:
    return {(r.table, r.release): r for r in at.resources}


def _table(old: Version, new: Version, name: str, releases: tuple[str, str], rows: tuple[int, int]) -> TableChanges:
    """Compare a table of a release of `old` with that of a release of `new`."""
    was, now = releases
    known = contracts.find_table(name)
    if known is None:
        raise UsageError(f"{name}: a table this pfsetl doesn't know. Upgrade pfsetl to compare it.")
    key = [c for c in known.key if c != "release"]
    try:
        before, after = (at.scan(name, None if of == ALL else of) for at, of in ((old, was), (new, now)))
        if "participant" in key and was != now:
            sides = (f.select(pl.col("participant").unique()).collect()["participant"] for f in (before, after))
            before, after = row_changes.with_pairs(before, after, row_changes.paired(*sides))
        before, after = before.drop("release", strict=False), after.drop("release", strict=False)
        found = row_changes.counted(before, after, key)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unread(new, name, " or ".join(dict.fromkeys(releases)), error) from error
    return TableChanges(name, now, *rows, found.added, found.removed, found.changed, found.columns)


def _unread(at: Version, table: str, of: str, error: Exception) -> StoreError:
    return StoreError(
        f"{at.store}: {table} of {of} can't be read ({str(error).splitlines()[0]}). {command('verify', at.store)} says "
        "which file is damaged."
    )


def _movers(old: Version, was: str, new: Version, now: str, top: int) -> Iterator[dict[str, Any]]:
    """Yield the largest movers of every section, in every measure whose table differs."""
    before, after = _resources(old), _resources(new)
    key = ["participant", "hcpcs", "modifier"]
    for measure, table in row_changes.MEASURES.items():
        if {(table, was), ("rvu", was)} - before.keys() or {(table, now), ("rvu", now)} - after.keys():
            continue
        if before[table, was].digest == after[table, now].digest:
            continue
        sections = new.scan("rvu", now).select(*key, "section")
        mine = new.scan(table, now).select(*key, measure).join(sections, on=key)
        others = old.scan(table, was).select(*key, measure)
        if was != now:
            pairs = row_changes.paired(_participants(old, was), _participants(new, now))
            others, mine = row_changes.with_pairs(others, mine, pairs)
        for row in row_changes.movers(others.collect(), mine.collect(), measure, top).iter_rows(named=True):
            yield {"release": now} | row


def _participants(at: Version, release: str) -> list[str]:
    return at.scan("rvu", release).select(pl.col("participant").unique().sort()).collect()["participant"].to_list()
