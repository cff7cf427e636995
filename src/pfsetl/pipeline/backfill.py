"""Build many releases into one version: stage each, commit once, resume where an earlier run stopped."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from pfsetl import archive_folder
from pfsetl.archive_folder import YEARS, is_wanted, order, split
from pfsetl.declared import contracts, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import Conflict, PfsetlError, UsageError, during
from pfsetl.pipeline.request import Request, refuse_unknown
from pfsetl.pipeline.stage import stage_missing
from pfsetl.publication import neighbours, one_label, publish, recording, version
from pfsetl.publication.manifest import Resource
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.runs import current, recorded, step
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store
from pfsetl.tables.check import against_neighbour

SIDE_BY_SIDE = 2  # releases held against their neighbors at a time
Progress = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill did: the version that holds the releases, and each release's outcome."""

    version: Version
    published: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: dict[str, str]

    def __repr__(self) -> str:
        counts = f"{len(self.published)} published, {len(self.unchanged)} unchanged, {len(self.failed)} failed"
        which = f" ({', '.join(self.failed)})" if self.failed else ""
        return f"<Backfill, version {self.version.number} of {self.version.store}: {counts}{which}>"


def find_archives(folder: Path, wanted: str) -> dict[str, Path]:
    """Return the archives of the wanted releases in a folder, by label, in CMS's order; see `archive_folder.look`."""
    return dict(archive_folder.look(folder, wanted).archives)


def find_releases(wanted: str) -> list[Release]:
    """Return the wanted releases that can be fetched, in CMS's order: those of `schemas/releases.csv` with a zip.

    `wanted` is a year, a range of years, or labels separated by commas; a label that is named has to be known.
    """
    named = {registry.find(part).label for part in split(wanted) if not YEARS.match(part)}
    known = registry.releases().values()
    chosen = sorted((r for r in known if is_wanted(r, wanted) and (r.zip_path or r.label in named)), key=order)
    if not chosen:
        raise UsageError(f"{wanted}: no such release is declared. Ask for years (2009..2026) or labels.")
    return chosen


def backfill(
    archives: Mapping[str, Path],
    *,
    store: Store,
    report: Progress | None = None,
    urls: Mapping[str, str] | None = None,
    sample: bool = False,
    accept: Collection[str] = (),
    unfetched: Mapping[str, str] | None = None,
) -> Backfill:
    """Build every archive and publish all that succeed as one version.

    A release that fails is reported and doesn't stop the others. What was staged before a run was stopped is
    taken over by the next one, so only the missing work is done. Memory doesn't grow with the number of releases.
    `urls` says where archives came from, by label. `sample` and `accept` are those of `build`, for every archive.
    `unfetched` are wanted releases that no archive could be had of, and why: they failed, in the run's record too.
    """
    refuse_unknown(accept)
    without = unfetched or {}
    with recorded(store, "backfill", releases=[*archives, *without]) as run:
        tell = report or (lambda _label, _outcome: None)
        froms = urls or {}
        asked = [
            Request(label, path, froms.get(label), sample=sample, accept=accept) for label, path in archives.items()
        ]
        done = _backfill(asked, store, tell)
        result = replace(done, failed={**without, **done.failed})
        run.version = result.version.number
        run.outcome = "failed" if result.failed else "published" if result.published else "unchanged"
        run.error = "; ".join(f"{label}: {error}" for label, error in result.failed.items()) or None
    return result


def publish_staged(staged: Sequence[StagedRelease], *, store: Store, base: Version) -> tuple[Version, dict[str, str]]:
    """Make staged releases visible as one version; return it, and why a release was left out.

    Releases that were staged side by side couldn't be held against each other; that is done here, in CMS's order.
    One that another run published with another content meanwhile is left out too, and doesn't stop the others.
    """
    failed: dict[str, str] = {}
    accepted: list[StagedRelease] = []
    for one in sorted(staged, key=lambda one: order(registry.find_or_infer(one.release))):
        known = {**base.releases, **{s.release: s.record for s in accepted}}
        try:
            with during(f"holding {one.release} against the others"):
                _hold_against_neighbour(one, store, known)
                beside = [s for s in staged if s.release not in failed]
                neighbours.refuse_gaps(one, store, *_together(base, beside))
                one_label.notices(one.release, one.record, known, store)
            accepted.append(one)
        except PfsetlError as error:
            failed[one.release] = str(error)
    if not accepted:
        return version.newest(store, base), failed
    known, resources = _together(base, accepted)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        accepted = [*pool.map(lambda one: neighbours.held_against(one, store, known, resources), accepted)]
    with step("commit"):
        try:
            with during(f"publishing {', '.join(one.release for one in accepted)}"):
                return publish.commit(store, accepted, base, contracts.load()), failed
        except PfsetlError as trouble:
            committed, left_out = _one_by_one(accepted, store, base)
            if len(left_out) == len(accepted) and not isinstance(trouble, Conflict):
                raise  # it's the store's trouble, not a release's
            return committed, failed | left_out


def _together(base: Version, staged: Sequence[StagedRelease]) -> tuple[dict[str, ReleaseRecord], list[Resource]]:
    """Return the records and the files that there are once the staged releases are published."""
    names = {one.release for one in staged}
    kept = [r for r in base.resources if r.release not in names]
    return {**base.releases, **{s.release: s.record for s in staged}}, [
        *kept,
        *(r for s in staged for r in s.resources),
    ]


def _one_by_one(accepted: Sequence[StagedRelease], store: Store, base: Version) -> tuple[Version, dict[str, str]]:
    """Publish each release by itself, so that only those stay out that are in trouble; return why they did."""
    committed, left_out = base, {}
    for one in accepted:
        try:
            with during(f"publishing {one.release}"):
                committed = publish.commit(store, [one], base, contracts.load())
        except PfsetlError as error:
            left_out[one.release] = str(error)
    return committed, left_out


def _backfill(asked: Sequence[Request], store: Store, tell: Progress) -> Backfill:
    base = version.open_version(store)
    staged: list[StagedRelease] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    for request in asked:
        label = request.label
        try:
            known = {**base.releases, **{s.release: s.record for s in staged}}
            made = stage_missing(request, base, known)
            if made is None:
                unchanged.append(label)
            else:
                staged.append(made)
            tell(label, "staged" if made else "unchanged")
        except PfsetlError as error:
            failed[label] = str(error)
            tell(label, "failed")
    committed, left_out = publish_staged(staged, store=store, base=base)
    published = [s.release for s in staged if s.release not in left_out]
    if committed.run != current():  # another run published the same meanwhile
        published, unchanged = [], [*unchanged, *published]
    return Backfill(committed, tuple(published), tuple(unchanged), failed | left_out)


def _hold_against_neighbour(one: StagedRelease, store: Store, known: Mapping[str, ReleaseRecord]) -> None:
    """Run the contract's rules on the nearest earlier release again, now that all of them are known."""
    near = recording.neighbour(registry.find_or_infer(one.release), {} if one.record.sample else known)
    path = next(r.path for r in one.resources if r.table == "rvu")
    report = against_neighbour(one.release, pl.read_parquet(store.get(path), columns=["participant"]), near)
    report.accepting(one.record.accepted or ()).raise_if_bad()
