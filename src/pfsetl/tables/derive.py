"""Payments from RVUs: nationally, and of some rows in some places, exact and in key order.

An amount is CMS's formula for every row that has RVUs. A payment is what Medicare pays on it: the lower of the
amount and the OPPS imaging cap, null with a reason where Medicare has no national price for the row.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.registry import Release
from pfsetl.tables import exact
from pfsetl.tables.exact import amount_cents, dollars, scaled, share

if TYPE_CHECKING:
    from pfsetl.tables.exact import Integers

NONPARTICIPATING = 9_500  # 95 % of the fee schedule amount (Social Security Act 1848(a)(3))
WHOLE = 10_000
LIMITING_CHARGE = 10_925  # 115 % of 95 % (CMS RVU record layout, every year)

USED = (
    "release", "participant", "hcpcs", "modifier", "status", "not_used", "nonfacility_na", "facility_na",
    "calculation_flag", "conversion_factor", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu",
    "opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu",
)  # fmt: skip  # columns of `rvu` that the formula and its reasons look at


class Parts(NamedTuple):
    """What the formula needs of one `rvu` row: RVUs x 100, the flag in parts of 10,000, and why it has no payment."""

    work: int
    nonfacility_pe: int
    facility_pe: int
    mp: int
    opps_work: int
    opps_nonfacility_pe: int
    opps_facility_pe: int
    opps_mp: int
    flag_parts: int
    capped: bool
    reason: str | None


class Cents(NamedTuple):
    """What a row comes to in cents: by the formula, by the OPPS imaging cap, and what is paid, None with a reason."""

    amount: int
    opps_amount: int | None
    payment: int | None


SETTINGS = ("nonfacility", "facility")
RVUS = ("work", "nonfacility_pe", "facility_pe", "mp")  # of `Parts`, those that amounts are made of
CAPS = ("opps_work", "opps_nonfacility_pe", "opps_facility_pe", "opps_mp")
KEY = ("participant", "hcpcs", "modifier")


def payment_national(rvu: pl.DataFrame, release: Release) -> pl.DataFrame:
    """Return the payment of every `rvu` row with all GPCIs 1.000.

    Raises ValueRefused for a row that comes to more than an amount may.
    """
    import numpy as np

    one, rows = pl.lit(exact.ONE_INDEX, dtype=pl.Int64), prepared(rvu, release)
    figures = {name: rows[f"_{name}"].fill_null(0).to_numpy() for name in (*RVUS, *CAPS, "factor")}
    refuse_too_much(figures, [np.array([exact.ONE_INDEX])] * 3)
    rows = rows.with_columns(_work_gpci=one, _pe_gpci=one, _mp_gpci=one)
    return rows.select("release", *KEY, *_payment_columns())


def payment(rvu: pl.DataFrame, places: pl.DataFrame, release: Release) -> pl.DataFrame:
    """Return the payment of some `rvu` rows in some places (state, locality, mac and the three GPCIs)."""
    indices = (scaled(f"{part}_gpci").alias(f"_{part}_gpci") for part in ("work", "pe", "mp"))
    rows = prepared(rvu, release).join(places.select("state", "locality", "mac", *indices), how="cross")
    return rows.select("release", *KEY, "state", "locality", "mac", *_payment_columns())


def refuse_too_much(figures: "Mapping[str, Integers]", indices: "Sequence[Integers]") -> None:
    """Raise ValueRefused for a row that could come to more than an amount may, by its formula or its cap.

    `figures` are `RVUS`, `CAPS` and `factor` of each row, `indices` the three GPCIs of each place.
    """
    for work, nonfacility, facility, mp in (RVUS, CAPS):
        for pe in (nonfacility, facility):
            exact.refuse_too_much(figures[work], figures[pe], figures[mp], indices, figures["factor"])


def parts_of(rvu: pl.DataFrame, release: Release) -> pl.DataFrame:
    """Return what the formula needs of each `rvu` row, in the order of the rows, as columns of `Parts`."""
    *scaled_names, reason = Parts._fields
    return prepared(rvu, release).select(*(pl.col(f"_{name}").alias(name) for name in scaled_names), reason)


def payment_cents(
    parts: Parts, setting: str, indices: tuple[int, int, int], factor: int, pe_share: tuple[int, int] = (1, 1)
) -> Cents:
    """Return the payment of one row in one place and setting, as `payment` does.

    `indices` are the three GPCIs x 1,000, `factor` is the conversion factor x 10,000, `pe_share` the part of the
    practice expense that is paid, as in `amount_cents`.
    """
    work, nonfacility, facility, mp, opps_work, opps_nonfacility, opps_facility, opps_mp, flag, capped, reason = parts
    pe, opps_pe = (facility, opps_facility) if setting == "facility" else (nonfacility, opps_nonfacility)
    amount = amount_cents(work, pe, mp, *indices, factor, pe_share=pe_share)
    if flag != WHOLE:
        amount = exact.share_of(amount, flag, WHOLE)
    opps = amount_cents(opps_work, opps_pe, opps_mp, *indices, factor) if capped else None
    return Cents(amount, opps, None if reason else amount if opps is None else min(amount, opps))


def prepared(rvu: pl.DataFrame, release: Release) -> pl.DataFrame:
    """Return scaled integers of what the formula needs of each `rvu` row, and why a row has no payment."""
    component = rvu.filter(pl.col("modifier") == "26").select(
        "participant", "hcpcs", _component_work=scaled("work_rvu")
    )
    rvus = {f"_{name}": scaled(f"{name}_rvu") for name in ("work", "nonfacility_pe", "facility_pe", "mp")}
    adjuster = calendar.formula("work_adjuster", calendar.formula_day(release)).get("")
    if adjuster:
        rvus["_work"] = share(rvus["_work"], WHOLE * adjuster[0] // adjuster[1])
    caps = {f"_opps_{name}": scaled(f"opps_{name}_rvu") for name in ("nonfacility_pe", "facility_pe", "mp")}
    rows = rvu.select(
        "release", "participant", "hcpcs", "modifier", "status", "not_used", "nonfacility_na", "facility_na",
        _flag_parts=_flag_parts(release),
        _factor=scaled("conversion_factor"), **rvus, **caps,
    ).join(component, on=["participant", "hcpcs"], how="left", maintain_order="left")  # fmt: skip
    capped = pl.sum_horizontal(*caps) > 0
    # NOTE: a carrier-priced global row shows work 0.00; CMS's OPPSCAP uses the work of its 26 row there.
    borrowed = (pl.col("status") == "C") & (pl.col("modifier") == "")
    return rows.with_columns(
        _priced=pl.sum_horizontal(*rvus) > 0,
        _has_value=(pl.sum_horizontal(*rvus) > 0) | capped,
        _capped=capped,
        _opps_work=pl.when(borrowed).then(pl.coalesce("_component_work", "_work")).otherwise("_work"),
    ).with_columns(reason=_reason(release.never_effective is True))


def _flag_parts(release: Release) -> pl.Expr:
    """Return what the calculation flag makes of an amount, in parts of 10,000, by `schemas/formula.csv`."""
    flags = calendar.formula("calculation_flag", calendar.formula_day(release))
    parts = {flag: WHOLE * top // bottom for flag, (top, bottom) in flags.items()}
    return pl.col("calculation_flag").replace_strict(parts, default=WHOLE, return_dtype=pl.Int64)


@cache
def _reason(never_effective: bool) -> pl.Expr:
    """Why Medicare has no price for the row, null where it has one; status reasons are in codes/status.csv."""
    reasons = {row.code: row.reason for row in declarations.rows(STATUS) if row.reason}
    return (
        pl.when(pl.lit(never_effective))
        .then(pl.lit("never_effective"))
        .when(pl.col("status").is_in(list(reasons)))
        .then(pl.col("status").replace_strict(reasons, default=None, return_dtype=pl.String))
        .when("not_used")
        .then(pl.lit("not_used_for_payment"))
        .when(pl.col("_priced").not_() & (pl.col("status") == "R"))
        .then(pl.lit("carrier_priced"))
        .when(pl.col("_priced").not_())
        .then(pl.lit("no_rvus"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )


def _payment_columns() -> list[pl.Expr]:
    cents = {}
    indices = (pl.col("_work_gpci"), pl.col("_pe_gpci"), pl.col("_mp_gpci"))
    for setting in SETTINGS:
        pe = pl.col(f"_{setting}_pe")
        amount = amount_cents(pl.col("_work"), pe, pl.col("_mp"), *indices, pl.col("_factor"))
        amount = share(amount, pl.col("_flag_parts"))
        opps = amount_cents(
            pl.col("_opps_work"), pl.col(f"_opps_{setting}_pe"), pl.col("_opps_mp"), *indices, pl.col("_factor")
        )
        opps = pl.when("_capped").then(opps)
        payment = pl.when(pl.col("reason").is_null()).then(pl.min_horizontal(amount, opps))
        cents[f"{setting}_amount"] = amount
        cents[f"{setting}_opps_amount"] = opps
        cents[f"{setting}_payment"] = payment
        cents[f"{setting}_nonparticipating_amount"] = share(payment, NONPARTICIPATING)
        cents[f"{setting}_limiting_charge"] = share(payment, LIMITING_CHARGE)
    kinds = ("amount", "opps_amount", "payment")
    late = ("nonparticipating_amount", "limiting_charge")
    return [
        pl.col("status"),
        *(dollars(cents[f"{s}_{kind}"]).alias(f"{s}_{kind}") for kind in kinds for s in SETTINGS),
        pl.col("reason"),
        *(pl.col(f"{s}_na") for s in SETTINGS),
        *(dollars(cents[f"{s}_{kind}"]).alias(f"{s}_{kind}") for kind in late for s in SETTINGS),
    ]
