"""Publish: commit staged releases with one create-if-absent.

The numbered manifest is the only coordination. Losing the race for a number means reading the winner's manifest,
merging and trying the next; a different content of the same release since the base is a Conflict.
"""

from collections.abc import Iterable, Sequence

from pfsetl.declared.contracts import Contract
from pfsetl.errors import Conflict
from pfsetl.publication import diff, licensing, manifest, next_version, objects, over_releases, version
from pfsetl.publication.manifest import Resource
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


def commit(store: Store, staged: Sequence[StagedRelease], base: Version, contract: Contract) -> Version:
    """Make staged releases visible as the next version, or return the newest when it holds them already.

    Raises Conflict when another build changed one of these releases since `base`, StoreError for restricted tables
    in a public store and the other way round, ContractError for tables that the contract doesn't have.
    """
    licensing.refuse_strangers([r for s in staged for r in s.resources], contract)
    made: dict[tuple[str, ...], Resource] = {}
    tried = 0
    while True:
        newest = version.newest(store, base)
        licensing.refuse_other_class(newest, contract)
        changed = [s for s in staged if _content(newest, s.release) != s.content or _rewritten(newest, s)]
        for mine in changed:
            if _content(newest, mine.release) != _content(base, mine.release):
                raise Conflict(
                    f"{store}: version {newest.number} holds another content of {mine.release} than version "
                    f"{base.number}, on which this build started. Look at it, then build again."
                )
        resources = _resources(store, newest, changed, contract, made, [s.release for s in staged])
        if not changed and _files(resources) == _files(newest.resources):
            return next_version.shown(newest)
        next_version.refuse_vanished(store, [r for s in changed for r in s.resources] + list(made.values()))
        number = next_version.number_after(newest, tried)
        releases = {**newest.releases, **{s.release: s.record for s in changed}}
        withdrawn = next_version.without(newest, releases)
        content = next_version.manifest_of(newest, number, releases, resources, contract, withdrawn)
        found = diff.replaced(newest, Version(store, number, content), _touched(newest, changed, resources))
        if done := next_version.published(store, number, manifest.about(content, changes=found)):
            return done
        tried = number


def _content(at: Version, release: str) -> str | None:
    record = at.releases.get(release)
    return record.content if record else None


def _resources(
    store: Store,
    newest: Version,
    changed: Sequence[StagedRelease],
    contract: Contract,
    made: dict[tuple[str, ...], Resource],
    again: Iterable[str],
) -> list[Resource]:
    """Return the whole file set of the next version: kept, replaced, and what follows from several releases."""
    replaced = {s.release for s in changed}
    kept = [r for r in newest.resources if r.release not in replaced or over_releases.is_over_releases(r)]
    added = [resource for s in changed for resource in s.resources]
    records = {**newest.releases, **{s.release: s.record for s in changed}}
    return over_releases.completed(store, [*kept, *added], records, contract, made, again)


def _touched(newest: Version, changed: Sequence[StagedRelease], resources: Iterable[Resource]) -> list[str]:
    """Return the releases whose changes a manifest tells: those staged, without any those with other files."""
    if changed:
        return [s.release for s in changed]
    there = {r.path for r in newest.resources}
    return sorted({r.release for r in resources if r.path not in there and r.release != manifest.ALL})


def _rewritten(newest: Version, mine: StagedRelease) -> bool:
    """Whether a release has the rows it had in files that more readers can read."""
    there = {r.path for r in newest.resources}
    return any(r.path.endswith(objects.UNIFORM) and r.path not in there for r in mine.resources)


def _files(resources: Iterable[Resource]) -> set[tuple[str, str, str, str]]:
    return {(r.table, r.release, r.digest, r.path) for r in resources}
