"""Lists of codes that CMS publishes beside the releases: what is read of them, and what is refused."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pfsetl.declared import contracts
from pfsetl.errors import LayoutError, UsageError, ValueRefused
from pfsetl.publication import companions, loading
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests import synthetic as s

Load = Callable[..., companions.Companion]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def load(tmp_path: Path, store: LocalStore) -> Load:
    def put(name: str, content: bytes, effective_from: date | None = None) -> companions.Companion:
        (tmp_path / name).write_bytes(content)
        return loading.load(store, tmp_path / name, effective_from, sample=True)

    return put


# --- RBCS --------------------------------------------------------------------------------------------------------

RBCS = "RBCS_RY2024.csv"


def test_a_code_has_a_class_for_each_time_and_one_is_the_latest(load: Load, store: LocalStore) -> None:
    rows = load(RBCS, files.rbcs_csv()).frame(store).select("hcpcs", "valid_from", "valid_to", "latest", "rbcs_id")
    assert rows.rows() == [
        ("G9901", date(2014, 1, 1), None, True, "RT021N"),
        ("G9902", date(2014, 1, 1), date(2015, 12, 31), False, "TM000N"),
        ("G9902", date(2016, 1, 1), None, True, "TM014N"),
    ]


def test_a_class_is_taken_apart_and_named_and_no_family_is_null(load: Load, store: LocalStore) -> None:
    rows = load(RBCS, files.rbcs_csv()).frame(store)
    told = rows.select("category_name", "subcategory", "subcategory_name", "family", "family_name", "procedure")
    assert told.rows()[:2] == [
        ("Treatment", "RT", "Physical Therapy", "021", "Occupational Therapy", "N"),
        ("Test", "TM", "Molecular Testing", "000", None, "N"),
    ]


def test_the_days_of_a_code_are_read_and_the_end_of_9999_is_none(load: Load, store: LocalStore) -> None:
    rows = load(RBCS, files.rbcs_csv()).frame(store).select("code_from", "code_to")
    assert rows.rows()[:2] == [(date(2006, 1, 1), None), (date(2017, 2, 1), date(2019, 12, 31))]


def test_days_with_slashes_are_the_same_days(load: Load, store: LocalStore) -> None:
    slashes = [[f"{c[5:7]}/{c[8:]}/{c[:4]}" if c.count("-") == 2 else c for c in row] for row in files.RBCS]
    assert load(RBCS, files.rbcs_csv(slashes)).frame(store).equals(load(RBCS, files.rbcs_csv()).frame(store))


def test_without_cmss_column_the_latest_is_the_one_of_the_last_day(load: Load, store: LocalStore) -> None:
    # the headings of another project's file of CMS's
    headings = "hcpcs,rbcs_id,rbcs_cat_id,rbcs_sub_id,rbcs_fam_id,rbcs_category,rbcs_subcategory,rbcs_family," \
        "rbcs_procedure,rbcs_date_hcpcs_add,rbcs_date_hcpcs_end,rbcs_date_rbcs_asn"  # fmt: skip
    rows = [[r[0], r[1], r[2], r[4], r[6], r[3], r[5], r[7], "Non-Procedure", r[9], r[10], r[11]] for r in files.RBCS]
    found = load(RBCS, s.csv_bytes([headings.split(","), *rows])).frame(store)
    assert found.select("rbcs_id", "latest").rows() == [("RT021N", True), ("TM000N", False), ("TM014N", True)]


def test_rbcs_has_the_columns_of_its_contract(load: Load, store: LocalStore) -> None:
    contracts.conform(load(RBCS, files.rbcs_csv()).frame(store), contracts.companions().tables["rbcs"])


@pytest.mark.parametrize("name", ["RBCS_RY2023.csv", "rbcs_ry23.csv", "restructured_betos_2023.csv"])
def test_rbcs_holds_from_its_year(load: Load, name: str) -> None:
    assert load(name, files.rbcs_csv()).effective_from == date(2023, 1, 1)


def test_rbcs_without_a_year_asks_for_the_day(load: Load) -> None:
    with pytest.raises(UsageError, match="Say it: --effective-from"):
        load("rbcs.csv", files.rbcs_csv())


def test_a_class_that_contradicts_its_parts_is_refused(load: Load) -> None:
    row = [*files.RBCS[0]]
    row[6] = "020"
    with pytest.raises(ValueRefused, match="line 2: RBCS RT021N isn't of category R, subcategory RT, family 020"):
        load(RBCS, files.rbcs_csv([row]))


def test_a_heading_that_isnt_known_is_refused_and_named(load: Load) -> None:
    with pytest.raises(LayoutError, match="RBCS SOMETHING"):
        load(RBCS, files.rbcs_csv().replace(b"RBCS_ID", b"RBCS_Something"))
