"""Which release, and which conversion factor as paid, prices a date of service."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import polars as pl

from pfsetl.declared import contradictions, declarations, quarters, registry
from pfsetl.declared.records.calendar import FACTORS, FORMULA, KNOWN_FROM, FactorRow, KnownFromRow
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError

BY_QUARTER_RULE = "by the quarter rule"  # the certainty of days and factor of a release that isn't declared
AS_PRINTED = "as printed"  # of the factor of a declared release for days of which no factor is declared


@dataclass(frozen=True, slots=True)
class Segment:
    """Days that one release prices; a correction takes over the days of what it supersedes."""

    release: str
    first: date
    last: date


def pricing_release(day: date, as_of: date | None = None) -> Release:
    """Return the release that prices a date of service; with `as_of`, as it was known on that day.

    A release that was never in force (RVU11A, RVU12A, RVU13A) prices no day; of several for one day the correction
    that supersedes the others wins. NOTE: a release whose posting date isn't known counts as known from the first
    day it is in force.

    >>> pricing_release(date(2024, 3, 8)).label, pricing_release(date(2024, 3, 9)).label
    ('RVU24A', 'RVU24AR')
    """
    found = [r for r in _candidates(as_of) if _spans()[r.label][0] <= day <= _spans()[r.label][1]]
    if as_of and not found:
        # NOTE: the recorded last day may be one that a later law set; before it, the release ran to its quarter's end.
        found = [r for r in _candidates(as_of) if _spans()[r.label][0] <= day <= _quarter_end(r)][-1:]
    if not found:
        known = f" as known on {as_of}; leave the as-of day out for what is known now" if as_of else ""
        raise UsageError(f"{day}: no release prices this day{known}. {_priced(as_of)}")
    superseded = {name for r in found for name in contradictions.ancestors(r, registry.releases())}
    return [r for r in found if r.label not in superseded][-1]


def _priced(as_of: date | None) -> str:
    """Say which days are priced, with the gaps between them, by the releases known on a day."""
    days: list[tuple[date, date]] = []
    for first, last in sorted(
        (
            _spans()[r.label][0],
            max(_spans()[r.label][1], _quarter_end(r)) if as_of else _spans()[r.label][1],
        )
        for r in _candidates(as_of)
    ):
        if days and first <= days[-1][1] + timedelta(days=1):
            days[-1] = (days[-1][0], max(days[-1][1], last))
        else:
            days.append((first, last))
    if not days:
        return "No release was known then."
    return f"Priced are {', '.join(f'{first} to {last}' for first, last in days)}."


def known_releases() -> Iterator[tuple[Release, date, date, date, date, tuple[str, ...]]]:
    """Yield each release that may price a day: its first and last, its quarter's last, the day from which it's known.

    At last come the labels of what it supersedes. `pricing_release` with `as_of` follows from these alone.
    """
    for release in _candidates(None):
        first, last = _spans()[release.label]
        before = tuple(contradictions.ancestors(release, registry.releases()))
        yield release, first, last, _quarter_end(release), _known_from(release), before


@cache
def segments() -> tuple[Segment, ...]:
    """Return the whole calendar, day by day without gap or overlap where releases are known."""
    days: list[Segment] = []
    spans = _spans()
    day, end = min(first for first, _ in spans.values()), max(last for _, last in spans.values())
    edges = sorted({first for first, _ in spans.values()} | {last + timedelta(days=1) for _, last in spans.values()})
    while day <= end:
        following = next((edge for edge in edges if edge > day), end + timedelta(days=1))
        last = following - timedelta(days=1)
        try:
            label = pricing_release(day).label
        except UsageError:
            label = ""
        if days and days[-1].release == label:
            days[-1] = Segment(label, days[-1].first, last)
        else:
            days.append(Segment(label, day, last))
        day = following
    return tuple(segment for segment in days if segment.release)


def days_of(release: Release) -> tuple[Segment, ...]:
    """Return the days that a release prices: its segments, or those of the quarter rule where it isn't declared."""
    first, last = release.effective_from, release.effective_to
    if release.known or first is None or last is None:
        return tuple(segment for segment in segments() if segment.release == release.label)
    return (Segment(release.label, first, last),)


def release_calendar(release: Release, printed: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Return the days a release prices, with the conversion factor that was paid then and its source.

    Given the factors `printed` in its files, by participant, it has these participants alone, and days of which
    `schemas/conversion_factors.csv` says nothing, such as those of a new year, have the factor that is printed.
    """
    rows: list[Mapping[str, Any]] = []
    for segment in days_of(release):
        known = _declared(segment) if release.known else ()  # what is said of a release that isn't declared is assumed
        declared = [row for row in known if printed is None or row["participant"] in printed]
        rows += declared
        for participant, factor in (printed or {}).items():
            mine = [row for row in declared if row["participant"] == participant]
            rows += _as_printed(release, segment, participant, factor, mine)
    schema = {
        "release": pl.String,
        "participant": pl.String,
        "effective_from": pl.Date,
        "effective_to": pl.Date,
        "conversion_factor": pl.String,
        "certainty": pl.String,
        "source": pl.String,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _declared(segment: Segment) -> Iterator[dict[str, Any]]:
    """Yield the part of a segment in which each known factor was paid."""
    for factor in declarations.rows(FACTORS):
        first, last = max(segment.first, factor.from_), min(segment.last, factor.to or date.min)
        if factor.category == "all" and first <= last:
            yield {
                "release": segment.release,
                "participant": factor.participant,
                "effective_from": first,
                "effective_to": last,
                "conversion_factor": str(factor.conversion_factor),
                "certainty": factor.certainty,
                "source": factor.source,
            }


def _as_printed(
    release: Release, segment: Segment, participant: str, factor: str, declared: Iterable[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the days of a segment for which no factor is declared, with the one that the release's files print."""
    one = timedelta(days=1)
    taken = sorted((row["effective_from"], row["effective_to"]) for row in declared)
    edges = [(segment.first - one, segment.first - one), *taken, (segment.last + one, segment.last + one)]
    for (_, before), (after, _) in pairwise(edges):
        if before + one < after:
            yield {
                "release": release.label,
                "participant": participant,
                "effective_from": before + one,
                "effective_to": after - one,
                "conversion_factor": factor,
                "certainty": AS_PRINTED if release.known else BY_QUARTER_RULE,
                "source": f"the conversion factor that the files of {release.label} print",
            }


def formula_day(release: Release) -> date:
    """Return the day whose formula a release is computed with: its first in force, else the first of its quarter."""
    return release.effective_from or quarters.first_day(release.year, release.quarter)


@lru_cache(maxsize=1_000)
def formula(rule: str, day: date) -> Mapping[str, tuple[int, int]]:
    """Return the factors of a rule of `schemas/formula.csv` in force on a day, by flag."""
    rows = (row for row in declarations.rows_on(FORMULA, day) if row.rule == rule)
    return {row.flag: (row.numerator, row.denominator) for row in rows}


def anesthesia_factor(release: Release, participant: str) -> float | None:
    """Return the national anesthesia factor known for certain to be paid on a release's first day, else None."""
    day = release.effective_from
    if day is None or release.never_effective:
        return None
    known = (row for row in factors("anesthesia", day) if row.participant == participant)
    return next((float(row.conversion_factor) for row in known if row.certainty == "certain"), None)


def factors(category: str, day: date) -> Iterator[FactorRow]:
    """Yield the factors of a category that were paid on a day, one of each participant; without a last day, none."""
    return (row for row in declarations.rows_on(FACTORS, day) if row.category == category and row.to)


@cache
def _candidates(as_of: date | None) -> tuple[Release, ...]:
    return tuple(
        release
        for release in registry.releases().values()
        if release.never_effective is not True
        and release.label in _spans()
        and (as_of is None or _known_from(release) <= as_of)
    )


def _quarter_end(release: Release) -> date:
    return quarters.last_day(release.year, release.quarter)


def _known_from(release: Release) -> date:
    """Return the day from which a release counts as known.

    NOTE: the posting date on record may be that of a later re-posting. A quarter's first release was there by the first
    day it prices; one that changes a quarter under way may not have been, and not before the act that it was made for
    (`schemas/known_from.csv`).
    """
    first = _spans()[release.label][0]
    row = _declared_known().get(release.label)
    told = row.known_from if row else first
    if release.kind == "initial":
        return min(release.published_on or first, told, first)
    return release.published_on or max(told, first)


def how_known(release: Release, as_of: date) -> list[str]:
    """Say what a price as known on a day rests on, where CMS's day of posting isn't declared."""
    if not release.known or release.published_on:
        return []
    row = _declared_known().get(release.label)
    why = f"not before {row.known_from} by {row.source} ({row.certainty}); " if row else ""
    return [
        f"as known on {as_of}: CMS's day of posting {release.label} isn't known; {why}it counts as known from "
        f"{_known_from(release)} on"
    ]


@cache
def _declared_known() -> Mapping[str, KnownFromRow]:
    return {row.release: row for row in declarations.rows(KNOWN_FROM)}


@cache
def _spans() -> Mapping[str, tuple[date, date]]:
    return contradictions.spans(registry.releases())
