"""What payers pay in percent of Medicare: contracts, median, quartiles and range, by payer, section and code.

Quartiles lie at (n - 1) x 1/4, 2/4 and 3/4 of the sorted contracts, between two of them in proportion, half up.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from pfsetl.payers.contracts import Contracts
from pfsetl.tables.exact import decimal

_OF_SERVICE = ["code", "modifiers", "setting", "date", "locality"]
LEVELS: Mapping[str, list[str]] = {
    "payer": ["payer"],
    "section": ["payer", "section"],
    "code": ["payer", "section", *_OF_SERVICE],
}
_STATISTICS = ("least", "lower_quartile", "median", "upper_quartile", "most")
MINE = ("my_rate", "my_percent", "contracts_below", "contracts_equal")
_CENTS, _PERCENT, _RATE = pl.Decimal(18, 2), pl.Decimal(18, 2), pl.Decimal(18, 4)
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "level": pl.String, "payer": pl.String, "section": pl.String, "code": pl.String, "modifiers": pl.String,
    "setting": pl.String, "date": pl.Date, "locality": pl.String, "medicare": _CENTS, "contracts": pl.Int64,
    **dict.fromkeys(_STATISTICS, _PERCENT), "my_rate": _RATE, "my_percent": _PERCENT,
    "contracts_below": pl.Int64, "contracts_equal": pl.Int64,
}  # fmt: skip
SCHEMA = pl.Schema(_COLUMNS)


def summary(
    contracts: Contracts, payers: pl.DataFrame, prices: pl.DataFrame, mine: pl.DataFrame | None
) -> pl.DataFrame:
    """Return the statistics of each level; where `mine` has a rate of one's own, its place among those of the code.

    `mine` are compared rates; one that stands several times counts with the highest.
    """
    services = prices.unique("price").select("price", "section", *_OF_SERVICE, "cents")
    by_code, counted = [], []
    for group in contracts.groups():
        named = group.join(payers, on="contract").join(services, on="price")
        keys = LEVELS["code"]
        one = _statistics(named.group_by(*keys, "hundredths").agg(n=pl.len()), keys)
        one = one.join(named.select(*keys, "cents").unique(keys), on=keys, nulls_equal=True)
        by_code.append(_placed(one, named, mine))
        counted.append(named.group_by("payer", "section", "hundredths").agg(n=pl.len()))
    if not counted:
        return SCHEMA.to_frame()
    values = pl.concat(counted).group_by("payer", "section", "hundredths").agg(pl.col("n").sum())
    levels = [
        _statistics(values.group_by(*LEVELS[name], "hundredths").agg(pl.col("n").sum()), LEVELS[name]).with_columns(
            level=pl.lit(name)
        )
        for name in ("payer", "section")
    ]
    whole = pl.concat([*levels, pl.concat(by_code).with_columns(level=pl.lit("code"))], how="diagonal")
    order = pl.col("level").replace_strict({name: n for n, name in enumerate(LEVELS)})
    return _shown(whole.sort(order, *LEVELS["code"], maintain_order=True))


def _statistics(counted: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return range and quartiles of hundredths that occur `n` times each, by group, exactly."""
    rows = counted.sort(*keys, "hundredths")
    first = rows.select(pl.struct(keys).rle_id().alias("group"))["group"].to_numpy()
    starts = np.flatnonzero(np.diff(first, prepend=-1))
    n, value = rows["n"].cast(pl.Int64).to_numpy(), rows["hundredths"].to_numpy()
    until = np.cumsum(n)
    before = until[starts] - n[starts]
    size = np.append(before[1:], until[-1]) - before

    def at(place: np.ndarray) -> np.ndarray:
        found: np.ndarray = value[np.searchsorted(until, before + place, side="right")]
        return found

    made = {"contracts": size}
    for quarter, name in enumerate(_STATISTICS):
        place, rest = np.divmod((size - 1) * quarter, 4)
        lower, upper = at(place), at(np.minimum(place + 1, size - 1))
        made[name] = (lower * 4 + (upper - lower) * rest + 2) // 4  # the width between them in quarters, half up
    return rows[starts.tolist()].select(keys).with_columns(pl.Series(name, values) for name, values in made.items())


def _placed(codes: pl.DataFrame, contracts: pl.DataFrame, mine: pl.DataFrame | None) -> pl.DataFrame:
    """Add one's own rate of each service, and how many contracts of the payer are below it and equal to it."""
    if mine is None:
        return codes
    own = (
        mine.filter(pl.col("hundredths").is_not_null())
        .group_by(_OF_SERVICE)
        .agg(pl.col("amount").max().alias("my_rate"), pl.col("hundredths").max().alias("my_percent"))
    )
    keys = LEVELS["code"]
    beside = contracts.join(own, on=_OF_SERVICE)
    places = beside.group_by(keys).agg(
        contracts_below=(pl.col("amount") < pl.col("my_rate")).sum().cast(pl.Int64),
        contracts_equal=(pl.col("amount") == pl.col("my_rate")).sum().cast(pl.Int64),
    )
    return codes.join(own, on=_OF_SERVICE, how="left").join(places, on=keys, how="left", nulls_equal=True)


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    kinds = {"cents": _CENTS, "my_rate": _RATE, "my_percent": _PERCENT, **dict.fromkeys(_STATISTICS, _PERCENT)}
    ready = rows.with_columns(decimal(pl.col(name), kind) for name, kind in kinds.items() if name in rows.columns)
    ready = ready.rename({"cents": "medicare"})
    lacking = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in ready.columns]
    return ready.with_columns(lacking).select(SCHEMA.names()).cast({"contracts": pl.Int64})
