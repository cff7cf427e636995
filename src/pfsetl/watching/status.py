"""How fresh a store is: what it should hold by the calendar, when CMS was last looked at, whether it's sound."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pfsetl.declared import calendar, contracts, declarations, quarters, registry
from pfsetl.declared.records.calendar import DEADLINES
from pfsetl.declared.registry import Release, order
from pfsetl.errors import StoreError
from pfsetl.publication import chain, companions, manifest, runs, version
from pfsetl.publication.published import labels_in_order
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.upkeep import layout
from pfsetl.watching import alarms
from pfsetl.watching.plan import holes

LONGEST_LAG = 36_500  # days: no release is ever that late, and dates end somewhere
AHEAD = timedelta(days=14)
SKEW = timedelta(hours=1)  # between the clocks of two hosts
LEAST_DISK = 500_000_000  # bytes: twenty releases with their archives
ASKED_AT_ONCE = 16  # objects of a bucket
LAYING_OUT = 900.0  # seconds in which a version that was published gets its tree


@dataclass(frozen=True, slots=True)
class Due:
    """A release that should have been published: when it's in force, and the day by which CMS has posted it."""

    release: str
    in_force: date
    posted_by: date


@dataclass(frozen=True, slots=True)
class Status:
    """The freshness of a store; `stale` says, in sentences, why it isn't fresh, and is empty where it is.

    `in_force` and `in_force_soon` are the releases that price today and the day in two weeks, `due` those that should
    be there and aren't, `holes` older ones that were never published. `looked` is the last look at CMS that saw its
    index, `last_run` the last run of any kind. `disk` are the bytes that are free, None for a bucket. `companions` says
    what is loaded beside the releases.
    """

    store: str
    today: date
    version: int
    newest: str | None
    in_force: str
    in_force_published: bool
    in_force_soon: str
    due: tuple[Due, ...]
    holes: tuple[str, ...]
    looked: Mapping[str, Any] | None
    last_run: Mapping[str, Any] | None
    problems: tuple[str, ...]
    disk: int | None
    acknowledged: tuple[str, ...]
    companions: tuple[str, ...]
    stale: tuple[str, ...]


def status(store: Store, *, now: datetime | None = None, max_lag: int | None = None) -> Status:
    """Measure how fresh a store is.

    `max_lag` are the days after its deadline (`schemas/watch/deadlines.csv`) in which a release may be absent, default
    14; the release in force must be there. Of the store only the newest version is looked at, by presence and size;
    `verify` reads every byte. Raises StoreError for a store that can't be read.
    """
    now = now or datetime.now(UTC)
    today, lag = now.date(), timedelta(days=14 if max_lag is None else min(max_lag, LONGEST_LAG))
    newest = version.newest(store, version.empty(store))
    due = missing(newest, today)
    looked, (last, unread) = runs.last_look(store), runs.last_run(store)
    beside, broken = _beside(newest)
    problems = (*_unsound(newest), *_unshown(newest), *unread, *broken)
    disk = shutil.disk_usage(store.root).free if isinstance(store, LocalStore) and store.root.exists() else None
    standing, known = alarms.acknowledged(_absent(newest, due, today, lag), today)
    stale = _with_remedy(standing, store)
    stale += (
        _to_come(last, now)
        + _unseen(looked, now, store)
        + _failed(last, looked, today)
        + [f"the store: {problem}" for problem in problems]
    )
    if disk is not None and disk < LEAST_DISK:
        stale.append(f"{disk / 1e6:,.0f} MB are free where the store is; keep {LEAST_DISK / 1e6:,.0f}")
    held = labels_in_order(newest)
    return Status(
        str(store),
        today,
        newest.number,
        held[-1] if held else None,
        alarms.in_force(today),
        alarms.in_force(today) in alarms.whole(newest.releases),
        alarms.in_force(today + AHEAD),
        due,
        holes(registry.releases(), newest, today.year - 1),
        _told(looked),
        _told(last),
        problems,
        disk,
        tuple(f"{a.alarm.release} {a.alarm.problem} until {a.until}: {a.reason}" for a in known),
        beside,
        tuple(stale),
    )


def missing(newest: Version, today: date) -> tuple[Due, ...]:
    """Return the releases of last year and later that CMS has posted by now, by their deadline, and a store lacks.

    Releases that were never in force are none of these. This quarter and the next follow the quarter rule where they
    aren't declared yet.
    """
    first = date(today.year - 1, 1, 1)
    expected = [r for r in registry.releases().values() if r.effective_from and r.effective_from >= first]
    ahead = quarters.label_of(today + timedelta(days=31))
    undeclared = {quarters.label_of(today), ahead} - {*registry.releases()}
    found = [*expected, *map(registry.find_or_infer, undeclared)]
    held = alarms.whole(newest.releases)
    return tuple(
        Due(r.label, r.effective_from, by)
        for r in sorted(found, key=order)
        if r.label not in held and r.effective_from and (by := posted_by(r)) <= today and _prices_a_day(r)
    )


def posted_by(release: Release) -> date:
    """Return the day by which CMS has posted a release, by its own habits; a correction, by its first day in force."""
    first = calendar.formula_day(release)
    return first if release.supersedes else first - timedelta(days=_days("first_posting", release.quarter))


def _prices_a_day(release: Release) -> bool:
    return not release.known or bool(calendar.days_of(release))


def _days(what: str, quarter: int | None = None) -> int:
    return next(row.days for row in declarations.rows(DEADLINES) if (row.what, row.quarter) == (what, quarter))


def _absent(newest: Version, due: tuple[Due, ...], today: date, lag: timedelta) -> list[alarms.Alarm]:
    found = alarms.lacking(alarms.whole(newest.releases), today)
    named = {alarm.release for alarm in found}
    late = [one for one in due if one.posted_by + lag < today and one.release not in named]
    return found + [
        alarms.Alarm(
            one.release,
            "absent",
            f"in force from {one.in_force}, posted by {one.posted_by} at the latest, and "
            f"{'published only as a sample' if one.release in newest.releases else 'not published'}",
        )
        for one in late
    ]


def _with_remedy(standing: list[alarms.Alarm], store: Store) -> list[str]:
    """Return what alarms of absent releases say, and what to do: once, however many there are."""
    if not standing:
        return []
    labels = [alarm.release for alarm in standing]
    look, publish = "look at CMS with 'pfsetl discover'", alarms.to_publish(labels, store)
    if len(standing) == 1:
        return [f"{labels[0]}: {standing[0].why}. {look[0].upper()}{look[1:]}. {publish}"]
    return [*(f"{alarm.release}: {alarm.why}" for alarm in standing), f"to publish these, {look}. {publish}"]


def _unseen(looked: Mapping[str, Any] | None, now: datetime, store: Store) -> list[str]:
    """Say when CMS was last looked at, if that is too long ago; the index has to be seen whole for a look."""
    days = _days("look")
    if looked is None:
        look = command("-m pfsetl.flows.watch", store, program="python")
        return [f"no look at CMS is recorded. The flow 'watch' is one: {look}"]
    since = now - datetime.fromisoformat(looked["started"])
    if since <= timedelta(days=days):
        return []
    return [f"the last look that saw CMS's index was {since.days} days ago, it may be {days}. Does 'watch' still run?"]


def _to_come(last: Mapping[str, Any] | None, now: datetime) -> list[str]:
    """Say when the last run, or look, was at a time to come: those after it aren't seen until then."""
    if last is None or datetime.fromisoformat(last["started"]) <= now + SKEW:
        return []
    return [
        f"the last {'look' if last.get('look') else 'run'} is dated {last['started']}, which is to come. Is this clock "
        f"right? If that one was wrong, remove runs/{last['id']}.json from the store"
    ]


def _failed(last: Mapping[str, Any] | None, looked: Mapping[str, Any] | None, today: date) -> list[str]:
    """Say what the last look and the last run left for a person."""
    if looked:
        told = [a for a in looked["look"]["alarms"] if a["problem"] != "absent"]
        anew = [alarms.Alarm(a["release"], a["problem"], a["why"]) for a in told if a.get("anew")]
        raised = [alarms.Alarm(a["release"], a["problem"], a["why"]) for a in told if not a.get("anew")]
        standing = anew + alarms.acknowledged(raised, today)[0]
        said = [f"{a.release}: {a.why} (at the last look)" for a in standing]
    else:
        said = []
    if last and last["outcome"] == "failed" and (not looked or last["id"] != looked["id"]):
        first = str(last.get("error") or "no message").splitlines()[0]
        said.append(f"the last run, '{last['command']}' at {last['started']}, failed: {first}")
    return said


def _beside(newest: Version) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is loaded beside the versions, and why that can't be said; a store of licensed text has none."""
    if newest.classification != contracts.PUBLIC:
        return (), ()
    try:
        return companions.said(newest.store), ()
    except StoreError as error:
        return (), (str(error),)


def _unsound(newest: Version) -> list[str]:
    found = []
    try:
        if gone := chain.later_gone(newest.store, newest.number):
            return [gone]
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            sizes = list(pool.map(newest.store.size, (r.path for r in newest.resources)))
    except StoreError as error:
        return [str(error)]
    for resource, size in zip(newest.resources, sizes, strict=True):
        if size != resource.bytes:
            found.append(f"{resource.path} is {'missing' if size is None else 'of another size'}")
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return [f"{found[0]}{more}. {command('repair', newest.store)} mends what it can"] if found else []


def _unshown(newest: Version) -> list[str]:
    """Say where `latest` doesn't show a version that was published long enough ago to be laid out."""
    store = newest.store
    if not isinstance(store, LocalStore) or (store.age(manifest.name(newest.number)) or 0.0) < LAYING_OUT:
        return []
    return [f"{name}: {problem}" for name, problem in layout.latest(store, newest.number)]


def _told(record: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return record and {
        name: record[name] for name in ("id", "command", "started", "outcome", "error") if name in record
    }
