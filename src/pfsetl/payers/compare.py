"""Rates beside Medicare's price, part by part: the percentage in whole hundredths, or the reason why there is none."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from pfsetl.payers.rate import PLACES, REASON
from pfsetl.tables.exact import decimal

# What Medicare pays is in cents, a rate in ten-thousandths of a dollar, a percentage in hundredths.
Judge = Callable[[pl.Series], pl.DataFrame | None]
PERCENT = pl.Decimal(18, 2)
DOLLARS = pl.Decimal(18, 2)
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64, "payer": pl.String, "plan": pl.String, "provider": pl.String, "code_type": pl.String,
    "code": pl.String, "modifiers": pl.String, "section": pl.String, "place_of_service": pl.String,
    "setting": pl.String, "date": pl.Date, "locality": pl.String, "release": pl.String,
    "rate": pl.Decimal(18, PLACES), "medicare": DOLLARS, "percent_of_medicare": PERCENT, "reason": pl.String,
    "detail": pl.String, "expires": pl.Date,
}  # fmt: skip
SCHEMA = pl.Schema(_COLUMNS)


def compared(
    parts: Iterable[pl.DataFrame], prices: pl.DataFrame, contracts: pl.DataFrame, judged: Judge | None
) -> Iterator[pl.DataFrame]:
    """Yield the rates with what Medicare pays and the percentage, one row for each setting.

    A rate with a reason of its own stays one row. `judged` tells of providers as rates name them whether they are
    `wanted`, and `lost` because none of them is in the file, or nothing where all are well; rates of those that aren't
    wanted are left out, as are rates of services without a row in `prices`.
    """
    services = prices["service"].to_numpy()
    settings = np.append(np.bincount(services), 0)  # the last stands for services that are not in `prices`
    first = np.zeros_like(settings)
    _, at = np.unique(services, return_index=True)
    first[services[at]] = at
    prices, contracts = prices.drop("service"), contracts.sort("contract").drop("contract")
    own, priced = pl.col("reason").is_not_null(), pl.col("reason").is_null()
    for part in parts:
        rates = part
        if judged and (told := judged(part["provider"])) is not None:
            gone = pl.when("lost").then(pl.lit("provider_group_missing", REASON))
            rates = part.join(told, on="provider", how="left", maintain_order="left")
            rates = rates.filter("wanted").with_columns(reason=pl.coalesce("reason", gone))
        service = np.minimum(rates["service"].to_numpy(), len(settings) - 1)
        rows = np.where(rates["reason"].is_null().to_numpy(), settings[service], settings[service] > 0)
        until = np.cumsum(rows)
        row = np.arange(until[-1] if len(until) else 0)
        of_rate = np.repeat(np.arange(len(rows)), rows)
        of_price = row + np.repeat(first[service] - until + rows, rows)
        rates = rates[of_rate]
        yield pl.concat([rates, prices[of_price], contracts[rates["contract"]]], how="horizontal").with_columns(
            cents=pl.when(priced).then("cents"),
            setting=pl.when(priced).then("setting"),
            detail=pl.when(own).then("detail").otherwise("why"),
            reason=pl.coalesce("reason", "no_price"),
            hundredths=pl.when(priced & pl.col("no_price").is_null()).then(percent(pl.col("amount"), pl.col("cents"))),
        )


def percent(amount: pl.Expr, cents: pl.Expr) -> pl.Expr:
    """Return hundredths of a percent, half up: 100 x rate / Medicare's price, in whole numbers.

    >>> pl.select(percent(pl.lit(150_0000), pl.lit(10489))).item()  # $150.00 of $104.89 is 143.01 %
    14301
    """
    return (amount * 200 + cents) // (cents * 2)


def shown(rows: pl.DataFrame) -> pl.DataFrame:
    """Return compared rates in the columns that are written."""
    return rows.with_columns(
        rate=decimal(pl.col("amount"), pl.Decimal(18, PLACES)),
        medicare=decimal(pl.col("cents"), DOLLARS),
        percent_of_medicare=decimal(pl.col("hundredths"), PERCENT),
    ).select(SCHEMA.names())
