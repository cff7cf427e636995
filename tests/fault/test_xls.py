"""An old workbook is looked into before it's read: a few bytes can't ask for gigabytes, and errors aren't blanks."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
import xlwt

from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds, xls


def workbook(*sheets: Mapping[tuple[int, int], object]) -> bytes:
    book = xlwt.Workbook()
    for number, cells in enumerate(sheets):
        sheet = book.add_sheet(f"Sheet{number}")
        for (row, column), value in cells.items():
            sheet.write(row, column, value)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_a_workbook_as_large_as_a_member_is_taken():
    xls.refuse_large(workbook({(0, 0): "HCPCS", (65_535, 36): 1.5}), "f.xls")


def test_two_far_cells_of_one_sheet_are_refused():
    with pytest.raises(ArchiveError, match=r"f.xls: room for 16,777,216 cells, more than 2,500,000"):
        xls.refuse_large(workbook({(0, 0): 1, (65_535, 255): 1}), "f.xls")


def test_far_cells_alone_are_refused_too_because_the_rows_above_them_are_read():
    with pytest.raises(ArchiveError, match=f"room for {65_536 * 61:,} cells"):
        xls.refuse_large(workbook({(65_535, 0): 1, (65_535, 60): 1}), "f.xls")


def test_many_sheets_count_together():
    sheet = {(0, 0): 1, (65_535, 20): 1}
    xls.refuse_large(workbook(sheet), "f.xls")
    with pytest.raises(ArchiveError, match=f"room for {4 * 65_536 * 21:,} cells"):
        xls.refuse_large(workbook(*[sheet] * 4), "f.xls")


def test_the_bound_is_what_refuses(monkeypatch: pytest.MonkeyPatch):
    """The control."""
    monkeypatch.setattr(bounds.refuse_many_cells, "__defaults__", (bounds.Bounds(cells=1 << 30),))
    xls.refuse_large(workbook({(0, 0): 1, (65_535, 255): 1}), "f.xls")


@pytest.mark.parametrize(
    "code", [0x00, 0x07, 0x0F, 0x17, 0x1D, 0x24, 0x2A]
)  # #NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! #N/A
def test_an_error_of_excel_s_is_named_with_its_place(code):
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    sheet.write(0, 0, "HCPCS")
    sheet.row(4).set_cell_error(2, code)
    buffer = io.BytesIO()
    book.save(buffer)
    with pytest.raises(ArchiveError, match="row 5, column 3, holds an Excel error"):
        xls.refuse_large(buffer.getvalue(), "f.xls")


@pytest.mark.parametrize("cut", [8, 511, 600, 2000])
def test_a_damaged_file_is_refused_in_words(cut):
    with pytest.raises(ArchiveError, match=r"f.xls: (not a readable workbook|no workbook)"):
        xls.refuse_large(workbook({(0, 0): "x"})[:cut], "f.xls")


def test_cms_s_own_old_workbooks_are_taken(release_path):
    import zipfile

    archive: Path = release_path("RVU09A")
    with zipfile.ZipFile(archive) as members:
        books = [name for name in members.namelist() if name.lower().endswith(".xls")]
        assert len(books) == 5
        for name in books:
            xls.refuse_large(members.read(name), name)
