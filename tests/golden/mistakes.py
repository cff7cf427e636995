"""Methods that look right and aren't: how many of CMS's amounts each of them misses, recomputed here by itself.

The formula is written a second time, on scaled integers whose RVUs have four places (so that half a practice expense
is one), and once as CMS's amounts come out; every mistake changes one thing of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from pfsetl import Version
from pfsetl.tables.exact import scaled
from tests.golden.comparison import SERVICE, of_setting
from tests.golden.sources import AMOUNT, INSTITUTIONAL, LIMITING, LOWER, OPPS, THERAPY

Formula: TypeAlias = Callable[[list[pl.Expr], list[pl.Expr], pl.Expr], pl.Expr]
PARTS = ("work", "pe", "mp")
RVU, INDEX, FACTOR = 10_000, 1_000, 10_000
ALL = pl.lit(True)


def half_up(value: pl.Expr, unit: int) -> pl.Expr:
    return (value + unit // 2) // unit


def total(parts: list[pl.Expr], indices: list[pl.Expr]) -> pl.Expr:
    return sum((part * index for part, index in zip(parts, indices, strict=True)), start=pl.lit(0))


def once(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return half_up(total(parts, indices) * factor, RVU * INDEX * FACTOR // 100)


def truncated(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return total(parts, indices) * factor // (RVU * INDEX * FACTOR // 100)


def ties_to_even(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    unit = RVU * INDEX * FACTOR // 100
    exact = total(parts, indices) * factor
    cents = half_up(exact, unit)
    return pl.when((exact % unit == unit // 2) & (cents % 2 == 1)).then(cents - 1).otherwise(cents)


def products_rounded(places: int) -> Formula:
    def formula(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
        unit = RVU * INDEX // 10**places
        products = [half_up(part * index, unit) for part, index in zip(parts, indices, strict=True)]
        return half_up(pl.sum_horizontal(products) * factor, 10**places * FACTOR // 100)

    return formula


def total_rounded(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return half_up(half_up(total(parts, indices), RVU * INDEX // 100) * factor, FACTOR)


def components_rounded(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return pl.sum_horizontal(once([part], [index], factor) for part, index in zip(parts, indices, strict=True))


def factor_rounded(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return once(parts, indices, half_up(factor, FACTOR // 100) * (FACTOR // 100))


def work_only(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return half_up(parts[0] * factor, RVU * FACTOR // 100)


def no_indices(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
    return half_up(pl.sum_horizontal(parts) * factor, RVU * FACTOR // 100)


def floats(dtype: type[pl.DataType]) -> Formula:
    """As a program does that reads the columns as binary numbers, multiplies, and rounds."""

    def formula(parts: list[pl.Expr], indices: list[pl.Expr], factor: pl.Expr) -> pl.Expr:
        rvus, places = [(part / RVU).cast(dtype) for part in parts], [(index / INDEX).cast(dtype) for index in indices]
        amount = pl.sum_horizontal(a * b for a, b in zip(rvus, places, strict=True)) * (factor / FACTOR).cast(dtype)
        return (amount.round(2) * 100).round().cast(pl.Int64)

    return formula


@dataclass(frozen=True, slots=True)
class Mistake:
    """One wrong method: what it changes, and the amounts in which it could be made (`among`)."""

    name: str
    formula: Formula = once
    among: pl.Expr = ALL
    among_text: str = "all"
    work_index: str = "work_gpci"
    pe: str = "pe"
    capped: bool = True
    own_localities_only: bool = False


RIGHT = Mistake("none: rounded once, half up")
PLAIN = pl.col("kind").is_in([AMOUNT, LOWER])
MISTAKES = (
    Mistake("work RVU x conversion factor, nothing else", work_only, PLAIN, "amounts of whole services"),
    Mistake("no geographic indices: total RVU x conversion factor", no_indices),
    Mistake("each product of RVU and index rounded to 2 places", products_rounded(2)),
    Mistake("each product of RVU and index rounded to 4 places", products_rounded(4)),
    Mistake("the three products added, their sum rounded to 2 places", total_rounded),
    Mistake("work, practice expense and malpractice rounded to cents each", components_rounded),
    Mistake("cut to cents, not rounded", truncated),
    Mistake("the conversion factor rounded to cents", factor_rounded),
    Mistake("exact half cents to the even cent", ties_to_even),
    Mistake("binary floating point of 64 bits", floats(pl.Float64)),
    Mistake("binary floating point of 32 bits", floats(pl.Float32)),
    Mistake("the OPPS cap left out", among=pl.col("kind") == LOWER, among_text="lower of amount and cap", capped=False),
    Mistake(
        "the fully implemented practice expense",
        among=PLAIN & pl.col("pe_full").is_not_null(),
        among_text="releases that print both",
        pe="pe_full",
    ),
    Mistake(
        "the work index without its floor of 1.000",
        among=pl.col("work_gpci_without_floor").is_not_null(),
        among_text="localities at the floor",
        work_index="work_gpci_without_floor",
    ),
    Mistake(
        "contractor and locality number as the key",
        among=pl.col("kind").is_in([LOWER, OPPS]),
        among_text="amounts under the cap",
        own_localities_only=True,
    ),
)


def terms(compared: pl.DataFrame, version: Version, release: str, without_floor: pl.DataFrame) -> pl.DataFrame:
    """Add RVUs, indices and factor to compared rows, as integers.

    `without_floor` holds state, locality and the index that a release prints beside the floor; it takes the place of
    the index wherever that is 1.000 in a release whose lowest is.
    """
    component = version.scan("rvu", release).filter(modifier="26").select("hcpcs", component="work_rvu")
    rvu = version.scan("rvu", release).join(component, on="hcpcs", how="left")
    gpci = version.scan("gpci", release).select("state", "locality", *(f"{part}_gpci" for part in PARTS)).collect()
    if gpci.select(pl.col("work_gpci").min() == 1).item():
        gpci = gpci.join(without_floor, on=["state", "locality"], how="left").with_columns(
            pl.when(pl.col("work_gpci") == 1).then("work_gpci_without_floor")
        )
    else:
        gpci = gpci.with_columns(work_gpci_without_floor=pl.lit(None, dtype=pl.Decimal(6, 3)))
    own = [name for name in compared.columns if name not in ("status",)]
    rows = compared.lazy().select(own).join(rvu, on=SERVICE, how="left", maintain_order="left")
    if "state" in compared.columns:
        rows = rows.join(gpci.lazy(), on=["state", "locality"], how="left", maintain_order="left")
    else:
        one = pl.lit(1, dtype=pl.Decimal(6, 3))
        rows = rows.with_columns(*(one.alias(f"{part}_gpci") for part in PARTS), work_gpci_without_floor=None)
    carriers = (pl.col("status") == "C") & (pl.col("modifier") == "")
    therapy = pl.col("kind").is_in([THERAPY, INSTITUTIONAL])
    mills, half = RVU // 100, RVU // 200
    pe = scaled(of_setting("pe_rvu"))
    return rows.select(
        "kind", "listed", published=scaled("published"),
        work=scaled("work_rvu") * mills,
        pe=pl.when(therapy).then(pe * half).otherwise(pe * mills),
        pe_full=scaled(of_setting("pe_rvu_full")) * mills,
        mp=scaled("mp_rvu") * mills,
        opps_work=scaled(pl.when(carriers).then(pl.coalesce("component", "work_rvu")).otherwise("work_rvu")) * mills,
        opps_pe=scaled(
            pl.when(setting="facility").then("opps_facility_pe_rvu").otherwise("opps_nonfacility_pe_rvu")
        ) * mills,
        opps_mp=scaled("opps_mp_rvu") * mills,
        work_gpci=scaled("work_gpci"), pe_gpci=scaled("pe_gpci"), mp_gpci=scaled("mp_gpci"),
        work_gpci_without_floor=scaled(pl.col("work_gpci_without_floor").cast(pl.Decimal(6, 3))),
        factor=scaled("conversion_factor"),
    ).collect()  # fmt: skip


def missed(rows: pl.DataFrame, mistake: Mistake) -> tuple[int, int]:
    """Return in how many amounts the mistake can be made, and how many of them it gets wrong."""
    rows = rows.filter(mistake.among)
    indices = [pl.col(mistake.work_index), pl.col("pe_gpci"), pl.col("mp_gpci")]
    amount = mistake.formula([pl.col("work"), pl.col(mistake.pe), pl.col("mp")], indices, pl.col("factor"))
    opps = mistake.formula([pl.col(f"opps_{part}") for part in PARTS], indices, pl.col("factor"))
    lower = pl.min_horizontal(amount, opps) if mistake.capped else amount
    limiting = half_up(amount * 10_925, 10_000)
    ours = (
        pl.when(pl.col("kind") == OPPS).then(opps).when(pl.col("kind") == LOWER).then(lower)
        .when(pl.col("kind") == LIMITING).then(limiting).otherwise(amount)
    )  # fmt: skip
    if mistake.own_localities_only:
        ours = pl.when("listed").then(ours)
    return rows.height, int(rows.select(ours.ne_missing(pl.col("published")).sum()).item())
