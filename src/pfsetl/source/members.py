"""Which file of an archive holds which member, told by names; and what is said of the files that hold none."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.archives import MemberRow
from pfsetl.errors import ArchiveError

FORMATS = {".csv": "csv", ".tsv": "csv", ".txt": "txt", ".prn": "txt", ".xls": "xlsx", ".xlsx": "xlsx", ".xlsm": "xlsx"}
MOST_NAMED = 5
_DOCUMENTS = (".pdf", ".doc", ".docx")  # CMS's words about a file, not the file

_OF_SYSTEMS = re.compile(
    r"(?:^|/)(?:__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information|(?:eh)?thumbs\.db|desktop\.ini|Icon\r|~\$[^/]*"
    r"|\.[^/]*)(?:/|$)|:Zone\.Identifier$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class MemberFile:
    """One recognised file: the member it holds, for which participant, in which format."""

    name: str
    member: str
    participant: str
    format: str
    load: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Recognised:
    """The files of an archive: those that hold members, the names of all others, and what is odd about some."""

    files: tuple[MemberFile, ...]
    ignored: tuple[str, ...]
    notices: tuple[str, ...]


def recognise(
    archive: str, contents: Mapping[str, Callable[[], bytes]], folders: Sequence[str] = (), day: date | None = None
) -> Recognised:
    """Tell an archive's files by `schemas/members.csv`; `contents` are their names and what loads them.

    A name is that of a member of the releases of `day`; only where it's none of these, of any year. `folders` are those
    beside the files, which aren't read. A copy with the same bytes is left out, and so is a file that looks like a
    member but can't be read as one; both are noticed. Raises ArchiveError for a name that fits two members, and for two
    files of one member and format with different bytes.
    """
    files: dict[tuple[str, str, str], MemberFile] = {}
    ignored: list[str] = []
    notices: list[str] = []
    for name in sorted(contents, key=lambda name: (len(name), name)):
        kinds = [] if is_of_system(name) else _kinds(name, day)
        form = FORMATS.get(PurePosixPath(name).suffix.lower())
        if len(kinds) > 1:
            raise ArchiveError(
                f"{archive}/{name}: the name fits {' and '.join(map(_labelled, kinds))}. Rename the file to fit one, "
                f"as CMS names it: {' or '.join(k.example for k in kinds)}. If CMS has this name now, narrow a pattern "
                f"in {declarations.named('members.csv')}."
            )
        if not kinds or form is None:
            ignored.append(name)
            notices += [] if is_of_system(name) else _oddities(name, kinds)
            continue
        kind = kinds[0]
        file = MemberFile(name, kind.member, kind.participant, form, contents[name])
        twin = files.setdefault((file.member, file.participant, form), file)
        if twin is not file:
            _refuse_another(archive, twin, file)
            ignored.append(name)
            notices.append(f"{name}: not used, a copy of {twin.name}")
    order = list(contents)
    return Recognised(
        tuple(sorted(files.values(), key=lambda file: order.index(file.name))),
        (*sorted(ignored, key=order.index), *(f"{name}/" for name in folders)),
        (*notices, *(f"{name}/: a folder inside {archive}; its files aren't used" for name in folders)),
    )


def stranger(archive: str, found: Recognised) -> str | None:
    """Return what to say of a file for everyone beside files of participants, None where there is none.

    It's of another release, or of a participant that isn't declared.
    """
    for file in found.files:
        beside = [other.name for other in found.files if other.member == file.member and other.participant != "all"]
        if file.participant == "all" and beside:
            return (
                f"{archive}: {file.name} is named as {file.member} for everyone, beside {' and '.join(beside)} of "
                "participants. Take out what is of another release. If CMS has a new participant, it needs a row in "
                f"{declarations.named('members.csv', 'participants.csv')}: in members.csv, `pattern` fits the file's "
                f"name in small letters without its ending, and `from` is the first day of the first release that has "
                "it; the other cells are like those of qp."
            )
    return None


def missing(archive: str, found: Recognised, day: date | None = None) -> Iterable[str]:
    """Yield the members that an archive lacks, such as `gpci` and `pprrvu (qp)`, of those that `day` has.

    Of a required member the file of one participant is enough, since what is there is worth having: the others are
    lacks. Raises ArchiveError where it has none, or where a file that isn't used may be the one that is missing.
    """
    participants: dict[str, set[str]] = {}
    for file in found.files:
        participants.setdefault(file.member, set()).add(file.participant)
    if said := stranger(archive, found):
        raise ArchiveError(said)
    expected = _of_day(registry.member_kinds(), day)
    whole = {kind.member for kind in expected if kind.participant == "all"}
    for kind in expected:
        present = participants.get(kind.member, set())
        if "all" in present or (kind.participant == "all" and present):
            continue
        if kind.participant != "all" and not present and kind.member in whole:
            continue
        if kind.participant not in present:
            label = _labelled(kind) if present else kind.member
            alike = [
                k
                for k in expected
                if k.member == kind.member and (k.participant == "all") == (kind.participant == "all")
            ]
            examples = [k.example for k in alike if k is kind or not present]
            if kind.required and (not present or any(_may_be(kind, name) for name in found.ignored)):
                remedy = "Give all files of the release" if not present else "Rename the file, or leave it out"
                if not present and (inside := [name for name in found.ignored if name.endswith("/")]):
                    remedy = f"Give the folder inside it that holds the files, such as {archive}/{inside[0]}"
                if not present and any(name.lower().endswith(".zip") for name in found.ignored):
                    remedy = "Unpack the zips that are in it, and give the folder of their files"
                raise ArchiveError(
                    f"{archive}: no file of {label}. CMS names it as in {' and '.join(examples)}, and it ends in "
                    f"{', '.join(FORMATS)}. {_others(found)}{remedy}. If CMS has changed its name, add it to the "
                    f"pattern of {label} in {declarations.named('members.csv')}."
                )
            yield _labelled(kind)


def participants(missing: Iterable[str]) -> list[str]:
    """Return the participants among the lacks of an archive whose relative values are missing.

    >>> participants(["pprrvu (qp)", "anesthesia"])
    ['qp']
    """
    kinds = [kind for kind in registry.member_kinds() if kind.required and kind.participant != "all"]
    return [kind.participant for kind in kinds if _labelled(kind) in missing]


def _labelled(kind: MemberRow) -> str:
    return kind.member if kind.participant == "all" else f"{kind.member} ({kind.participant})"


def is_of_system(name: str) -> bool:
    """Return whether an operating system or an office program made a file, beside those that a person put there."""
    return bool(_OF_SYSTEMS.search(name))


def _may_be(kind: MemberRow, name: str) -> bool:
    """Whether a file that isn't used looks like a member: in a format that could be read, or by its whole name."""
    path = PurePosixPath(name)
    ending = path.suffix.lower()
    looks = kind.looks.search(path.name.lower()) and ending in FORMATS and not _kinds(name)
    named = kind in _kinds(name) and ending not in (*FORMATS, *_DOCUMENTS)
    return bool(looks or named) and not is_of_system(name)


def _kinds(name: str, day: date | None = None) -> list[MemberRow]:
    stem = PurePosixPath(name).stem.lower()
    fitting = [kind for kind in registry.member_kinds() if kind.pattern.search(stem)]
    return _of_day(fitting, day) or fitting


def _of_day(kinds: Iterable[MemberRow], day: date | None) -> list[MemberRow]:
    return [kind for kind in kinds if day is None or registry.is_of_day(kind, day)]


def _oddities(name: str, kinds: Iterable[MemberRow]) -> list[str]:
    """Say of a file that isn't used what member it looks like, if any."""
    if kinds:
        looks = next(iter(kinds)).member
        return [f"{name}: not used, though its name is that of {looks}; a member ends in {', '.join(FORMATS)}"]
    base = PurePosixPath(name).name.lower()
    looks_like = {kind.member: kind.example for kind in registry.member_kinds() if kind.looks.search(base)}
    return [
        f"{name}: not used, though it looks like {member}; its name says too little. CMS names it as in {example}"
        for member, example in looks_like.items()
    ]


def _refuse_another(archive: str, one: MemberFile, other: MemberFile) -> None:
    first, second = (hashlib.sha256(file.load()).digest() for file in (one, other))
    if first != second:
        whose = one.member if one.participant == "all" else f"{one.member} ({one.participant})"
        new = (
            f" If CMS has a participant of its own for one of them, it needs a row in "
            f"{declarations.named('members.csv', 'participants.csv')}, with a pattern that fits its name; no "
            "other pattern in members.csv may fit it too."
            if one.participant != "all"
            or any(k.participant != "all" for k in registry.member_kinds() if k.member == one.member)
            else ""
        )
        raise ArchiveError(
            f"{archive}: {whose} is there twice as {one.format}, with different bytes: {one.name} and {other.name}. "
            f"Keep the one that belongs to the release.{new}"
        )


def _others(found: Recognised) -> str:
    names = [name for name in found.ignored if not is_of_system(name)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"Files that aren't used: {', '.join(names[:MOST_NAMED])}{more}. " if names else ""
