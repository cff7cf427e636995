"""Build many releases into one version: stage each, commit once, resume where an earlier run stopped."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfsetl import contracts, pipeline, publish, record, registry, version
from pfsetl.archive import Archive, open_archive
from pfsetl.errors import PfsetlError, UsageError
from pfsetl.publish import StagedRelease
from pfsetl.registry import Release
from pfsetl.store import LocalStore
from pfsetl.version import Version

_YEARS = re.compile(r"^(\d{4})(?:\.\.(\d{4}))?$")
_NAMED = re.compile(r"^([A-Z0-9_]+?)(?:[^A-Z0-9_].*)?$")

Report = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Backfill:
    """What a backfill did: the version that holds the releases, and each release's outcome."""

    version: Version
    published: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: dict[str, str]


def find_archives(folder: Path, wanted: str) -> dict[str, Path]:
    """Return the archives of the wanted releases in a folder, by label, in CMS's order.

    `wanted` is a year (2025), a range of years (2009..2026) or labels separated by commas. An archive is a zip or a
    folder named after its label, also as CMS and `pfsetl fetch` name them (rvu26a-updated-12-29-2025.zip). Of several
    archives of one label the newest by name counts. Raises UsageError when nothing wanted is there.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder. Give the folder of the archives with --archives.")
    there: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.suffix.lower() == ".zip":
            there |= dict.fromkeys(_labels(path), path)
    chosen = sorted((r for r in map(registry.find_or_infer, there) if _is_wanted(r, wanted)), key=_order)
    missing = [] if _YEARS.match(wanted) else [x for x in _split(wanted) if x not in there]
    if missing or not chosen:
        what = ", ".join(missing) or wanted
        raise UsageError(f"{folder}: no archive of {what}. There are {', '.join(there) or 'none'}.")
    return {release.label: there[release.label] for release in chosen}


def backfill(archives: dict[str, Path], *, store: LocalStore, report: Report | None = None) -> Backfill:
    """Build every archive and publish all that succeed as one version.

    A release that fails is reported and doesn't stop the others. What was staged before a run was stopped is
    taken over by the next one, so only the missing work is done. Memory doesn't grow with the number of releases.
    """
    tell = report or (lambda _label, _outcome: None)
    base = version.open_version(store)
    staged: list[StagedRelease] = []
    unchanged: list[str] = []
    failed: dict[str, str] = {}
    for label, path in archives.items():
        try:
            release, archive = registry.find_or_infer(label), open_archive(path)
            if pipeline.is_built(release, archive, base):
                unchanged.append(label)
                tell(label, "unchanged")
                continue
            staged.append(_stage(release, archive, store, base, staged))
            tell(label, "staged")
        except PfsetlError as error:
            failed[label] = str(error)
            tell(label, "failed")
    committed = publish.commit(store, staged, base, contracts.load()) if staged else base
    return Backfill(committed, tuple(s.release for s in staged), tuple(unchanged), failed)


def _stage(
    release: Release, archive: Archive, store: LocalStore, base: Version, staged: Sequence[StagedRelease]
) -> StagedRelease:
    """Stage a release, or take over what a stopped run staged of the same archive on the same base."""
    before = base.releases.get(release.label, {}).get("content", "nothing")
    name = f"staged/{release.label}-{record.fingerprint(archive)[:16]}-{before[:16]}.json"
    if store.exists(name):
        kept = json.loads(store.get(name))
        if all(store.exists(r["path"]) for r in kept["resources"]):
            return StagedRelease(release.label, tuple(kept["resources"]), kept["record"])
    known = base.releases | {s.release: s.record for s in staged}
    made = pipeline.stage(release, archive, store=store, base=base, records=known)
    store.put_new(name, json.dumps({"resources": made.resources, "record": made.record}).encode())
    return made


def _labels(path: Path) -> Iterator[str]:
    named = _NAMED.match((path.stem if path.suffix.lower() == ".zip" else path.name).upper())
    if named:
        try:
            yield registry.find_or_infer(named[1]).label
        except UsageError:
            return


def _is_wanted(release: Release, wanted: str) -> bool:
    years = _YEARS.match(wanted)
    if years:
        return int(years[1]) <= release.year <= int(years[2] or years[1])
    return release.label in _split(wanted)


def _split(wanted: str) -> list[str]:
    return [part.strip().upper() for part in wanted.split(",") if part.strip()]


def _order(release: Release) -> tuple[int, int, int]:
    known = list(registry.releases())
    place = known.index(release.label) if release.label in known else len(known)
    return release.year, release.quarter, place
