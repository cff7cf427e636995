"""What there is to do after a look at CMS: which archives to fetch, and which fetched ones to publish."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pfsetl.declared import registry
from pfsetl.errors import PfsetlError, SourceUnavailable, UsageError
from pfsetl.publication.version import Version
from pfsetl.source.cache import Fetched
from pfsetl.source.discover import Posting


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch (address by label), what to publish from the cache, what can't be done, and what CMS lists."""

    fetch: dict[str, str]
    publish: dict[str, Fetched]
    failed: dict[str, PfsetlError]
    seen: dict[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to fetch and nothing to publish."""
        return not self.fetch and not self.publish


def plan(postings: Sequence[Posting], cached: Sequence[Fetched], base: Version, *, since: int) -> Plan:
    """Return what brings a store up to what CMS posts.

    New releases and other zips under known labels are fetched, and releases that were declared before CMS posted
    them: those later than all that the store holds. What is older is left to a backfill. Archives in the cache of
    releases of `since` and later that the store hasn't published are left by a run that was stopped or refused, and
    are published. A page that couldn't be read and a new label that nobody has declared need a person, and count as
    failed.
    """
    fetch: dict[str, str] = {}
    failed: dict[str, PfsetlError] = {}
    for posting in postings:
        if posting.state == "unreachable":
            failed[posting.label] = SourceUnavailable(posting.note)
        elif posting.url and (posting.state in ("new_label", "new_zip") or _is_due(posting, cached, base)):
            try:
                fetch[registry.find_or_infer(posting.label).label] = posting.url
            except UsageError as error:
                failed[posting.label] = error
    publish: dict[str, Fetched] = {}
    for label, row in _newest(cached).items():
        try:
            recent = registry.find_or_infer(label).year >= since
        except UsageError as error:
            failed[label] = error
            continue
        if label not in fetch and recent and _is_left(label, cached, base):
            publish[label] = row
    return Plan(fetch, publish, failed, dict(Counter(posting.state for posting in postings)))


def _is_due(posting: Posting, cached: Sequence[Fetched], base: Version) -> bool:
    """Return whether a declared release is later than any in the store, and wasn't fetched yet."""
    if posting.state != "known" or not base.releases or any(row.label == posting.label for row in cached):
        return False
    release = registry.find(posting.label)
    return (release.year, release.quarter) > max((r["year"], r["quarter"]) for r in base.releases.values())


def _newest(cached: Sequence[Fetched]) -> dict[str, Fetched]:
    return {row.label: row for row in cached}  # rows stand in the order they were fetched


def _is_left(label: str, cached: Sequence[Fetched], base: Version) -> bool:
    """Return whether the store holds none of a label's archives, or an earlier one than the newest of the cache.

    What was published from an archive that isn't in the cache was somebody's decision, and is left alone.
    """
    mine = [row.sha256 for row in cached if row.label == label]
    if label not in base.releases:
        return True
    published = base.releases[label]["archive"]["sha256"]
    return published in mine and published != mine[-1]
