"""What somebody writes in polars who wants the tables that follow from the RVUs and the indices of RVU25A, once.

Seven tables with all their columns: `rvu`, `gpci`, `conversion_factor`, both tables of payments, and the statistics of
sections. One format is read, and nothing is checked, compared, digested or said. What a build has beside them is left
out: what else CMS lists, where each line went, what goes with a code, and what follows from other releases.
"""

import csv
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tools.bare import payment
from tools.bare.payment import KEY, LABEL

TABLES = ("rvu", "gpci", "conversion_factor", "section_stats", "code_comparison", *payment.TABLES)
FIELDS = (
    "hcpcs", "modifier", "description", "status", "not_used", "work_rvu", "nonfacility_pe_rvu", "nonfacility_na",
    "facility_pe_rvu", "facility_na", "mp_rvu", "nonfacility_total_rvu", "facility_total_rvu", "pctc", "global_days",
    "preoperative", "intraoperative", "postoperative", "multiple_procedure", "bilateral", "assistant_surgeon",
    "co_surgeons", "team_surgery", "endoscopic_base", "conversion_factor", "supervision", "calculation_flag",
    "imaging_family", "opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu",
)  # fmt: skip
FLAGS = ("not_used", "nonfacility_na", "facility_na")
CODES = (
    "pctc", "global_days", "multiple_procedure", "bilateral", "assistant_surgeon", "co_surgeons", "team_surgery",
    "endoscopic_base", "supervision", "calculation_flag", "imaging_family",
)  # fmt: skip
SHARES = ("preoperative", "intraoperative", "postoperative")
OF_OTHER_YEARS = (
    "nonfacility_pe_rvu_full", "nonfacility_na_full", "facility_pe_rvu_full", "facility_na_full",
    "nonfacility_total_rvu_full", "facility_total_rvu_full",
)  # fmt: skip
MEASURES = ("work_rvu", "nonfacility_total_rvu", "facility_total_rvu", "nonfacility_amount", "facility_amount")
QUANTILES = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90, "p95": 95}
GROUP = ("release", "participant", "section", "measure")
COLUMNS = (*KEY, *FIELDS[3:5], "section", "subsection", *FIELDS[5:], "pricing_indicator", *OF_OTHER_YEARS)
SECTIONS = Path(__file__).parents[2] / "schemas" / "sections.csv"


class Made(NamedTuple):
    """What other tables are made of: two tables, each code's values in sections and subsections, and statistics."""

    rvu: pl.DataFrame
    payments: pl.DataFrame
    values: pl.DataFrame
    stats: pl.DataFrame


def by_polars(archive: Path, folder: Path) -> None:
    """Write the tables, each as one Parquet file."""
    text, places = (
        payment.read(one, names) for one, names in zip(payment.bodies(archive), (FIELDS, payment.PLACE), strict=True)
    )
    tables(text, places, folder)


def tables(text: pl.DataFrame, places: pl.DataFrame, folder: Path) -> Made:
    """Write the tables of rows of both files, every cell as text; return what others are made of."""
    rvu = _rvu(text)
    payment.keep(rvu.select(COLUMNS), folder, "rvu")
    payment.keep(_gpci(places), folder, "gpci")
    factor = rvu.select("release", "participant", "conversion_factor").head(1)
    factor = factor.with_columns(effective_from=date(2025, 1, 1), effective_to=date(2025, 3, 31))
    payment.keep(factor, folder, "conversion_factor")
    payments = payment.payments(text.rename(dict(zip(FIELDS, payment.FIELDS, strict=True))), places, folder)
    values = _values(rvu, payments)
    whole = _ranked(values.with_columns(parent_section=pl.lit(None, dtype=pl.String)))
    divided = pl.col("section").is_in({r["section"] for r in _sections() if r["subsection_statistics"] == "true"})
    parts = values.filter(divided, pl.col("subsection").is_not_null()).with_columns(
        parent_section="section", section=pl.format("{}: {}", "section", "subsection")
    )
    stats = pl.concat([_statistics(whole), _statistics(_ranked(parts))]).sort(GROUP)
    payment.keep(stats, folder, "section_stats")
    payment.keep(_compared(whole, stats), folder, "code_comparison")
    return Made(rvu, payments, pl.concat([values, parts], how="diagonal"), stats)


def _rvu(text: pl.DataFrame) -> pl.DataFrame:
    code = pl.col("hcpcs").str.zfill(5)
    none = pl.lit(None, dtype=pl.Decimal(9, 2))
    rows = text.with_columns(
        code,
        *(pl.col(name) != "" for name in FLAGS),
        *(pl.col(name).str.strip_chars().cast(pl.Decimal(9, 2)) for name in FIELDS if name.endswith("_rvu")),
        *(pl.col(name).str.strip_chars().cast(pl.Decimal(5, 2)) for name in SHARES),
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in CODES),
        pl.col("conversion_factor").cast(pl.Decimal(9, 4)),
        *((none.cast(pl.Boolean) if "_na_" in name else none).alias(name) for name in OF_OTHER_YEARS),
        pricing_indicator=pl.lit(None, dtype=pl.String),
        release=pl.lit(LABEL),
        participant=pl.lit("all"),
    )
    number = rows.select(pl.when(code.str.contains(r"^\d{5}$")).then(code.cast(pl.UInt32, strict=False))).to_series()
    suffixed = code.str.contains(r"^\d{4}[A-Z]$")
    letter = pl.when(suffixed).then("suffix" + code.str.slice(4)).otherwise("letter" + code.str.slice(0, 1))
    for name in ("section", "subsection"):
        by_number, by_letter = _said(name)
        in_letters = letter.replace_strict(by_letter, default=None, return_dtype=pl.String)
        rows = rows.with_columns(pl.coalesce(by_number.gather(number), in_letters).alias(name))
    return rows.sort(KEY)


def _sections() -> list[dict[str, str]]:
    with SECTIONS.open(newline="") as rows:
        return [*csv.DictReader(rows)]


def _said(name: str) -> tuple[pl.Series, dict[str, str | None]]:
    """Return the section or subsection of each number of five digits, and of each letter."""
    numbers: list[str | None] = [None] * 100_000
    ranges = [(int(r["first"]), int(r["last"]), r[name] or None) for r in _sections() if r["rule"] == "number"]
    for first, last, said in sorted(ranges, key=lambda one: one[0] - one[1]):
        numbers[first : last + 1] = [said] * (last + 1 - first)
    letters = {r["rule"] + r["first"]: r[name] or None for r in _sections() if r["rule"] != "number"}
    return pl.Series(numbers, dtype=pl.String), letters


def _gpci(text: pl.DataFrame) -> pl.DataFrame:
    rows = text.with_columns(
        pl.col("name").str.replace_all(r"\s+", " ").str.strip_chars("* "),
        *(pl.col(name).cast(pl.Decimal(6, 3)) for name in payment.PLACE[4:]),
    )
    return (
        rows.group_by("state", "locality", maintain_order=True)
        .agg(pl.all().first(), macs=pl.col("mac").unique().sort().str.join(","))
        .select(
            pl.lit(LABEL).alias("release"), "state", "locality", "mac", "macs", pl.col("name").alias("locality_name"),
            *payment.PLACE[4:], pl.lit(None, dtype=pl.Decimal(6, 3)).alias("work_gpci_without_floor"),
        )
        .sort("state", "locality")
    )  # fmt: skip


def _values(rvu: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    rows = rvu.select(*KEY, "section", "subsection", *MEASURES[:3]).join(payments.select(*KEY, *MEASURES[3:]), on=KEY)
    index = ["release", "participant", "hcpcs", "section", "subsection"]
    largest = rows.group_by(index).agg(payment.unscaled(name).max().alias(name) for name in MEASURES)
    values = largest.unpivot(on=list(MEASURES), index=index, variable_name="measure", value_name="value")
    return values.filter(pl.col("value") > 0, pl.col("section").is_not_null())


def _ranked(values: pl.DataFrame) -> pl.DataFrame:
    return values.with_columns(
        n=pl.len().over(GROUP),
        at_or_below=pl.col("value").rank("max").over(GROUP),
        rank=pl.col("value").rank("min", descending=True).over(GROUP),
    )


def _statistics(ranked: pl.DataFrame) -> pl.DataFrame:
    ordered, count = pl.col("value").sort(), pl.len().cast(pl.Int64)

    def quantile(percent: int) -> pl.Expr:
        low, rest = (count - 1) * percent // 100, (count - 1) * percent % 100
        high = pl.min_horizontal(low + 1, count - 1)
        return ordered.get(low) * 100 + rest * (ordered.get(high) - ordered.get(low))

    largest = pl.col("value") == pl.col("value").max()
    return (
        ranked.group_by(*GROUP, "parent_section")
        .agg(
            n=pl.len().cast(pl.Int32),
            mean=(200 * pl.col("value").sum() + count) // (2 * count),
            min=pl.col("value").min() * 100,
            **{name: quantile(percent) for name, percent in QUANTILES.items()},
            max=pl.col("value").max() * 100,
            max_hcpcs=pl.col("hcpcs").filter(largest).min(),
        )
        .with_columns(payment.decimals(pl.col(name), 12, 4) for name in ("mean", "min", *QUANTILES, "max"))
    )


def _compared(whole: pl.DataFrame, stats: pl.DataFrame) -> pl.DataFrame:
    of_section = stats.select(*GROUP, section_median="median", section_max="max")
    return (
        whole.join(of_section, on=GROUP)
        .select(
            "release", "participant", "hcpcs", "measure", "section",
            payment.decimals(pl.col("value"), 12), pl.col("n").cast(pl.Int32), pl.col("rank").cast(pl.Int32),
            "section_median", pl.col("section_max").cast(pl.Decimal(12, 2)),
            percentile=100 * pl.col("at_or_below").cast(pl.Float64) / pl.col("n"),
            ratio_to_median=pl.col("value") * 100 / payment.unscaled("section_median"),
        )
        .sort("release", "participant", "hcpcs", "measure")
    )  # fmt: skip
