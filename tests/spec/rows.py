"""Invented rows in the shape of the `rvu` table: what a test doesn't name is a harmless active service."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.registry import Release
from pfsetl.publication import parquet
from pfsetl.tables import by_locality, derive

Row = dict[str, Any]

IN_FORCE = Release(
    "RVU99A", 2099, 1, "initial", date(2099, 1, 1), date(2099, 3, 31), False, None, None, None, None, known=False
)  # fmt: skip
NEVER_IN_FORCE = Release("RVU99A", 2099, 1, "initial", None, None, True, "RVU99AR", None, None, None, known=False)

_SERVICE: Row = {
    "release": "RVU99A",
    "participant": "all",
    "hcpcs": "G0001",
    "modifier": "",
    "status": "A",
    "not_used": False,
    "nonfacility_na": False,
    "facility_na": False,
    "work_rvu": "0",
    "nonfacility_pe_rvu": "0",
    "facility_pe_rvu": "0",
    "mp_rvu": "0",
    "opps_nonfacility_pe_rvu": "0",
    "opps_facility_pe_rvu": "0",
    "opps_mp_rvu": "0",
    "conversion_factor": "10",
}


def rvu_rows(*rows: Row) -> pl.DataFrame:
    """Return invented rows as the contract types them; numbers may be given as text."""
    schema = contracts.load().tables["rvu"].schema
    full = []
    for row in rows:
        texts = _SERVICE | row
        full.append({name: _value(texts.get(name), dtype) for name, dtype in schema.items()})
    return pl.DataFrame(full, schema=schema)


def gpci_rows(*rows: Row) -> pl.DataFrame:
    """Return invented localities; `work`, `pe`, `mp` are the indices."""
    schema = contracts.load().tables["gpci"].schema
    full = []
    for row in rows:
        texts = {"release": "RVU99A", "mac": "99999", "macs": "99999", **row}
        full.append({name: _value(texts.get(name), dtype) for name, dtype in schema.items()})
    return pl.DataFrame(full, schema=schema)


def add_ons(*pairs: tuple[str, str], **cells: Any) -> pl.DataFrame:
    """Return NCCI's list of 2026 with these add-on and primary codes, as it's loaded."""
    schema = contracts.companions().tables["add_on"].schema
    row = {"type": "1", "valid_from": date(2013, 1, 1), "line": 1} | cells
    made = [row | {"add_on": one, "primary": other} for one, other in pairs]
    frame = pl.DataFrame(made, schema=schema)
    return frame.select(pl.lit(date(2026, 1, 1)).alias("effective_from"), pl.all())


def paid(release: Release = IN_FORCE, **row: Any) -> Row:
    """Return the national payment of one invented row."""
    return derive.payment_national(rvu_rows(row), release).row(0, named=True)


def paid_in(work: str, pe: str, mp: str, **row: Any) -> Row:
    """Return the payment of one invented row in one locality with these indices."""
    place = gpci_rows({"state": "AL", "locality": "00", "work_gpci": work, "pe_gpci": pe, "mp_gpci": mp})
    return by_place(rvu_rows(row), place).row(0, named=True)


def by_place(rvu: pl.DataFrame, gpci: pl.DataFrame, release: Release = IN_FORCE) -> pl.DataFrame:
    """Return the payment of these rows in these localities, as it's read after it was written."""
    table = contracts.load().tables["payment_locality"]
    with TemporaryDirectory() as folder:
        parquet.write(by_locality.payment_locality(rvu, gpci, release), table, Path(folder) / "payments")
        return pl.read_parquet(Path(folder) / "payments")


def _value(value: Any, dtype: pl.DataType) -> Any:
    return Decimal(value) if isinstance(dtype, pl.Decimal) and value is not None else value
