"""Rows of many releases are put in the order of their key, and stay the rows that they were."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts
from pfsetl.publication import parquet
from pfsetl.publication.digest import rows_digest
from pfsetl.tables import key_order

TABLE = contracts.load().tables["code_history"]
CODES = ["G0101", "0001F", "A0021", "Z9999", "99213"]


def release(label: str, codes: list[str], amount: str) -> pl.DataFrame:
    """Rows of one release: what isn't named here is the same for all, or null where it may be."""
    fill = {pl.String(): "x", pl.Boolean(): False, pl.Int32(): 7}
    rows = pl.DataFrame({"hcpcs": codes}).with_columns(
        pl.lit(None if c.nullable and c.dtype != pl.Decimal(9, 2) else fill.get(c.dtype, 1)).cast(c.dtype).alias(c.name)
        for c in TABLE.columns
        if c.name not in ("hcpcs", "release")
    )
    told = rows.with_columns(release=pl.lit(label), nonfacility_amount=pl.lit(Decimal(amount)).cast(pl.Decimal(9, 2)))
    return told.select(TABLE.schema.names())


@pytest.fixture
def releases() -> list[pl.DataFrame]:
    return [
        release("RVU25A", CODES, "1.10"),
        release("RVU24D", CODES[::-1], "2.20"),
        release("RVU26A", CODES[:2], "0.05"),
    ]


def test_rows_are_written_in_the_order_of_their_key(releases, tmp_path: Path) -> None:
    parts = key_order.parts_in_order(map(key_order.small, releases), TABLE)
    written = parquet.write(parts, TABLE, tmp_path / "t.parquet")
    whole = pl.concat(releases).sort(TABLE.key)
    assert pl.read_parquet(written.path).equals(whole)
    assert written.digest == rows_digest(whole)


@pytest.mark.parametrize("size", [1, 3, 12])
def test_the_size_of_parts_makes_no_difference(size: int, releases, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(key_order, "ROWS_PER_PART", size)
    parts = key_order.parts_in_order(map(key_order.small, releases), TABLE)
    written = parquet.write(parts, TABLE, tmp_path / "t.parquet")
    assert pl.read_parquet(written.path).equals(pl.concat(releases).sort(TABLE.key))
