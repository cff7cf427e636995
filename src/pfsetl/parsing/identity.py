"""What files say of themselves (`statements`), held against the release they are built as.

A wrong link or label hands over well-formed files of another release.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from pfsetl.declared import corrections, declarations, quarters, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError
from pfsetl.parsing import statements
from pfsetl.parsing.read import RawTable
from pfsetl.parsing.statements import MONTHS, Statement
from pfsetl.source.members import MemberFile

_SWAPPED = "If the names of the two files are swapped, swap them back."
_EARLIEST = timedelta(days=92)  # before its quarter: CMS's first files of a year are of early November


@dataclass(frozen=True, slots=True)
class Identity:
    """What an archive's files say of themselves: `files` for the manifest, `notices` what is odd or isn't known."""

    files: tuple[dict[str, Any], ...]
    notices: tuple[str, ...]


def held(files: Iterable[MemberFile], raws: Sequence[RawTable], release: Release) -> Identity:
    """Hold what every file says of itself against a release.

    `files` are all of the archive, whose names count; `raws` are those that were read. Raises ArchiveError for a file
    of another year, quarter or participant. What CMS did so is in `schemas/corrections.csv`, and is noticed.
    """
    files = list(files)
    said = statements.said(files, raws)
    notices: dict[str, None] = {}
    for statement in (s for s in said if not _agrees(s, release)):
        told, refused = _judged(statement, said, release)
        if refused:
            raise ArchiveError(told)
        notices[told] = None
    unknown = sorted({f.member for f in files} - {s.member for s in said if s.says == "year"})
    if unknown:
        notices[f"no name or title says the year of {', '.join(unknown)}: taken as {release.label}'s like the rest"] = (
            None
        )
    return Identity(tuple(_told(f, said) for f in files), tuple(notices))


def _agrees(statement: Statement, release: Release) -> bool:
    if statement.says == "released":
        first = quarters.first_day(release.year, release.quarter)
        last = quarters.last_day(release.year, release.quarter)
        return any(first - _EARLIEST <= day <= last for text in statement.values if (day := _day(text)))
    if statement.says == "days":
        return _in_force(statement, release)
    return _expected(statement, release) in statement.values


def _in_force(statement: Statement, release: Release) -> bool:
    """Whether a factor was paid while a release was in force; of another year's the year speaks."""
    paid = [[date.fromisoformat(day) for day in days.split(" to ")] for days in statement.values]
    first, last = release.effective_from, release.effective_to
    if not (first and last) or not any(one.year <= release.year <= other.year for one, other in paid):
        return True
    return any(one <= last and first <= other for one, other in paid)


def _day(text: str) -> date | None:
    month, day, year = (int(part) for part in text.split("/"))
    try:
        return date(year, month, day)
    except ValueError:  # 02/30/2025 is the day of no release
        return None


def _expected(statement: Statement, release: Release) -> str:
    return {
        "year": str(release.year),
        "month": MONTHS[release.quarter - 1],
        "participant": statement.participant,
    }.get(statement.says, "")


def _judged(against: Statement, said: Sequence[Statement], release: Release) -> tuple[str, bool]:
    """Return what to say of a contradiction, and whether it stops the build."""
    says = " and ".join(sorted(against.values))
    told = f"{against.file}: its {against.place} says {says}"
    reason = _declared(against, release)
    if reason:
        return f"{told}, as CMS published it in {release.label}: {reason}", False
    about = {"month", "released"} if against.says in ("month", "released") else {against.says}
    mine = [s for s in said if s.says in about and (s.member, s.participant) == (against.member, against.participant)]
    supports = {_kind(s) for s in mine if _agrees(s, release)}
    objects = {_kind(s) for s in mine if not _agrees(s, release)}
    refused = {
        "refused": True,
        "outvoted": len(supports - objects) <= len(objects - supports),
        "unless supported": not supports,
        "noticed": False,
    }[against.contradiction]
    if refused:
        more = f" {_named(against)}" if against.says == "participant" else ""
        return f"{told}, but {_label_says(against, release)}.{more} {_remedy(against, release)}", True
    return f"{told}, built as {release.label}", False


def _named(against: Statement) -> str:
    """Say how the file of another participant, or of one of them, is to be named."""
    if against.participant != "all":
        return _SWAPPED
    examples = [kind.example for kind in registry.member_kinds() if kind.participant in against.values]
    return f"Name it as CMS does, such as {' or '.join(examples)}."


def _kind(statement: Statement) -> str:
    """Return which witness a statement is: the names of two formats are one, and so are their titles."""
    return statement.says if statement.says == "released" else statement.place.split()[0]


def _label_says(statement: Statement, release: Release) -> str:
    if statement.says == "participant":
        return f"its name says {'nobody' if statement.participant == 'all' else statement.participant}"
    if statement.says == "month":
        return f"{release.label} is the release of {MONTHS[release.quarter - 1]}"
    if statement.says == "days":
        return f"{release.label} is in force from {release.effective_from} to {release.effective_to}"
    return f"{release.label} is of {release.year}"


def _remedy(against: Statement, release: Release) -> str:
    form = PurePosixPath(against.file).suffix[1:].lower()
    return (
        "Give the file of this release, or the label of this archive. If CMS published it so, a row says why: release "
        f"{release.label}, member {against.member}, format {form}, field {min(against.values)}, action identity, in "
        f"{declarations.named('corrections.csv')}."
    )


def _declared(statement: Statement, release: Release) -> str:
    form = PurePosixPath(statement.file).suffix[1:].lower()
    return next(
        (
            row.what
            for row in corrections.of("identity", release.label)
            if fnmatchcase(statement.member, row.member)
            and row.format in (None, form)
            and row.field in statement.values
        ),
        "",
    )


def _told(file: MemberFile, said: Sequence[Statement]) -> dict[str, Any]:
    """Return a file's line in the manifest: what it says of itself, and where; nothing where it says nothing."""
    mine = [s for s in said if s.file == file.name]
    told = {
        says: [{"says": sorted(s.values), "where": s.place} for s in mine if s.says == says]
        for says in ("year", "month", "released", "participant")
    }
    return {"file": file.name, "member": file.member, "participant": file.participant, **told}
