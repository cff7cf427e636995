"""What a calendar assumes because nobody has declared it, said together with the rows that would declare it."""

from collections.abc import Iterable

import polars as pl

from pfsetl.declared.calendar import AS_PRINTED, BY_QUARTER_RULE
from pfsetl.declared.registry import Release


def notices(release: Release, days: pl.DataFrame, beside: Iterable[str] = ()) -> list[str]:
    """Say which days and factors of a release's calendar nobody has declared, and which rows to add for them.

    `days` is its `release_calendar`; `beside` are other releases of its quarter that aren't declared either: by the
    rule they price the same days.
    """
    rows = days.filter(pl.col("certainty").is_in([AS_PRINTED, BY_QUARTER_RULE]))
    if rows.is_empty():
        return []
    first, last = rows.select(pl.min("effective_from"), pl.max("effective_to").alias("last")).row(0)
    printed = sorted(set(rows.select("participant", "conversion_factor").iter_rows()))
    factors = "rows for the factors in conversion_factors.csv"
    said = f"{release.label}: in force {first} to {last}"
    by = f"with the factor that its files print ({', '.join(f'{whose} {factor}' for whose, factor in printed)})"
    if release.known:
        return [f"{said} {by}. Once it's final, add {factors}"]
    found = [
        f"{said} by the quarter rule, {by}, because it isn't in releases.csv. Add its row there, and "
        f"{factors}, once CMS has said what is in force"
    ]
    if others := sorted(beside):
        found.append(
            f"{release.label}: {' and '.join(others)} has the same days by the quarter rule, and prices are taken from "
            f"{max(release.label, *others)}. Rows in releases.csv say which days each of them prices"
        )
    return found
