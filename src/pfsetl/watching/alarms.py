"""What a person has to look at after a look at CMS, and which of it has been acknowledged."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pfsetl.declared import calendar, declarations, quarters, registry
from pfsetl.declared.records.calendar import KNOWN_PROBLEMS, KnownProblemRow
from pfsetl.errors import ChecksFailed, SourceUnavailable, UsageError
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.remedies import command
from pfsetl.source.discover import Posting

FILE = "watch/known_problems.csv"
RECENT = timedelta(days=730)
PROBLEMS = {
    "failed": "its page, its archive or its checks",
    "vanished": "CMS's index doesn't list it any more",
    "absent": "it's in force and not published",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that needs a person: a release, which of `PROBLEMS` it has, and what to do.

    `anew` says that CMS posted other bytes in this very look, which nobody can have acknowledged.
    """

    release: str
    problem: str
    why: str
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An alarm that somebody has acknowledged until a day, and why."""

    alarm: Alarm
    until: date
    reason: str


def in_force(day: date) -> str:
    """Return the label of the release that prices a day: the declared one, else that of the quarter rule."""
    try:
        return calendar.pricing_release(day).label
    except UsageError:
        return quarters.label_of(day)


def whole(records: Mapping[str, ReleaseRecord]) -> set[str]:
    """Return the releases of a version that it holds whole: of a sample most prices aren't there."""
    return {label for label, record in records.items() if not record.sample}


def absent(published: Collection[str], today: date, store: object) -> list[Alarm]:
    """Say if the release in force isn't published in a store."""
    return [
        Alarm(alarm.release, "absent", f"{alarm.why}. {to_publish([alarm.release], store)}")
        for alarm in lacking(published, today)
    ]


def lacking(published: Collection[str], today: date) -> list[Alarm]:
    """Say if the release in force isn't published, and not how to publish it."""
    label = in_force(today)
    if label in published:
        return []
    return [Alarm(label, "absent", f"it prices {today}, and the store doesn't hold it whole")]


def to_publish(labels: Sequence[str], store: object) -> str:
    """Say how to publish releases by hand: `build` fetches from the declared address, which a new label hasn't."""
    if len(labels) > 1:
        declared = [label for label in labels if label in registry.releases()]
        told = []
        if declared:
            some = ",".join(declared)
            told.append(
                f"{command(f'backfill {some}', store)} fetches those that CMS posts, "
                f"{command(f'backfill {some} --archives FOLDER', store)} takes archives that you have."
            )
        return " ".join([*told, *(to_publish([label], store) for label in labels if label not in declared)])
    [label] = labels
    takes = f"{command(f'build {label} --archive PATH', store)} takes an archive that you have"
    if label in registry.releases():
        return f"{command(f'build {label}', store)} fetches it if CMS posts it, {takes}"
    return f"If CMS posts it, 'pfsetl fetch {label} --url URL' prints its path; {takes}"


def vanished(postings: Sequence[Posting], listed_before: Iterable[str], today: date) -> list[Alarm]:
    """Name the releases that CMS's index has lost: those of the last two years, and all that an earlier look saw.

    Older declared ones that no look of this store ever saw may have been taken down long ago; these are only told.
    """
    listed = {p.label for p in postings if p.state != "vanished"}
    seen = {*listed_before} - listed
    recent = {p.label for p in postings if p.state == "vanished" and _is_recent(p.label, today)}
    why = (
        "CMS's index doesn't list it any more. Keep its archive, and look at the index in a browser: is the list whole?"
    )
    return [Alarm(label, "vanished", why) for label in sorted(seen | recent)]


def raise_if_any(alarms: Sequence[Alarm], *, at_source: bool) -> None:
    """Raise what stands as one error that names each release, of the source when that alone is at fault."""
    if alarms:
        kind = SourceUnavailable if at_source else ChecksFailed
        raise kind("\n".join(f"{alarm.release}: {alarm.why}" for alarm in alarms))


def acknowledged(alarms: Iterable[Alarm], today: date) -> tuple[list[Alarm], list[Acknowledged]]:
    """Part alarms into those that stand and those that a row of `schemas/watch/known_problems.csv` acknowledges today.

    A row whose day is over acknowledges nothing, and no row does what is there anew; the alarm says so.
    """
    rows: dict[tuple[str, str], KnownProblemRow] = {
        (row.release, row.problem): row for row in declarations.rows(KNOWN_PROBLEMS)
    }
    standing, known = [], []
    for alarm in alarms:
        row = rows.get((alarm.release, alarm.problem))
        if row is None:
            standing.append(alarm)
        elif alarm.anew:
            said = f"{alarm.why} (CMS posted other bytes than were acknowledged until {row.until}: {row.reason})"
            standing.append(replace(alarm, why=said))
        elif row.until >= today:
            known.append(Acknowledged(alarm, row.until, row.reason))
        else:
            said = f"{alarm.why} (acknowledged until {row.until}: {row.reason})"
            standing.append(Alarm(alarm.release, alarm.problem, said))
    return standing, known


def _is_recent(label: str, today: date) -> bool:
    release = registry.releases().get(label)
    last = release.effective_to if release else None
    return last is not None and last >= today - RECENT
