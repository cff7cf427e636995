"""Which work index the law has on a day, where CMS prints it with and without the floor, and what is odd about it."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from pfsetl.checks.check import EXAMPLES, Finding
from pfsetl.declared import calendar, work_floor
from pfsetl.declared.registry import Release

WITHOUT = "work_gpci_without_floor"


def by_law(gpci: pl.DataFrame, day: date, as_of: date | None = None) -> pl.DataFrame:
    """Return localities whose `work_gpci` is what the law has on a day, as it was known on `as_of`.

    Only where CMS prints both indices is there a choice; one that stands alone stays as it's printed.
    """
    return gpci if work_floor.in_force(day, as_of) else without_floor(gpci)


def without_floor(gpci: pl.DataFrame) -> pl.DataFrame:
    """Return localities whose `work_gpci` is the one without the floor, where it's printed."""
    return gpci.with_columns(work_gpci=pl.coalesce(WITHOUT, "work_gpci")) if WITHOUT in gpci.columns else gpci


def raised(gpci: pl.DataFrame) -> pl.DataFrame:
    """Return localities whose `work_gpci` is raised to the floor, whatever the law has."""
    floor = max(law.floor for law in work_floor.laws())
    return gpci.with_columns(work_gpci=pl.max_horizontal("work_gpci", pl.lit(floor)))


def printed(gpci: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the localities with each work index that is printed: what CMS computes of them may be made with either."""
    return [gpci, without_floor(gpci)] if differ(gpci).height else [gpci]


def differ(gpci: pl.DataFrame) -> pl.DataFrame:
    """Return the localities whose two work indices differ."""
    return gpci.filter(pl.col(WITHOUT) != pl.col("work_gpci")) if WITHOUT in gpci.columns else gpci.clear()


def contradicting(gpci: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the localities that print one work index, and not that of the law on a day.

    One of exactly 1.000 shows a floor where no locality is lower: without one, CMS's lowest were 0.907 to 0.961.
    """
    alone = gpci.filter(pl.col(WITHOUT).is_null())
    if law := work_floor.in_force(day):
        return alone.filter(pl.col("work_gpci") < law.floor)
    ended = work_floor.last_before(day)
    if ended is None or (alone["work_gpci"] < ended.floor).any():
        return alone.clear()
    return alone.filter(pl.col("work_gpci") == ended.floor)


def findings(gpci: pl.DataFrame, release: Release) -> list[Finding]:
    """Say that both indices are printed, that the floor ends within a release's days, and what contradicts the law."""
    day = calendar.formula_day(release)
    both = gpci.filter(pl.col(WITHOUT).is_not_null())
    return [_both(both, day), _ends(gpci, release), _contradiction(gpci, day)]


def _both(both: pl.DataFrame, day: date) -> Finding:
    apart = differ(both)
    return _warning(
        "work_index_printed_twice",
        f"the work index is printed with and without the floor, in {apart.height} of {both.height} localities two "
        f"indices: {work_floor.rule(day)}, and payment_locality is made with that index; a price has that of its day",
        both.height,
        _shown(apart, WITHOUT, "work_gpci"),
    )


def _ends(gpci: pl.DataFrame, release: Release) -> Finding:
    first, last = release.effective_from, release.effective_to
    ends = work_floor.ends_within(first, last) if first and last and gpci.height else []
    said = tuple(
        f"on {end.law.last} ({end.law.act}), "
        + (f"restored on {end.restored.enacted_on} ({end.restored.act})" if end.restored else "not restored since")
        for end in ends
    )
    lacking = any(end.restored is None for end in ends)
    asked = f". If an act has restored it since, add its row to {work_floor.FILE}" if lacking else ""
    return _warning(
        "work_floor_ends_within",
        f"the floor under the work index ended within {first} to {last} as the law then stood; payment_locality "
        f"is made with the law of the first day, a price with that of its day{asked}",
        len(ends),
        said,
    )


def _contradiction(gpci: pl.DataFrame, day: date) -> Finding:
    odd = contradicting(gpci, day)
    return _warning(
        "work_index_against_law",
        f"{odd.height} localities print one work index, and not that of the law: {work_floor.rule(day)}. It's paid as "
        f"printed; if another act is law, add its row to {work_floor.FILE}, and look for a correction by CMS",
        odd.height,
        _shown(odd, "work_gpci"),
    )


def _warning(check: str, said: str, violations: int, examples: Sequence[str]) -> Finding:
    return Finding("gpci", check, "warn", said, violations, tuple(examples), counted=True)


def _shown(rows: pl.DataFrame, *indices: str) -> list[str]:
    shown = rows.sort("state", "locality").head(EXAMPLES).select("state", "locality", *indices)
    return [f"{state}/{locality} {' and '.join(map(str, own))}" for state, locality, *own in shown.rows()]
