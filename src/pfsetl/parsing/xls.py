"""Look into an old Excel workbook (xls) before it's read: how many cells it asks room for, and whether one is an error.

An xls is a compound file whose stream `Workbook` is a row of records: two bytes of kind, two of length, then the
content, which for a cell begins with row and column (Microsoft, [MS-XLS] 2.1.4 and 2.4).
"""

import io
import struct

from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds

MAGIC = b"\xd0\xcf\x11\xe0"
_BOF, _BOOLERR, _FORMULA = 0x809, 0x205, 0x06
_CELLS = frozenset((_BOOLERR, _FORMULA, 0x201, 0x203, 0x204, 0x27E, 0xBD, 0xBE, 0xD6, 0xFD))
_SEVERAL = frozenset((0xBD, 0xBE))  # records of several cells, which end with the last column
_STREAMS = ("Workbook", "Book")


def refuse_large(data: bytes, place: str) -> None:
    """Raise ArchiveError for an xls with more cells than a member can have, or with an error of Excel's in a cell."""
    stream = _stream(data, place)
    top = left = 1 << 30
    bottom = right = -1
    cells = at = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind == _BOF:
            cells += max(bottom - top + 1, 0) * max(right - left + 1, 0)
            top = left = 1 << 30
            bottom = right = -1
        elif kind in _CELLS and length >= 6:
            row, column = struct.unpack_from("<HH", stream, at + 4)
            if _is_error(kind, stream[at + 4 : at + 4 + length]):
                raise ArchiveError(
                    f"{place}: row {row + 1}, column {column + 1} holds an error of Excel's, such as #N/A or #REF!, "
                    "expected a value. Get a corrected file, or give the member in another format."
                )
            last = struct.unpack_from("<H", stream, at + 2 + length)[0] if kind in _SEVERAL else column
            top, bottom = min(top, row), max(bottom, row)
            left, right = min(left, column), max(right, last)
        at += 4 + length
    cells += max(bottom - top + 1, 0) * max(right - left + 1, 0)
    if cells > bounds.MAX_CELLS:
        raise ArchiveError(f"{place}: {cells:,} cells over all sheets, more than {bounds.MAX_CELLS:,}. {bounds.REMEDY}")


def _stream(data: bytes, place: str) -> bytes:
    import olefile  # NOTE: only CMS's oldest workbooks need it

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as book:
            name = next((name for name in _STREAMS if book.exists(name)), None)
            if name is None:
                raise ArchiveError(f"{place}: no workbook of Excel's is in this file. Download the archive again.")
            stream: bytes = book.openstream(name).read()
            return stream
    except ArchiveError:
        raise
    except Exception as error:
        # NOTE: on a damaged file the library raises whatever its arithmetic comes to.
        raise ArchiveError(f"{place}: not a readable workbook. Download the archive again.") from error


def _is_error(kind: int, content: bytes) -> bool:
    if kind == _BOOLERR:
        return len(content) >= 8 and content[7] == 1
    return kind == _FORMULA and len(content) >= 14 and content[12:14] == b"\xff\xff" and content[6] == 2
