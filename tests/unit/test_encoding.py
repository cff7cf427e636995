"""Members that a program saved another way than CMS: read where there is one way to, else said in words."""

import codecs
import re
import tracemalloc
from pathlib import Path

import pytest

from pfsetl.errors import ArchiveError, LayoutError, PfsetlError
from pfsetl.parsing import read as reading
from pfsetl.parsing.encoding import AT_ONCE, decode, encoding_of
from pfsetl.parsing.read import RawTable, read_member
from pfsetl.publication.trace import _descriptor
from pfsetl.source.archive import open_archive
from tests import synthetic as s

MEMBERS = {
    "GPCI2025.csv": s.gpci_csv("GPCI7"),
    "25LOCCO.csv": s.locco_csv(),
    "ANES2025.csv": s.anes_csv("ANES4"),
    "OPPSCAP_JAN.csv": s.opps_cap_csv("OPPSCAP7FN"),
    "PPRRVU2025_JAN.csv": s.pprrvu_csv("G31"),
    "PPRRVU2025_JAN.txt": s.pprrvu_txt("N171"),
    "ANES2025.txt": s.anes_txt(),
}


def raw_of(folder: Path, name: str, data: bytes) -> RawTable:
    rest = {} if name.startswith("PPRRVU") else {"PPRRVU2025_JAN.txt": MEMBERS["PPRRVU2025_JAN.txt"]}
    archive = open_archive(s.write_folder(folder / "RVU25A", rest | {name: data}))
    return read_member(archive, next(f for f in archive.files if f.name == name))


def separated(name: str, separator: str, *, decimal: str = ".") -> bytes:
    lines = s.cells_of(MEMBERS[name])
    numbers = lambda cell: cell.replace(".", decimal) if cell.replace(".", "").isdigit() else cell  # noqa: E731
    quoted = lambda cell: f'"{cell}"' if separator in cell or '"' in cell else cell  # noqa: E731
    return "\r\n".join(separator.join(quoted(numbers(c).replace('"', '""')) for c in line) for line in lines).encode()


UNICODE = {
    "UTF-8 with its mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16 as Excel saves it": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without its mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first, without its mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
}


@pytest.mark.parametrize("saved", UNICODE.values(), ids=UNICODE)
@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_in_unicode_has_the_rows_of_cms_file(name, saved, tmp_path):
    plain = MEMBERS[name].decode("cp1252")
    found = raw_of(tmp_path / "unicode", name, saved(plain))
    assert found.frame.equals(raw_of(tmp_path / "plain", name, MEMBERS[name]).frame)
    assert [n.split(", ")[0].split(":")[0] for n in reading.notices([found])] == [name]
    assert "UTF-" in reading.notices([found])[0]


@pytest.mark.parametrize("name", ["PPRRVU2025_JAN.csv", "PPRRVU2025_JAN.txt"])
def test_letters_in_utf_8_are_letters_without_its_mark_too(name, tmp_path):
    """CMS's own letters beyond ASCII are of one byte; in a record of fixed columns one of two bytes moved the rest."""
    found = raw_of(tmp_path, name, MEMBERS[name].replace(b"Synthetic visit", "Synthétic visit".encode()))
    assert found.frame["description"][0] == "Synthétic visit"
    assert found.frame.drop("description").equals(
        raw_of(tmp_path / "plain", name, MEMBERS[name]).frame.drop("description")
    )
    assert reading.notices([found]) == [f"{name}: in UTF-8, which CMS's own file isn't; read all the same"]


def test_looking_for_utf_8_takes_no_memory_that_grows_with_the_file():
    data = b"," + "\u00e9".encode() * (32 * AT_ONCE)  # a letter lies across each boundary of what is looked at at once
    tracemalloc.start()
    found = encoding_of(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found, peak < 8 * AT_ONCE) == ("utf-8", True)
    assert encoding_of(data[:-1]) == ""  # half a letter


def test_a_letter_of_one_byte_is_cms_own(tmp_path):
    data = MEMBERS["PPRRVU2025_JAN.txt"].replace(b"Synthetic visit", b"Synth\xe9tic visit")
    found = raw_of(tmp_path, "PPRRVU2025_JAN.txt", data)
    assert (found.frame["description"][0], reading.notices([found])) == ("Synthétic visit", [])


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;;"])
@pytest.mark.parametrize("name", [n for n in MEMBERS if n.endswith(".csv")])
def test_a_first_line_that_names_the_separator_is_left_out(name, first, tmp_path):
    found = raw_of(tmp_path / "other", name, f"{first}\r\n".encode() + separated(name, ";"))
    plain = raw_of(tmp_path / "plain", name, MEMBERS[name])
    assert found.frame.drop("line").equals(plain.frame.drop("line"))
    assert found.frame["line"].to_list() == [line + 1 for line in plain.frame["line"]]


def test_a_first_line_that_names_the_separator_is_no_heading(tmp_path):
    """RVU15A's ANES has none."""
    data = s.anes_csv("ANES4N")
    found = raw_of(tmp_path / "other", "ANES2015.csv", b"sep=,\r\n" + data)
    assert found.frame.drop("line").equals(raw_of(tmp_path / "plain", "ANES2015.csv", data).frame.drop("line"))


@pytest.mark.parametrize("name", MEMBERS)
def test_blank_lines_between_all_lines_are_left_out(name, tmp_path):
    plain = raw_of(tmp_path / "plain", name, MEMBERS[name])
    found = raw_of(tmp_path / "blank", name, MEMBERS[name].replace(b"\n", b"\n\r\n"))
    assert found.frame.drop("line").equals(plain.frame.drop("line"))
    assert found.frame["line"].to_list() == [2 * line - 1 for line in plain.frame["line"]]
    assert sum(found.counts.values()) == 2 * sum(plain.counts.values())


def test_blank_lines_among_headings_are_said(tmp_path):
    found = raw_of(tmp_path, "PPRRVU2025_JAN.csv", MEMBERS["PPRRVU2025_JAN.csv"].replace(b"\n", b"\n\r\n"))
    blank = found.counts["blank"]
    assert reading.notices([found]) == [
        f"PPRRVU2025_JAN.csv: {blank} blank rows, some among its headings, are left out"
    ]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("name", [n for n in MEMBERS if n.endswith(".csv")])
def test_a_csv_with_another_separator_has_the_rows_of_cms_file(name, separator, tmp_path):
    found = raw_of(tmp_path / "other", name, separated(name, separator))
    assert found.frame.equals(raw_of(tmp_path / "plain", name, MEMBERS[name]).frame)
    word = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}[separator]
    assert reading.notices([found]) == [f"{name}: separated by {word}, which CMS's own file isn't; read all the same"]


def test_a_txt_with_commas_has_the_rows_of_the_csv(tmp_path):
    found = raw_of(tmp_path / "txt", "PPRRVU2025_JAN.txt", MEMBERS["PPRRVU2025_JAN.csv"])
    assert found.frame.equals(raw_of(tmp_path / "csv", "PPRRVU2025_JAN.csv", MEMBERS["PPRRVU2025_JAN.csv"]).frame)


@pytest.mark.parametrize("name", MEMBERS)
def test_cms_own_files_are_not_noticed(name, tmp_path):
    assert reading.notices([raw_of(tmp_path, name, MEMBERS[name])]) == []


def test_semicolons_in_utf_16_are_both_named(tmp_path):
    found = raw_of(tmp_path, "GPCI2025.csv", separated("GPCI2025.csv", ";").decode().encode("utf-16"))
    assert reading.notices([found]) == [
        "GPCI2025.csv: separated by semicolons and in UTF-16, which CMS's own file isn't; read all the same"
    ]


@pytest.mark.parametrize("name", ["GPCI2025.csv", "OPPSCAP_JAN.csv", "PPRRVU2025_JAN.csv"])
def test_decimal_commas_are_refused_in_words(name, tmp_path):
    with pytest.raises(ArchiveError, match=rf"{name}, separated by semicolons: line \d+: a number with a comma"):
        raw_of(tmp_path, name, separated(name, ";", decimal=","))


def test_one_blank_line_among_headings_is_said_as_one(tmp_path):
    data = re.sub(rb"(?m)^[, ]*\r?\n", b"", MEMBERS["PPRRVU2025_JAN.csv"])
    found = raw_of(tmp_path, "PPRRVU2025_JAN.csv", data.replace(b"\nHCPCS", b"\n\r\nHCPCS"))
    assert reading.notices([found]) == ["PPRRVU2025_JAN.csv: a blank row among its headings is left out"]


@pytest.mark.parametrize("first", ["number", "blank"])
@pytest.mark.parametrize(("name", "layout"), [("GPCI2025.csv", "GPCI7"), ("PPRRVU2025_JAN.csv", "G31")])
def test_a_column_before_cms_own_is_named_and_without_it_the_file_is_read(name, layout, first, tmp_path):
    rows = s.cells_of(MEMBERS[name])
    more = s.csv_bytes([[str(n) if first == "number" else "", *row] for n, row in enumerate(rows)])
    with pytest.raises(LayoutError, match=f"column 1 is none of CMS's file; without it the rest fits layout {layout}"):
        raw_of(tmp_path, name, more)


def test_what_fits_no_layout_is_refused_by_its_separator(tmp_path):
    short = "\n".join(line.rpartition(";")[0] for line in separated("GPCI2025.csv", ";").decode().split("\n"))
    with pytest.raises(LayoutError, match=r"GPCI2025.csv, separated by semicolons"):
        raw_of(tmp_path, "GPCI2025.csv", short.encode())


def test_what_fits_no_layout_is_refused_by_its_encoding(tmp_path):
    with pytest.raises(LayoutError, match=r"GPCI2025.csv \(UTF-16\)"):
        raw_of(tmp_path, "GPCI2025.csv", "a,b\nc,d\n".encode("utf-16"))


def test_utf_16_that_breaks_off_is_refused_by_its_name(tmp_path):
    with pytest.raises(ArchiveError, match=r"25LOCCO.csv: begins as UTF-16 and isn't from byte .*Save it as UTF-8"):
        raw_of(tmp_path, "25LOCCO.csv", MEMBERS["25LOCCO.csv"].decode("cp1252").encode("utf-16")[:-1])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (s.workbook([["a", "b"]]), "a zip or an xlsx workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "an xls workbook"),
        (b"%PDF-1.7\n1 0 obj", "a PDF"),
        (b"\x1f\x8b\x08\x00rest", "compressed by gzip"),
    ],
)
@pytest.mark.parametrize("name", ["ANES2025.csv", "PPRRVU2025_JAN.txt"])
def test_what_is_no_text_is_named(name, data, what, tmp_path):
    with pytest.raises(PfsetlError, match=rf"{name}: {what}, not text"):
        raw_of(tmp_path, name, data)


def test_a_stray_zero_byte_is_no_utf_16():
    assert decode(b"10112,00\x00,ALABAMA\r\n") == "10112,00\x00,ALABAMA\n"


def test_a_workbook_with_macros_is_read_and_said(tmp_path):
    cells = s.cells_of(MEMBERS["GPCI2025.csv"])
    found = raw_of(tmp_path / "macros", "GPCI2025.xlsm", s.workbook(cells))
    assert found.frame.equals(raw_of(tmp_path / "plain", "GPCI2025.xlsx", s.workbook(cells)).frame)
    assert reading.notices([found]) == [
        "GPCI2025.xlsm: a workbook with macros, which CMS's own file isn't; read all the same"
    ]


@pytest.mark.parametrize("separator", [";", "|", "\t"])
def test_a_descriptor_is_found_behind_any_separator(separator, tmp_path):
    data = separated("PPRRVU2025_JAN.csv", separator)
    raw = raw_of(tmp_path, "PPRRVU2025_JAN.csv", data)
    line = next(x for x in data.decode().split("\r\n") if x.startswith("G9901"))
    start, end = _descriptor(raw, line)
    assert line[start:end] == "Synthetic visit"
