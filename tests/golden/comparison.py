"""Our amount beside each that CMS published."""

import polars as pl

from pfsetl import Version
from pfsetl.declared import registry
from pfsetl.pricing.rules import therapy_share
from pfsetl.tables.exact import amount_cents, dollars, scaled
from tests.golden.published import SETTINGS
from tests.golden.sources import AMOUNT, INSTITUTIONAL, LIMITING, LOWER, NATIONAL, OPPS, THERAPY

SERVICE = ["hcpcs", "modifier"]
MONEY = ("amount", "opps_amount", "payment", "limiting_charge")


def beside(rows: pl.DataFrame, version: Version, release: str) -> pl.DataFrame:
    """Return the rows, one for one, with `ours` beside `published`: null where we have no such amount."""
    national = rows["locality"].unique().to_list() == [NATIONAL]
    table, place = ("payment_national", []) if national else ("payment_locality", ["state", "locality"])
    placed = rows.with_columns(listed=pl.lit(None)) if national else in_its_state(rows, version, release)
    columns = [f"{setting}_{kind}" for setting in SETTINGS for kind in MONEY]
    payments = version.scan(table, release).select(*SERVICE, *place, *columns)
    payments = payments.filter(pl.col("hcpcs").is_in(rows["hcpcs"].unique().implode()))
    joined = placed.lazy().join(payments, on=[*SERVICE, *place], how="left", maintain_order="left").collect()
    if registry.find(release).never_effective:
        lower = pl.min_horizontal(of_setting("amount"), of_setting("opps_amount"))
    else:
        lower = of_setting("payment")
    ours = {AMOUNT: of_setting("amount"), OPPS: of_setting("opps_amount"), LOWER: lower}
    ours[LIMITING] = of_setting("limiting_charge")
    for kind in {THERAPY, INSTITUTIONAL} & set(rows["kind"]):
        ours[kind] = pl.lit(second_therapy_unit(joined, version, release, facility=kind == INSTITUTIONAL))
    chosen = pl.coalesce(pl.when(kind=kind).then(amount) for kind, amount in ours.items())
    return joined.with_columns(ours=chosen).drop(columns)


def differing(compared: pl.DataFrame) -> pl.DataFrame:
    """Return the rows in which a cent differs, or that we don't have."""
    return compared.filter(pl.col("ours").ne_missing(pl.col("published")))


def in_its_state(rows: pl.DataFrame, version: Version, release: str) -> pl.DataFrame:
    """Add the state of each row's locality, and whether the indices list that locality under that contractor.

    CMS lists the localities of Southern California a second time, under a contractor that has others there: a locality
    number is looked up in the contractor's state, not among the contractor's own.
    """
    gpci = version.scan("gpci", release).select("state", "locality", mac=pl.col("macs").str.split(","))
    own = gpci.explode("mac").collect()
    states = own.select("mac", "state").unique().join(own.select("state", "locality").unique(), on="state")
    near = states.filter(pl.len().over("mac", "locality") == 1).rename({"state": "near"})
    placed = rows.join(own, on=["mac", "locality"], how="left", maintain_order="left").join(
        near, on=["mac", "locality"], how="left", maintain_order="left"
    )
    return placed.with_columns(listed=pl.col("state").is_not_null(), state=pl.coalesce("state", "near")).drop("near")


def second_therapy_unit(rows: pl.DataFrame, version: Version, release: str, *, facility: bool) -> pl.Series:
    """Return what a second unit of each row is paid, from the `rvu` and `gpci` tables; the non-facility expense."""
    day = registry.find(release).effective_from
    assert day is not None
    share = therapy_share(day, facility=facility)
    assert share is not None
    names = ("work_rvu", "nonfacility_pe_rvu", "mp_rvu", "work_gpci", "pe_gpci", "mp_gpci", "conversion_factor")
    cents = amount_cents(*(scaled(name) for name in names), pe_share=share)
    return (
        rows.lazy()
        .select(*SERVICE, "state", "locality")
        .join(version.scan("rvu", release), on=SERVICE, how="left", maintain_order="left")
        .join(version.scan("gpci", release), on=["state", "locality"], how="left", maintain_order="left")
        .select(dollars(cents))
        .collect()
        .to_series()
    )


def of_setting(kind: str) -> pl.Expr:
    nonfacility, facility = (pl.col(f"{setting}_{kind}") for setting in SETTINGS)
    return pl.when(setting="facility").then(facility).otherwise(nonfacility)
