"""Build many releases into one version: stage each, commit once, resume where an earlier run stopped."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pfsetl.declared import registry
from pfsetl.declared.registry import Release, order
from pfsetl.errors import PfsetlError, UsageError
from pfsetl.pipeline.archive_folder import YEARS, is_wanted, split
from pfsetl.pipeline.request import Request, refuse_unknown
from pfsetl.pipeline.side_by_side import publish_staged
from pfsetl.pipeline.stage import stage_missing
from pfsetl.publication import version
from pfsetl.publication.runs import current, recorded
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

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
    committed, left_out = publish_staged(staged, base)
    published = [s.release for s in staged if s.release not in left_out]
    if committed.run != current():  # another run published the same meanwhile
        published, unchanged = [], [*unchanged, *published]
    return Backfill(committed, tuple(published), tuple(unchanged), failed | left_out)
