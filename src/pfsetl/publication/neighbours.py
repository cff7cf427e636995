"""The releases beside another in a version, before it and after it, and what moved between them.

Samples are left out. A release that can't be read is a warning: a damaged file must not keep a sound release from being
published.
"""

import io
from collections.abc import Iterable, Mapping

import polars as pl

from pfsetl.checks import continuity
from pfsetl.checks.check import NEIGHBOUR, Finding
from pfsetl.checks.continuity import Beside
from pfsetl.checks.drift import RELATIVE, Neighbour, drift, factors, work
from pfsetl.checks.drift import repeated as held
from pfsetl.declared import declarations, registry
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.publication.json_records import record_of
from pfsetl.publication.release_record import ReleaseRecord, Since
from pfsetl.publication.version import Version
from pfsetl.tables import row_changes
from pfsetl.tables.since import COLUMNS, Earlier, columns, compared

QUARTERS = 8  # farther away a release says little about another
_COLUMNS = {
    "gpci": ["state", "locality", "work_gpci", "pe_gpci", "mp_gpci"],
    "conversion_factor": ["participant", "conversion_factor"],
    "rvu": ["participant", "hcpcs", "modifier", *RELATIVE],
}


def moved(release: Release, tables: Mapping[str, pl.DataFrame], at: Version) -> list[Finding]:
    """Hold a release against the nearest one before and after it, by its indices, work RVUs and factors."""
    before, after = _near(release, at)
    near, found, unread = [], [], []
    for side, labels in (("before", before[:1]), ("after", after[:1])):
        for label in labels:
            try:
                gpci, paid = (read(at, label, name, _COLUMNS[name]) for name in ("gpci", "conversion_factor"))
                near.append(Neighbour(side, label, at.releases[label].year, gpci, paid))
                found.append(work(tables["rvu"], side, label, read(at, label, "rvu", _COLUMNS["rvu"])))
            except StoreError as error:
                said = f"{label} can't be read, so what moved since isn't known: {error}"
                unread.append(Finding("gpci", f"indices_unchanged_{side}", "warn", said, 1))
    found += drift(tables, release, near)
    last = _last_in_force(release, at)
    if last is None or last in before[:1] or not _path(at, last, "conversion_factor"):
        return found + unread
    # NOTE: the nearest one was never paid, or none is near: the factor is held against the last that was.
    try:
        there = read(at, last, "conversion_factor", _COLUMNS["conversion_factor"])
    except StoreError as error:
        said = f"{last} can't be read, so whether the factor moved isn't known: {error}"
        return [*found, *unread, Finding("conversion_factor", "moved_before", "warn", said, 1)]
    of_last = factors(tables["conversion_factor"], "before", last, there)
    return [*(f for f in found if (f.table, f.check) != (of_last.table, of_last.check)), of_last, *unread]


def kept(release: Release, tables: Mapping[str, pl.DataFrame], at: Version) -> list[Finding]:
    """Say which rows a release lacks that those beside it have."""
    before, after = _near(release, at)
    there: dict[str, Beside] = {}
    unread = []
    for label in (*before[:2], *after[:1]):
        try:
            there[label] = Beside(label, at.releases[label].year, read(at, label, "rvu", continuity.COLUMNS))
        except StoreError as error:
            said = f"{label} can't be read, so whether rows of it are gone isn't known: {error}"
            unread.append(Finding("rvu", "rows_kept_beside", "warn", said, 1, counted=True))
    earlier = [there[label] for label in before[:2] if label in there]
    return continuity.gaps(tables["rvu"], release, earlier, there.get(next(iter(after), ""))) + unread


def repeated(release: Release, tables: Mapping[str, pl.DataFrame], at: Version) -> list[Finding]:
    """Hold a release's relative values against the nearest release of a year before it and of one after it.

    Whole files are compared by `one_label`; this finds the ones of which some values were changed.
    """
    found = []
    for side, labels in zip(("before", "after"), _others(release, at), strict=True):
        for label in [x for x in labels if at.releases[x].year != release.year][:1]:
            try:
                found.append(held(tables["rvu"], side, label, read(at, label, "rvu", _COLUMNS["rvu"])))
            except StoreError as error:
                said = f"{label} can't be read, so whether its values are repeated isn't known: {error}"
                found.append(Finding("rvu", f"values_repeated_{side}", "warn", said, 1))
    return found


def rows_before(release: Release, records: Mapping[str, ReleaseRecord]) -> pl.DataFrame:
    """Return the rows of each participant in the nearest release before this one that has it, if one is near enough.

    Participants have the names of this release: one that continues another is compared with that one, and one that is
    new with none (`schemas/participants.csv`). Samples are compared with nothing.
    """
    here = 4 * release.year + release.quarter
    quarters = {label: 4 * r.year + r.quarter for label, r in records.items() if not r.sample}
    earlier = sorted((at, label) for label, at in quarters.items() if here - QUARTERS <= at < here)
    rows: list[tuple[str, str, int]] = []
    compared: set[str] = set()
    for _, label in reversed(earlier):  # farther ones say only what nearer ones, with a file missing, don't
        of_old = {"all": records[label].rvu_rows}  # a record from before participants were counted one by one
        counted = records[label].participant_rows or of_old
        pairs = row_changes.paired(list(counted), [r.participant for r in declarations.rows(PARTICIPANTS)])
        rows += [(label, mine, counted[theirs]) for mine, theirs in pairs.items() if mine not in compared]
        compared |= pairs.keys()
    return pl.DataFrame(rows, schema=NEIGHBOUR, orient="row")


def since(release: Release, tables: Mapping[str, pl.DataFrame], at: Version) -> Since:
    """Return what a release adds and drops compared with the last one in force, for its own record.

    That is the nearest before it that was ever in force, however far away. `unread` says why it can't be compared with.
    """
    label = _last_in_force(release, at)
    if label is None:
        return record_of(Since, compared(tables, None))
    try:
        there = {name: read(at, label, name, columns(name)) for name in COLUMNS}
    except StoreError as error:
        unread = {"unread": f"{label} can't be read: {error}"}
        return record_of(Since, compared(tables, None) | unread)
    return record_of(Since, compared(tables, Earlier(label, there)))


def compared_of(at: Version, label: str) -> dict[str, pl.DataFrame]:
    """Return of a release's own tables all that is compared here; raises StoreError where they can't be read."""
    wanted = {name: dict.fromkeys((*named, *columns(name))) for name, named in _COLUMNS.items()}
    wanted["rvu"] |= dict.fromkeys(continuity.COLUMNS)
    return {name: read(at, label, name, named) for name, named in wanted.items()}


def read(at: Version, label: str, table: str, named: Iterable[str]) -> pl.DataFrame:
    """Return some columns of a release's table; raises StoreError, in one line, where they can't be read."""
    try:
        if (path := _path(at, label, table)) is None:
            raise StoreError(f"it has no {table}")
        return pl.read_parquet(io.BytesIO(at.store.get(path)), columns=[*named])
    except (StoreError, pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(str(error).splitlines()[0]) from error


def _path(at: Version, label: str, table: str) -> str | None:
    return next((r.path for r in at.resources if (r.release, r.table) == (label, table)), None)


def _others(release: Release, at: Version) -> tuple[list[str], list[str]]:
    """Return the whole releases before another and those after it, the nearest first."""
    whole = ((label, r) for label, r in at.releases.items() if not r.sample and label != release.label)
    places = sorted((r.year, r.quarter, label) for label, r in whole)
    here = (release.year, release.quarter, release.label)
    return [p[2] for p in reversed(places) if p < here], [p[2] for p in places if p > here]


def _near(release: Release, at: Version) -> tuple[list[str], list[str]]:
    """Return those of the others that are near enough to say much about a release."""

    def is_near(label: str) -> bool:
        other = at.releases[label]
        return abs(4 * (other.year - release.year) + other.quarter - release.quarter) <= QUARTERS

    before, after = _others(release, at)
    return [*filter(is_near, before)], [*filter(is_near, after)]


def _last_in_force(release: Release, at: Version) -> str | None:
    before, _ = _others(release, at)
    return next((label for label in before if _was_in_force(label)), None)


def _was_in_force(label: str) -> bool:
    declared = registry.releases().get(label)
    return declared is None or declared.never_effective is not True
