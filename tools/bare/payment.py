"""What somebody writes in polars who wants the payments of RVU25A once; others do so in DuckDB and pandas.

Each script reads the csv of the RVUs and that of the indices from CMS's zip and writes `payment_national` and
`payment_locality` with all their columns, three quarters of a release's rows. None checks, compares, digests or says
anything. Those in polars and DuckDB give what pfsetl gives to the cent; pandas counts in floats, and doesn't quite.
"""

import io
import zipfile
from pathlib import Path

import polars as pl

LABEL = "RVU25A"
RVU_FILE, GPCI_FILE = "PPRRVU25_JAN.csv", "GPCI2025.csv"
FIELDS = (
    "hcpcs", "modifier", "description", "status", "not_used", "work", "nonfacility_pe", "nonfacility_na",
    "facility_pe", "facility_na", "mp", *(f"c{n}" for n in range(12, 25)), "factor", *(f"c{n}" for n in range(26, 29)),
    "opps_nonfacility_pe", "opps_facility_pe", "opps_mp",
)  # fmt: skip
NUMBERS = {"work": 2, "nonfacility_pe": 2, "facility_pe": 2, "mp": 2, "factor": 4,
           "opps_nonfacility_pe": 2, "opps_facility_pe": 2, "opps_mp": 2}  # fmt: skip
USED = ("hcpcs", "modifier", "status", "not_used", "nonfacility_na", "facility_na", *NUMBERS)
PLACE = ("mac", "state", "locality", "name", "work_gpci", "pe_gpci", "mp_gpci")
REASONS = {
    "B": "bundled", "C": "carrier_priced", "E": "excluded_by_regulation", "I": "not_valid_for_medicare",
    "J": "anesthesia", "M": "measurement_only", "N": "noncovered",
    "P": "bundled_supply", "X": "statutory_exclusion",
}  # fmt: skip
KEY = ("release", "participant", "hcpcs", "modifier")
TABLES = ("payment_national", "payment_locality")
SETTINGS = ("nonfacility", "facility")
KINDS = ("amount", "opps_amount", "payment")
LATE = {"nonparticipating_amount": 9_500, "limiting_charge": 10_925}
MONEY = [f"{s}_{k}" for k in KINDS for s in SETTINGS], [f"{s}_{k}" for k in LATE for s in SETTINGS]
COLUMNS = ["status", *MONEY[0], "reason", "nonfacility_na", "facility_na", *MONEY[1]]


def bodies(archive: Path) -> tuple[str, str]:
    """Return the rows of both files as text, without what stands above and below them."""
    with zipfile.ZipFile(archive) as files:
        rvu, gpci = (files.read(name).decode("cp1252").replace("\r\n", "\n") for name in (RVU_FILE, GPCI_FILE))
    places = [line for line in gpci.split("\n") if line[:5].isdigit()]
    rows = rvu[rvu.index("\n", rvu.index("\nHCPCS,MOD") + 1) + 1 :].split("\n")
    return "\n".join(row for row in rows if row[:5].isalnum()), "\n".join(places)


def by_polars(archive: Path, folder: Path) -> None:
    """Count in 64-bit integers."""
    rvu, gpci = (read(text, names) for text, names in zip(bodies(archive), (FIELDS, PLACE), strict=True))
    payments(rvu, gpci, folder)


def read(text: str, names: tuple[str, ...]) -> pl.DataFrame:
    """Return the rows of a csv without a header, every cell as text."""
    return pl.read_csv(io.StringIO(text), has_header=False, new_columns=[*names], infer_schema=False).fill_null("")


def payments(rvu: pl.DataFrame, gpci: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Write both tables of payments; return the national one."""

    def whole(name: str, scale: int) -> pl.Expr:
        return (pl.col(name).cast(pl.Decimal(18, scale)) * int(10**scale)).cast(pl.Int64)

    rows = rvu.select(USED).with_columns(
        pl.col("hcpcs").str.zfill(5),
        *(whole(name, scale).alias(name) for name, scale in NUMBERS.items()),
        *((pl.col(name) != "").alias(name) for name in ("not_used", "nonfacility_na", "facility_na")),
    )
    component = rows.filter(modifier="26").select("hcpcs", component="work")
    caps = pl.sum_horizontal("opps_nonfacility_pe", "opps_facility_pe", "opps_mp") > 0
    priced = pl.sum_horizontal("work", "nonfacility_pe", "facility_pe", "mp") > 0
    status = pl.col("status")
    rows = (
        rows.join(component, on="hcpcs", how="left")
        .with_columns(
            capped=caps,
            valued=priced | caps,
            opps_work=pl.when((status == "C") & (pl.col("modifier") == ""))
            .then(pl.coalesce("component", "work"))
            .otherwise("work"),
            reason=pl.when(status.is_in(list(REASONS)))
            .then(status.replace_strict(REASONS, default=None, return_dtype=pl.String))
            .when("not_used")
            .then(pl.lit("not_used_for_payment"))
            .when(~priced & (status == "R"))
            .then(pl.lit("carrier_priced"))
            .when(~priced)
            .then(pl.lit("no_rvus")),
            release=pl.lit(LABEL),
            participant=pl.lit("all"),
        )
        .sort(KEY)
    )
    places = gpci.select(
        "mac", "state", "locality", *(whole(n, 3).alias(n) for n in ("work_gpci", "pe_gpci", "mp_gpci"))
    )
    places = places.unique(["state", "locality"], keep="first").sort("state", "locality")

    def cents(work: str, pe: str, mp: str) -> pl.Expr:
        terms = pl.col(work) * pl.col("work_gpci") + pl.col(pe) * pl.col("pe_gpci") + pl.col(mp) * pl.col("mp_gpci")
        return (terms * pl.col("factor") + 5_000_000) // 10_000_000

    def paid(rows: pl.LazyFrame, key: tuple[str, ...]) -> pl.LazyFrame:
        found: dict[str, pl.Expr] = {}
        for s in SETTINGS:
            found[f"{s}_amount"] = cents("work", f"{s}_pe", "mp")
            found[f"{s}_opps_amount"] = pl.when("capped").then(cents("opps_work", f"opps_{s}_pe", "opps_mp"))
        rows = rows.with_columns(**found)
        lower = {
            f"{s}_payment": pl.when(pl.col("reason").is_null()).then(
                pl.min_horizontal(f"{s}_amount", f"{s}_opps_amount")
            )
            for s in SETTINGS
        }
        rows = rows.with_columns(**lower)
        late = {f"{s}_{k}": (pl.col(f"{s}_payment") * of + 5_000) // 10_000 for k, of in LATE.items() for s in SETTINGS}
        dollars = (decimals(pl.col(n)).alias(n) for n in (*MONEY[0], *MONEY[1]))
        return rows.with_columns(**late).with_columns(dollars).select(*key, *COLUMNS)

    nation = rows.lazy().with_columns(work_gpci=pl.lit(1_000), pe_gpci=pl.lit(1_000), mp_gpci=pl.lit(1_000))
    national = paid(nation, KEY).collect()
    keep(national, folder, "payment_national")
    # NOTE: text that repeats a million times is a number in a list of words, which joins and is written faster.
    coded = pl.col(pl.String).cast(pl.Categorical)
    some, placed = (one.lazy().with_columns(coded) for one in (rows.filter("valued"), places))
    crossed = some.join(placed, how="cross", maintain_order="left_right")
    keep(paid(crossed, (*KEY, "state", "locality", "mac")).collect(), folder, "payment_locality")
    return national


def keep(rows: pl.DataFrame, folder: Path, name: str) -> None:
    """Write a table as one Parquet file."""
    rows.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=2)


def unscaled(name: str) -> pl.Expr:
    """Return a column of decimals as integers of its own scale."""
    return pl.col(name).reinterpret(dtype=pl.Int128).cast(pl.Int64)


def decimals(unscaled: pl.Expr, digits: int = 9, scale: int = 2) -> pl.Expr:
    """Return integers as the decimals that they are unscaled."""
    return unscaled.cast(pl.Int128).reinterpret(dtype=pl.Decimal(digits, scale))
