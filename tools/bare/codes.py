"""What somebody writes in polars who wants the tables of RVU25A that tell a code: its story, relations and profile.

The release is the first one, so that nothing is gone, has come back or is compared; and no other file is loaded beside
it, so that a profile has CMS's indicators alone.
"""

from datetime import date
from pathlib import Path

import polars as pl

from tools.bare import payment, source
from tools.bare.payment import KEY, LABEL, SETTINGS
from tools.bare.release import Made

TABLES = ("release_calendar", "code_history", "code_events", "code_relation", "code_profile")
FIRST, LAST = date(2025, 1, 1), date(2025, 3, 31)
NEAREST = 5
PARTS = {"26": "professional_part", "TC": "technical_part", "53": "discontinued"}
NUMBERS = ("work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu", "nonfacility_total_rvu",
           "facility_total_rvu", "conversion_factor")  # fmt: skip
AMOUNTS = ("nonfacility_amount", "facility_amount", "nonfacility_payment", "facility_payment", "reason")
CAUSES = ("", "_work", "_pe", "_mp", "_factor", "_rounding")
BESIDE = ("add_on", "mue", "rbcs")  # files beside the release that a profile has columns of
TEXTS = (
    "add_on_type", "mue_indicator", "mue_rationale", "rbcs_id", "rbcs_category", "rbcs_subcategory", "rbcs_family",
)  # fmt: skip
NO_TEXT, NO_DAY, NO_COUNT = (pl.lit(None, dtype) for dtype in (pl.String, pl.Date, pl.Int32))
RELEASE = pl.lit(LABEL).alias("release")


def tables(made: Made, text: pl.DataFrame, modifiers: pl.DataFrame, folder: Path) -> None:
    """Write the tables; `text` and `modifiers` are `code_text` and `code_modifier`."""
    rvu, payments = made.rvu, made.payments
    calendar = _calendar()
    payment.keep(calendar, folder, "release_calendar")
    history = _history(rvu, payments, calendar)
    payment.keep(history, folder, "code_history")
    payment.keep(_events(history), folder, "code_events")
    said, near = _said(rvu), _nearest(rvu)
    payment.keep(pl.concat([said, near], how="diagonal").sort("hcpcs", "relation", "other"), folder, "code_relation")
    payment.keep(_profile(rvu, payments, text, modifiers, said), folder, "code_profile")


def _calendar() -> pl.DataFrame:
    """Return the days of the release with the factor that was paid on them."""
    day = pl.lit(FIRST.isoformat())
    paid = source.declared("conversion_factors").filter(
        pl.col("category") == "all", pl.col("from") <= day, pl.col("to").is_null() | (pl.col("to") >= day)
    )
    return paid.select(
        RELEASE, "participant", pl.lit(FIRST).alias("effective_from"), pl.lit(LAST).alias("effective_to"),
        pl.col("conversion_factor").cast(pl.Decimal(9, 4)), "certainty", "source",
    )  # fmt: skip


def _history(rvu: pl.DataFrame, payments: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    days = calendar.select("participant", "effective_from", "effective_to", conversion_factor_paid="conversion_factor")
    rows = rvu.select(*KEY, "status", "not_used", *NUMBERS, "nonfacility_na", "facility_na", "calculation_flag")
    rows = rows.join(days, on="participant").join(payments.select(*KEY, *AMOUNTS), on=KEY)
    changes = {
        f"{setting}_change{cause}": pl.lit(None, pl.Decimal(12, 6) if cause else pl.Decimal(9, 2))
        for setting in SETTINGS
        for cause in CAUSES
    }
    return rows.select(
        "hcpcs", "modifier", "participant", "release", "effective_from", "effective_to",
        pl.lit("in_force").alias("standing"), "status", "not_used", *NUMBERS, "conversion_factor_paid", *AMOUNTS,
        "nonfacility_na", "facility_na", "calculation_flag", previous_release=NO_TEXT, previous_participant=NO_TEXT,
        not_compared=pl.lit("no_release_before"), **changes,
    ).sort("hcpcs", "modifier", "participant")  # fmt: skip


def _events(history: pl.DataFrame) -> pl.DataFrame:
    return history.select(
        "hcpcs", "modifier", "release", event=pl.lit("first"), is_there=pl.lit(value=True), previous_release=NO_TEXT,
        first_release="release", last_release=NO_TEXT, appeared_when_gone=NO_TEXT, appeared_when_gone_count=NO_COUNT,
    )  # fmt: skip


def _said(rvu: pl.DataFrame) -> pl.DataFrame:
    """Return the relations that CMS's columns say: the parts of a code, and its endoscopic family."""
    part = pl.col("modifier").replace_strict(PARTS, default=None)
    parts = rvu.select("hcpcs", relation=part, other="hcpcs").drop_nulls()
    family = rvu.select("hcpcs", base="endoscopic_base").drop_nulls().unique()
    sibling = family.join(family, on="base").filter(pl.col("hcpcs") != pl.col("hcpcs_right"))
    kinds = (
        family.select("hcpcs", relation=pl.lit("endoscopic_base"), other="base"),
        family.select(hcpcs="base", relation=pl.lit("endoscopy"), other="hcpcs"),
        sibling.select("hcpcs", relation=pl.lit("endoscopic_sibling"), other="hcpcs_right"),
    )
    return pl.concat([parts, *kinds]).select(
        RELEASE, pl.all(), rank=NO_COUNT, work_rvu_difference=pl.lit(None, pl.Decimal(9, 2)), companion_from=NO_DAY
    )


def _nearest(rvu: pl.DataFrame) -> pl.DataFrame:
    """Return the five codes of the same subsection with the nearest work RVU.

    They are among the five before and the five after a code in the order of work, and their order is that of the
    distance in work, then of the places between them, then of the codes.
    """
    place = ["section", "subsection"]
    codes = rvu.group_by("hcpcs").agg(pl.col(place).first(), work=pl.col("work_rvu").max())
    codes = codes.filter(pl.col("work") > 0, pl.col("section").is_not_null()).sort(*place, "work", "hcpcs")
    steps = [step for step in range(-NEAREST, NEAREST + 1) if step]
    beside = pl.concat(
        codes.select(
            "hcpcs",
            other=pl.col("hcpcs").shift(-step).over(place),
            work_rvu_difference=pl.col("work").shift(-step).over(place) - pl.col("work"),
            far=pl.lit(2 * abs(step) + (step > 0), pl.Int8),
        ).drop_nulls("other")
        for step in steps
    )
    ordered = beside.sort("hcpcs", pl.col("work_rvu_difference").abs(), "far")
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("hcpcs")
    near = ordered.with_columns(rank=rank).filter(pl.col("rank") <= NEAREST)
    return near.select(
        RELEASE, "hcpcs", pl.lit("nearest_in_work").alias("relation"), "other", "rank", "work_rvu_difference"
    )


def _profile(
    rvu: pl.DataFrame, payments: pl.DataFrame, text: pl.DataFrame, modifiers: pl.DataFrame, said: pl.DataFrame
) -> pl.DataFrame:
    """Return what each code is; a code's first row is that of the whole service."""
    first = ["section", "subsection", "status", "pctc", "global_days", "multiple_procedure", "imaging_family"]
    codes = rvu.group_by("hcpcs").agg(
        pl.col(first).first(), has_parts=pl.col("modifier").is_in(["26", "TC"]).any()
    )  # fmt: skip
    paid = payments.filter(pl.col("nonfacility_payment").is_not_null()).group_by("hcpcs").agg(
        paid=pl.lit(value=True), **{f"in_{setting}": (~pl.col(f"{setting}_na")).any() for setting in SETTINGS}
    )  # fmt: skip
    goes = modifiers.group_by("hcpcs").agg(modifiers=pl.col("modifier").filter("applies").n_unique().cast(pl.Int32))
    related = said.group_by("hcpcs").agg(relations=pl.len().cast(pl.Int32))
    traits = _traits()
    rows = codes.with_columns(**traits)
    for more in (text.select("hcpcs", "text"), paid, related, goes):
        rows = rows.join(more, on="hcpcs", how="left")
    return rows.select(
        RELEASE, "hcpcs", "section", "subsection", "text", "status", "pctc", "global_days", "has_parts", *traits,
        pl.col("paid").fill_null(value=False), "in_nonfacility", "in_facility", pl.col("relations").fill_null(0),
        "modifiers", *(NO_TEXT.alias(name) for name in TEXTS), *(NO_DAY.alias(f"{kind}_from") for kind in BESIDE),
        mue_units=NO_COUNT, missing=pl.lit(", ".join(BESIDE)),
    ).sort("hcpcs")  # fmt: skip


def _traits() -> dict[str, pl.Expr]:
    """Return whether a code has each trait, by the indicators and ranges of codes that it's declared by."""
    found: dict[str, list[pl.Expr]] = {}
    for row in source.declared("code_traits").iter_rows(named=True):
        fits = pl.col(row["field"]).is_between(pl.lit(row["first"]), pl.lit(row["last"])).fill_null(value=False)
        if row["field"] == "hcpcs":
            fits = fits & pl.col("hcpcs").str.contains(r"^\d{5}$")
        found.setdefault(row["trait"], []).append(fits)
    return {trait: pl.any_horizontal(fits) for trait, fits in found.items()}
