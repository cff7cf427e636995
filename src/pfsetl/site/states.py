"""What each release says of each row of `rvu`, as JSON, and only where it differs from the release before.

A row's values are `[status, work, nonfacility PE, facility PE, malpractice, marks, reason, pricing indicator]`, RVUs
in hundredths; marks are 1 for NA in an office, 2 for NA in a facility, 4 for RVUs that aren't used. Where there is
more, `[work, nonfacility PE, facility PE, malpractice]` of the imaging cap follow (0 without a cap), then what the
calculation flag makes of an amount in parts of 10,000, then the work RVUs after the budget neutrality adjuster.
"""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.declared.registry import Release
from pfsetl.tables.derive import RVUS, WHOLE, parts_of
from pfsetl.tables.exact import scaled

KEY = ("hcpcs", "line", "modifier")
WHAT = ("values", "indicators")
INDICATORS = (
    "pctc", "global_days", "preoperative", "intraoperative", "postoperative", "multiple_procedure", "bilateral",
    "assistant_surgeon", "co_surgeons", "team_surgery", "endoscopic_base", "supervision", "calculation_flag",
    "imaging_family",
)  # fmt: skip
GONE = "null"


def first_of(participant: str) -> str:
    """Return the participant that one continues: its rows go on those of `all` from the day there were two."""
    continues = {row.participant: row.continues for row in declarations.rows(PARTICIPANTS)}
    while before := continues.get(participant):
        participant = before
    return participant


def states(rvu: pl.DataFrame, release: Release) -> pl.DataFrame:
    """Return the key of each row (`line` is the participant that it continues), its section, values and indicators.

    A release that was never in force says why it isn't paid itself, so its rows keep the reason of their own.
    """
    lines = {name: first_of(name) for name in rvu["participant"].unique()}
    parts = parts_of(rvu, replace(release, never_effective=None)).rename(lambda name: f"_{name}")
    rows = pl.concat([rvu, parts], how="horizontal")
    return rows.select(
        "hcpcs",
        pl.col("participant").replace_strict(lines, return_dtype=pl.String).alias("line"),
        "modifier",
        pl.col("section").fill_null(""),
        pl.col("subsection").fill_null(""),
        values=_values(),
        indicators=_listed(_quoted(pl.col(name)) for name in INDICATORS),
    )


def changes(said: Iterable[tuple[int, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return values and indicators, each with one row per key: `changes`, pairs of [number of the release, it says].

    `said` are the rows of each release in order. What a release says as the one before did isn't repeated; a row that
    it no longer has is null.
    """
    before = {what: pl.DataFrame(schema=dict.fromkeys((*KEY, what), pl.String)) for what in WHAT}
    parts: dict[str, list[pl.DataFrame]] = {what: [] for what in WHAT}
    for number, rows in said:
        for what in WHAT:
            now = rows.select(*KEY, what)
            both = now.join(before[what], on=KEY, how="full", coalesce=True, suffix="_before")
            changed = both.filter(pl.col(what).ne_missing(pl.col(f"{what}_before")))
            one = pl.concat_str(pl.lit(f"[{number},"), pl.col(what).fill_null(GONE), pl.lit("]"))
            parts[what].append(changed.select(*KEY, one.alias("changes"), at=pl.lit(number, dtype=pl.Int16)))
            before[what] = now
    values, indicators = (_joined(parts[what]) for what in WHAT)
    return values, indicators


def _joined(parts: list[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat(parts).sort(*KEY, "at")
    return every.group_by(*KEY, maintain_order=True).agg(pl.col("changes").str.join(","))


def _values() -> pl.Expr:
    marks = pl.sum_horizontal(
        pl.when(name).then(weight).otherwise(0)
        for name, weight in (("nonfacility_na", 1), ("facility_na", 2), ("not_used", 4))
    )
    reason = pl.when(pl.col("_reason").is_null()).then(pl.lit("0")).otherwise(_quoted(pl.col("_reason")))
    base = _listed(
        [
            _quoted(pl.col("status")),
            *(scaled(f"{name}_rvu").cast(pl.String) for name in RVUS),
            marks.cast(pl.String),
            reason,
            _quoted(pl.col("pricing_indicator")),
        ],
        close=False,
    )
    cap = (
        pl.when("_capped")
        .then(_listed(pl.col(f"_opps_{name}").cast(pl.String) for name in RVUS))
        .otherwise(pl.lit("0"))
    )
    adjusted = pl.col("_work") != scaled("work_rvu")
    flagged = adjusted | (pl.col("_flag_parts") != WHOLE)
    empty = pl.lit("")
    return pl.concat_str(
        base,
        pl.when(pl.col("_capped") | flagged).then(pl.concat_str(pl.lit(","), cap)).otherwise(empty),
        pl.when(flagged).then(pl.concat_str(pl.lit(","), pl.col("_flag_parts").cast(pl.String))).otherwise(empty),
        pl.when(adjusted).then(pl.concat_str(pl.lit(","), pl.col("_work").cast(pl.String))).otherwise(empty),
        pl.lit("]"),
    )


def _listed(parts: Iterable[pl.Expr], *, close: bool = True) -> pl.Expr:
    return pl.concat_str(pl.lit("["), pl.concat_str(*parts, separator=","), pl.lit("]" if close else ""))


def _quoted(value: pl.Expr) -> pl.Expr:
    """Return a text as JSON, "" where there is none."""
    text = value.cast(pl.String).fill_null("")
    return pl.concat_str(pl.lit('"'), text.str.replace_all(r'(["\\])', r"\${1}"), pl.lit('"'))
