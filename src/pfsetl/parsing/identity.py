"""Which release a file says it is of in name, title, headings and values, held against the release it is built as.

A wrong link or label hands over well-formed files of another release. `schemas/identity.csv` has who says what where.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

import polars as pl

from pfsetl.declared import corrections, declarations, quarters
from pfsetl.declared.records.archives import IDENTITY, PARTICIPANTS, IdentityRow
from pfsetl.declared.records.calendar import FACTORS
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError
from pfsetl.parsing.read import RawTable
from pfsetl.source.members import MemberFile

MONTHS = ("January", "April", "July", "October")
_SWAPPED = "If the names of the two files are swapped, swap them back."
_EARLIEST = timedelta(days=92)  # before its quarter: CMS's first files of a year are of early November


@dataclass(frozen=True, slots=True)
class Statement:
    """What one place of a file says: `says` is year, month, released or participant; `values` all that fit it.

    `contradiction` is what follows when none of them is the release's: refused, `outvoted` (refused unless more places
    say the release), `unless supported` (refused unless one does), noticed.
    """

    file: str
    member: str
    participant: str
    place: str
    says: str
    values: frozenset[str]
    contradiction: str


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
    said = [s for f in files for s in _of_name(f)] + [s for raw in raws for s in (*_of_text(raw), *_of_columns(raw))]
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


def _of_name(file: MemberFile) -> list[Statement]:
    stem = PurePosixPath(file.name).stem.upper()
    return _read(file.member, file.participant, file.name, "name", "name", stem)


def _of_text(raw: RawTable) -> list[Statement]:
    return [
        statement
        for line in raw.banner.upper().splitlines()
        for statement in _read(raw.member, raw.participant, raw.file, "title", f"title {_short(line)!r}", line)
    ]


def _read(member: str, participant: str, file: str, where: str, place: str, text: str) -> list[Statement]:
    found: list[Statement] = []
    for rule in _rules(member, where):
        hits = [match.groupdict() for match in rule.pattern.finditer(text)]
        if not hits:
            continue
        if rule.says == "factor":
            found += _of_factor(member, participant, file, hits[0]["anesthesia"], "anesthesia", rule.contradiction)
            continue
        values = frozenset(_value(rule.says, hit[rule.says]) for hit in hits)
        found.append(Statement(file, member, participant, place, rule.says, values, rule.contradiction))
    return _merged(found)


def _merged(found: list[Statement]) -> list[Statement]:
    """Join what several rules read in one place: a name with a year of two and one of four digits says both."""
    merged: dict[tuple[str, str], Statement] = {}
    for s in found:
        before = merged.get((s.place, s.says))
        values = s.values | before.values if before else s.values
        merged[s.place, s.says] = Statement(
            s.file, s.member, s.participant, s.place, s.says, values, s.contradiction
        )  # fmt: skip
    return list(merged.values())


def _value(says: str, text: str) -> str:
    if says == "year":
        return text if len(text) == 4 else f"20{text}"
    if says == "month":
        return next(month for month in MONTHS if month.upper().startswith(text[:3]))
    return text


def _of_columns(raw: RawTable) -> list[Statement]:
    found: list[Statement] = []
    for rule in _rules(raw.member, "column"):
        column, _, category = rule.pattern.pattern.partition(" ")
        if column not in raw.frame.columns:
            continue
        cells = raw.frame[column].filter(raw.frame[column] != "")
        most = cells.value_counts(sort=True).filter(pl.col("count") == pl.col("count").max())[column].sort()
        if not len(most):
            continue
        if rule.says == "factor":
            found += _of_factor(raw.member, raw.participant, raw.file, most[0], category, rule.contradiction)
            continue
        fits = frozenset(p.participant for p in declarations.rows(PARTICIPANTS) if getattr(p, column, None) == most[0])
        if fits and raw.participant != "all":
            found.append(
                Statement(
                    raw.file, raw.member, raw.participant, f"{column} {most[0]}", "participant", fits,
                    rule.contradiction,
                )
            )  # fmt: skip
    return found


def _of_factor(
    member: str, participant: str, file: str, text: str, category: str, contradiction: str
) -> list[Statement]:
    """Say which years, and in them which participants, had a conversion factor; one that nobody paid says nothing."""
    try:
        factor = Decimal(text.strip("$ "))
        rows = [
            row
            for row in declarations.rows(FACTORS)
            if row.category == category and row.to and row.conversion_factor == factor
        ]
    except InvalidOperation:
        return []
    place = f"conversion factor {factor}"
    years = frozenset(str(year) for row in rows if row.to for year in range(row.from_.year, row.to.year + 1))
    whose = frozenset(row.participant for row in rows)
    found = [Statement(file, member, participant, place, "year", years, contradiction)] if years else []
    if participant != "all" and whose and "all" not in whose:
        found.append(Statement(file, member, participant, place, "participant", whose, contradiction))
    return found


def _agrees(statement: Statement, release: Release) -> bool:
    if statement.says == "released":
        first = quarters.first_day(release.year, release.quarter)
        last = quarters.last_day(release.year, release.quarter)
        return any(first - _EARLIEST <= day <= last for text in statement.values if (day := _day(text)))
    return _expected(statement, release) in statement.values


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
        more = f" {_SWAPPED}" if against.says == "participant" else ""
        return f"{told}, but {_label_says(against, release)}.{more} {_remedy(against, release)}", True
    return f"{told}, built as {release.label}", False


def _kind(statement: Statement) -> str:
    """Return which witness a statement is: the names of two formats are one, and so are their titles."""
    return statement.says if statement.says == "released" else statement.place.split()[0]


def _label_says(statement: Statement, release: Release) -> str:
    if statement.says == "participant":
        return f"its name says {statement.participant}"
    if statement.says == "month":
        return f"{release.label} is the release of {MONTHS[release.quarter - 1]}"
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


def _rules(member: str, where: str) -> list[IdentityRow]:
    return [rule for rule in declarations.rows(IDENTITY) if (rule.member, rule.where) == (member, where)]


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
