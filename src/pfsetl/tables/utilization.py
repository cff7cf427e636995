"""What was billed of each code in a year: CMS's "Physician and Other Practitioners by Geography and Service"."""

import polars as pl

from pfsetl.parsing.parse import Parsed
from pfsetl.tables.exact import decimal, product_cents

NATION = "national"
_COUNT = pl.Decimal(18, 4)
_AVERAGE = pl.Decimal(20, 10)
_AVERAGES = ("average_charge", "average_allowed", "average_payment", "average_standardized")
_TOTAL = pl.Decimal(16, 2)


def utilization(parsed: Parsed) -> pl.DataFrame:
    """Return services and averages of each code by place of service, of the nation and of each state.

    `allowed_charges` are the services times CMS's average, in dollars and cents, rounded once.
    """
    counts = pl.col("services").cast(_COUNT)
    averages = {name: pl.col(name).cast(_AVERAGE) for name in _AVERAGES}
    return parsed.frame.with_columns(services=counts, **averages).select(
        "hcpcs", "place_of_service", "services", "line", *_AVERAGES,
        geo_level=pl.col("geo_level").str.to_lowercase(), geo_code=pl.col("geo_code").fill_null(""),
        geo_name="geo_name", drug=pl.col("drug") == "Y",
        providers=pl.col("providers").cast(pl.Int32), beneficiaries=pl.col("beneficiaries").cast(pl.Int32),
        beneficiary_days=pl.col("beneficiary_days").cast(pl.Int32),
        allowed_charges=decimal(product_cents("services", "average_allowed", 4 + 10), _TOTAL),
    )  # fmt: skip


def with_unlisted(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows of the nation with the services that no state's row shows, and what that comes to in words.

    CMS leaves out rows of ten beneficiaries or fewer, so the states of a code add up to less than the nation.
    """
    key = ["hcpcs", "place_of_service"]
    nation = pl.col("geo_level") == NATION
    listed = frame.filter(~nation).group_by(key).agg(listed=pl.col("services").sum())
    unlisted = pl.when(nation).then(pl.col("services") - pl.col("listed").fill_null(0)).cast(_COUNT)
    whole = frame.join(listed, on=key, how="left", maintain_order="left")
    whole = whole.with_columns(unlisted_services=unlisted).drop("listed")
    total, out = whole.filter(nation).select(pl.col("services").sum(), pl.col("unlisted_services").sum()).row(0)
    if not total:
        return whole, ["no row of the nation: services that no state's row shows can't be told"]
    codes = whole.filter(pl.col("unlisted_services") > 0).select(key).height
    return whole, [
        f"{out:,.0f} of {total:,.0f} services of the nation ({100 * out / total:.1f} %), of {codes:,} rows, are in no "
        "state's row: CMS leaves out rows of ten beneficiaries or fewer, and codes that so few have altogether"
    ]
