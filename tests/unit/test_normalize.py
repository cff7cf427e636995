"""Raw members to the contract's source tables; every record is published, merged or rejected."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts, registry
from pfsetl.errors import ValueRefused
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read
from pfsetl.source.archive import open_archive
from pfsetl.tables.normalize import Accounting, Tables, normalize
from tests import synthetic as s
from tests.synthetic import Members

CONTRACT = contracts.load()
RVUS = "PPRRVU2025_JAN.txt"


def normalized(folder: Path, members: Members, label: str = "RVU25A") -> tuple[Tables, dict[str, Accounting]]:
    archive = open_archive(s.write_folder(folder / "members", members))
    tables, accounts = normalize([parse(raw) for raw in read(archive)], registry.find(label), CONTRACT)
    return tables, {account.file: account for account in accounts}


def test_a_record_twice_is_kept_once(tmp_path: Path) -> None:
    # RVU09A lists one code twice, alike.
    members = s.release() | {RVUS: s.pprrvu_txt("N171", [*s.CODES, s.VISIT])}
    tables, accounts = normalized(tmp_path, members)
    assert tables["rvu"].height == len(s.CODES)
    assert (accounts[RVUS].records, accounts[RVUS].published, accounts[RVUS].rejected) == (8, 7, 1)
    assert tables["rejects"].select("line", "reason").rows() == [(15, "repeats line 8")]


def test_a_key_twice_with_other_values_is_refused(tmp_path: Path) -> None:
    rows = [*s.CODES, s.changed(s.VISIT, pctc="1")]
    with pytest.raises(ValueRefused, match=r"lines 8 and 15 both have hcpcs 'G9901', modifier '' but differ in pctc"):
        normalized(tmp_path, s.release() | {RVUS: s.pprrvu_txt("N171", rows)})


def test_a_modifier_makes_another_key(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release())
    assert tables["rvu"].filter(hcpcs="G9902")["modifier"].to_list() == ["", "26", "TC"]


@pytest.mark.parametrize("label", ["RVU25A", "RVU26A"])
def test_nothing_vanishes(label: str, tmp_path: Path) -> None:
    _, accounts = normalized(tmp_path, s.release(label), label)
    assert {a.records == a.published + a.merged + a.rejected for a in accounts.values()} == {True}


def test_anesthesia_counts_its_rows_not_its_factors(tmp_path: Path) -> None:
    tables, accounts = normalized(tmp_path, s.release("RVU26A"), "RVU26A")
    assert tables["anesthesia"].height == 2 * accounts["ANES2026.csv"].published == 8


def test_two_contractors_of_southern_california_are_merged(tmp_path: Path) -> None:
    tables, accounts = normalized(tmp_path, s.release())
    assert accounts["OPPSCAP_JAN.csv"].merged == 2
    row = tables["opps_cap"].filter(state="CA").row(0, named=True)
    assert (row["mac"], row["macs"], row["locality"]) == ("01182", "01112,01182", "18")


@pytest.mark.parametrize(
    ("file", "table"),
    [("GPCI2025", "gpci"), ("25LOCCO", "locality_county"), ("ANES2025", "anesthesia"), ("OPPSCAP_JAN", "opps_cap")],
)
def test_a_missing_member_is_an_empty_table(file: str, table: str, tmp_path: Path) -> None:
    members = {k: v for k, v in s.release().items() if k != f"{file}.csv"}
    tables, _ = normalized(tmp_path, members)
    assert tables[table].equals(CONTRACT.tables[table].empty())


@pytest.mark.parametrize("label", ["RVU25A", "RVU26A"])
def test_tables_are_as_the_contract_says(label: str, tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release(label), label)
    assert {name: frame.schema for name, frame in tables.items()} == {
        name: pl.Schema(CONTRACT.tables[name].schema) for name in tables
    }


@pytest.mark.parametrize("table", ["rvu", "gpci", "locality_county", "anesthesia", "opps_cap"])
def test_rows_stand_in_key_order(table: str, tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release("RVU26A"), "RVU26A")
    assert tables[table].equals(tables[table].sort(CONTRACT.tables[table].key))


def test_row_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    one, _ = normalized(tmp_path / "1", s.release())
    two, _ = normalized(tmp_path / "2", s.release() | {RVUS: s.pprrvu_txt("N171", s.CODES[::-1])})
    assert one["rvu"].equals(two["rvu"])


def test_licensed_text_is_not_in_the_table(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release())
    assert "description" not in tables["rvu"].columns


def test_the_two_participants_of_2026_have_their_rows(tmp_path: Path) -> None:
    # The file for qualifying participants holds only status A, C, R, T.
    tables, _ = normalized(tmp_path, s.release("RVU26A"), "RVU26A")
    counts = tables["rvu"].group_by("participant").agg(pl.len(), pl.col("conversion_factor").unique().first())
    assert sorted(counts.rows()) == [("non_qp", 7, Decimal("33.4009")), ("qp", 6, Decimal("33.5675"))]


def test_before_2026_there_is_one_participant(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release())
    assert tables["rvu"]["participant"].unique().to_list() == ["all"]


@pytest.mark.parametrize("shape", ["W206", "W207", "N171", "N171P"])
def test_text_and_csv_give_the_same_rows(shape: str, tmp_path: Path) -> None:
    grid = {"W206": "G37", "W207": "G37", "N171": "G31", "N171P": "G32"}[shape]
    companions = {k: v for k, v in s.release().items() if k != RVUS}
    txt, _ = normalized(tmp_path / "t", companions | {"PPRRVU25.txt": s.pprrvu_txt(shape)})
    csv, _ = normalized(tmp_path / "c", companions | {"PPRRVU25.csv": s.pprrvu_csv(grid)})
    assert txt["rvu"].equals(csv["rvu"])


@pytest.mark.parametrize("shape", ["OPPSCAP7NF", "OPPSCAP7FN", "OPPSCAP6"])
def test_caps_of_every_shape_give_the_same_rows(shape: str, tmp_path: Path) -> None:
    rows = [row | {"nonfacility_amount": "99.00"} for row in s.CAPS]
    companions = {k: v for k, v in s.release().items() if not k.startswith("OPPSCAP")}
    txt, _ = normalized(tmp_path / "t", companions | {"OPPSCAP.txt": s.opps_cap_txt(rows)})
    csv, _ = normalized(tmp_path / "c", companions | {"OPPSCAP.csv": s.opps_cap_csv(shape, rows)})
    assert txt["opps_cap"].equals(csv["opps_cap"])


@pytest.mark.parametrize("cents", [s.anes_csv("ANES4N"), s.anes_txt()], ids=["csv of 2015", "txt"])
def test_factors_in_cents_and_in_dollars_give_the_same_rows(cents: bytes, tmp_path: Path) -> None:
    companions = {k: v for k, v in s.release().items() if not k.startswith("ANES")}
    form = "txt" if cents.endswith(b"\x1a\r\n") else "csv"
    dollars, _ = normalized(tmp_path / "d", s.release())
    found, _ = normalized(tmp_path / "c", companions | {f"ANES2025.{form}": cents})
    assert found["anesthesia"].equals(dollars["anesthesia"])


def test_zeros_that_excel_ate_come_back(tmp_path: Path) -> None:
    # RVU17A's csv printed 563 for 00563 and global days 10 for 010.
    bare = s.changed(s.VISIT, hcpcs="563", **{"global": "10"}, supervision="9")
    members = {k: v for k, v in s.release().items() if k != RVUS}
    tables, _ = normalized(tmp_path, members | {"PPRRVU25.csv": s.pprrvu_csv("G31", [bare])})
    assert tables["rvu"].select("hcpcs", "global_days", "supervision").row(0) == ("00563", "010", "09")
