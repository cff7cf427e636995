"""What a code is: the kind of service as CMS's indicators and lists say it, its words, family and limit.

What follows from an indicator or a list are rows of `schemas/code_traits.csv`; what stands in files beside the releases
is taken from the one that holds on the release's first day (docs/decisions/0046-what-a-code-is.md).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.services import CODE_TRAITS, CodeTraitRow
from pfsetl.tables import relations
from pfsetl.tables.derive import SETTINGS

Tables = Mapping[str, pl.DataFrame]
COMPANIONS = ("add_on", "mue", "rbcs")
_SAID = ("section", "subsection", "status", "pctc", "global_days", "multiple_procedure", "imaging_family")
ONLY = {  # the columns that are read, of tables that have more
    "code_modifier": ("hcpcs", "modifier", "applies"),
    "payment_national": ("participant", "hcpcs", "modifier", "nonfacility_payment", "nonfacility_na", "facility_na"),
    "rvu": ("release", "participant", "hcpcs", "modifier", *_SAID, "endoscopic_base"),
}
_OF_MUE = {"mue_units": "most_units", "mue_indicator": "indicator", "mue_rationale": "rationale"}
_OF_RBCS = {
    "rbcs_id": "rbcs_id",
    "rbcs_category": "category_name",
    "rbcs_subcategory": "subcategory_name",
    "rbcs_family": "family_name",
}


def code_profile(_before: Tables | None, now: Tables) -> pl.DataFrame:
    """Return one row for each code of a release."""
    rows = relations.of_everyone(now["rvu"])
    whole = rows.sort("hcpcs", "modifier").group_by("release", "hcpcs").agg(
        pl.col(_SAID).first(), has_parts=pl.col("modifier").is_in(["26", "TC"]).any()
    )  # fmt: skip
    described = (
        whole.with_columns(**_traits())
        .join(now["code_text"].select("hcpcs", "text"), on="hcpcs", how="left")
        .join(_paid(now["payment_national"]), on="hcpcs", how="left")
        .join(_counted(rows, now), on="hcpcs", how="left")
        .join(_with_modifiers(now["code_modifier"]), on="hcpcs", how="left")
        .with_columns(pl.col("paid").fill_null(False), pl.col("relations").fill_null(0))
        .drop("multiple_procedure", "imaging_family")
    )
    return _with_companions(described, now)


def _traits() -> dict[str, pl.Expr]:
    """Return of each declared trait whether a code has it."""
    declared = declarations.rows(CODE_TRAITS)
    names = dict.fromkeys(row.trait for row in declared)
    return {name: pl.any_horizontal(_fits(row) for row in declared if row.trait == name) for name in names}


def _fits(row: CodeTraitRow) -> pl.Expr:
    value = pl.col(row.field)
    inside = value.is_between(pl.lit(row.first), pl.lit(row.last))
    if row.field == "hcpcs" and row.first.isdigit():  # 0001F stands between 00000 and 01999, and isn't a number
        inside = inside & value.str.contains(r"^[0-9]{5}$")
    return inside.fill_null(False)


def _paid(payment_national: pl.DataFrame) -> pl.DataFrame:
    """Return of each code whether one of its rows has a payment, and in which settings one isn't marked NA."""
    has_one = pl.col("nonfacility_payment").is_not_null()
    settings = {
        f"in_{setting}": pl.when(has_one.any()).then((has_one & pl.col(f"{setting}_na").not_()).any())
        for setting in SETTINGS
    }
    return relations.of_everyone(payment_national).group_by("hcpcs").agg(paid=has_one.any(), **settings)


def _counted(rows: pl.DataFrame, now: Tables) -> pl.DataFrame:
    """Return how many relations CMS says of each code."""
    return relations.said(rows, now).group_by("hcpcs").agg(relations=pl.len().cast(pl.Int32))


def _with_modifiers(code_modifier: pl.DataFrame) -> pl.DataFrame:
    """Return how many modifiers go with each code that has rows, in one of the settings at least."""
    goes = pl.col("modifier").filter("applies").n_unique().cast(pl.Int32)
    return code_modifier.group_by("hcpcs").agg(modifiers=goes)


def _with_companions(codes: pl.DataFrame, now: Tables) -> pl.DataFrame:
    """Add what stands in files beside the release, with the first day of each, and which of them are missing."""
    add_on, mue, rbcs = (now.get(kind) for kind in COMPANIONS)
    if add_on is not None and codes.height:
        held = relations.add_ons_of(codes["release"][0], add_on)
        add_on = held.group_by(hcpcs="add_on").agg(pl.col("effective_from").first(), pl.col("type").min())
    if mue is not None and _is_later(mue, codes):
        mue = None
    if rbcs is not None:
        rbcs = rbcs.filter("latest").sort("valid_from", descending=True).unique("hcpcs", keep="first")
    files = {"add_on": (add_on, {"add_on_type": "type"}), "mue": (mue, _OF_MUE), "rbcs": (rbcs, _OF_RBCS)}
    for kind, (file, taken) in files.items():
        codes = _joined(codes, kind, file, taken)
    missing = [kind for kind, (file, _) in files.items() if file is None]
    return codes.with_columns(missing=pl.lit(", ".join(missing) or None, pl.String))


def _is_later(file: pl.DataFrame, codes: pl.DataFrame) -> bool:
    """Whether limits, which change with each quarter, are those of a later year than the release."""
    releases = [registry.find_or_infer(label) for label in codes["release"].unique()]
    days: list[date] = file["effective_from"].unique().to_list()
    return any(day.year > release.year for day in days for release in releases)


def _joined(codes: pl.DataFrame, kind: str, file: pl.DataFrame | None, taken: Mapping[str, str]) -> pl.DataFrame:
    """Add columns of a file by code, and in every row its first day; all are null without the file."""
    if file is None or file.is_empty():
        empty = pl.lit(None, pl.Date).alias(f"{kind}_from")
        return codes.with_columns(empty, *(pl.lit(None).alias(name) for name in taken))
    asked = file.select("hcpcs", **{name: pl.col(column) for name, column in taken.items()})
    day = pl.lit(file["effective_from"][0], pl.Date).alias(f"{kind}_from")
    return codes.join(asked, on="hcpcs", how="left").with_columns(day)
