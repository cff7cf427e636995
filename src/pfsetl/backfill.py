"""Build many releases into one version: stage each, commit once, resume where an earlier run stopped."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl import archives, pipeline
from pfsetl.archives import YEARS, is_wanted, order, split
from pfsetl.declared import contracts, labels, quarters, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import Conflict, PfsetlError, UsageError, during, proposing
from pfsetl.publication import elsewhere, neighbours, publish, record, separation, staging, version
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.runs import current, recorded, step
from pfsetl.publication.store import Store
from pfsetl.publication.version import Version
from pfsetl.source.archive import open_archive
from pfsetl.tables.check import against_neighbour

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
    """Return the archives of the wanted releases in a folder, by label, in CMS's order; `archives.look` says more."""
    return dict(archives.look(folder, wanted).archives)


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
) -> Backfill:
    """Build every archive and publish all that succeed as one version.

    A release that fails is reported and doesn't stop the others. What was staged before a run was stopped is
    taken over by the next one, so only the missing work is done. Memory doesn't grow with the number of releases.
    `urls` says where archives came from, by label. `sample` and `accept` are those of `pipeline.build`, for every
    archive.
    """
    pipeline.refuse_unknown(accept)
    with recorded(store, "backfill", releases=list(archives)) as run:
        tell = report or (lambda _label, _outcome: None)
        result = _backfill(archives, store, tell, urls or {}, sample=sample, accept=accept)
        run.version = result.version.number
        run.outcome = "failed" if result.failed else "published" if result.published else "unchanged"
        run.error = "; ".join(f"{label}: {error}" for label, error in result.failed.items()) or None
    return result


def stage_missing(
    label: str,
    path: Path,
    *,
    store: Store,
    base: Version,
    url: str | None = None,
    records: Mapping[str, Mapping[str, Any]] | None = None,
    sample: bool = False,
    accept: Collection[str] = (),
) -> StagedRelease | None:
    """Stage an archive, or take over what a stopped run staged of it; None when the base version holds it already.

    `records` are those of the releases known so far, default those of the base. The result is small and picklable,
    so this can run in another thread or process; `publish_staged` makes the results visible. `sample` and `accept`
    are those of `pipeline.build`.
    """
    with during(f"building {label} from {path}"), proposing(label, path):
        return _stage_missing(label, path, store, base, url, records, sample=sample, accept=accept)


def _stage_missing(
    label: str,
    path: Path,
    store: Store,
    base: Version,
    url: str | None,
    records: Mapping[str, Mapping[str, Any]] | None,
    *,
    sample: bool,
    accept: Collection[str],
) -> StagedRelease | None:
    separation.refuse_other_class(base, contracts.load())
    release = labels.to_build(label)
    archive = open_archive(path, quarters.first_day(release.year, release.quarter))
    if pipeline.is_built(release, archive, base, sample=sample):
        return None
    before = base.releases.get(release.label, {}).get("content", "nothing")
    asked = "".join(f"{word}-" for word in (*(["sample"] if sample else []), *sorted(accept)))
    name = f"staged/{release.label}-{record.fingerprint(archive)[:16]}-{asked}{before[:16]}.json"
    if store.exists(name) and (kept := staging.taken_over(store, name, release.label)):
        return kept
    known = base.releases if records is None else records
    all_formats = bool(base.releases.get(release.label, {}).get("all_formats"))  # compared once, it stays compared
    made = pipeline.stage(
        release,
        archive,
        store=store,
        base=base,
        records=known,
        url=url,
        all_formats=all_formats,
        sample=sample,
        accept=accept,
    )
    store.put_new(name, json.dumps({"resources": made.resources, "record": made.record}).encode())
    return made


def publish_staged(staged: Sequence[StagedRelease], *, store: Store, base: Version) -> tuple[Version, dict[str, str]]:
    """Make staged releases visible as one version; return it, and why a release was left out.

    Releases that were staged side by side couldn't be held against each other; that is done here, in CMS's order.
    One that another run published with another content meanwhile is left out too, and doesn't stop the others.
    """
    failed: dict[str, str] = {}
    accepted: list[StagedRelease] = []
    for one in sorted(staged, key=lambda one: order(registry.find_or_infer(one.release))):
        known = base.releases | {s.release: s.record for s in accepted}
        try:
            with during(f"holding {one.release} against the others"):
                _hold_against_neighbour(one, store, known)
                elsewhere.notices(one.release, one.record, known, store)
            accepted.append(one)
        except PfsetlError as error:
            failed[one.release] = str(error)
    if not accepted:
        return version.open_version(store), failed
    known = base.releases | {s.release: s.record for s in accepted}
    kept = [r for r in base.resources if r["release"] not in {s.release for s in accepted}]
    resources = [*kept, *(r for s in accepted for r in s.resources)]
    accepted = [neighbours.held_against(s, store, known, resources) for s in accepted]
    with step("commit"):
        try:
            with during(f"publishing {', '.join(one.release for one in accepted)}"):
                return publish.commit(store, accepted, base, contracts.load()), failed
        except PfsetlError as trouble:
            committed, left_out = _one_by_one(accepted, store, base)
            if len(left_out) == len(accepted) and not isinstance(trouble, Conflict):
                raise  # it's the store's trouble, not a release's
            return committed, failed | left_out


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


def _backfill(
    archives: Mapping[str, Path],
    store: Store,
    tell: Progress,
    urls: Mapping[str, str],
    *,
    sample: bool,
    accept: Collection[str],
) -> Backfill:
    base = version.open_version(store)
    staged: list[StagedRelease] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    for label, path in archives.items():
        try:
            known = base.releases | {s.release: s.record for s in staged}
            made = stage_missing(
                label,
                path,
                store=store,
                base=base,
                url=urls.get(label),
                records=known,
                sample=sample,
                accept=accept,
            )
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


def _hold_against_neighbour(one: StagedRelease, store: Store, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Run the contract's rules on the nearest earlier release again, now that all of them are known."""
    near = record.neighbour(registry.find_or_infer(one.release), {} if one.record["sample"] else known)
    path = next(r["path"] for r in one.resources if r["table"] == "rvu")
    report = against_neighbour(one.release, pl.read_parquet(store.get(path), columns=["participant"]), near)
    report.accepting(one.record.get("accepted", ())).raise_if_bad()
