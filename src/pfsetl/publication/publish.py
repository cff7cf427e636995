"""Publish: stage the tables of a release as immutable objects, then commit them with one create-if-absent.

The numbered manifest is the only coordination. Losing the race for a number means reading the winner's manifest,
merging and trying the next; a different content of the same release since the base is a Conflict.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import msgspec
from msgspec import UNSET

from pfsetl.declared.contracts import Contract
from pfsetl.errors import Conflict, StoreError
from pfsetl.publication import (
    catalog,
    catalog_writing,
    chain,
    diff,
    licensing,
    manifest,
    objects,
    over_releases,
    runs,
    version,
)
from pfsetl.publication.manifest import About, ContractName, Manifest, Resource, Withdrawal
from pfsetl.publication.parquet import Parts, Written
from pfsetl.publication.release_record import Later, ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

WRITERS = 4


@dataclass(frozen=True, slots=True)
class StagedRelease:
    """What a build wrote for one release, ready to commit: small, picklable, without frames."""

    release: str
    resources: tuple[Resource, ...]
    record: ReleaseRecord

    @property
    def content(self) -> str:
        """Identity of the release's content: the digests of all its tables."""
        return str(self.record.content)


def stage(
    store: Store,
    release: str,
    tables: Mapping[str, Parts],
    record: ReleaseRecord,
    contract: Contract,
    under_way: Mapping[str, Future[Written]] | None = None,
    base: Version | None = None,
) -> StagedRelease:
    """Write every table of a release as a Parquet object named by its content; nothing becomes visible yet.

    `under_way` are tables that other threads write already, by name; `base` is the version that was the newest when
    the build began, which then isn't read a second time. Raises StoreError for a restricted contract in
    a public store, and the other way round.
    """
    licensing.refuse_other_class(version.newest(store, base or version.empty(store)), contract)

    def put(name: str) -> Resource:
        return objects.stored(store, release, contract.tables[name], tables[name])

    def put_written(name: str, written: Future[Written]) -> Resource:
        return objects.put(store, release, contract.tables[name], written.result())

    begun = under_way or {}
    with ThreadPoolExecutor(WRITERS) as pool:  # a table waits for the disk or the network while others go on
        resources = [*pool.map(put, tables), *pool.map(put_written, begun, begun.values())]
    content = content_of(resources, record)
    return StagedRelease(release, tuple(resources), msgspec.structs.replace(record, content=content))


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
            return shown(newest)
        refuse_vanished(store, [r for s in changed for r in s.resources] + list(made.values()))
        number = chain.follow(store, newest)
        refuse_taken(store, number, tried)
        releases = {**newest.releases, **{s.release: s.record for s in changed}}
        content = manifest_of(newest, number, releases, resources, contract, without(newest, releases))
        found = diff.replaced(newest, Version(store, number, content), _touched(newest, changed, resources))
        content = manifest.about(content, changes=found)
        document = manifest.encode(content)
        if store.put_new(manifest.name(number), document):
            sha256 = hashlib.sha256(document).hexdigest()
            chain.record(store, number, sha256)
            return shown(Version(store, number, content, sha256))
        tried = number


def refuse_taken(store: Store, number: int, tried: int = 0) -> None:
    """Raise StoreError for a number that no manifest can have, or that is taken by what isn't listed as one."""
    name = manifest.name(number)
    if number == tried:
        raise StoreError(f"{store}/{name}: this name belongs to a manifest, and something else has it. Move it away.")
    if manifest.number_of(name) is None:
        raise StoreError(
            f"{store}/{name}: beyond the last version a store can have. Export the newest into a new store."
        )


def refuse_vanished(store: Store, resources: Sequence[Resource]) -> None:
    """Raise StoreError when objects that a manifest is about to name are gone, as after a prune beside a build."""
    names = sorted({name for r in resources for name in (r.path, r.schema)})
    with ThreadPoolExecutor(min(len(names), 16) or 1) as pool:
        gone = [name for name, there in zip(names, pool.map(store.exists, names), strict=True) if not there]
    if gone:
        raise StoreError(
            f"{store}/{gone[0]}: missing, with {len(gone) - 1} more. Nothing was published. Was the store pruned "
            "meanwhile? Run the command again; a build writes the file anew."
        )


def content_of(resources: Iterable[Resource], record: ReleaseRecord) -> str:
    """Return the identity of a release's content: its tables, if every format was compared, and if it's a part."""
    lines = sorted(f"{r.table} {r.digest}" for r in resources)
    lines += ["all formats compared"] if record.all_formats else []
    lines += ["a sample"] if record.sample else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _content(at: Version, release: str) -> str | None:
    record = at.releases.get(release)
    return record.content if record else None


def shown(committed: Version) -> Version:
    """Lay out a committed version for readers that glob, put it into the catalogue, and return it."""
    if committed.number:
        files = {manifest.shown_path(r): r.path for r in committed.resources}
        try:
            committed.store.show_tree(committed.number, files)
            catalog_writing.keep(committed)
        except StoreError as error:
            raise StoreError(
                f"{error} Version {committed.number} is published all the same; only its tree for readers that glob, "
                f"or {catalog.NAME}, isn't there. Run the command again to write it."
            ) from error
    return committed


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


def without(newest: Version, releases: Iterable[str]) -> Mapping[str, Withdrawal] | Later:
    """Return what is known of withdrawn releases that a version after `newest`, which holds these, doesn't hold."""
    kept = {label: told for label, told in (newest.manifest.pfsetl.withdrawn or {}).items() if label not in releases}
    return kept or UNSET


def _rewritten(newest: Version, mine: StagedRelease) -> bool:
    """Whether a release has the rows it had in files that more readers can read."""
    there = {r.path for r in newest.resources}
    return any(r.path.endswith(objects.UNIFORM) and r.path not in there for r in mine.resources)


def _files(resources: Iterable[Resource]) -> set[tuple[str, str, str, str]]:
    return {(r.table, r.release, r.digest, r.path) for r in resources}


@cache
def _software() -> Mapping[str, str]:
    from importlib.metadata import version as installed

    return {name: installed(name) for name in ("pfsetl", "polars")}


def manifest_of(
    newest: Version,
    number: int,
    releases: Mapping[str, ReleaseRecord],
    resources: Sequence[Resource],
    contract: Contract,
    withdrawn: Mapping[str, Withdrawal] | Later,
) -> Manifest:
    """Return the manifest of the version after the newest, with these releases and files, without its changes."""
    about = About(
        format=manifest.format_of(resources, withdrawn),
        parent=newest.number,
        parent_sha256=newest.sha256,
        contract=ContractName(id=contract.id, version=contract.version),
        classification=contract.classification,
        members={name: tuple(table.members) for name, table in contract.tables.items()},
        software=dict(_software()),
        releases=dict(releases),
        withdrawn=withdrawn,
        run=runs.current(),
    )
    return Manifest(
        profile="https://datapackage.org/profiles/2.0/datapackage.json",
        name="pfsetl",
        title=contract.title,
        description=contract.usage,
        version=str(number),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=({"title": "CMS, PFS Relative Value Files", "path": "https://www.cms.gov"},),
        resources=tuple(sorted(resources, key=lambda r: (r.table, r.release))),
        pfsetl=about,
    )
