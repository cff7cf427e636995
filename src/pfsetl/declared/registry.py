"""What is known about CMS's releases, members and layouts, read from `schemas/*.csv` into records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from pfsetl.declared import contradictions, declarations, quarters
from pfsetl.declared.records.archives import COMPANIONS, MEMBERS, PARTICIPANTS, CompanionRow, MemberRow
from pfsetl.declared.records.bounds import THRESHOLDS, ThresholdRow
from pfsetl.declared.records.calendar import PAYABLE_ROWS, RELEASES, ReleaseRow
from pfsetl.declared.records.shapes import FIELDS, SHAPES, FieldRow, ShapeRow, layout_sheet
from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean


@dataclass(frozen=True, slots=True)
class Release:
    """One CMS release label; dates are inclusive, None where not in force or not known.

    `expected_rows` are those of the RVU file that isn't of qualifying participants, `expected_payable` those of them
    with a status that Medicare pays for, `zip_sha256` that of CMS's zip, as far as they are known.
    """

    label: str
    year: int
    quarter: int
    kind: str
    effective_from: date | None
    effective_to: date | None
    never_effective: bool | None
    supersedes: str | None
    published_on: date | None
    zip_path: str | None
    note: str | None
    known: bool = True
    page: str | None = None
    expected_rows: int | None = None
    expected_localities: int | None = None
    expected_payable: int | None = None
    zip_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class LayoutField:
    """One field of a layout: columns `start`..`end` of a record, or the column at position `start`."""

    field: str
    start: int
    end: int
    header: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Layout:
    """One shape in which CMS has published a member."""

    name: str
    member: str
    medium: str
    record_length: int
    header_above: int
    header_below: int
    line: str
    valid_for: str
    fields: tuple[LayoutField, ...]


@cache
def releases() -> Mapping[str, Release]:
    """Return every known release by label, in CMS's order.

    Raises for rows that contradict themselves or each other.
    """
    ordered = {r.label: r for r in sorted(map(_release, declarations.rows(RELEASES)), key=order)}
    contradictions.refuse_releases(ordered)
    return ordered


def order(release: Release) -> tuple[int, int, str]:
    """Return a release's place in CMS's order, to sort by: by quarter, and corrections after what they correct."""
    return release.year, release.quarter, release.label


def find(label: str) -> Release:
    """Return one known release; the label is not case sensitive.

    >>> find("rvu26a").effective_from
    datetime.date(2026, 1, 1)
    """
    label = label.strip().upper()
    if label in releases():
        return releases()[label]
    raise UsageError(
        f"{label}: no such release.{did_you_mean(label, releases())} 'pfsetl list' shows all. A new CMS release can be "
        "built with --archive PATH when its label has the form RVU27A; any other label needs a row with the days on "
        "which it's in force in "
        f"{declarations.named('releases.csv')}."
    )


def find_or_infer(label: str) -> Release:
    """Return a known release, or infer year, quarter and dates of a new one from CMS's naming rule.

    Labels that don't follow the rule (`quarters`) have to be declared.
    """
    label = label.strip().upper()
    told = quarters.of_label(label)
    if label in releases() or told is None:
        return find(label)
    return Release(
        label, *told, "initial", quarters.first_day(*told), quarters.last_day(*told), None, None, None, None,
        "not in releases.csv: dates by the quarter rule", known=False,
    )  # fmt: skip


def inferred(label: str, year: int, quarter: int, days: tuple[str | None, str | None] | None) -> Release:
    """Return a release that a store holds and `schemas/releases.csv` doesn't, from what its manifest says of it.

    `days` are the first and the last that it was published with, ISO; None has those of the quarter rule.
    """
    if quarters.of_label(label):
        release = find_or_infer(label)
    else:
        release = Release(
            label, year, quarter, "unknown", None, None, None, None, None, None,
            "not in releases.csv", known=False,
        )  # fmt: skip
    if days is None:
        return release
    first, last = (_date(day or "") for day in days)
    return replace(release, effective_from=first, effective_to=last)


def undeclared_beside(release: Release, there: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return the other releases that aren't declared, as this one isn't, of the same quarter.

    `there` are years and quarters by label.
    """
    if release.known:
        return []
    quarter = release.year, release.quarter
    return [x for x, other in there.items() if other == quarter and x != release.label and x not in releases()]


def is_of_day(kind: MemberRow, day: date) -> bool:
    """Return whether a member belongs to the release of the quarter that begins on a day."""
    return (kind.from_ or date.min) <= day <= (kind.to or date.max)


@cache
def member_kinds() -> tuple[MemberRow, ...]:
    """Return the members that a release of any year can hold, those that every archive has to hold first."""
    return tuple(sorted(declarations.rows(MEMBERS), key=lambda kind: not kind.required))


@cache
def companion_kinds() -> Mapping[str, CompanionRow]:
    """Return the kinds of files that CMS publishes beside the releases, by name."""
    return {row.companion: row for row in declarations.rows(COMPANIONS)}


@cache
def is_everyone(participant: str) -> bool:
    """Return whether a participant is everyone, or since others have a factor of their own, everyone else."""
    continues = {row.participant: row.continues for row in declarations.rows(PARTICIPANTS)}
    return participant == "all" or continues.get(participant) == "all"


@cache
def layouts(member: str) -> tuple[Layout, ...]:
    """Return every declared layout of one member."""
    by_layout: dict[str, list[LayoutField]] = {}
    for row in declarations.rows(layout_sheet(f"layouts/{member}.csv")):
        field = LayoutField(row.field, row.start, row.end or row.start, row.header)
        by_layout.setdefault(row.layout, []).append(field)
    for fields_ in by_layout.values():
        fields_.sort(key=lambda field: field.start)
    shapes = (row for row in declarations.rows(SHAPES) if row.member == member)
    return tuple(_layout(row, tuple(by_layout.get(row.layout, ()))) for row in shapes)


@cache
def fields() -> Mapping[str, FieldRow]:
    """Return how each raw field is turned into a value."""
    return {row.field: row for row in declarations.rows(FIELDS)}


@cache
def thresholds() -> Mapping[str, ThresholdRow]:
    """Return the measured bounds of what CMS's own files do, by name."""
    return {row.name: row for row in declarations.rows(THRESHOLDS)}


def _release(row: ReleaseRow) -> Release:
    payable = next((r for r in declarations.rows(PAYABLE_ROWS) if r.release == row.release), None)
    return Release(
        label=row.release,
        year=row.year,
        quarter=row.quarter,
        kind=row.kind,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        never_effective=row.never_effective,
        supersedes=row.supersedes,
        published_on=row.published_on,
        zip_path=row.zip,
        note=row.note,
        page=row.page,
        expected_rows=row.rows,
        expected_localities=row.localities,
        expected_payable=payable.rows if payable else None,
        zip_sha256=row.sha256.lower() if row.sha256 else None,
    )


def _layout(row: ShapeRow, layout_fields: tuple[LayoutField, ...]) -> Layout:
    if not layout_fields and row.line:
        names = re.compile(row.line).groupindex
        layout_fields = tuple(LayoutField(name, 0, 0, None) for name in names)
    return Layout(
        name=row.layout,
        member=row.member,
        medium=row.medium,
        record_length=row.record_length,
        header_above=row.header_above,
        header_below=row.header_below,
        line=row.line,
        valid_for=row.valid_for,
        fields=layout_fields,
    )


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
