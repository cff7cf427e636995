"""What is known about CMS's releases, members and layouts, read from `schemas/*.csv` into records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from pfsetl.declared import contradictions, declarations, quarters
from pfsetl.errors import ContractError, UsageError
from pfsetl.near import did_you_mean


@dataclass(frozen=True, slots=True)
class Release:
    """One CMS release label; dates are inclusive, None where not in force or not known.

    `expected_rows` are those of the RVU file that isn't of qualifying participants, `zip_sha256` that of CMS's zip, as
    far as they are known.
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
    zip_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class MemberKind:
    """One logical member of an archive: which file names belong to it, and which format is believed first.

    It belongs to the releases whose quarter begins from `first` to `last`; None is without end. `example` is a name
    that CMS has given it; a name that only `looks` like one of its is named and not used.
    """

    member: str
    participant: str
    first: date | None
    last: date | None
    pattern: re.Pattern[str]
    required: bool
    formats: tuple[str, ...]
    example: str
    looks: re.Pattern[str]


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


@dataclass(frozen=True, slots=True)
class Field:
    """How a raw cell becomes a value: kind (code, text, flag, decimal, dollars), scale, zero padding, pattern.

    `whole` are the digits a number may have before its point, so that it fits the contract's column.
    `price` says that a price is made of it: a wrong value changes what is paid, or whether.
    """

    field: str
    kind: str
    scale: int
    whole: int
    pad: int
    pattern: str
    price: bool


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measured bound; where `stops_from` is a day, crossing it stops the build of releases from that day on."""

    value: float
    stops_from: date | None


@cache
def releases() -> Mapping[str, Release]:
    """Return every known release by label, in CMS's order: by quarter, and corrections after what they correct.

    Raises for rows that contradict themselves or each other.
    """
    found = map(_release, declarations.rows("releases.csv"))
    ordered = {r.label: r for r in sorted(found, key=lambda r: (r.year, r.quarter, r.label))}
    contradictions.refuse_releases(ordered)
    return ordered


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


def inferred(label: str, record: Mapping[str, Any]) -> Release:
    """Return a release that a store holds and `schemas/releases.csv` doesn't, from its record in the manifest.

    Its days are those it was published with; a record from before these were written down has those of the rule.
    """
    if quarters.of_label(label):
        release = find_or_infer(label)
    else:
        release = Release(
            label, record["year"], record["quarter"], "unknown", None, None, None, None, None, None,
            "not in releases.csv", known=False,
        )  # fmt: skip
    days = record.get("in_force", {})
    first, last = (_date(days.get(edge) or "") for edge in ("from", "to"))
    return replace(release, effective_from=first, effective_to=last) if days else release


def undeclared_beside(release: Release, records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the other releases among these records that aren't declared, as this one isn't, of the same quarter."""
    if release.known:
        return []
    others = {label: r for label, r in records.items() if label != release.label and label not in releases()}
    return [label for label, r in others.items() if (r["year"], r["quarter"]) == (release.year, release.quarter)]


def is_of_day(kind: MemberKind, day: date) -> bool:
    """Return whether a member belongs to the release of the quarter that begins on a day."""
    return (kind.first is None or kind.first <= day) and (kind.last is None or day <= kind.last)


@cache
def member_kinds() -> tuple[MemberKind, ...]:
    """Return the members that a release of any year can hold."""
    return tuple(
        MemberKind(
            row["member"],
            row["participant"],
            _date(row["from"]),
            _date(row["to"]),
            re.compile(row["pattern"]),
            row["required"] == "true",
            tuple(row["formats"].split()),
            row["example"],
            re.compile(row["looks"]),
        )
        for row in declarations.rows("members.csv")
    )


@cache
def is_everyone(participant: str) -> bool:
    """Return whether a participant is everyone, or since others have a factor of their own, everyone else."""
    continues = {row["participant"]: row["continues"] for row in declarations.rows("participants.csv")}
    return participant == "all" or continues.get(participant) == "all"


@cache
def layouts(member: str) -> tuple[Layout, ...]:
    """Return every declared layout of one member, in the order of `layouts/shapes.csv`."""
    by_layout: dict[str, list[LayoutField]] = {}
    for row in declarations.rows(f"layouts/{member}.csv"):
        start = int(row["start"])
        header = re.compile(row["header"]) if row["header"] else None
        by_layout.setdefault(row["layout"], []).append(
            LayoutField(row["field"], start, int(row["end"] or start), header)
        )
    for fields_ in by_layout.values():
        fields_.sort(key=lambda field: field.start)  # rows of a folder laid over the shipped ones come first
    found = tuple(
        _layout(row, tuple(by_layout.get(row["layout"], ())))
        for row in declarations.rows("layouts/shapes.csv")
        if row["member"] == member
    )
    unknown = {f.field for layout in found for f in layout.fields} - set(fields())
    if unknown:
        file = f"layouts/{member}.csv"
        kind = UsageError if file in declarations.own_rows() else ContractError
        raise kind(
            f"{declarations.listed(file)}: no field is declared as {', '.join(sorted(unknown))}. "
            f"Correct the name, or add a row to {declarations.named('fields.csv')}."
        )
    return found


@cache
def fields() -> Mapping[str, Field]:
    """Return how each raw field is turned into a value."""
    return {
        row["field"]: Field(
            row["field"],
            row["kind"],
            int(row["scale"] or 0),
            int(row["whole"] or 0),
            int(row["pad"] or 0),
            row["pattern"],
            row["price"] == "yes",
        )
        for row in declarations.rows("fields.csv")
    }


@cache
def thresholds() -> Mapping[str, Threshold]:
    """Return the measured bounds of what CMS's own files do, by name."""
    return {
        row["name"]: Threshold(float(row["value"]), _date(row["stops_from"]))
        for row in declarations.rows("thresholds.csv")
    }


def _release(row: Mapping[str, str]) -> Release:
    return Release(
        label=row["release"],
        year=int(row["year"]),
        quarter=int(row["quarter"]),
        kind=row["kind"],
        effective_from=_date(row["effective_from"]),
        effective_to=_date(row["effective_to"]),
        never_effective={"true": True, "false": False}.get(row["never_effective"]),
        supersedes=row["supersedes"] or None,
        published_on=_date(row["published_on"]),
        zip_path=row["zip"] or None,
        note=row["note"] or None,
        page=row["page"] or None,
        expected_rows=int(row["rows"]) if row["rows"] else None,
        expected_localities=int(row["localities"]) if row["localities"] else None,
        zip_sha256=row["sha256"].lower() or None,
    )


def _layout(row: Mapping[str, str], layout_fields: tuple[LayoutField, ...]) -> Layout:
    if not layout_fields and row["line"]:
        names = re.compile(row["line"]).groupindex
        layout_fields = tuple(LayoutField(name, 0, 0, None) for name in names)
    return Layout(
        name=row["layout"],
        member=row["member"],
        medium=row["medium"],
        record_length=int(row["record_length"] or 0),
        header_above=int(row["header_above"] or 0),
        header_below=int(row["header_below"] or 0),
        line=row["line"],
        valid_for=row["valid_for"],
        fields=layout_fields,
    )


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
