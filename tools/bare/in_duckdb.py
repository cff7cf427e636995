"""What somebody writes in DuckDB who wants the payments of RVU25A once, as `tools/bare/payment.py` does in polars."""

from pathlib import Path

from tools.bare.payment import COLUMNS, FIELDS, KEY, LATE, MONEY, NUMBERS, PLACE, REASONS, SETTINGS, bodies


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
