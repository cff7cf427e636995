"""How large an xlsx is, from its parts (ECMA-376), before a reader makes room for it.

Parts as Excel and its kin write them are searched, which takes a tenth of the time of parsing; others are parsed.
"""

import io
import re
import zipfile
import zlib
from xml.parsers import expat

import polars as pl

from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds

MAX_SHEETS = 8
MAX_PARTS = 500  # files inside a workbook
MAX_UNPACKED = 96 << 20
OTHER_FORMATS = {"content.xml", "xl/workbook.bin"}  # of OpenDocument and xlsb, which a reader would try too
_CELL = re.compile(r"^([A-Za-z]{1,3})([0-9]{1,7})$")
_PLAIN_CELL = r'<c r="[A-Z]{1,3}[0-9]{1,7}"'
_ANY_CELL = r"<(?:[^\s<>/:]*:)?c[\s/>]"
_PLAIN_SHARED = r't="s"[^<>]*><v>[0-9]{1,9}</v>'


class _NoSheetError(Exception):
    """A part of a workbook that isn't a sheet."""


def refuse_large_xlsx(data: bytes, place: str) -> None:
    """Raise ArchiveError for an xlsx with more cells or text than a member can have, or an Excel error in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            _refuse_odd_parts(parts, place)
            lengths = _lengths(parts)
            cells = text = 0
            for info in parts.infolist():
                part, named = parts.read(info), f"{place} {info.filename}"
                if b"sheetData" in part:
                    sheet = pl.Series([part.decode(errors="replace")])
                    cells += _room(part, sheet, named)
                    text += _text(sheet, lengths, named)
                    bounds.refuse_many_cells(cells, place)
                    bounds.refuse_much_text(text, place)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"{place}: not a readable workbook: a damaged zip. Download the archive again.") from error


def _refuse_odd_parts(parts: zipfile.ZipFile, place: str) -> None:
    infos = parts.infolist()
    names = [info.filename.lower() for info in infos]
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_PARTS or sum("worksheets/" in name for name in names) > 2 * MAX_SHEETS:  # each with its links
        raise ArchiveError(f"{place}: a workbook of {len(infos):,} parts or sheets. {bounds.REMEDY}")
    if total > MAX_UNPACKED:
        raise ArchiveError(f"{place}: claims {total:,} bytes unpacked, more than {MAX_UNPACKED:,}. {bounds.REMEDY}")
    if "xl/workbook.xml" not in names or len(set(names)) < len(names) or OTHER_FORMATS & set(names):
        raise ArchiveError(f"{place}: a zip, but not an xlsx workbook as Excel writes it. Download the archive again.")


def _lengths(parts: zipfile.ZipFile) -> pl.DataFrame:
    """Return the bytes of each shared text, markup included."""
    shared = [i for i in parts.infolist() if "sharedstrings" in i.filename.lower()]
    found = [len(one) for i in shared for one in re.split(rb"</(?:[^\s<>/:]*:)?si>", parts.read(i))]
    return pl.DataFrame({"length": pl.Series(found, dtype=pl.Int64)}).with_row_index("at")


def _room(part: bytes, sheet: pl.Series, place: str) -> int:
    """Return the cells from a sheet's first row to the last that is used, in the columns that are used."""
    found = sheet.str.extract_all(_PLAIN_CELL).explode()
    if b'"e"' in part or b"'e'" in part or len(found) < sheet.str.count_matches(_ANY_CELL)[0]:
        return _parsed_room(part, place)
    columns = [_number(letters) for letters in found.str.extract(r'"([A-Z]+)').unique().drop_nulls()]
    rows = found.str.extract(r'([0-9]+)"').cast(pl.Int64).drop_nulls().sort()
    if not columns:
        return 0
    return _area(rows[-1], min(columns), max(columns), place)


def _text(sheet: pl.Series, lengths: pl.DataFrame, place: str) -> int:
    """Return the bytes of the shared texts that a sheet shows, each as often as a cell shows it."""
    shown = sheet.str.count_matches("[\"']s[\"']")[0]
    most: int = shown * (lengths["length"].max() or 0)
    if most <= bounds.MAX_CELL_TEXT:
        return most
    found = sheet.str.extract_all(_PLAIN_SHARED).explode().drop_nulls()
    if len(found) < shown:
        raise ArchiveError(f"{place}: text in a form that Excel doesn't write. Save it with Excel, as CMS does.")
    at = found.str.extract("<v>([0-9]+)").cast(pl.UInt32).alias("at")
    return int(at.to_frame().join(lengths, on="at", how="inner")["length"].sum())


def _parsed_room(part: bytes, place: str) -> int:
    left, bottom, right = 1 << 30, 0, 0
    root = True

    def start(tag: str, given: dict[str, str]) -> None:
        nonlocal left, bottom, right, root
        if root:
            root = False
            if tag.rpartition(":")[2] != "worksheet":
                raise _NoSheetError
        if tag.rpartition(":")[2] != "c":
            return
        name = given.get("r", "")
        found = _CELL.match(name)
        if not found:
            raise ArchiveError(f"{place}: a cell without a place. Save it with Excel, as CMS does.")
        if given.get("t") == "e":
            bounds.refuse_error_cell(name, place)
        row, column = int(found[2]), _number(found[1])
        bottom, left, right = max(bottom, row), min(left, column), max(right, column)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(part, True)
    except _NoSheetError:
        return 0
    except expat.ExpatError as error:
        raise ArchiveError(f"{place}: not well-formed, line {error.lineno}. Download the archive again.") from error
    return _area(bottom, left, right, place) if bottom else 0


def _area(bottom: int, left: int, right: int, place: str) -> int:
    cells = bottom * (right - left + 1)
    bounds.refuse_many_cells(cells, f"{place}: a cell in row {bottom:,} and one in column {right:,}")
    return cells


def _number(letters: str) -> int:
    value = 0
    for letter in letters.upper():
        value = 26 * value + ord(letter) - 64
    return value
