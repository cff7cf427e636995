"""Lists of codes that CMS publishes beside the releases: what is read of them, and what is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts
from pfsetl.errors import ArchiveError, LayoutError, UsageError, ValueRefused
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import days
from tests import companion_files as files
from tests import synthetic as s
from tests.companion_files import Load


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def load(tmp_path: Path, store: LocalStore) -> Load:
    return files.loader(store, tmp_path)


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


def test_a_code_with_two_latest_classes_is_refused(load: Load) -> None:
    rows = [[*row[:13], "1"] for row in files.RBCS]
    with pytest.raises(
        ValueRefused, match=r"RBCS_RY2024\.csv: lines 3, 4: G9902 has 2 latest assignments, and a code has one"
    ):
        load(RBCS, files.rbcs_csv(rows))


def test_a_code_without_a_latest_class_is_said(load: Load) -> None:
    rows = [[*row[:13], "0" if row[0] == "G9902" else "1"] for row in files.RBCS]
    assert load(RBCS, files.rbcs_csv(rows)).notices == (
        "1 code has no latest assignment, so nothing tells its class, e.g. G9902",
    )


def test_the_days_of_a_code_are_read_and_the_end_of_9999_is_none(load: Load, store: LocalStore) -> None:
    rows = load(RBCS, files.rbcs_csv()).frame(store).select("code_from", "code_to")
    assert rows.rows()[:2] == [(date(2006, 1, 1), None), (date(2017, 2, 1), date(2019, 12, 31))]


@pytest.mark.parametrize("none", ["9999-12-31", "9999-12-31 00:00:00", "12/31/9999 0:00"])
def test_the_end_of_9999_is_none_with_an_hour_too_as_a_workbook_has_it(none: str) -> None:
    frame = pl.DataFrame({"line": [1, 2], "code_to": [none, "2019-12-31 00:00:00"]})
    assert days.with_days(frame, "f.xlsx", ("code_to",))["code_to"].to_list() == [None, date(2019, 12, 31)]


def test_the_file_that_says_more_of_each_assignment_has_the_same_classes(load: Load, store: LocalStore) -> None:
    found = load("RBCS_RY_2025.csv", files.rbcs_with_history())
    assert found.effective_from == date(2025, 1, 1)
    assert found.frame(store).equals(load(RBCS, files.rbcs_csv()).frame(store))


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


# --- add-on codes ------------------------------------------------------------------------------------------------

ADD_ON = "AOC_V2026Q2-MCR.txt"


def test_an_add_on_code_has_its_primaries_and_the_days_of_the_year_are_days(load: Load, store: LocalStore) -> None:
    # 2020060 is the 60th day of a leap year, 2024366 the last of one
    rows = load(ADD_ON, files.add_on_txt()).frame(store)
    told = rows.select("add_on", "primary", "type", "valid_from", "valid_to", "add_on_to", "primary_to")
    assert told.rows() == [
        ("G9902", "G9901", "1", date(2013, 1, 1), None, None, None),
        ("G9903", "CCCCC", "2", date(2020, 2, 29), date(2024, 12, 31), date(2024, 12, 31), None),
    ]


def test_the_notes_of_add_on_codes_go_into_no_table(load: Load, store: LocalStore) -> None:
    rows = load(ADD_ON, files.add_on_txt()).frame(store)
    assert not rows.select((pl.col(pl.String) == "See the manual").any()).transpose().to_series().any()


def test_add_on_codes_have_the_columns_of_their_contract(load: Load, store: LocalStore) -> None:
    contracts.conform(load(ADD_ON, files.add_on_txt()).frame(store), contracts.companions().tables["add_on"])


def test_add_on_codes_hold_from_the_quarter_of_their_name(load: Load) -> None:
    assert load(ADD_ON, files.add_on_txt()).effective_from == date(2026, 4, 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("1", "G9902", "", "G9901", "", "2025366", "", ""), "line 3: aoc_from is '2025366', which is no day"),
        (("1", "G9902", "", "G9901", "", "2026182", "", ""), "line 3 begins on 2026-07-01"),
        (("4", "G9902", "", "G9901", "", "2025001", "", ""), "line 3: add_on_type is '4'"),
    ],
)
def test_add_on_codes_that_cant_be_right_are_refused(load: Load, row: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        load(ADD_ON, files.add_on_txt([row]))
    assert message in str(refused.value)


def test_those_of_medicaid_are_another_file(load: Load) -> None:
    with pytest.raises(ArchiveError, match="no file of a known kind"):
        load("AOC_V2026Q2-MCD.txt", files.add_on_txt())


# --- telehealth --------------------------------------------------------------------------------------------------

LISTED = "List_of_Telehealth_Services.xlsx"


def test_a_telehealth_service_has_status_sound_and_limits_and_no_licensed_text(load: Load, store: LocalStore) -> None:
    book = s.workbook(files.telehealth_rows("LIST OF TELEHEALTH SERVICES effective January 1, 2025 - updated"))
    rows = load(LISTED, book).frame(store)
    assert rows.drop("line").rows() == [
        ("G9901", "Permanent", True, None),
        ("G9902", "Provisional", False, "Once a month"),
    ]


def test_the_list_without_a_status_has_none(load: Load, store: LocalStore) -> None:
    book = s.workbook(files.telehealth_rows("effective January 1, 2026", status=False))
    rows = load(LISTED, book).frame(store)
    contracts.conform(rows, contracts.companions().tables["telehealth"])
    assert rows["status"].to_list() == [None, None]


@pytest.mark.parametrize(
    ("name", "title", "first"),
    [
        (LISTED, "LIST OF TELEHEALTH SERVICES effective January 1, 2025 - updated November 20, 2024", date(2025, 1, 1)),
        (LISTED, "Effective April 1, 2025", date(2025, 4, 1)),
        ("Telehealth_CY2026.xlsx", "A title", date(2026, 1, 1)),
        ("Telehealth_CY2026.xlsx", "Effective July 1, 2026", date(2026, 7, 1)),
    ],
)
def test_the_list_holds_from_the_day_of_its_title_or_the_year_of_its_name(
    load: Load, name: str, title: str, first: date
) -> None:
    assert load(name, s.workbook(files.telehealth_rows(title))).effective_from == first


def test_a_list_of_another_year_than_its_name_is_refused(load: Load) -> None:
    book = s.workbook(files.telehealth_rows("Effective January 1, 2025"))
    with pytest.raises(ValueRefused, match="its name says 2026-01-01, its title 2025-01-01"):
        load("Telehealth_CY2026.xlsx", book)


# --- services by geography ---------------------------------------------------------------------------------------

GEO = "MUP_PHY_R25_P05_V10_D23_Geo.csv"


def test_allowed_charges_are_services_times_the_average_rounded_once(load: Load, store: LocalStore) -> None:
    # 1000.5 x 40.005 = 40,025.0025; 150.5 x 41.5 = 6,245.75; by hand
    rows = load(GEO, files.utilization_csv()).frame(store)
    assert rows.select("geo_level", "geo_code", "hcpcs", "allowed_charges").rows() == [
        ("national", "", "G9901", Decimal("40025.00")),
        ("national", "", "G9902", Decimal("12.00")),
        ("state", "01", "G9901", Decimal("6245.75")),
        ("state", "06", "G9901", Decimal("24900.00")),
    ]


def test_what_no_states_row_has_is_told_by_code_and_for_the_file(load: Load, store: LocalStore) -> None:
    # 1000.5 of the nation less 600 and 150.5; all 12 of the other code
    found = load(GEO, files.utilization_csv())
    nation = found.frame(store).filter(geo_level="national")
    assert nation["unlisted_services"].to_list() == [Decimal("250.0000"), Decimal("12.0000")]
    assert "262 of 1,012 services of the nation (25.9 %), of 2 rows, are in no state's row" in found.notices[0]


def test_services_have_the_columns_of_their_contract_and_no_licensed_text(load: Load, store: LocalStore) -> None:
    rows = load(GEO, files.utilization_csv()).frame(store)
    contracts.conform(rows, contracts.companions().tables["utilization"])
    assert b"licensed" not in rows.write_csv().encode()


def test_services_hold_from_the_first_day_of_the_year_of_service(load: Load) -> None:
    assert load(GEO, files.utilization_csv()).effective_from == date(2023, 1, 1)


@pytest.mark.parametrize(
    ("at", "cell", "message"),
    [
        (9, "*", "line 2: services is '*'"),
        (0, "County", "geo_level is 'COUNTY'"),
        (12, "$40", "average_allowed is '$40'"),
    ],
)
def test_services_that_cant_be_right_are_refused(load: Load, at: int, cell: str, message: str) -> None:
    row = [*files.SERVICES[0]]
    row[at] = cell
    with pytest.raises(ValueRefused) as refused:
        load(GEO, files.utilization_csv([row]))
    assert message in str(refused.value)
