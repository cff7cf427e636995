"""What somebody writes in polars who wants to draw how the values of a section lie: `section_values` of RVU25A."""

from pathlib import Path

import polars as pl

from tools.bare import payment
from tools.bare.release import GROUP, Made

TABLES = ("section_values",)
LAST = 30  # the bin for all that lies beyond 30 bins, which reach the 95th percentile
WIDTHS = [step * 10**power for power in range(8) for step in (1, 2, 5)]  # hundredths


def tables(made: Made, folder: Path) -> None:
    """Write the table: of each section and measure how many codes lie in each bin, and how many of them are paid."""
    width = pl.DataFrame({"width": WIDTHS}).with_columns(reach=LAST * pl.col("width") * 100)
    wide = made.stats.select(
        *GROUP, p95=payment.unscaled("p95"), largest=payment.unscaled("max") // 100
    ).sort("p95").join_asof(width, left_on="p95", right_on="reach", strategy="forward")  # fmt: skip
    bins = wide.select(*GROUP, "width", bin=pl.int_ranges(0, _bin("largest") + 1)).explode("bin")
    paid = made.payments.filter(pl.col("nonfacility_payment").is_not_null())["hcpcs"].unique().implode()
    counted = (
        made.values.join(wide.select(*GROUP, "width"), on=GROUP)
        .select(*GROUP, bin=_bin("value"), paid=pl.col("hcpcs").is_in(paid))
        .group_by(*GROUP, "bin")
        .agg(valued=pl.len(), paid=pl.col("paid").sum())
    )
    lower = pl.col("bin") * pl.col("width")
    rows = bins.join(counted, on=[*GROUP, "bin"], how="left").select(
        *GROUP, "bin", pl.col("valued", "paid").fill_null(0), lower=payment.decimals(lower, 12),
        upper=payment.decimals(pl.when(pl.col("bin") < LAST).then(lower + pl.col("width")), 12),
    )  # fmt: skip
    rows = rows.unpivot(
        ["valued", "paid"], index=[*GROUP, "bin", "lower", "upper"], variable_name="population", value_name="codes"
    )
    rows = rows.select(
        *GROUP, "population", pl.col("bin").cast(pl.Int32) + 1, "lower", "upper", pl.col("codes").cast(pl.Int32)
    )
    payment.keep(rows.sort(*GROUP, "population", "bin"), folder, "section_values")


def _bin(value: str) -> pl.Expr:
    return pl.min_horizontal(pl.col(value) // pl.col("width"), LAST).cast(pl.Int64)
