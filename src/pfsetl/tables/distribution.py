"""How the values of a section lie: counts in bins of one width, of all codes with a value and of those Medicare pays.

The width is one of 1, 2, 5, 10, 20, 50, ... hundredths: the narrowest with which 30 bins from 0 on reach the 95th
percentile. What lies beyond them is counted in one more bin, so that a few codes of the largest values don't make all
others one bar (docs/decisions/0046-what-a-code-is.md).
"""

from functools import cache

import polars as pl

from pfsetl.tables import compare
from pfsetl.tables.exact import decimal, scaled

ALL, PAID = "valued", "paid"
BINS = 30
_WIDTHS = tuple(step * 10**power for power in range(8) for step in (1, 2, 5))  # hundredths
_GROUP = ("release", "participant", "section", "measure")


def section_values(values: pl.DataFrame, stats: pl.DataFrame) -> pl.DataFrame:
    """Return the bins of every section and measure, with the codes in each, both populations in the same bins.

    `values` are those of `compare.values`, `stats` is `section_stats`. The bins go from the first to the one that
    holds the largest value; those between without a code have 0.
    """
    wide = stats.select(*_GROUP, width=_width(), largest=scaled("max") // 100).with_row_index("group")
    bins = wide.with_columns(bin=pl.int_ranges(0, _bin("largest") + 1, dtype=pl.Int32)).explode("bin")
    parts = (values, compare.of_subsections(values))
    placed = pl.concat(
        part.select(*_GROUP, "value", "paid").join(wide, on=_GROUP).select("group", "paid", bin=_bin("value"))
        for part in parts
    )
    counted = placed.group_by("group", "bin").agg(pl.len().alias(ALL), pl.col("paid").sum().alias(PAID))
    lower = pl.col("bin") * pl.col("width")
    return (
        bins.join(counted, on=["group", "bin"], how="left")
        .with_columns(pl.col(ALL, PAID).fill_null(0), lower=lower)
        .with_columns(upper=pl.when(pl.col("bin") < BINS).then(pl.col("lower") + pl.col("width")))
        .with_columns(decimal(pl.col(name), pl.Decimal(12, 2)) for name in ("lower", "upper"))
        .unpivot([ALL, PAID], index=[*_GROUP, "bin", "lower", "upper"], variable_name="population", value_name="codes")
        .with_columns(pl.col("bin") + 1)
    )


def _bin(value: str) -> pl.Expr:
    """Return the place of the bin that holds a value, from 0 on; the last one has no end."""
    return pl.min_horizontal(pl.col(value) // pl.col("width"), BINS).cast(pl.Int32)


@cache
def _width() -> pl.Expr:
    """Return the width of bins in hundredths; the 95th percentile has four decimals."""
    p95 = scaled("p95")
    reach = [pl.when(p95 <= BINS * width * 100).then(pl.lit(width, dtype=pl.Int64)) for width in _WIDTHS]
    return pl.coalesce(*reach, pl.lit(_WIDTHS[-1], dtype=pl.Int64))
