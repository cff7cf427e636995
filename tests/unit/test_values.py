"""Cells to values: codes keep their zeros, money is exact, what can't be what its field says is refused."""

from decimal import Decimal

import polars as pl
import pytest

from pfsetl.errors import ValueRefused
from pfsetl.parsing.read import RawTable
from pfsetl.parsing.values import typed


def value(field: str, cell: str) -> object:
    beside = {"status": ["A"]} if field != "status" else {}
    return typed(raw(**{field: [cell]}, **beside))[field].item()


def raw(**cells: list[str]) -> RawTable:
    frame = pl.DataFrame(cells).with_row_index("line", 11)
    return RawTable("pprrvu", "all", "PPRRVU25.csv", "csv", "0" * 64, "G31", frame, "", {"records": frame.height})


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        ("hcpcs", "563", "00563"),
        ("hcpcs", "00563", "00563"),
        ("hcpcs", "g0101", "G0101"),
        ("hcpcs", "0001F", "0001F"),
        ("mac", "1112", "01112"),
        ("locality", "0", "00"),
        ("supervision", "9", "09"),
        ("supervision", "6A", "6A"),
        ("imaging_family", "4", "04"),
        ("global_days", "10", "010"),
        ("global_days", "0", "000"),
        ("global_days", "XXX", "XXX"),
        ("endoscopic_base", "", None),
        ("pctc", "", None),
        ("pctc", "0", "0"),
        ("modifier", "", ""),
        ("modifier", "TC", "TC"),
        ("status", "A", "A"),
    ],
)
def test_codes_get_back_the_zeros_that_excel_ate(field: str, cell: str, expected: object) -> None:
    assert value(field, cell) == expected


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [("nonfacility_na", "NA", True), ("nonfacility_na", "", False), ("not_used", "+", True), ("not_used", "", False)],
)
def test_flags_are_booleans(field: str, cell: str, expected: bool) -> None:
    assert value(field, cell) is expected


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        ("work_rvu", "0.97", "0.97"),
        ("work_rvu", ".97", "0.97"),
        ("work_rvu", "1", "1.00"),
        ("work_rvu", "1.", "1.00"),
        ("work_rvu", "1.5", "1.50"),
        ("work_rvu", "1.2100", "1.21"),
        ("work_gpci", "1.5", "1.500"),
        ("conversion_factor", "33.4009", "33.4009"),
        ("conversion_factor", "36.0666", "36.0666"),
    ],
)
def test_numbers_are_exact_decimals(field: str, cell: str, expected: str) -> None:
    found = value(field, cell)
    assert isinstance(found, Decimal)
    assert str(found) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("2141", "21.41"), ("21.41", "21.41"), ("19.6", "19.60"), ("20", "20.00"), ("10412", "104.12")],
)
def test_anesthesia_factors_in_cents_become_dollars(cell: str, expected: str) -> None:
    assert value("anesthesia_factor", cell) == Decimal(expected)


def test_an_amount_without_a_point_is_not_cents_elsewhere() -> None:
    assert value("facility_amount", "1234") == Decimal("1234.00")


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        ("facility_amount", "1,348.22", "1348.22"),
        ("facility_amount", "$1,348.22", "1348.22"),
        ("facility_amount", "$ 150.69", "150.69"),
        ("facility_amount", "1,234,567.80", "1234567.80"),
        ("conversion_factor", "$33.4009", "33.4009"),
        ("work_rvu", "-1,000.5", "-1000.50"),
    ],
)
def test_a_number_may_be_written_as_excel_writes_an_amount(field: str, cell: str, expected: str) -> None:
    assert typed(raw(**{field: ["1.00", cell]}))[field].to_list() == [Decimal("1.00"), Decimal(expected)]


@pytest.mark.parametrize(
    ("cell", "expected"), [("ALASKA**", "ALASKA"), ("Wyoming ***", "Wyoming"), ("REST  OF\tGEORGIA", "REST OF GEORGIA")]
)
def test_footnote_stars_and_wide_blanks_leave_names(cell: str, expected: str) -> None:
    assert value("locality_name", cell) == expected


@pytest.mark.parametrize(
    ("field", "cell", "shown"),
    [
        ("work_rvu", "1.211", "a number with up to 2 decimals"),
        ("work_rvu", "", "a number with up to 2 decimals"),
        ("work_rvu", "1,21", "a number with up to 2 decimals"),
        ("work_rvu", "1,210", "a number with up to 2 decimals"),  # a comma alone may stand for the point
        ("facility_amount", "1.348,22", "a number with up to 2 decimals"),
        ("facility_amount", "13,48.22", "a number with up to 2 decimals"),
        ("facility_amount", "1348,220.10", "a number with up to 2 decimals"),
        ("facility_amount", "12,345,678.90", "a number with up to 2 decimals"),
        ("facility_amount", "$", "a number with up to 2 decimals"),
        ("work_rvu", "1e1", "a number with up to 2 decimals"),
        ("work_rvu", "NaN", "a number with up to 2 decimals"),
        ("work_rvu", "+1.21", "a number with up to 2 decimals"),
        ("work_rvu", "1.21\u0660", "a number with up to 2 decimals"),
        ("work_gpci", "1.0005", "a number with up to 3 decimals"),
        ("hcpcs", "G99011", "text of the form"),
        ("hcpcs", "G990", "text of the form"),
        ("hcpcs", "", "text of the form"),
        ("status", "", "text of the form"),
        ("status", "AA", "text of the form"),
        ("state", "A1", "text of the form"),
        ("not_used", "-", "text of the form"),
        ("nonfacility_na", "#N/A", "text of the form"),
        ("multiple_procedure", "#REF!", "text of the form"),
        ("work_rvu", "#DIV/0!", "a number with up to 2 decimals"),
        ("locality_name", "#N/A", "text, not an Excel error"),
        ("counties", "#VALUE!", "text, not an Excel error"),
    ],
)
def test_a_cell_that_cannot_be_its_field_is_refused(field: str, cell: str, shown: str) -> None:
    with pytest.raises(ValueRefused) as caught:
        value(field, cell)
    assert f"{field} is {cell!r}, expected {shown}" in str(caught.value)


def test_a_refusal_names_file_line_and_remedy() -> None:
    with pytest.raises(ValueRefused, match=r"^PPRRVU25.csv: line 12: work_rvu is 'x'.*Download.*another format"):
        typed(raw(work_rvu=["1.00", "x"]))


def test_a_refusal_counts_the_other_bad_cells() -> None:
    with pytest.raises(ValueRefused, match=r"\(2 more such cells\)"):
        typed(raw(work_rvu=["x", "1.00", "y", "z"]))


def test_a_number_beyond_its_column_is_refused() -> None:
    with pytest.raises(ValueRefused, match="work_rvu"):
        value("work_rvu", "12345678.00")


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [("1.205", "add a row of work_rvu"), ("123456", "add a row of work_rvu"), ("-", "another format"),
     ("", "another format"), ("20.5%", "another format")],
)  # fmt: skip
def test_a_row_is_asked_for_only_where_one_can_allow_the_cell(cell: str, remedy: str) -> None:
    with pytest.raises(ValueRefused, match=f"if CMS really prints this, (give the file in )?{remedy}"):
        value("work_rvu", cell)
