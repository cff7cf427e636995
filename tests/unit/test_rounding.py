"""A workbook holds more digits than it shows. What it shows is read, as csv and text print it, and that is said."""

import io
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from pfsetl.errors import PfsetlError
from pfsetl.parsing import rounding
from pfsetl.pipeline.examine import Examined, examine
from tests import synthetic as s
from tests.present import present
from tests.synthetic import Members

pytestmark = pytest.mark.long

# --- one number -------------------------------------------------------------------------------------------------


# What Excel shows of a stored number in a format of two decimals (0.00).
@pytest.mark.parametrize(
    ("held", "shown"),
    [
        ("21.076942881", "21.08"),  # CMS's factors of 2016
        ("21.074999", "21.07"),
        ("2.675", "2.68"),  # the nearest binary number is 2.67499999999999982
        ("1.005", "1.01"),  # 1.00499999999999989
        ("0.285", "0.29"),  # 0.284999999999999976
        ("2.6749999999999998", "2.68"),  # Excel keeps 15 digits: 2.67500000000000
        ("0.30000000000000004", "0.30"),
        ("0.995", "1.00"),
        ("-0.125", "-0.13"),  # half away from zero
        (".126", "0.13"),
        ("1E-7", "0.00"),
    ],
)
def test_a_number_is_rounded_half_up_as_excel_shows_it(held: str, shown: str) -> None:
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], "work_rvu": [held]}))
    assert (frame["work_rvu"].to_list(), counts) == ([shown], {"work_rvu": 1})


@pytest.mark.parametrize(
    "cell", ["21.08", "21.0800000", "21", "2108", "", "NA", "#REF!", "1.2.3456", "1,23456", "1.2.3e-5", "e-5"]
)
def test_what_has_no_further_digits_or_is_no_number_stays(cell: str) -> None:
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], "anesthesia_factor": [cell]}))
    assert (frame["anesthesia_factor"].to_list(), counts) == ([cell], {})


@pytest.mark.parametrize("cell", ["1.2.3e-5", ".e-5", "e-5"])
def test_what_only_looks_like_a_small_number_stays_for_the_step_that_refuses_it(cell: str) -> None:
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], "work_rvu": [cell]}))
    assert (frame["work_rvu"].to_list(), counts) == ([cell], {})


def test_each_column_has_its_own_places() -> None:
    held = {"work_rvu": ["1.23456"], "work_gpci": ["1.23456"], "conversion_factor": ["33.123456"], "hcpcs": ["1.23456"]}
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], **held}))
    assert frame.drop("line").row(0) == ("1.23", "1.235", "33.1235", "1.23456")
    assert counts == {"work_rvu": 1, "work_gpci": 1, "conversion_factor": 1}


# CMS's OPPSCAP workbooks hold up to 4,900 caps of $1,000 and more (RVU22A), all in dollars, none with further digits.
@pytest.mark.parametrize(
    ("held", "shown"), [("1234.5678", "1234.57"), ("4614.295", "4614.30"), ("12345.674999", "12345.67")]
)
@pytest.mark.parametrize("column", ["nonfacility_amount", "facility_amount"])
def test_a_cap_of_a_thousand_dollars_is_rounded_like_any_other(column: str, held: str, shown: str) -> None:
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], column: [held]}))
    assert (frame[column].to_list(), counts) == ([shown], {column: 1})


def test_an_amount_that_may_be_cents_is_not_rounded_to_dollars() -> None:
    # 2107.6942 is 21.08 in cents or 2,107.69 dollars, and nothing says which
    frame, counts = rounding.as_shown(pl.DataFrame({"line": [1], "anesthesia_factor": ["2107.6942"]}))
    assert (frame["anesthesia_factor"].to_list(), counts) == (["2107.6942"], {})


# --- every member -----------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?\d*\.\d+")


def holding_more(cell: str) -> str:
    """The number with two fifths of its last digit added: it shows the same."""
    return str(Decimal(cell) + Decimal("0.4").scaleb(-len(cell.partition(".")[2]))) if _NUMBER.fullmatch(cell) else cell


def as_numbers(data: bytes) -> bytes:
    """A csv as a workbook, its numbers stored as Excel stores them."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for i, row in enumerate(s.cells_of(data)):
            for j, cell in enumerate(row):
                if _NUMBER.fullmatch(cell):
                    sheet.write_number(i, j, float(holding_more(cell)))
                elif cell:
                    sheet.write_string(i, j, cell)
    return buffer.getvalue()


def of_csv() -> Members:
    members = {name: data for name, data in s.release("RVU25A").items() if name.endswith(".csv")}
    return {**members, "PPRRVU2025_JAN.csv": s.pprrvu_csv("G31")}


def examined(folder: Path, members: Members, *, all_formats: bool = False) -> Examined:
    archive = s.write_folder(folder, members)
    return examine("RVU25A", archive, records={}, sample=True, all_formats=all_formats)


@pytest.mark.parametrize("member", ["PPRRVU2025_JAN", "GPCI2025", "ANES2025", "OPPSCAP_JAN"])
def test_a_workbook_that_holds_more_reads_like_the_csv_beside_it(member: str, tmp_path: Path) -> None:
    plain = of_csv()
    book = {k: v for k, v in plain.items() if k != f"{member}.csv"} | {
        f"{member}.xlsx": as_numbers(plain[f"{member}.csv"])
    }
    expected, found = examined(tmp_path / "csv", plain), examined(tmp_path / "xlsx", book)
    for name, table in expected.tables.items():
        if name not in ("source_lines", "releases"):
            assert found.tables[name].equals(table), name


def test_how_many_cells_were_rounded_is_said_by_file_and_column(tmp_path: Path) -> None:
    plain = of_csv()
    book = {k: v for k, v in plain.items() if k != "ANES2025.csv"} | {
        "ANES2025.xlsx": as_numbers(plain["ANES2025.csv"])
    }
    findings = examined(tmp_path, book).record
    assert findings.rounded == {"ANES2025.xlsx": {"anesthesia_factor": len(s.PLACES)}}
    assert (
        f"ANES2025.xlsx: cells that hold more digits than they show are read as shown: {len(s.PLACES)} of "
        "anesthesia_factor"
    ) in findings.notices


def test_a_workbook_beside_its_csv_does_not_differ_for_what_it_does_not_show(tmp_path: Path) -> None:
    both = of_csv() | {"ANES2025.xlsx": as_numbers(of_csv()["ANES2025.csv"])}
    findings = examined(tmp_path, both, all_formats=True).record
    assert (findings.format_differences, list(present(findings.rounded))) == ((), ["ANES2025.xlsx"])


def test_nothing_is_said_where_nothing_was_rounded(tmp_path: Path) -> None:
    assert examined(tmp_path, of_csv()).record.rounded == {}


def test_a_workbook_whose_number_shows_another_one_still_stops(tmp_path: Path) -> None:
    other = of_csv()["GPCI2025.csv"].replace(b"0.875", b"0.876")
    with pytest.raises(PfsetlError, match=r"GPCI2025.csv and GPCI2025.xlsx differ: pe_gpci, 1 row"):
        examined(tmp_path, of_csv() | {"GPCI2025.xlsx": as_numbers(other)}, all_formats=True)


def test_a_csv_with_more_digits_than_its_column_is_still_refused(tmp_path: Path) -> None:
    longer = of_csv()["GPCI2025.csv"].replace(b"0.875", b"0.8754")
    with pytest.raises(PfsetlError, match=r"GPCI2025.csv: line 4: pe_gpci is '0.8754'"):
        examined(tmp_path, of_csv() | {"GPCI2025.csv": longer})
