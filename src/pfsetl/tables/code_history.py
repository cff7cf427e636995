"""The table `code_history`: every row of `rvu` with its days and national amounts, and what moved these since.

A release in force is held against the one in force before it. What its amounts moved by is split without a rest:
RVUs at the old factor, then the factor on the new RVUs, and what rounding to cents leaves (docs/decisions/0043).
"""

from collections.abc import Mapping

import polars as pl

from pfsetl.declared.registry import Release
from pfsetl.tables import derive, exact, row_changes

Tables = Mapping[str, pl.DataFrame]

OF = ("rvu", "payment_national", "releases", "release_calendar")  # what a release's rows are made of
CAUSES = ("work", "pe", "mp", "factor", "rounding")
_ROW = ("participant", "hcpcs", "modifier")
_PARTS = ("_work", "_nonfacility_pe", "_facility_pe", "_mp", "_flag_parts")
_RVUS = (
    "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu", "nonfacility_total_rvu", "facility_total_rvu",
)  # fmt: skip
_AMOUNTS = ("nonfacility_amount", "facility_amount", "nonfacility_payment", "facility_payment", "reason")
ONLY = {  # the columns that are read, of tables that have more
    "rvu": (
        "release", *_ROW, "status", "not_used", *_RVUS, "conversion_factor", "nonfacility_na", "facility_na",
        "calculation_flag", "opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu",
    ),
    "payment_national": ("release", *_ROW, *_AMOUNTS),
}  # fmt: skip


def code_history(before: Tables | None, now: Tables) -> pl.DataFrame:
    """Return the rows of one release, held against those of the release in force before it, if any."""
    rows, release = _rows(now), now["releases"].sort("revision")[-1]
    paid = _paid(now["release_calendar"])
    known = rows.join(paid, on="participant", how="left", maintain_order="left").with_columns(
        effective_from=pl.coalesce("effective_from", pl.lit(release["effective_from"].item(), dtype=pl.Date)),
        effective_to=pl.coalesce("effective_to", pl.lit(release["effective_to"].item(), dtype=pl.Date)),
        standing=pl.lit(_standing(release, in_force=paid.height > 0)),
    )
    if before is None:
        why = "no_release_before" if paid.height else "not_in_force"
        compared = _compared(rows, rows.clear(), pl.lit(None, dtype=pl.String), pl.lit(why))
    else:
        earlier = _rows(before)
        found = pl.when("_there").then(None).when(pl.col("_other").is_null()).then(pl.lit("no_participant_before"))
        why_not = found.otherwise(pl.lit("not_in_release_before"))
        compared = _compared(rows, earlier, pl.lit(before["releases"]["release"][0]), why_not)
    return known.drop("^_.*$").hstack(compared)


def _standing(release: pl.DataFrame, *, in_force: bool) -> str:
    """Return whether a release prices days, and why not."""
    never, first, last = release.select("never_effective", "effective_from", "effective_to").row(0)
    if in_force:
        return "in_force"
    return "never_effective" if never else "superseded" if first and last else "days_not_known"


def _paid(calendar: pl.DataFrame) -> pl.DataFrame:
    """Return each participant's first and last day in force, and the factor that was paid on the first."""
    return (
        calendar.sort("participant", "effective_from")
        .group_by("participant", maintain_order=True)
        .agg(
            pl.col("effective_from").first(),
            pl.col("effective_to").max(),
            pl.col("conversion_factor").first().alias("conversion_factor_paid"),
        )
    )


def _rows(tables: Tables) -> pl.DataFrame:
    """Return what `rvu` and `payment_national` say of each row, and the scaled numbers that its amounts are made of."""
    rvu = tables["rvu"]
    parts = derive.parts_of(rvu, _release(tables["releases"])).rename(lambda name: f"_{name}")
    facts = rvu.select(
        "hcpcs", "modifier", "participant", "release", "status", "not_used", *_RVUS, "conversion_factor",
        "nonfacility_na", "facility_na", "calculation_flag", _factor=exact.scaled("conversion_factor"),
    )  # fmt: skip
    payments = tables["payment_national"].select(*_ROW, *_AMOUNTS)
    return facts.hstack(parts.select(_PARTS)).join(payments, on=_ROW, how="left", maintain_order="left")


def _release(releases: pl.DataFrame) -> Release:
    """Return a release with what its formula depends on, as its table `releases` says."""
    row = releases.sort("revision").row(-1, named=True)
    told = {name: row[name] for name in ("year", "quarter", "kind", "effective_from", "effective_to", "supersedes")}
    return Release(
        row["release"], **told, never_effective=row["never_effective"], published_on=None, zip_path=None, note=None
    )


def _compared(now: pl.DataFrame, before: pl.DataFrame, previous: pl.Expr, why_not: pl.Expr) -> pl.DataFrame:
    """Return what each row of a release is held against, and what its amounts moved by; null where against nothing."""
    pairs = row_changes.followed(before["participant"].unique(), now["participant"].unique())
    numbers = [*_PARTS, "_factor", *_AMOUNTS[:2]]
    old = before.select(*_ROW, pl.lit(value=True).alias("_there"), pl.col(numbers).name.suffix("_before"))
    other = pl.col("participant").replace_strict(pairs, default=None, return_dtype=pl.String)
    both = now.with_columns(_other=other).join(
        old, left_on=["_other", *_ROW[1:]], right_on=_ROW, how="left", maintain_order="left"
    )
    return both.select(
        previous_release=previous,
        previous_participant=pl.when("_there").then("_other"),
        not_compared=why_not,
        **_moved("nonfacility"),
        **_moved("facility"),
    )


def _moved(setting: str) -> dict[str, pl.Expr]:
    """Return the change of a setting's amount and the causes that add up to it, by column."""
    numbers = ("_work", f"_{setting}_pe", "_mp", "_factor", "_flag_parts")
    found = exact.causes([pl.col(f"{n}_before") for n in numbers], [pl.col(n) for n in numbers])
    change = exact.scaled(f"{setting}_amount") - exact.scaled(f"{setting}_amount_before")
    rest = exact.rounding(change, found)
    columns = (f"{setting}_change_{cause}" for cause in CAUSES)
    return {f"{setting}_change": exact.dollars(change)} | {
        name: exact.decimal(value, exact.MILLIONTHS) for name, value in zip(columns, (*found, rest), strict=True)
    }
