"""How a code compares: statistics of each section, and each code's place in its section.

The population of a section has one value per HCPCS code, the largest over its modifier rows, greater than zero,
whatever the status. Percentile is 100 x (values at or below) / n, unrounded. The rule and its check figures are
in docs/decisions/0006-section-statistics.md.
"""

import polars as pl

from pfsetl.tables import sections
from pfsetl.tables.exact import decimal, scaled

MEASURES = ("work_rvu", "nonfacility_total_rvu", "facility_total_rvu", "nonfacility_amount", "facility_amount")
_KEY = ("release", "participant")
_QUANTILES = {"p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90, "p95": 95}


def compared(valued: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return `section_stats` and `code_comparison` of the `values` of a release's codes, for every participant."""
    whole = _ranked(valued.with_columns(parent_section=pl.lit(None, dtype=pl.String)))
    stats = pl.concat([_statistics(whole), _statistics(_ranked(of_subsections(valued)))])
    return stats, _comparison(whole, stats)


def of_subsections(valued: pl.DataFrame) -> pl.DataFrame:
    """Return the values of codes in subsections with statistics of their own, under the name of the subsection."""
    divided = pl.DataFrame(sections.with_statistics(), schema=["section", "subsection"], orient="row")
    return valued.join(divided, on=["section", "subsection"]).with_columns(
        parent_section="section", section=pl.format("{}: {}", "section", "subsection")
    )


def values(rvu: pl.DataFrame, payment_national: pl.DataFrame) -> pl.DataFrame:
    """One row per participant, code and measure with `value` in hundredths, zero and unsectioned codes left out.

    `paid` says whether Medicare has a national price for one of the code's rows; a row has both settings' or neither.
    """
    columns = ("nonfacility_amount", "facility_amount", "nonfacility_payment")
    amounts = payment_national.select(*_KEY, "hcpcs", "modifier", *columns)
    asked = rvu.select(*_KEY, "hcpcs", "modifier", "section", "subsection", *MEASURES[:3])
    rows = asked.join(amounts, on=[*_KEY, "hcpcs", "modifier"], how="left", maintain_order="left")
    paid = pl.col("nonfacility_payment").is_not_null().any()
    largest = rows.group_by(*_KEY, "hcpcs").agg(
        pl.col("section").first(),
        pl.col("subsection").first(),
        *(scaled(m).max().alias(m) for m in MEASURES),
        paid=paid,
    )
    index = [*_KEY, "hcpcs", "section", "subsection", "paid"]
    return largest.unpivot(on=list(MEASURES), index=index, variable_name="measure", value_name="value").filter(
        pl.col("value") > 0, pl.col("section").is_not_null()
    )


def _ranked(values: pl.DataFrame) -> pl.DataFrame:
    group = [*_KEY, "section", "measure"]
    return values.with_columns(
        n=pl.len().over(group),
        at_or_below=pl.col("value").rank("max").over(group),
        rank=pl.col("value").rank("min", descending=True).over(group),
    )


def _statistics(ranked: pl.DataFrame) -> pl.DataFrame:
    """Exact statistics: values are hundredths, so 4 decimals hold every interpolated quantile."""
    ordered = pl.col("value")  # as the rows of a group are
    count = pl.len().cast(pl.Int64)

    def quantile(percent: int) -> pl.Expr:
        position = (count - 1) * percent
        low, rest = position // 100, position % 100
        high = pl.min_horizontal(low + 1, count - 1)
        return ordered.get(low) * 100 + rest * (ordered.get(high) - ordered.get(low))

    total = pl.col("value").sum() * 100
    return (
        ranked.sort("value")
        .group_by(*_KEY, "section", "measure", "parent_section")
        .agg(
            n=count,
            mean=(2 * total + count) // (2 * count),
            min=ordered.first() * 100,
            **{name: quantile(percent) for name, percent in _QUANTILES.items()},
            max=ordered.last() * 100,
            # NOTE: among codes that tie for the largest value the first by number stands for them.
            max_hcpcs=pl.col("hcpcs").filter(ordered == ordered.last()).min(),
        )
        .with_columns(decimal(pl.col(name), pl.Decimal(12, 4)) for name in ("mean", "min", *_QUANTILES, "max"))
    )


def _comparison(whole: pl.DataFrame, stats: pl.DataFrame) -> pl.DataFrame:
    group = [*_KEY, "section", "measure"]
    joined = whole.join(stats.select(*group, section_median="median", section_max="max"), on=group)
    return joined.select(
        *_KEY,
        "hcpcs",
        "measure",
        "section",
        decimal(pl.col("value"), pl.Decimal(12, 2)),
        "n",
        "rank",
        percentile=100 * pl.col("at_or_below").cast(pl.Float64) / pl.col("n"),
        section_median="section_median",
        ratio_to_median=pl.col("value") * 100 / scaled("section_median"),
        section_max=pl.col("section_max").cast(pl.Decimal(12, 2)),
    )
