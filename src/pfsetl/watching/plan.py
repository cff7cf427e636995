"""What there is to do after a look at CMS: which archives to ask for again, which to fetch, which to publish."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pfsetl.declared import declarations, quarters, registry
from pfsetl.declared.registry import Release, order
from pfsetl.errors import ChecksFailed, PfsetlError, SourceUnavailable, UsageError
from pfsetl.publication import version
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.remedies import command, quoted
from pfsetl.source.archive import open_archive
from pfsetl.source.archive_list import Fetched
from pfsetl.source.discover import Posting
from pfsetl.watching.alarms import FILE, in_force

ASKED_AGAIN = 4  # of the newest releases at CMS: the year that is being paid and corrected


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch (address by label), what to publish from the cache, what can't be done, and what CMS lists.

    `due` are those of `fetch` that were declared before CMS posted them, or failed in an earlier run; `holes` are
    posted releases between those that the store holds, which are left to a backfill.
    """

    fetch: dict[str, str]
    publish: dict[str, Fetched]
    failed: dict[str, PfsetlError]
    seen: dict[str, int]
    new: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()


def again(postings: Sequence[Posting], cached: Sequence[Fetched], base: Version, today: date) -> dict[str, str]:
    """Return the addresses to ask for other bytes than were published or refused, by label.

    They are those of the release in force, of the newest four at CMS, and of archives that wait in the cache: CMS may
    have replaced one that was refused. What isn't known yet is fetched in any case.
    """
    twice = _listed_twice(postings)
    posted = {p.label: p.url for p in postings if p.url and p.state == "known" and p.label not in twice}
    newest = sorted((r for r in map(_known, posted) if r), key=order)[-ASKED_AGAIN:]
    recent = {in_force(today), *(release.label for release in newest)} & {*base.releases}
    waiting = {label for label in _newest(cached) if is_waiting(label, cached, base)}
    return {label: url for label, url in posted.items() if label in recent | waiting}


def plan(
    postings: Sequence[Posting],
    cached: Sequence[Fetched],
    base: Version,
    *,
    since: int,
    brought: Collection[str] = (),
) -> Plan:
    """Return what to do so that a store holds what CMS posts.

    Fetched are new labels, other zips under known labels, and every declared release of `since` and later that is
    posted and neither in the store nor in the cache, whatever else the store holds. Published are archives of such
    releases, and later ones of releases of any year that are published, that the cache holds and the store doesn't: a
    run was stopped or refused them, or they are `brought` (by label), bytes that CMS posted since. A page that couldn't
    be read, a new label that nobody has declared, and an archive that a rollback took out need a person, and count as
    failed.
    """
    fetch, due, failed = _to_fetch(postings, cached, base, since)
    publish, refused = _to_publish(cached, base, since, fetch, brought)
    listed = [p.label for p in postings if p.state == "known"]
    new = tuple(p.label for p in postings if p.state in ("new_label", "new_zip"))
    seen: dict[str, int] = dict(Counter(posting.state for posting in postings))
    return Plan(fetch, publish, failed | refused, seen, new, due, holes(listed, base, since))


def _to_fetch(
    postings: Sequence[Posting], cached: Sequence[Fetched], base: Version, since: int
) -> tuple[dict[str, str], tuple[str, ...], dict[str, PfsetlError]]:
    """Return the addresses to fetch by label, those of them that are due, and what of CMS's index needs a person."""
    fetch: dict[str, str] = {}
    failed: dict[str, PfsetlError] = {}
    due = []
    twice = _listed_twice(postings)
    for posting in postings:
        if posting.label in twice:
            failed[posting.label] = SourceUnavailable(
                f"CMS's index lists it on several pages, with different zips: {', '.join(twice[posting.label])}. Look "
                f"at them in a browser, and take the right one: 'pfsetl fetch {posting.label} --url URL' prints its "
                f"path, {command(f'build {posting.label} --archive PATH', base.store)} publishes it. Then "
                f"acknowledge it in {declarations.named(FILE)}"
            )
            continue
        if posting.state == "unreachable":
            failed[posting.label] = SourceUnavailable(posting.note)
            continue
        is_due = _is_due(posting, cached, base, since)
        if posting.url and (is_due or posting.state in ("new_label", "new_zip")):
            try:
                label = registry.find_or_infer(posting.label).label
            except UsageError as error:
                failed[posting.label] = error
            else:
                fetch[label] = posting.url
                due += [label] if is_due else []
    return fetch, tuple(due), failed


def _to_publish(
    cached: Sequence[Fetched], base: Version, since: int, fetched: Collection[str], brought: Collection[str]
) -> tuple[dict[str, Fetched], dict[str, PfsetlError]]:
    """Return the archives of the cache to publish by label, without those `fetched` anew, and what needs a person."""
    publish: dict[str, Fetched] = {}
    failed: dict[str, PfsetlError] = {}
    for label, row in _newest(cached).items():
        try:
            wanted = registry.find_or_infer(label).year >= since or label in base.releases
        except UsageError as error:
            failed[label] = error
            continue
        if label in fetched or not wanted or not (label in brought or is_waiting(label, cached, base)):
            continue
        if (why := taken_out(row, base)) is None:
            publish[label] = row
        else:
            failed[label] = ChecksFailed(
                f"{why}, so no look publishes it again. "
                f"{command(f'build {label} --archive {quoted(row.path)}', base.store)} does. Until CMS posts another, "
                f"acknowledge it in {declarations.named(FILE)}"
            )
    return publish, failed


def taken_out(row: Fetched, base: Version) -> str | None:
    """Say which version shows that an archive was published and a rollback has taken it out, None where none does.

    It is the one that held the archive, or where that was pruned, the rollback. A withdrawn one is refused by the build
    itself. Bytes that CMS returned to are fetched after they were published.
    """
    if row.label in (base.manifest.pfsetl.withdrawn or {}):
        return None
    told = None
    for number in reversed(version.numbers(base.store)):
        if number > base.number:  # another run's, which goes on from this one
            continue
        at = version.open_version(base.store, number)
        if datetime.fromisoformat(at.manifest.created) < row.retrieved_at:
            break
        held, about = at.releases.get(row.label), at.manifest.pfsetl
        if held and held.archive.sha256 == row.sha256:
            return f"version {number} holds its newest archive, and the store was rolled back since"
        if about.rolled_back_to and row.label in (about.changes or {}):
            told = f"version {number} rolled it back after its newest archive came"
    return told


def holes(labels: Iterable[str], base: Version, since: int) -> tuple[str, ...]:
    """Return those of these releases of years before `since` that a store lacks, from the oldest that it holds on."""
    held = [(r.year, r.quarter) for r in base.releases.values()]
    releases = sorted((r for label in labels if label not in base.releases and (r := _known(label))), key=order)
    return tuple(r.label for r in releases if held and r.year < since and (r.year, r.quarter) >= min(held))


def _listed_twice(postings: Sequence[Posting]) -> dict[str, list[str]]:
    """Return the zips of each label that the index lists more than once, where they aren't one and the same."""
    zips: dict[str, dict[str, None]] = {}
    for posting in postings:
        if posting.url:
            zips.setdefault(posting.label, {})[posting.url] = None
    return {label: [*urls] for label, urls in zips.items() if len(urls) > 1}


def _is_due(posting: Posting, cached: Sequence[Fetched], base: Version, since: int) -> bool:
    """Return whether a declared release is posted, and neither in the store nor in the cache."""
    if posting.state != "known" or posting.label in base.releases or any(row.label == posting.label for row in cached):
        return False
    release = _known(posting.label)
    return bool(release and release.year >= since)


def _known(label: str) -> Release | None:
    """Return a release that is declared or follows CMS's rule; another can come only from an earlier declaration."""
    try:
        return registry.find_or_infer(label)
    except UsageError:
        return None


def _newest(cached: Sequence[Fetched]) -> dict[str, Fetched]:
    return {row.label: row for row in cached}  # rows stand in the order they were fetched


def is_waiting(label: str, cached: Sequence[Fetched], base: Version) -> bool:
    """Return whether a label's newest archive in the cache waits for being published.

    The store holds none of its archives, or one that was fetched or published before it: a run was stopped, or the
    archive was refused. What somebody published since from an archive that isn't in the cache is left alone, and so is
    what was published from the same files, as a folder of them.
    """
    if label not in base.releases:
        return True
    held, mine = base.releases[label], [row for row in cached if row.label == label]
    if held.archive.sha256 in [row.sha256 for row in mine]:
        return held.archive.sha256 != mine[-1].sha256
    return bool(mine) and _published_at(label, base) < mine[-1].retrieved_at and not _has_files_of(held, mine[-1])


def _has_files_of(held: ReleaseRecord, row: Fetched) -> bool:
    """Return whether an archive of the cache has the files that a release was built from."""
    try:
        return open_archive(row.path, quarters.first_day(held.year, held.quarter)).content == held.archive.content
    except PfsetlError:  # damaged, or in a bucket: the build that follows tells
        return False


def _published_at(label: str, base: Version) -> datetime:
    """Return when a version first held a release as this one does, as far back as there are versions."""
    since = base
    for number in reversed(version.numbers(base.store)):
        if number >= since.number:
            continue
        earlier = version.open_version(base.store, number)
        held = earlier.releases.get(label)
        if held is None or held.archive.sha256 != base.releases[label].archive.sha256:
            break
        since = earlier
    return datetime.fromisoformat(since.manifest.created)
