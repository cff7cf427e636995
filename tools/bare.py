"""What somebody writes who wants the payments of RVU25A once: bare scripts in polars, DuckDB and pandas.

Each reads the csv of the RVUs and that of the indices from CMS's zip and writes `payment_national` and
`payment_locality` with all their columns, four fifths of a release's rows. None checks, compares, digests or says
anything. Those in polars and DuckDB give what pfsetl gives to the cent; pandas counts in floats, and doesn't quite.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

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
        dollars = (
            pl.col(n).cast(pl.Int128).reinterpret(dtype=pl.Decimal(9, 2)).alias(n) for n in (*MONEY[0], *MONEY[1])
        )
        return rows.with_columns(**late).with_columns(dollars).select(*key, *COLUMNS)

    nation = rows.lazy().with_columns(work_gpci=pl.lit(1_000), pe_gpci=pl.lit(1_000), mp_gpci=pl.lit(1_000))
    national = paid(nation, KEY).collect()
    keep(national, folder, "payment_national")
    crossed = rows.lazy().filter("valued").join(places.lazy(), how="cross", maintain_order="left_right")
    keep(paid(crossed, (*KEY, "state", "locality", "mac")).collect(), folder, "payment_locality")
    return national


def keep(rows: pl.DataFrame, folder: Path, name: str) -> None:
    """Write a table as one Parquet file."""
    rows.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=2)


def by_duckdb(archive: Path, folder: Path) -> None:
    """Count in 64-bit integers, in SQL."""
    import duckdb

    for text, name in zip(bodies(archive), ("rvu", "gpci"), strict=True):
        (folder / f"{name}.csv").write_text(text)
    wholes = ", ".join(f"CAST(CAST({n} AS DECIMAL(18, {s})) * {10**s} AS BIGINT) AS {n}" for n, s in NUMBERS.items())
    reasons = " ".join(f"WHEN '{code}' THEN '{reason}'" for code, reason in REASONS.items())

    def cents(work: str, pe: str, mp: str) -> str:
        return f"(({work} * work_gpci + {pe} * pe_gpci + {mp} * mp_gpci) * factor + 5000000) // 10000000"

    amounts = ", ".join(
        f"{cents('work', f'{s}_pe', 'mp')} AS {s}_amount, "
        f"CASE WHEN capped THEN {cents('opps_work', f'opps_{s}_pe', 'opps_mp')} END AS {s}_opps_amount"
        for s in SETTINGS
    )
    payments = ", ".join(
        f"CASE WHEN reason IS NULL THEN least({s}_amount, coalesce({s}_opps_amount, {s}_amount)) END AS {s}_payment"
        for s in SETTINGS
    )
    late = ", ".join(f"({s}_payment * {of} + 5000) // 10000 AS {s}_{k}" for k, of in LATE.items() for s in SETTINGS)
    dollars = ", ".join(
        f"CAST({c} * CAST(0.01 AS DECIMAL(3, 2)) AS DECIMAL(9, 2)) AS {c}" if c in (*MONEY[0], *MONEY[1]) else c
        for c in COLUMNS
    )

    def paid(rows: str, key: str) -> str:
        return (
            f"WITH a AS (SELECT *, {amounts} FROM {rows}), p AS (SELECT *, {payments} FROM a), "
            f"l AS (SELECT *, {late} FROM p) SELECT {key}, {dollars} FROM l ORDER BY ALL"
        )

    with duckdb.connect() as sql:
        sql.execute(
            f"CREATE TABLE read AS SELECT lpad(hcpcs, 5, '0') AS hcpcs, coalesce(modifier, '') AS modifier, status, "
            f"not_used IS NOT NULL AS not_used, nonfacility_na IS NOT NULL AS nonfacility_na, "
            f"facility_na IS NOT NULL AS facility_na, {wholes} FROM read_csv('{folder}/rvu.csv', header=false, "
            f"all_varchar=true, names={list(FIELDS)})"
        )
        sql.execute(
            "CREATE TABLE rows AS SELECT 'RVU25A' AS release, 'all' AS participant, *, "
            "opps_nonfacility_pe + opps_facility_pe + opps_mp > 0 AS capped, "
            "work + nonfacility_pe + facility_pe + mp > 0 AS priced, CASE WHEN status = 'C' AND modifier = '' "
            "THEN coalesce((SELECT c.work FROM read c WHERE c.modifier = '26' AND c.hcpcs = r.hcpcs), work) "
            f"ELSE work END AS opps_work, CASE status {reasons} ELSE CASE WHEN not_used THEN 'not_used_for_payment' "
            "WHEN NOT priced AND status = 'R' THEN 'carrier_priced' WHEN NOT priced THEN 'no_rvus' END END AS reason "
            "FROM read r"
        )
        sql.execute(
            "CREATE TABLE places AS SELECT first(mac) AS mac, state, locality, "
            + ", ".join(f"first(CAST(CAST({n} AS DECIMAL(9, 3)) * 1000 AS BIGINT)) AS {n}" for n in PLACE[4:])
            + f" FROM read_csv('{folder}/gpci.csv', header=false, all_varchar=true, names={list(PLACE)}) "
            "GROUP BY state, locality"
        )  # fmt: skip
        key = ", ".join(KEY)
        one = "(SELECT *, 1000 AS work_gpci, 1000 AS pe_gpci, 1000 AS mp_gpci FROM rows)"
        every = "(SELECT * FROM rows CROSS JOIN places WHERE capped OR priced)"
        for name, query in (
            ("payment_national", paid(one, key)),
            ("payment_locality", paid(every, f"{key}, state, locality, mac")),
        ):
            target = folder / f"{name}.parquet"
            sql.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 2)")


def by_pandas(archive: Path, folder: Path) -> None:
    """Count in floats, rounded at the end."""
    import numpy as np
    import pandas as pd

    rvu, gpci = (
        pd.read_csv(io.StringIO(text), header=None, names=names, dtype=str, keep_default_na=False)
        for text, names in zip(bodies(archive), (list(FIELDS), list(PLACE)), strict=True)
    )
    rows: Any = rvu[list(USED)].copy()
    rows["hcpcs"] = rows["hcpcs"].str.zfill(5)
    for name in NUMBERS:
        rows[name] = rows[name].astype(float)
    for name in ("not_used", "nonfacility_na", "facility_na"):
        rows[name] = rows[name] != ""
    component = rows[rows["modifier"] == "26"].set_index("hcpcs")["work"]
    rows["capped"] = rows[["opps_nonfacility_pe", "opps_facility_pe", "opps_mp"]].sum(axis=1) > 0
    priced = rows[["work", "nonfacility_pe", "facility_pe", "mp"]].sum(axis=1) > 0
    borrowed = (rows["status"] == "C") & (rows["modifier"] == "")
    rows["opps_work"] = rows["work"].where(~borrowed, rows["hcpcs"].map(component).fillna(rows["work"]))
    unpriced = pd.Series(np.where(rows["status"] == "R", "carrier_priced", "no_rvus"), rows.index).where(~priced)
    rows["reason"] = rows["status"].map(REASONS).fillna(unpriced.mask(rows["not_used"], "not_used_for_payment"))
    rows.insert(0, "release", LABEL)
    rows.insert(1, "participant", "all")
    rows = rows.sort_values([*KEY])
    for name in ("work_gpci", "pe_gpci", "mp_gpci"):
        gpci[name] = gpci[name].astype(float)
    places = gpci.drop_duplicates(["state", "locality"]).drop(columns="name").sort_values(["state", "locality"])

    def paid(rows: Any, key: list[str]) -> Any:
        for s in SETTINGS:
            for name, work, pe, mp in (
                (f"{s}_amount", "work", f"{s}_pe", "mp"),
                (f"{s}_opps_amount", "opps_work", f"opps_{s}_pe", "opps_mp"),
            ):
                terms = rows[work] * rows["work_gpci"] + rows[pe] * rows["pe_gpci"] + rows[mp] * rows["mp_gpci"]
                rows[name] = (terms * rows["factor"]).round(2)
            rows[f"{s}_opps_amount"] = rows[f"{s}_opps_amount"].where(rows["capped"])
            payment = np.fmin(rows[f"{s}_amount"], rows[f"{s}_opps_amount"]).where(rows["reason"].isna())
            rows[f"{s}_payment"] = payment
            for kind, of in LATE.items():
                rows[f"{s}_{kind}"] = (payment * of / 10_000).round(2)
        return rows[[*key, *COLUMNS]]

    nation = rows.assign(work_gpci=1.0, pe_gpci=1.0, mp_gpci=1.0)
    every = rows[rows["capped"] | priced.reindex(rows.index)].merge(places, how="cross")
    for name, table in (
        ("national", paid(nation, [*KEY])),
        ("locality", paid(every, [*KEY, "state", "locality", "mac"])),
    ):
        table.to_parquet(folder / f"payment_{name}.parquet", compression="zstd", compression_level=2, index=False)
