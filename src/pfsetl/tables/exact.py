"""Exact money: the only place that multiplies RVUs, indices and conversion factors.

Decimals are taken as scaled 64-bit integers (RVU 2 places, index 3, factor 4), multiplied and added exactly, and
rounded once, half up, to cents. polars' own Decimal product rounds every product to the larger scale, which is
wrong for most amounts that CMS published. Largest intermediate: 10,000 RVU x 10 x 1,000 USD is 1e17 < 9.2e18.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import gcd
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from pfsetl.errors import ValueRefused

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

Number = TypeVar("Number", pl.Expr, int)

CENTS = pl.Decimal(9, 2)
MOST_CENTS = 10**9 - 1
ONE_INDEX = 1000  # a GPCI of 1.000
MILLIONTHS = pl.Decimal(12, 6)
_MILLIONTHS_PER_CENT = 10**4
_UNITS_PER_MILLIONTH = 10**4  # 10^(2 + 4 + 4) parts per dollar
_RVU_INDEX_FACTOR_PER_CENT = 10**7  # 10^(2 + 3 + 4) parts per dollar, 100 cents a dollar


def scaled(column: str | pl.Expr) -> pl.Expr:
    """Return a decimal column as integers of its own scale (1.21 of scale 2 is 121)."""
    return (pl.col(column) if isinstance(column, str) else column).reinterpret(dtype=pl.Int128).cast(pl.Int64)


def amount_cents(
    work: Number, pe: Number, mp: Number, work_gpci: Number, pe_gpci: Number, mp_gpci: Number, factor: Number,
    *, pe_share: tuple[int, int] = (1, 1),
) -> Number:  # fmt: skip
    """Return (work x GPCI + PE x GPCI + MP x GPCI) x conversion factor in cents, rounded once, half up.

    Arguments are scaled integers, as columns or as plain numbers: RVUs x 100, GPCIs x 1,000, factor x 10,000, none
    negative. `pe_share` is the part of the practice expense that is paid, (50, 100) for a second therapy unit.
    Source: CMS RVU record layout, every year 2009-2026; the rounding reproduces CMS's payment files.

    >>> amount_cents(50, 70, 1, 1000, 1000, 1000, 334009)
    4042
    """
    paid, of = (n // gcd(*pe_share) for n in pe_share) if pe_share != (1, 1) else pe_share
    rest = (work * work_gpci + mp * mp_gpci) * of if of != 1 else work * work_gpci + mp * mp_gpci
    expense = pe * pe_gpci * paid if paid != 1 else pe * pe_gpci
    return _half_up((rest + expense) * factor, _RVU_INDEX_FACTOR_PER_CENT * of)


def crossed_cents(
    work: "Integers", pes: "Sequence[Integers]", mp: "Integers", gpcis: "Sequence[Integers]", factor: "Integers"
) -> "Iterator[Integers]":
    """Yield, for each of the practice expenses `pes`, the `amount_cents` of every row in every place: rows x places.

    `work`, each of `pes`, `mp` and `factor` are by row, the three `gpcis` by place. `refuse_too_much` says before
    whether they are small enough.
    """
    import numpy as np

    work_gpci, pe_gpci, mp_gpci = gpcis
    rest = np.multiply.outer(work, work_gpci)
    rest += np.multiply.outer(mp, mp_gpci)
    for pe in pes:
        cents = np.multiply.outer(pe, pe_gpci)
        cents += rest
        cents *= factor[:, None]
        yield _half_up_in_place(cents, _RVU_INDEX_FACTOR_PER_CENT)


def refuse_too_much(
    work: "Integers", pe: "Integers", mp: "Integers", gpcis: "Sequence[Integers]", factor: "Integers"
) -> None:
    """Raise ValueRefused for a row that could come to more than 9,999,999.99 dollars in one of these places.

    Below that no step of `crossed_cents` and `crossed_share` leaves 64 bits: RVUs of seven digits times indices of six,
    three times, are below 2^45, and what this asks of their product with the factor is asked without making it.
    """
    import numpy as np

    if not (len(work) and all(len(one) for one in gpcis)):
        return
    largest = [int(np.abs(one).max()) for one in gpcis]
    sums = sum(np.abs(rvus) * index for rvus, index in zip((work, pe, mp), largest, strict=True))
    bounds = (MOST_CENTS * _RVU_INDEX_FACTOR_PER_CENT) // np.maximum(np.abs(factor), 1)
    if (sums > bounds).any():
        at = int(np.argmax(sums > bounds))
        raise ValueRefused(
            f"{Decimal(int(work[at])).scaleb(-2)}, {Decimal(int(pe[at])).scaleb(-2)} and "
            f"{Decimal(int(mp[at])).scaleb(-2)} RVUs times a factor of {Decimal(int(factor[at])).scaleb(-4)} come to "
            "more than 9,999,999.99 dollars, which no amount may. Get a corrected archive."
        )


def crossed_share(value: "Integers", parts_per_10000: "int | Integers") -> "Integers":
    """Return a share of integers, as `share` does."""
    return _half_up_in_place(value * parts_per_10000, 10_000)


def products(
    rvus: tuple[int, int, int], gpcis: tuple[int, int, int], factor: int
) -> tuple[tuple[Decimal, Decimal, Decimal], Decimal]:
    """Return what `amount_cents` adds up, unrounded: each RVU times its GPCI, and the dollars.

    >>> products((130, 133, 10), (1049, 1176, 747), 327442)
    ((Decimal('1.36370'), Decimal('1.56408'), Decimal('0.07470')), Decimal('98.313805616'))
    """
    work, pe, mp = (rvu * gpci for rvu, gpci in zip(rvus, gpcis, strict=True))
    adjusted = tuple(Decimal(value).scaleb(-5) for value in (work, pe, mp))
    return (adjusted[0], adjusted[1], adjusted[2]), Decimal((work + pe + mp) * factor).scaleb(-9)


def causes(old: Sequence[Number], new: Sequence[Number]) -> tuple[Number, Number, Number, Number]:
    """Return what each cause moved an amount by, in millionths of a dollar: work, PE and MP RVUs, and the factor.

    Each side is work, PE and MP in RVUs x 100, the factor x 10,000 and the calculation flag, a factor too, in parts of
    10,000. The RVUs move at the old factor, then the factor moves on the new RVUs, so that the four add up to the
    unrounded change; each is rounded to a millionth, half away from 0.

    >>> causes((50, 74, 1, 323465, 10_000), (50, 70, 1, 334009, 10_000))
    (0, -1293860, 0, 1275824)
    """
    was, now = old[3] * old[4], new[3] * new[4]
    work, pe, mp = (_half_away((new[n] - old[n]) * was, _UNITS_PER_MILLIONTH) for n in range(3))
    return work, pe, mp, _half_away((new[0] + new[1] + new[2]) * (now - was), _UNITS_PER_MILLIONTH)


def local_causes(
    old: tuple[Sequence[int], Sequence[int]], new: tuple[Sequence[int], Sequence[int]]
) -> tuple[int, int, int, int, int]:
    """Return what each cause moved a local amount by: work, PE and MP RVUs, the place's indices, and the factor.

    Each side has the five numbers of `causes` and the three GPCIs x 1,000. RVUs move at the old indices and factor,
    then the indices on the new RVUs at the old factor, then the factor on both.

    >>> local_causes(((50, 74, 1, 323465, 10_000), (1000,) * 3), ((50, 70, 1, 334009, 10_000), (1100, 1000, 1000)))
    (0, -1293860, 0, 1617325, 1328544)
    """
    (*was, old_factor, old_flag), at = old
    (*now, new_factor, new_flag), to = new
    before, after = old_factor * old_flag, new_factor * new_flag
    work, pe, mp = ((b - a) * index * before for a, b, index in zip(was, now, at, strict=True))
    index = sum(b * (then - first) for b, first, then in zip(now, at, to, strict=True)) * before
    factor = sum(b * then for b, then in zip(now, to, strict=True)) * (after - before)
    unit = _UNITS_PER_MILLIONTH * ONE_INDEX
    return (
        _half_away(work, unit), _half_away(pe, unit), _half_away(mp, unit), _half_away(index, unit),
        _half_away(factor, unit),
    )  # fmt: skip


def rounding(change: Number, found: Sequence[Number]) -> Number:
    """Return what rounding to cents left of a change in cents, in millionths of a dollar, beside its `causes`.

    >>> rounding(-1, (0, -1293860, 0, 1275824))
    8036
    """
    left = change * _MILLIONTHS_PER_CENT
    for part in found:
        left = left - part
    return left


def anesthesia_cents(base_units: int, minutes: int, factor: int) -> tuple[Decimal, int]:
    """Return time units (minutes / 15, to one decimal) and the amount in cents; the factor is scaled by 10,000.

    Source: Medicare Claims Processing Manual chapter 12 section 50: (base + time units) x locality factor.

    >>> anesthesia_cents(5, 47, 203100)
    (Decimal('3.1'), 16451)
    """
    tenths = _half_up(minutes * 10, 15)
    return Decimal(tenths).scaleb(-1), _half_up((base_units * 10 + tenths) * factor, 1_000)


def share(value: pl.Expr, parts_per_10000: int | pl.Expr) -> pl.Expr:
    """Return a share of scaled integers, e.g. 10,925 for the limiting charge, rounded half up to their unit."""
    return _half_up(value * parts_per_10000, 10_000)


def share_of(cents: Number, numerator: Number, denominator: Number) -> Number:
    """Return a share of an amount in cents that isn't negative, rounded half up: as a column or as a plain number.

    >>> share_of(101, 50, 100)
    51
    """
    return (2 * cents * numerator + denominator) // (2 * denominator)


def product_cents(count: str, average: str, places: int) -> pl.Expr:
    """Return a number of services times dollars each, in cents, rounded half up; `places` are those of both together.

    >>> frame = pl.DataFrame({"n": ["2.5"], "each": ["1.1110"]}).select(pl.col("n", "each").cast(pl.Decimal(18, 4)))
    >>> frame.select(product_cents("n", "each", 8)).item()
    278
    """
    product = pl.col(count).reinterpret(dtype=pl.Int128) * pl.col(average).reinterpret(dtype=pl.Int128)
    of = int(10 ** (places - 2))
    return ((product + of // 2) // of).cast(pl.Int64)


def dollars(cents: pl.Expr) -> pl.Expr:
    """Return cents as Decimal dollars.

    >>> pl.select(dollars(pl.lit(4042, dtype=pl.Int64))).item()
    Decimal('40.42')
    """
    return decimal(cents, CENTS)


def decimal_of(unscaled: int, places: int) -> Decimal:
    """Return one integer as the decimal whose unscaled digits it is.

    >>> decimal_of(-1293860, 6)
    Decimal('-1.293860')
    """
    return Decimal(unscaled).scaleb(-places)


def decimal(unscaled: pl.Expr, dtype: pl.Decimal) -> pl.Expr:
    """Return integers as the decimals whose unscaled digits they are (78 of scale 2 is 0.78)."""
    return unscaled.cast(pl.Int128).reinterpret(dtype=dtype)


def _half_up_in_place(value: "Integers", unit: int) -> "Integers":
    value += unit // 2
    value //= unit
    return value


def _half_away(value: Number, unit: int) -> Number:
    """Round to a unit, half away from 0, so that going back undoes what going there did."""
    size = _half_up(abs(value), unit)
    if isinstance(size, int):
        return size if value >= 0 else -size
    return pl.when(value >= 0).then(size).otherwise(-size)


def _half_up(value: Number, unit: int) -> Number:
    return (value + unit // 2) // unit
