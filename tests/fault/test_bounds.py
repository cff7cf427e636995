"""What is larger than any file of CMS's is refused before it's parsed; Excel's errors and long numbers are named."""

import io
import zipfile

import polars as pl
import pytest
import xlsxwriter

from pfsetl.declared import contracts, registry
from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds, grid, values


def book(cells: dict[str, object], sheets: int = 1) -> bytes:
    buffer = io.BytesIO()
    made = xlsxwriter.Workbook(buffer, {"in_memory": True})
    for number in range(sheets):
        sheet = made.add_worksheet(f"s{number}")
        for place, value in cells.items():
            if isinstance(value, str) and value.startswith("#"):
                sheet.write_formula(place, "=NA()", None, value)
            else:
                sheet.write(place, value)
    made.close()
    return buffer.getvalue()


def changed(data: bytes, old: bytes, new: bytes) -> bytes:
    """The workbook with one sheet's XML changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as there, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name in there.namelist():
            made.writestr(name, there.read(name).replace(old, new) if "worksheets/" in name else there.read(name))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a\n" * (30 << 20), "31,457,280 lines"),
        (b"a\r" * 300_000, "300,000 lines"),
        (b"x\n" + b"a" * 200_000, "line 2 has 200,000 bytes"),
    ],
    ids=["LF", "CR", "one line"],
)
def test_a_text_of_too_many_or_too_long_lines_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ArchiveError, match=f"f.csv: .*{why}"):
        bounds.refuse_large_text(data, "f.csv")


def test_what_cms_publishes_is_far_below() -> None:
    bounds.refuse_large_text((b"a" * 1_100 + b"\r\n") * 43_000, "f.csv")
    bounds.refuse_large_workbook(book({"A1": "x", "AH43000": 1}), "f.xlsx")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (book({"A1": "x", "XFD1048576": "stray"}), "a cell at XFD1048576"),
        (changed(book({"A1": "x", "B2": 1}), b'r="B2"', b'r="XFD1048576"'), "a cell at XFD1048576"),
        (changed(book({"A1": "x", "B2": 1}), b'r="B2"', b""), "a cell without a place"),
        (book({"A1": "x"}, sheets=40), "parts or sheets"),
        (changed(book({"A1": "x"}), b"</sheetData>", b"</sheetData>" + b" " * (200 << 20)), "bytes unpacked"),
    ],
    ids=["stray cell", "stray cell unlike the dimension", "no place", "sheets", "bomb"],
)
def test_a_workbook_that_would_take_all_memory_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ArchiveError, match=why):
        bounds.refuse_large_workbook(data, "f.xlsx")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_an_error_of_excels_is_named_with_its_cell(error: str) -> None:
    data = book({"A1": "x", "C7": error})
    with pytest.raises(ArchiveError, match=r"sheet1\.xml: cell C7 holds an error"):
        bounds.refuse_large_workbook(data, "f.xlsx")


def test_without_the_bound_such_a_cell_reads_as_blank() -> None:
    """The control."""
    read = grid.workbook(book({"A1": "x", "B1": "#N/A", "C1": "y"}), "f.xlsx")[0]
    assert read.frame.row(0)[1:] == ("x", "", "y")


@pytest.mark.parametrize("field", [f for f in registry.fields().values() if f.kind in ("decimal", "dollars")], ids=str)
def test_a_number_that_fits_its_field_fits_the_column_it_goes_to(field: registry.Field) -> None:
    column = "conversion_factor" if field.field.startswith("anesthesia_factor") else field.field
    types = [t.schema[column] for t in contracts.load().tables.values() if column in t.schema]
    room = [t.precision - t.scale for t in types if isinstance(t, pl.Decimal)]
    assert 0 < field.whole <= min(room)


def test_digits_of_other_scripts_are_no_number() -> None:
    pattern = values.pattern_of(registry.fields()["work_rvu"]) or ""
    fits = pl.Series(["1.25", "\u0661.\u0662\u0665", "\uff11.25"]).str.contains(pattern)
    assert fits.to_list() == [True, False, False]
