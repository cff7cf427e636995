"""What payers pay in percent of Medicare: contracts, median, quartiles and range, by payer, section and code.

Quartiles lie at (n - 1) x 1/4, 2/4 and 3/4 of the sorted contracts, between two of them in proportion, half up. The
contracts of a payer may be more than memory holds: they are counted in bins first, and then one by one in those bins
where quartiles lie.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from pfsetl.payers.contracts import Contracts
from pfsetl.payers.few_words import in_words
from pfsetl.tables.exact import decimal

OF_SERVICE = ["code", "modifiers", "setting", "date", "locality"]
LEVELS = ("payer", "section", "code")
_OVER_CODES = {"payer": ["who"], "section": ["who", "part"]}
_DIGITS = 11  # binary ones of a percentage that tell its bin
_MOST_BINS = 200_000  # that wait to be added up
_STATISTICS = ("least", "lower_quartile", "median", "upper_quartile", "most")
_CENTS, _PERCENT, _RATE = pl.Decimal(18, 2), pl.Decimal(18, 2), pl.Decimal(18, 4)
_Place = tuple[np.ndarray, np.ndarray, np.ndarray]  # rows it lies between, and how many quarters behind the first
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
    services = in_words(prices.unique("price").select("price", "section", *OF_SERVICE, "cents"))
    services = services.with_columns(part=pl.col("section").rank("dense").fill_null(0).cast(pl.Int32))
    own = None if mine is None else _own(mine, services)

    def groups() -> Iterator[pl.DataFrame]:
        for group in contracts.groups():
            rows = group.with_columns(bin=_bins(group["hundredths"]))
            whose = rows.join(who.select("contract", "who"), on="contract")
            yield whose.join(services.select("price", "part"), on="price")

    by_code, binned = [], list[pl.DataFrame]()
    for rows in groups():
        made = _statistics(rows.group_by("who", "price", "hundredths").agg(n=pl.len()), ["who", "price"])
        by_code.append(made if own is None else made.join(_placed(rows, own), on=["who", "price"], how="left"))
        binned.append(rows.group_by("who", "part", "bin").agg(n=pl.len()))
        if sum(some.height for some in binned) > _MOST_BINS:
            binned = [_added(binned, ["who", "part", "bin"])]
    if not binned:
        return SCHEMA.to_frame()
    bins = {level: _added(binned, [*keys, "bin"]) for level, keys in _OVER_CODES.items()}
    sought = {level: _sought(bins[level], keys) for level, keys in _OVER_CODES.items()}
    counted = {
        level: [bins[level].join(sought[level], on=[*keys, "bin"], how="anti").rename({"bin": "hundredths"})]
        for level, keys in _OVER_CODES.items()
    }
    for rows in groups():
        for level, keys in _OVER_CODES.items():
            there = rows.join(sought[level], on=[*keys, "bin"], how="semi")
            counted[level].append(there.group_by(*keys, "hundredths").agg(n=pl.len()))
    levels = [
        _statistics(_added(counted[level], [*keys, "hundredths"]), keys).with_columns(level=pl.lit(level))
        for level, keys in _OVER_CODES.items()
    ]
    levels.append(pl.concat(by_code).with_columns(level=pl.lit("code")).join(services.drop("part"), on="price"))
    sections = services.select("part", "section").unique("part")
    names = who.select("who", "payer").unique("who")
    whole = pl.concat(levels, how="diagonal").join(names, on="who").join(sections, on="part", how="left")
    return _shown(whole.with_columns(section=pl.coalesce("section", "section_right")))


def _bins(hundredths: pl.Series) -> np.ndarray:
    """Return the least value of the bin of each: its first binary digits, and zeros."""
    values = hundredths.to_numpy()
    digits = np.searchsorted(1 << np.arange(63, dtype=np.int64), values, side="right")
    beyond = np.maximum(digits - _DIGITS, 0)
    bins: np.ndarray = values >> beyond << beyond
    return bins


def _added(counted: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    return pl.concat([some.select(*keys, "n") for some in counted]).group_by(keys).agg(pl.col("n").sum())


def _sought(bins: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return the bins in which quartiles, the least or the most of a group lie."""
    rows, _, _, places = _places(bins.rename({"bin": "hundredths"}), keys)
    at = np.unique(np.concatenate([one for lower, upper, _ in places for one in (lower, upper)]))
    return rows[at].select(*keys, bin="hundredths")


def _statistics(counted: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Return range and quartiles of hundredths that occur `n` times each, by group, exactly."""
    rows, starts, size, places = _places(counted, keys)
    value = rows["hundredths"].to_numpy()
    made = {"contracts": size}
    for name, (lower, upper, rest) in zip(_STATISTICS, places, strict=True):
        width = value[upper] - value[lower]
        made[name] = (value[lower] * 4 + width * rest + 2) // 4  # the width in quarters, half up
    return rows[starts].select(keys).with_columns(pl.Series(name, values) for name, values in made.items())


def _places(counted: pl.DataFrame, keys: list[str]) -> tuple[pl.DataFrame, np.ndarray, np.ndarray, list[_Place]]:
    """Return the sorted rows, where each group starts, how many values it has, and for each statistic its place."""
    rows = counted.sort(*keys, "hundredths")
    group = rows.select(pl.struct(keys).rle_id()).to_series().to_numpy().astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    n = rows["n"].cast(pl.Int64).to_numpy()
    until = np.cumsum(n)
    before = until[starts] - n[starts]
    size = np.append(before[1:], until[-1]) - before
    places = []
    for quarter in range(len(_STATISTICS)):
        place, rest = np.divmod((size - 1) * quarter, 4)
        lower, upper = (
            np.searchsorted(until, before + one, side="right") for one in (place, np.minimum(place + 1, size - 1))
        )
        places.append((lower, upper, rest))
    return rows, starts, size, places


def _own(mine: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """Return one's own rate for each service that payers have rates for."""
    rates = mine.filter(pl.col("hundredths").is_not_null()).group_by(OF_SERVICE)
    best = rates.agg(my_rate=pl.col("amount").max(), my_percent=pl.col("hundredths").max())
    return services.select("price", *OF_SERVICE).join(best, on=OF_SERVICE).drop(OF_SERVICE)


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
    ready = rows.sort(order, "payer", "section", *OF_SERVICE, nulls_last=False).with_columns(
        decimal(pl.col(name), kind) for name, kind in kinds.items() if name in rows.columns
    )
    lacking = [pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in ready.columns]
    return (
        ready.rename({"cents": "medicare"})
        .with_columns(one for one in lacking if one.meta.output_name() != "medicare")
        .select(SCHEMA.names())
    )
