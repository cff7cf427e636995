"""What is larger than any file of CMS's is refused before it's parsed; Excel's errors and long numbers are named."""

import io
import struct
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from pfsetl.declared import contracts, registry
from pfsetl.declared.records.shapes import FieldRow
from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds, grid, read, values


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


def renamed(data: bytes, old: str, new: str) -> bytes:
    """The workbook with one part under another name, in what points to it too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as there, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name in there.namelist():
            made.writestr(name.replace(old, new), there.read(name).replace(old.encode(), new.encode()))
    return buffer.getvalue()


def shown_often(text: str, times: int) -> bytes:
    """A workbook that holds a text once and shows it in many cells."""
    return book({f"A{row}": text for row in range(1, times + 1)})


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: b"a\n" * (30 << 20), "31,457,280 lines"),
        (lambda: b"a\r" * 300_000, "300,000 lines"),
        (lambda: b"a\n\r" * 150_000, "300,000 lines"),
        (lambda: b"x\n" + b"a" * 200_000, "line 2 has over 100,000 bytes"),
    ],
    ids=["LF", "CR", "LF and CR by turns", "one line"],
)
def test_a_text_of_too_many_or_too_long_lines_is_refused(made: Callable[[], bytes], why: str) -> None:
    with pytest.raises(ArchiveError, match=f"f.csv: .*{why}"):
        bounds.refuse_large_text(made(), "f.csv")


def test_what_cms_publishes_is_far_below() -> None:
    bounds.refuse_large_text((b"a" * 1_100 + b"\r\n") * 43_000, "f.csv")
    read.refuse_large_workbook(book({"A1": "x", "AH43000": 1}), "f.xlsx")


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (
            lambda: book({"A1": "x", "XFD1048576": "stray"}),
            "row 1,048,576 and one in column 16,384: room for 17,179,869,184",
        ),
        (
            lambda: changed(book({"A1": "x", "B2": 1}), b'r="B2"', b'r="XFD1048576"'),
            "row 1,048,576 and one in column 16,384",
        ),
        (
            lambda: renamed(book({"A1": "x", "XFD1048576": "stray"}), "sheet1.xml", "sheet1.dat"),
            "room for 17,179,869,184",
        ),
        (lambda: book({"A1048576": "x", "D1048576": "stray"}), "room for 4,194,304 cells"),
        (lambda: book({"A1": "x", "BL30000": "stray"}, sheets=2), "room for 3,840,000 cells"),
        (lambda: shown_often("x" * 32_000, 3_000), "96,.* bytes of text in its cells"),
        (lambda: changed(shown_often("x" * 32_000, 3_000), b' t="s"', b" t = 's'"), "a form that Excel doesn't write"),
        (lambda: changed(book({"A1": "x", "B2": 1}), b'r="B2"', b""), "a cell without a place"),
        (lambda: book({"A1": "x"}, sheets=40), "parts or sheets"),
        (lambda: changed(book({"A1": "x"}), b"</sheetData>", b"</sheetData>" + b" " * (100 << 20)), "bytes unpacked"),
    ],
    ids=[
        "stray cell",
        "stray cell unlike the dimension",
        "stray cell in a part of another name",
        "nothing but far cells",
        "room in every sheet",
        "one text in every cell",
        "the same unlike Excel",
        "no place",
        "sheets",
        "bomb",
    ],
)
def test_a_workbook_that_would_take_all_memory_is_refused(made: Callable[[], bytes], why: str) -> None:
    with pytest.raises(ArchiveError, match=why):
        read.refuse_large_workbook(made(), "f.xlsx")


def test_a_text_of_many_columns_in_many_lines_is_refused() -> None:
    with pytest.raises(ArchiveError, match=r"f\.csv: room for 6,400,064 cells"):
        grid.delimited(("," * 63 + "\n") * 100_000, ",", "f.csv")
    assert grid.delimited("a,b\n" * 100_000, ",", "f.csv").width == 2


def test_a_row_that_goes_on_over_lines_may_be_wider_than_each() -> None:
    read = grid.delimited('a,"b\nc",d\n', ",", "f.csv")
    assert read.frame.row(0) == (1, "a", "b\nc", "d")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_an_error_of_excels_is_named_with_its_cell(error: str) -> None:
    data = book({"A1": "x", "C7": error})
    with pytest.raises(ArchiveError, match=r"sheet1\.xml: cell C7 holds an Excel error"):
        read.refuse_large_workbook(data, "f.xlsx")


def test_without_the_bound_such_a_cell_reads_as_blank() -> None:
    """The control."""
    read = grid.workbook(book({"A1": "x", "B1": "#N/A", "C1": "y"}), "f.xlsx")[0]
    assert read.frame.row(0)[1:] == ("x", "", "y")


@pytest.mark.parametrize("field", [f for f in registry.fields().values() if f.kind in ("decimal", "dollars")], ids=str)
def test_a_number_that_fits_its_field_fits_the_column_it_goes_to(field: FieldRow) -> None:
    column = "conversion_factor" if field.field.startswith("anesthesia_factor") else field.field
    types = [t.schema[column] for t in contracts.load().tables.values() if column in t.schema]
    room = [t.precision - t.scale for t in types if isinstance(t, pl.Decimal)]
    assert 0 < field.whole <= min(room)


def test_digits_of_other_scripts_are_no_number() -> None:
    pattern = values.pattern_of(registry.fields()["work_rvu"]) or ""
    fits = pl.Series(["1.25", "\u0661.\u0662\u0665", "\uff11.25"]).str.contains(pattern)
    assert fits.to_list() == [True, False, False]


# --- the old format ---------------------------------------------------------------------------------------------

BOF, END, DIMENSIONS, NUMBER, ERROR, FORMULA, TEXTS, MORE, TEXT = 0x809, 0xA, 0x200, 0x203, 0x205, 6, 0xFC, 0x3C, 0xFD


def record(kind: int, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return struct.pack("<HH", kind, len(body)) + body


def at(row: int, column: int) -> bytes:
    return struct.pack("<HHH", row, column, 0)


def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
    place = struct.pack("<64sHBBIII36xIQ", name.encode("utf-16-le"), 2 * len(name) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF,
                        child, first, size)  # fmt: skip
    assert len(place) == 128
    return place


def xls(*records: bytes) -> bytes:
    """The smallest file that holds a stream of a workbook: header, allocation table, directory, stream ([MS-CFB])."""
    stream = (record(BOF, bytes(16)) + b"".join(records) + record(END)).ljust(4096, b"\0")
    sectors = -(-len(stream) // 512)
    head = struct.pack("<8s16xHHHHH6xIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), 62, 3, 0xFFFE, 9, 6,
                       0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)  # fmt: skip
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, sectors + 2), 0xFFFFFFFE]
    entries = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    fat = struct.pack(f"<{len(chain)}I", *chain).ljust(512, b"\xff")
    return head + struct.pack("<109I", 0, *[0xFFFFFFFF] * 108) + fat + entries.ljust(512, b"\0") + stream


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([record(NUMBER, at(0, 0), bytes(8)), record(NUMBER, at(65_535, 255), bytes(8))], "room for 16,777,216 cells"),
        ([record(DIMENSIONS, struct.pack("<IIHHH", 0, 0xFFFFFFFF, 0, 256, 0))], "room for 1,099,511,627,520 cells"),
        ([record(ERROR, at(6, 2), b"\x2a\x01")], "row 7, column 3, holds an Excel error"),
        ([record(FORMULA, at(6, 2), b"\x02\0\x2a\0\0\0\xff\xff", bytes(6))], "row 7, column 3, holds an Excel error"),
        (
            [
                record(TEXTS, struct.pack("<IIHB", 2_100, 1, 32_000, 0), b"x" * 8_000),
                *[record(MORE, b"\0", b"x" * 8_000)] * 3,
                *[record(TEXT, at(row, 0), bytes(4)) for row in range(2_100)],
            ],
            "67,200,000 bytes of text",
        ),
    ],
    ids=["stray cell", "dimension", "error", "formula that is an error", "one text in every cell"],
)
def test_an_old_workbook_that_would_take_all_memory_or_holds_an_error_is_refused(
    records: list[bytes], why: str
) -> None:
    with pytest.raises(ArchiveError, match=f"f.xls: .*{why}"):
        read.refuse_large_workbook(xls(*records), "f.xls")


def test_an_old_workbook_of_the_usual_size_passes() -> None:
    usual = [record(NUMBER, at(row, column), bytes(8)) for row in (0, 14_856) for column in (0, 36)]
    read.refuse_large_workbook(xls(*usual), "f.xls")


@pytest.mark.parametrize("cut", [20, 100, 600, 1_200, 3_000])
def test_an_old_workbook_that_is_cut_is_refused_or_left_to_its_reader(cut: int) -> None:
    with suppress(ArchiveError):
        read.refuse_large_workbook(xls(record(NUMBER, at(0, 0), bytes(8)))[:cut], "f.xls")


def test_a_chain_without_end_ends() -> None:
    looped = bytearray(xls(record(NUMBER, at(0, 0), bytes(8))))
    looped[512 + 8 : 512 + 12] = struct.pack("<I", 2)  # the stream's first sector follows itself
    looped[1024 + 248 : 1024 + 256] = struct.pack("<Q", 1 << 40)
    began = time.monotonic()
    with suppress(ArchiveError):
        read.refuse_large_workbook(bytes(looped), "f.xls")
    assert time.monotonic() - began < 10


def test_cms_s_own_workbooks_pass(cms: Path) -> None:
    """Every xls and xlsx of every release at hand, and all of them hold more than a header."""
    seen = 0
    for archive in sorted(cms.glob("*.zip")):
        with zipfile.ZipFile(archive) as there:
            for name in there.namelist():
                if name.lower().endswith((".xls", ".xlsx")) and not name.upper().startswith(("PPRRVU", "OPPSCAP")):
                    read.refuse_large_workbook(there.read(name), name)
                    seen += 1
    assert seen
