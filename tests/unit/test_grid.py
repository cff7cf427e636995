"""Bytes to rows of raw text; nothing lost, nothing interpreted, every row keeps its line."""

import polars as pl
import pytest

from pfsetl.errors import ArchiveError, LayoutError
from pfsetl.parsing import grid
from pfsetl.parsing.encoding import decode
from tests import synthetic as s


def cells(text: str, separator: str = ",") -> list[tuple[object, ...]]:
    return grid.delimited(text, separator, "f.csv").frame.rows()


def test_text_is_cp1252() -> None:
    assert decode(b"physician\x92s caf\xe9") == "physician\u2019s caf\xe9"


def test_bytes_unknown_to_cp1252_are_latin1() -> None:
    assert decode(b"\x81\xe9") == "\x81\xe9"


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n", b"\r\r\n"])
def test_line_ends_become_lf(end: bytes) -> None:
    assert decode(b"a" + end + b"b" + end) == "a\nb\n"


def test_lines_are_counted_from_one() -> None:
    assert grid.lines("a\n\nb\n").rows() == [(1, "a"), (2, ""), (3, "b")]


def test_a_last_line_without_end_counts() -> None:
    assert grid.lines("a\nb").rows() == [(1, "a"), (2, "b")]


def test_cells_stay_text() -> None:
    assert cells("00563,09,1.500,NA,1E5,true\n") == [(1, "00563", "09", "1.500", "NA", "1E5", "true")]


def test_cells_are_stripped_of_blanks_around() -> None:
    assert cells(" 10112 ,\xa0A\t,  b c \n") == [(1, "10112", "A", "b c")]


def test_a_quoted_comma_is_text() -> None:
    assert cells('"Anaheim/Santa Ana, CA",1\n') == [(1, "Anaheim/Santa Ana, CA", "1")]


def test_doubled_quotes_are_one_quote() -> None:
    assert cells('"say ""when""",1\n') == [(1, 'say "when"', "1")]


def test_rows_after_a_quoted_newline_keep_their_line() -> None:
    text = 'a,"one\ntwo\nthree"\nb,2\n"c\nd",3\ne,4\n'
    assert [row[0] for row in cells(text)] == [1, 4, 5, 7]


def test_a_last_line_without_end_after_a_quoted_newline_keeps_its_line() -> None:
    assert [row[0] for row in cells('a,"one\ntwo"\nb,2')] == [1, 3]


def test_blank_lines_keep_the_count() -> None:
    assert [row[0] for row in cells("a,1\n\n,,\nb,2\n")][-1] == 4


def test_short_rows_are_filled_with_blanks() -> None:
    assert cells("a,b,c\nd\n") == [(1, "a", "b", "c"), (2, "d", "", "")]


def test_columns_blank_throughout_at_the_right_are_dropped() -> None:
    assert grid.delimited("a,b,,\nc,d,,\n", ",", "f.csv").width == 2


def test_tabs_separate_too() -> None:
    assert cells("a,b\t1\n", "\t") == [(1, "a,b", "1")]


def test_a_stray_nul_is_a_blank() -> None:
    assert cells("a\x00,b\n") == [(1, "a", "b")]


def test_blanks_behind_a_quoted_cell_are_none_of_it() -> None:
    """As in a file whose lines are padded to one length."""
    assert cells('"a, b" ,c\nd,"e, f"   \n') == [(1, "a, b", "c"), (2, "d", "e, f")]
    assert cells('"a, b" \tc\n"d"\t\n', "\t") == [(1, "a, b", "c"), (2, "d", "")]


def test_nothing_but_blanks_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"f.csv: empty\. Download"):
        cells(" \n \n")


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"f.csv: not a well-formed table .*quote may be open"):
        cells('a,"b\nc,d\n')


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(LayoutError, match=r"f.csv: not a well-formed table .*more than 64 columns"):
        cells("," * 64 + "x\n")


def test_a_workbook_is_rows_of_text() -> None:
    [sheet] = grid.workbook(s.workbook([["HCPCS", "", "RVU"], ["00563", "", "1.500"]]), "f.xlsx")
    assert sheet.frame.rows() == [(1, "HCPCS", "", "RVU"), (2, "00563", "", "1.500")]


def test_a_row_of_a_workbook_has_its_number_in_the_sheet_whatever_is_blank_above_it() -> None:
    [sheet] = grid.workbook(s.workbook([[], [], ["HCPCS", "RVU"], [], ["00563", "1.500"]]), "f.xlsx")
    assert sheet.frame.filter(pl.col("c1") != "").rows() == [(3, "HCPCS", "RVU"), (5, "00563", "1.500")]


def test_line_ends_around_the_text_of_a_workbooks_cell_are_left_off() -> None:
    [sheet] = grid.workbook(s.workbook([["HCPCS\r\n", "RVU"]]), "f.xlsx")
    assert sheet.frame.rows() == [(1, "HCPCS", "RVU")]


def test_a_sheet_is_named_in_its_place() -> None:
    book = s.workbook([["a"]], sheets=("RVU", "Notes"))
    assert [g.place for g in grid.workbook(book, "f.xlsx")] == ["f.xlsx sheet 'RVU'", "f.xlsx sheet 'Notes'"]


def test_what_is_no_workbook_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"f.xlsx: not a readable workbook .*Download"):
        grid.workbook(b"PK\x03\x04 nonsense", "f.xlsx")
