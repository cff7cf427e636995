"""Many rates at once: dollars in ten-thousandths, or why one is none, as `rate.amount_of` says of each."""

from collections.abc import Sequence

import polars as pl

from pfsetl.payers.rate import PLACES, REASON, amount_of

_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "amount": pl.Int64,
    "reason": REASON,
    "detail": pl.String,
    "rate": pl.String,
}
_MOST_AT_ONCE = 1e9  # dollars, of which a float is wrong by less than 0.01 ten-thousandths
_NOT_HALF = 0.49  # of a ten-thousandth: so near to a whole one it's told exactly; further off it may be a half


def amounts_of(rates: Sequence[float | str | None]) -> pl.DataFrame:
    """Return columns `amount`, `reason` and `detail` of rates of JSON, and `rate` as it was, as numbers or as text."""
    try:
        made = pl.DataFrame({"rate": rates}, {"rate": pl.Float64})
    except TypeError:  # text
        return pl.DataFrame([(*amount_of(rate), rate and str(rate)) for rate in rates], _SCHEMA, orient="row")
    rate = pl.col("rate")
    units = (rate * 10**PLACES).round()
    is_plain = rate.is_between(0, _MOST_AT_ONCE) & (units > 0) & ((rate * 10**PLACES - units).abs() < _NOT_HALF)
    made = made.with_columns(amount=pl.when(is_plain).then(units.cast(pl.Int64)))
    odd = made.filter(pl.col("amount").is_null())["rate"].unique()
    kinds: dict[str, pl.DataType | type[pl.DataType]] = {
        "rate": pl.Float64,
        "odd": pl.Int64,
        "reason": REASON,
        "detail": pl.String,
    }
    told = pl.DataFrame([(one, *amount_of(one)) for one in odd], kinds, orient="row")
    judged = made.join(told, on="rate", how="left", maintain_order="left", nulls_equal=True)
    return judged.select(pl.coalesce("amount", "odd").alias("amount"), "reason", "detail", "rate")
