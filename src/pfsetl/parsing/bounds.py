"""How large a member may be in lines, cells and text, asked before anything is parsed: no file takes all memory.

Largest in CMS's archives of 2009 to 2026: 43,000 lines, 37 columns, 0.7 million cells, 1,100 characters in a line.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

from pfsetl.errors import ArchiveError

MAX_LINES = 200_000
MAX_LINE_BYTES = 100_000
MAX_CELLS = 4_000_000
MAX_SHEETS = 8
MAX_PARTS = 500  # files inside a workbook
MAX_UNPACKED = 128 << 20  # bytes of a workbook's parts; CMS's largest has 30 MB
_CELL = re.compile(r"^([A-Za-z]{1,3})([0-9]{1,7})$")
_ODD_CELL = re.compile(rb'<c(?=[\s/>])(?! r="(?:[A-Z]|A[A-Z]|B[A-L])[0-9]{1,5}")')
_PREFIXED = re.compile(rb":c(?=[\s/>])")
_REMEDY = "No file of CMS's comes near. Download the archive again."


def refuse_large_text(data: bytes, place: str) -> None:
    """Raise ArchiveError for bytes of a text with more or longer lines than a member can have."""
    count = max(data.count(b"\n"), data.count(b"\r"))
    if count > MAX_LINES:
        raise ArchiveError(f"{place}: {count:,} lines, more than {MAX_LINES:,}. {_REMEDY}")
    if len(data) > MAX_LINE_BYTES:
        rows = data.splitlines()
        longest = max(range(len(rows)), key=lambda i: len(rows[i]))
        if len(rows[longest]) > MAX_LINE_BYTES:
            raise ArchiveError(
                f"{place}: line {longest + 1} has {len(rows[longest]):,} bytes, more than {MAX_LINE_BYTES:,}. {_REMEDY}"
            )


def refuse_large_workbook(data: bytes, place: str) -> None:
    """Raise ArchiveError for an xlsx with more cells or text than a member can have, or with an error of Excel's.

    Cells are counted as the rectangle around all used ones, which is what a reader makes room for. Excel's errors
    (#N/A, #REF!) would otherwise be read as blanks. An xls isn't looked into.
    """
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            _refuse_large_parts(parts, place)
            sheets = [i for i in parts.infolist() if i.filename.lower().endswith(".xml")]
            suspects = [i for i in sheets if not _is_plain(parts.read(i))]
            cells = sum(_cells(parts, info, place) for info in suspects)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(f"{place}: not a readable workbook: a damaged zip. Download the archive again.") from error
    if cells > MAX_CELLS:
        raise ArchiveError(f"{place}: {cells:,} cells over all sheets, more than {MAX_CELLS:,}. {_REMEDY}")


def _refuse_large_parts(parts: zipfile.ZipFile, place: str) -> None:
    infos = parts.infolist()
    names = [info.filename.lower() for info in infos]
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_PARTS or sum("worksheets/" in name for name in names) > MAX_SHEETS:
        raise ArchiveError(f"{place}: a workbook of {len(infos):,} parts or sheets. {_REMEDY}")
    if total > MAX_UNPACKED:
        raise ArchiveError(f"{place}: claims {total:,} bytes unpacked, more than {MAX_UNPACKED:,}. {_REMEDY}")
    if "xl/workbook.xml" not in names or len(set(names)) < len(names):
        raise ArchiveError(f"{place}: a zip, but not an xlsx workbook as Excel writes it. Download the archive again.")


def _is_plain(part: bytes) -> bool:
    """Return whether a part has no error of Excel's, and no cell outside 64 columns and 99,999 rows.

    NOTE: this takes a tenth of the time that parsing takes; what isn't plain is parsed.
    """
    quoted = b'"e"' in part or b"'e'" in part
    return not (quoted or _ODD_CELL.search(part) or _PREFIXED.search(part))


def _cells(parts: zipfile.ZipFile, info: zipfile.ZipInfo, place: str) -> int:
    """Return the cells in the rectangle around the used ones of a part, 0 when it's no sheet."""
    top, left, bottom, right = 1 << 30, 1 << 30, 0, 0
    root = True

    def start(tag: str, given: dict[str, str]) -> None:
        nonlocal top, left, bottom, right, root
        if root:
            root = False
            if tag.rpartition(":")[2] != "worksheet":
                raise _NoSheetError
        if tag != "c" and tag.rpartition(":")[2] != "c":
            return
        name = given.get("r", "")
        found = _CELL.match(name)
        if not found:
            raise ArchiveError(f"{place} {info.filename}: a cell without a place. Save it with Excel, as CMS does.")
        row, column = int(found[2]), _number(found[1])
        if given.get("t") == "e":
            raise ArchiveError(
                f"{place} {info.filename}: cell {name} holds an error of Excel's, such as #N/A or #REF!, expected a "
                "value. Get a corrected file, or give the member in another format."
            )
        top, bottom, left, right = min(top, row), max(bottom, row), min(left, column), max(right, column)
        if (bottom - top + 1) * (right - left + 1) > MAX_CELLS:
            raise ArchiveError(
                f"{place} {info.filename}: a cell at {name} makes it a sheet of over {MAX_CELLS:,} cells. {_REMEDY}"
            )

    try:
        with parts.open(info) as stream:
            _parse(stream.read, start, info.file_size)
    except _NoSheetError:
        return 0
    except expat.ExpatError as error:
        raise ArchiveError(
            f"{place} {info.filename}: not well-formed, line {error.lineno}. Download the archive again."
        ) from error
    return max(bottom - top + 1, 0) * max(right - left + 1, 0)


def _parse(read: Callable[[int], bytes], start: Callable[[str, dict[str, str]], None], promised: int) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    left = promised
    while data := read(1 << 20):
        left -= len(data)
        parser.Parse(data, left <= 0)


def _number(letters: str) -> int:
    value = 0
    for letter in letters.upper():
        value = 26 * value + ord(letter) - 64
    return value


class _NoSheetError(Exception):
    """A part of a workbook that isn't a sheet."""
