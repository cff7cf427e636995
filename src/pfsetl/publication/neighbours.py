"""The releases beside another in a store, before it and after it, and what moved between them."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

import msgspec
import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.publication.manifest import Resource
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.release_record import FindingRecord, ReleaseRecord, Since, record_of
from pfsetl.storage.store import Store
from pfsetl.tables import continuity
from pfsetl.tables.check import Finding, Report
from pfsetl.tables.continuity import Beside
from pfsetl.tables.drift import RELATIVE, Neighbour, drift, factors
from pfsetl.tables.drift import repeated as held
from pfsetl.tables.since import COLUMNS, Earlier, columns, compared

QUARTERS = 8  # farther away a release says little about another
_TABLES = ("gpci", "conversion_factor")
_COLUMNS = {
    "gpci": ["state", "locality", "work_gpci", "pe_gpci", "mp_gpci"],
    "conversion_factor": ["participant", "conversion_factor"],
    "rvu": ["participant", "hcpcs", "modifier", *RELATIVE],
}


def moved(
    release: Release,
    tables: Mapping[str, pl.DataFrame],
    store: Store,
    records: Mapping[str, ReleaseRecord],
    resources: Iterable[Resource],
) -> list[Finding]:
    """Hold a release against the nearest one before and after it among these records; samples are left out.

    A neighbor that can't be read is a warning: a damaged file must not keep a sound release from being published.
    """
    before, after = _beside(release, records)
    sides = {"before": next(iter(before), None), "after": after}
    paths = {(r.release, r.table): r.path for r in resources}
    near, unread = [], []
    for side, label in sides.items():
        if label is None:
            continue
        try:
            gpci, paid = (_read(store, paths[label, name], _COLUMNS[name]) for name in _TABLES)
            near.append(Neighbour(side, label, records[label].year, gpci, paid))
        except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
            said = f"{label} can't be read, so what moved since isn't known: {_first_line(error)}"
            unread.append(Finding("gpci", f"indices_unchanged_{side}", "warn", said, 1))
    found = drift(tables, release, near)
    last = _last_in_force(release, records)
    if last is None or last == sides["before"] or (last, "conversion_factor") not in paths:
        return found + unread
    # NOTE: the nearest one was never paid, or none is near: the factor is held against the last that was.
    try:
        there = _read(store, paths[last, "conversion_factor"], _COLUMNS["conversion_factor"])
    except (StoreError, pl.exceptions.PolarsError, OSError) as error:
        said = f"{last} can't be read, so whether the factor moved isn't known: {_first_line(error)}"
        return [*found, *unread, Finding("conversion_factor", "moved_before", "warn", said, 1)]
    moved_before = factors(tables["conversion_factor"], "before", last, there)
    return [f for f in found if (f.table, f.check) != (moved_before.table, moved_before.check)] + [
        moved_before,
        *unread,
    ]


def _beside(release: Release, records: Mapping[str, ReleaseRecord]) -> tuple[list[str], str | None]:
    """Return the labels of the releases before another, the nearest first, and of the nearest one after it."""
    here = (release.year, release.quarter, release.label)
    others = sorted(
        ((r.year, r.quarter, label), label)
        for label, r in records.items()
        if not r.sample
        and label != release.label
        and abs(4 * (r.year - release.year) + r.quarter - release.quarter) <= QUARTERS
    )
    before = [label for at, label in reversed(others) if at < here]
    return before, next((label for at, label in others if at > here), None)


def kept(
    release: Release,
    tables: Mapping[str, pl.DataFrame],
    store: Store,
    records: Mapping[str, ReleaseRecord],
    resources: Iterable[Resource],
) -> list[Finding]:
    """Say which rows a release lacks that those beside it among these records have; samples are left out.

    A release that can't be read is a warning.
    """
    before, after = _beside(release, records)
    paths = {r.release: r.path for r in resources if r.table == "rvu"}
    there: dict[str, Beside] = {}
    unread = []
    for label in [*before[:2], *([after] if after else [])]:
        try:
            rvu = _read(store, paths[label], continuity.COLUMNS)
            there[label] = Beside(label, records[label].year, rvu)
        except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
            said = f"{label} can't be read, so whether rows of it are gone isn't known: {_first_line(error)}"
            unread.append(Finding("rvu", "rows_kept_beside", "warn", said, 1, counted=True))
    earlier = [there[label] for label in before[:2] if label in there]
    return continuity.gaps(tables["rvu"], release, earlier, there.get(after or "")) + unread


def refuse_gaps(
    one: StagedRelease, store: Store, records: Mapping[str, ReleaseRecord], resources: Iterable[Resource]
) -> None:
    """Raise ChecksFailed for a staged release that lacks rows of those beside it, now that all of them are known."""
    if one.record.sample:
        return
    path = next(r.path for r in one.resources if r.table == "rvu")
    tables = {"rvu": _read(store, path, continuity.COLUMNS)}
    found = kept(registry.find_or_infer(one.release), tables, store, records, resources)
    Report(one.release, tuple(found)).accepting(one.record.accepted or ()).raise_if_bad()


def repeated(
    release: Release,
    tables: Mapping[str, pl.DataFrame],
    store: Store,
    records: Mapping[str, ReleaseRecord],
    resources: Iterable[Resource],
) -> list[Finding]:
    """Hold a release's relative values against the nearest release of a year before it and of one after it.

    Whole files are compared by `elsewhere`; this finds the ones of which some values were changed. Samples are left
    out; a release that can't be read is a warning.
    """
    others = sorted(
        ((r.year, r.quarter, label), label) for label, r in records.items() if not r.sample and r.year != release.year
    )
    paths = {r.release: r.path for r in resources if r.table == "rvu"}
    before, after = ([x for at, x in others if (at[0] < release.year) is earlier] for earlier in (True, False))
    found = []
    for side, labels in (("before", before[-1:]), ("after", after[:1])):
        for label in labels:
            try:
                found.append(held(tables["rvu"], side, label, _read(store, paths[label], _COLUMNS["rvu"])))
            except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
                said = f"{label} can't be read, so whether its values are repeated isn't known: {_first_line(error)}"
                found.append(Finding("rvu", f"values_repeated_{side}", "warn", said, 1))
    return found


def since(
    release: Release,
    tables: Mapping[str, pl.DataFrame],
    store: Store,
    records: Mapping[str, ReleaseRecord],
    resources: Iterable[Resource],
) -> Since:
    """Return what a release adds and drops compared with the last one in force among these records, for its own record.

    That is the nearest before it that was ever in force and is no sample, however far away. `unread` says why it can't
    be compared with: a damaged file must not keep a sound release from being published.
    """
    label = _last_in_force(release, records)
    if label is None:
        return record_of(Since, compared(tables, None))
    paths = {r.table: r.path for r in resources if r.release == label}
    try:
        there = {name: _read(store, paths[name], columns(name)) for name in COLUMNS}
    except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
        unread = {"unread": f"{label} can't be read: {_first_line(error)}"}
        return record_of(Since, compared(tables, None) | unread)
    return record_of(Since, compared(tables, Earlier(label, there)))


def held_against(
    one: StagedRelease,
    store: Store,
    records: Mapping[str, ReleaseRecord],
    resources: Iterable[Resource],
) -> StagedRelease:
    """Return a staged release whose record says what moved or is lost against its neighbors, now all known."""
    if one.record.sample:
        return one
    release = registry.find_or_infer(one.release)
    paths, resources = {r.table: r.path for r in one.resources}, list(resources)
    tables = {name: _read(store, paths[name], _COLUMNS[name]) for name in _TABLES}
    found = moved(release, tables, store, records, resources)
    wanted = [*columns("rvu"), *_COLUMNS["rvu"], *continuity.COLUMNS]
    tables["rvu"] = _read(store, paths["rvu"], list(dict.fromkeys(wanted)))
    found += repeated(release, tables, store, records, resources)
    found += kept(release, tables, store, records, resources)
    report = Report(one.release, tuple(found)).accepting(one.record.accepted or ())
    told = since(release, tables, store, records, resources)
    names = {f"{f.table}.{f.check}": f.violations for f in report.findings}

    def anew(before: Iterable[FindingRecord], now: Iterable[Finding]) -> tuple[FindingRecord, ...]:
        others = (w for w in before if f"{w.table}.{w.check}" not in names)
        return (*others, *(record_of(FindingRecord, asdict(f)) for f in now))

    record = msgspec.structs.replace(
        one.record,
        checks={**one.record.checks, **names},
        warnings=anew(one.record.warnings, (f for f in report.findings if f.violations)),
        lost=anew(one.record.lost or (), report.lost),
        since=told,
    )
    return replace(one, record=record)


def _last_in_force(release: Release, records: Mapping[str, ReleaseRecord]) -> str | None:
    here = (release.year, release.quarter, release.label)
    earlier = [
        (at, label)
        for label, r in records.items()
        if not r.sample and (at := (r.year, r.quarter, label)) < here and _was_in_force(label)
    ]
    return max(earlier)[1] if earlier else None


def _was_in_force(label: str) -> bool:
    declared = registry.releases().get(label)
    return declared is None or declared.never_effective is not True


def _read(store: Store, path: str, columns_: list[str]) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(store.get(path)), columns=columns_)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
