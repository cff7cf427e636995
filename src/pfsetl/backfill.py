"""Build many releases into one version: stage each, commit once, resume where an earlier run stopped."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pfsetl import pipeline
from pfsetl.declared import contracts, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import PfsetlError, UsageError
from pfsetl.publication import publish, record, version
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.store import Store
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive, open_archive

_YEARS = re.compile(r"^(\d{4})(?:\.\.(\d{4}))?$")
_NAMED = re.compile(r"^([A-Z0-9_]+?)(?:[^A-Z0-9_].*)?$")

Progress = Callable[[str, str], None]


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
    folder named after its label, also as CMS and `pfsetl fetch` name them (rvu26a-updated-12-29-2025.zip). Raises
    UsageError when nothing wanted is there, or two archives of one label.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder. Give the folder of the archives with --archives.")
    there: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        label = _label(path) if path.is_dir() or path.suffix.lower() == ".zip" else None
        if label in there:
            raise UsageError(f"{folder}: two archives of {label}, {there[label].name} and {path.name}. Keep one.")
        if label:
            there[label] = path
    chosen = sorted((r for r in map(registry.find_or_infer, there) if _is_wanted(r, wanted)), key=_order)
    missing = [x for x in _split(wanted) if not _YEARS.match(x) and x not in there]
    if missing or not chosen:
        what = ", ".join(missing) or wanted
        raise UsageError(
            f"{folder}: no archive of {what}. There are {', '.join(there) or 'none'}. Ask for years (2009..2026, the "
            "earlier first) or labels."
        )
    return {release.label: there[release.label] for release in chosen}


def backfill(archives: dict[str, Path], *, store: Store, report: Progress | None = None) -> Backfill:
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
    release: Release, archive: Archive, store: Store, base: Version, staged: Sequence[StagedRelease]
) -> StagedRelease:
    """Stage a release, or take over what a stopped run staged of the same archive on the same base."""
    before = base.releases.get(release.label, {}).get("content", "nothing")
    name = f"staged/{release.label}-{record.fingerprint(archive)[:16]}-{before[:16]}.json"
    if store.exists(name):
        # NOTE: an unreadable record counts as none; the release is staged again.
        with suppress(ValueError, KeyError, TypeError):
            kept = json.loads(store.get(name))
            if all(store.size(r["path"]) == r["bytes"] for r in kept["resources"]):
                return StagedRelease(release.label, tuple(kept["resources"]), kept["record"])
    known = base.releases | {s.release: s.record for s in staged}
    made = pipeline.stage(release, archive, store=store, base=base, records=known)
    store.put_new(name, json.dumps({"resources": made.resources, "record": made.record}).encode())
    return made


def _label(path: Path) -> str | None:
    named = _NAMED.match((path.stem if path.suffix.lower() == ".zip" else path.name).upper())
    try:
        return registry.find_or_infer(named[1]).label if named else None
    except UsageError:
        return None


def _is_wanted(release: Release, wanted: str) -> bool:
    for part in _split(wanted):
        years = _YEARS.match(part)
        if release.label == part or (years and int(years[1]) <= release.year <= int(years[2] or years[1])):
            return True
    return False


def _split(wanted: str) -> list[str]:
    return [part.strip().upper() for part in wanted.split(",") if part.strip()]


def _order(release: Release) -> tuple[int, int, int]:
    known = list(registry.releases())
    place = known.index(release.label) if release.label in known else len(known)
    return release.year, release.quarter, place
