"""The archives of a folder: which release each is of, which files aren't used and why, which releases are absent."""

import hashlib
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfsetl.declared import declarations, labels, quarters, registry
from pfsetl.declared.registry import Release, order
from pfsetl.errors import ChecksFailed, PfsetlError, UsageError, proposing
from pfsetl.parsing import identity
from pfsetl.parsing.read import RawTable, read_member
from pfsetl.source import cache
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.archive import other_bytes as said_of_bytes
from pfsetl.source.members import is_of_system

_NOT_ASKED = "which wasn't asked for"
_EARLIER = "an earlier revision of"
FEW = 4  # of more labels none is worth naming: the files inside tell nothing
YEARS = re.compile(r"^(\d{4})(?:\.\.(\d{4}))?$")


@dataclass(frozen=True, slots=True)
class InFolder:
    """What a folder holds of the wanted releases, in CMS's order.

    `unused` are the other files and folders of it with why; `absent` the wanted releases that aren't there; `notices`
    say of which release a file was taken whose name alone doesn't tell.
    """

    archives: Mapping[str, Path]
    unused: Mapping[str, str]
    absent: tuple[str, ...]
    notices: tuple[str, ...] = ()


def find_archives(folder: Path, wanted: str) -> InFolder:
    """Find the archives of the wanted releases in a folder.

    `wanted` is a year (2025), a range of years (2009..2026) or labels separated by commas. An archive is a zip or a
    folder named after its label, also as CMS and browsers name them (rvu26a-updated-12-29-2025.zip, RVU25D_0.zip); of
    the cache that `pfsetl fetch` fills, it is the newest revision of each label. A name that fits no declared label
    and one of the same quarter (rvu26ar_1.zip, RVU26A) is believed where the files inside don't contradict. Raises
    UsageError when nothing wanted is there, or two archives of one label.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder}: no such folder. Give the folder of the archives with --archives, or a bucket of them with "
            "--cache."
        )
    there, unused, notices = _cached(folder) or _named(folder)
    chosen = sorted((r for r in map(registry.find_or_infer, there) if is_wanted(r, wanted)), key=order)
    missing = [x for x in split(wanted) if not YEARS.match(x) and x not in there]
    if missing or not chosen:
        what = ", ".join(missing) or wanted
        not_used = "; ".join(f"{name}: {why}" for name, why in unused.items() if not is_of_system(name))
        raise UsageError(
            f"{folder}: no archive of {what}. There are {', '.join(there) or 'none'}. Ask for years (2009..2026, the "
            f"earlier first) or labels.{f' Not used: {not_used}.' if not_used else ''}"
        )
    taken = {release.label: there[release.label] for release in chosen}
    others = {path.name: f"{label}, {_NOT_ASKED}" for label, path in there.items() if label not in taken}
    return InFolder(taken, unused | others, absent(wanted, taken), tuple(notices))


def other_bytes(taken: Mapping[str, Path]) -> list[str]:
    """Say which of these archives, by label, aren't the zip that was known of their release; a folder can't be one."""
    found = []
    for label, path in taken.items():
        release = registry.find_or_infer(label)
        if release.zip_sha256 and path.is_file():
            with path.open("rb") as file:
                found += said_of_bytes(release, path.name, hashlib.file_digest(file, "sha256").hexdigest())
    return found


def absent(wanted: str, there: Collection[str]) -> tuple[str, ...]:
    """Return the declared releases that are wanted and not there, in CMS's order."""
    known = [r for r in registry.releases().values() if is_wanted(r, wanted) and r.label not in there]
    return tuple(release.label for release in sorted(known, key=order))


def refuse_incomplete(absent: Collection[str], unused: Mapping[str, str]) -> None:
    """Raise ChecksFailed when wanted releases are absent, or when files aren't used that may be of one.

    Files of an operating system, releases that weren't asked for and earlier revisions are none of these.
    """
    strays = {
        name: why
        for name, why in unused.items()
        if not (is_of_system(name) or why.endswith(_NOT_ASKED) or why.startswith(_EARLIER))
    }
    if absent or strays:
        lacking = [f"absent: {', '.join(absent)}"] if absent else []
        remedy = (
            "Published is what was there. Add the archives that are absent, ask for fewer releases, move other files "
            "out of the folder, or leave --strict out."
        )
        raise ChecksFailed("\n".join([*lacking, *(f"not used: {n}: {why}" for n, why in strays.items()), remedy]))


def is_wanted(release: Release, wanted: str) -> bool:
    """Return whether a release is one of the wanted labels or of the wanted years."""
    for part in split(wanted):
        years = YEARS.match(part)
        if release.label == part or (years and int(years[1]) <= release.year <= int(years[2] or years[1])):
            return True
    return False


def split(wanted: str) -> list[str]:
    """Return the labels and years that are wanted."""
    return [part.strip().upper() for part in wanted.split(",") if part.strip()]


def _cached(folder: Path) -> tuple[dict[str, Path], dict[str, str], list[str]] | None:
    """Return the newest revision of each label where the folder is the cache, None where it's another folder."""
    kept = cache.rows(folder)
    if not kept:
        return None
    newest = {row.label: row.path for row in kept}
    strays = [p for p in sorted(folder.iterdir()) if p.suffix.lower() == ".zip" or labels.in_name(p.name)]
    why = "not in the cache's list, which pfsetl fetch keeps; put it in a folder of its own"
    older = {row.path.name: f"{_EARLIER} {row.label}" for row in kept if row.path != newest[row.label]}
    return newest, older | {p.name: why for p in strays}, []


def _named(folder: Path) -> tuple[dict[str, Path], dict[str, str], list[str]]:
    there: dict[str, Path] = {}
    unused: dict[str, str] = {}
    notices: list[str] = []
    for path in sorted(folder.iterdir()):
        release, why = _release_of(path)
        if release and not release.known and (declared := labels.beside(release)):
            release, why = _by_its_content(path, release, declared)
            notices += [why] if release else []
        if release is None:
            unused[path.name] = why
        elif release.label in there:
            raise UsageError(
                f"{folder}: two archives of {release.label}, {there[release.label].name} and {path.name}. Keep one."
            )
        else:
            there[release.label] = path
    return there, unused, notices


def _release_of(path: Path) -> tuple[Release | None, str]:
    """Return the release that a file or folder is named after, or None and why it isn't used."""
    if is_of_system(path.name):
        return None, "a file of the operating system"
    zipped = path.suffix.lower() == ".zip"
    if not zipped and not path.is_dir():
        return None, "not a zip or a folder"
    release = labels.in_name(path.stem if zipped else path.name)
    return release, "" if release else f"its name doesn't begin with a label such as RVU26A; {_by_what_it_holds(path)}"


def _by_what_it_holds(path: Path) -> str:
    """Say what to do with an archive whose name tells no release: which one the files inside say they are of."""
    try:
        archive = open_archive(path)
        raws = [read_member(archive, file) for file in archive.files if file.member == "pprrvu"]
    except PfsetlError:
        return "rename it"
    declared = list(registry.releases().values())
    last = max(release.year for release in declared)
    may_be = [r.label for r in declared if r.zip_sha256 == archive.sha256]
    if not may_be:
        undeclared = [
            registry.find_or_infer(quarters.label_of(quarters.first_day(last + 1, quarter))) for quarter in (1, 2, 3, 4)
        ]
        may_be = [r.label for r in (*declared, *undeclared) if _is_of(archive, raws, r)]
    if not 1 <= len(may_be) <= FEW:
        return "rename it to the label of its release, which the files inside don't tell"
    name = f"{may_be[0]}{path.suffix.lower() if path.is_file() else ''}" if len(may_be) == 1 else "the one it is"
    return (
        f"by its contents it's {' or '.join(may_be)}. Rename it to {name}, or build it: "
        f"pfsetl build {may_be[0]} --archive {shlex.quote(str(path.absolute()))} --output STORE"
    )


def _is_of(archive: Archive, raws: Sequence[RawTable], release: Release) -> bool:
    try:
        identity.held(archive.files, raws, release)
    except PfsetlError:
        return False
    return True


def _by_its_content(path: Path, named: Release, declared: list[str]) -> tuple[Release | None, str]:
    """Return the one declared release of a name's quarter, where what the files inside say doesn't contradict."""
    what = f"{named.label} isn't declared"
    if len(declared) > 1:
        return None, f"{what}, and may be {' or '.join(declared)}; rename it"
    release = registry.find(declared[0])
    try:
        with proposing(release.label, path):
            archive = open_archive(path, quarters.first_day(release.year, release.quarter))
            raws = [read_member(archive, file) for file in archive.files if file.member == "pprrvu"]
        identity.held(archive.files, raws, release)
    except PfsetlError as error:
        return None, f"{what}, and it can't be {release.label}: {error}"
    return release, (
        f"{path.name}: taken as {release.label}, the only release of its quarter that is declared. If "
        f"{named.label} is a release of its own, add its row to {declarations.named('releases.csv')}"
    )
