"""What payers pay in percent of Medicare: contracts, median, quartiles and range, by payer, section and code.

Quartiles lie at (n - 1) x 1/4, 2/4 and 3/4 of the sorted contracts, between two of them in proportion, half up.
"""

import numpy as np
import polars as pl

from pfsetl.payers.contracts import Contracts
from pfsetl.tables.exact import decimal

_OF_SERVICE = ["code", "modifiers", "setting", "date", "locality"]
LEVELS = ("payer", "section", "code")
_STATISTICS = ("least", "lower_quartile", "median", "upper_quartile", "most")
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

    `mine` are compared rates; one that stands several times counts with the highest. Names come in when all is counted.
    """
    who = payers.with_columns(who=pl.col("payer").rank("dense").cast(pl.Int32))
    services = prices.unique("price").select("price", "section", *_OF_SERVICE, "cents")
    services = services.with_columns(part=pl.col("section").rank("dense").fill_null(0).cast(pl.Int32))
    own = None if mine is None else _own(mine, services)
    by_code, counted = [], []
    for group in contracts.groups():
        rows = group.join(who.select("contract", "who"), on="contract").join(
            services.select("price", "part"), on="price"
        )
        made = _statistics(rows.group_by("who", "price", "hundredths").agg(n=pl.len()), ["who", "price"])
        by_code.append(made if own is None else made.join(_placed(rows, own), on=["who", "price"], how="left"))
        counted.append(rows.group_by("who", "part", "hundredths").agg(n=pl.len()))
    if not counted:
        return SCHEMA.to_frame()
    values = pl.concat(counted)
    levels = [
        _statistics(values.group_by(*keys, "hundredths").agg(pl.col("n").sum()), keys).with_columns(level=pl.lit(level))
        for level, keys in (("payer", ["who"]), ("section", ["who", "part"]))
    ]
    levels.append(pl.concat(by_code).with_columns(level=pl.lit("code")).join(services.drop("part"), on="price"))
    sections = services.select("part", "section").unique("part")
    names = who.select("who", "payer").unique("who")
    whole = pl.concat(levels, how="diagonal").join(names, on="who").join(sections, on="part", how="left")
    return _shown(whole.with_columns(section=pl.coalesce("section", "section_right")))


def _statistics(counted: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return range and quartiles of hundredths that occur `n` times each, by group, exactly."""
    rows = counted.sort(*keys, "hundredths")
    group = rows.select(pl.struct(keys).rle_id()).to_series().to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
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


def _own(mine: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """Return one's own rate for each service that payers have rates for."""
    rates = mine.filter(pl.col("hundredths").is_not_null()).group_by(_OF_SERVICE)
    best = rates.agg(my_rate=pl.col("amount").max(), my_percent=pl.col("hundredths").max())
    return services.select("price", *_OF_SERVICE).join(best, on=_OF_SERVICE).drop(_OF_SERVICE)


def _placed(contracts: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Return one's own rate of each service, and how many contracts of a payer are below it and equal to it."""
    beside = contracts.join(own, on="price").group_by("who", "price", "my_rate", "my_percent")
    return beside.agg(
        contracts_below=(pl.col("amount") < pl.col("my_rate")).sum().cast(pl.Int64),
        contracts_equal=(pl.col("amount") == pl.col("my_rate")).sum().cast(pl.Int64),
    )


def _shown(rows: pl.DataFrame) -> pl.DataFrame:
    order = pl.col("level").replace_strict({name: n for n, name in enumerate(LEVELS)})
    kinds = {"cents": _CENTS, "my_rate": _RATE, "my_percent": _PERCENT, **dict.fromkeys(_STATISTICS, _PERCENT)}
    ready = rows.sort(order, "payer", "section", *_OF_SERVICE, nulls_last=False).with_columns(
        decimal(pl.col(name), kind) for name, kind in kinds.items() if name in rows.columns
    )
    lacking = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in ready.columns]
    return (
        ready.rename({"cents": "medicare"})
        .with_columns(one for one in lacking if one.meta.output_name() != "medicare")
        .select(SCHEMA.names())
    )
