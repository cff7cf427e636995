"""Releases that can't be right together: refused before anything is priced by them."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING

from pfsetl.declared import declarations, quarters

if TYPE_CHECKING:
    from pfsetl.declared.registry import Release

_RELEASES = "releases.csv"
Span = tuple[date, date]


def ancestors(release: "Release", releases: Mapping[str, "Release"]) -> list[str]:
    """Return what a release supersedes, and what that superseded, nearest first."""
    found: list[str] = []
    while release.supersedes and release.supersedes in releases and release.supersedes not in found:
        found.append(release.supersedes)
        release = releases[release.supersedes]
    return found


def spans(releases: Mapping[str, "Release"]) -> dict[str, Span]:
    """Return first and last day of every release; what its row leaves open it takes over from what it supersedes."""
    found: dict[str, Span] = {}
    for release in releases.values():
        inherited = found.get(release.supersedes or "")
        first = release.effective_from or (inherited and inherited[0])
        last = release.effective_to or (inherited and inherited[1])
        if first and last:
            found[release.label] = (first, last)
    return found


def refuse_releases(releases: Mapping[str, "Release"]) -> None:
    """Raise for a release whose row contradicts itself, its label, or the days of another one.

    Days may reach out of the quarter by law (RVU10C_PCT22 begins on 1 June 2010), but have to touch it. Releases in
    force on the same day are a correction and what it supersedes.
    """
    for release in releases.values():
        if said := _contradiction(release, releases):
            raise declarations.wrong_row(_RELEASES, release.label, said=said)
    days = {label: span for label, span in spans(releases).items() if not releases[label].never_effective}
    for pair in combinations(days, 2):
        if not _overlap(*(days[label] for label in pair)):
            continue
        # NOTE: of a shipped row and one of your own, yours is the one to change.
        one, other = sorted(pair, key=lambda label: declarations.is_own(_RELEASES, label))
        related = one in ancestors(releases[other], releases) or other in ancestors(releases[one], releases)
        if not related:
            raise declarations.wrong_row(
                _RELEASES, other,
                said=f"{other} is in force {_shown(days[other])}, and {one} {_shown(days[one])} "
                f"({declarations.line_of(_RELEASES, one)}): both would price the same days. Give days that don't "
                f"overlap, or name {one} in supersedes if {other} takes its place.",
            )  # fmt: skip


def _contradiction(release: "Release", releases: Mapping[str, "Release"]) -> str | None:
    year, quarter = release.year, release.quarter
    says = quarters.of_label(release.label)
    if says and says != (year, quarter):
        return (
            f"{release.label} is the label of quarter {says[1]} of {says[0]}, not of "
            f"quarter {quarter} of {year}. Correct year and quarter, or the label."
        )
    first, last = quarters.first_day(year, quarter), quarters.last_day(year, quarter)
    begins, ends = release.effective_from, release.effective_to
    if (begins and begins > last) or (ends and ends < first):
        return (
            f"{release.label} is of quarter {quarter} of {year}, {_shown((first, last))}, and in force "
            f"{_shown((begins, ends))}. Correct effective_from and effective_to, or year and quarter."
        )
    if release.never_effective and (begins or ends):
        return (
            f"{release.label} was never in force (never_effective), and in force {_shown((begins, ends))}. "
            "Leave one of the two out."
        )
    if release.supersedes and release.supersedes not in releases:
        return f"{release.label} supersedes {release.supersedes}, which isn't declared. Correct it, or add its row."
    if release.label in ancestors(release, releases):
        return f"{release.label} supersedes itself by way of {release.supersedes}. Correct supersedes."
    return None


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _shown(days: Iterable[date | None]) -> str:
    return " to ".join(str(day or "?") for day in days)
