"""What a file says of itself in name, title, headings and values: its year, month, day of release, participant.

`schemas/identity.csv` has who says what where; `identity` holds it against the release that is built.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import IDENTITY, PARTICIPANTS, IdentityRow
from pfsetl.declared.records.calendar import FACTORS
from pfsetl.parsing.read import RawTable
from pfsetl.source.members import MemberFile

MONTHS = ("January", "April", "July", "October")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one place of a file says: `says` is year, days, month, released or participant; `values` all that fit it.

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


def said(files: Iterable[MemberFile], raws: Sequence[RawTable]) -> list[Statement]:
    """Return what all files of an archive say by their names, and those that were read by what is in them."""
    return [
        *(statement for file in files for statement in _of_name(file)),
        *(statement for raw in raws for statement in (*_of_text(raw), *_of_columns(raw))),
    ]


def _of_name(file: MemberFile) -> list[Statement]:
    stem = PurePosixPath(file.name).stem.upper()
    return _read(file.member, file.participant, file.name, "name", "name", stem)


def _of_text(raw: RawTable) -> list[Statement]:
    return [
        statement
        for line in raw.banner.upper().splitlines()
        for statement in _read(raw.member, raw.participant, raw.file, "title", f"title {_short(line)!r}", line)
    ]


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


def _of_factor(
    member: str, participant: str, file: str, text: str, category: str, contradiction: str
) -> list[Statement]:
    """Say which years and days, and in them which participants, had a factor; one that nobody paid says nothing."""
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
    days = frozenset(f"{row.from_} to {row.to}" for row in rows)
    if category == "all" and days:  # CMS's titles of anesthesia factors may be those of the release before
        found.append(Statement(file, member, participant, place, "days", days, contradiction))
    if category == "all" and whose and "all" not in whose:  # one file has the anesthesia factors of everyone
        found.append(Statement(file, member, participant, place, "participant", whose, contradiction))
    return found


def _rules(member: str, where: str) -> list[IdentityRow]:
    return [rule for rule in declarations.rows(IDENTITY) if (rule.member, rule.where) == (member, where)]


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
