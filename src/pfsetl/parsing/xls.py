"""Look into an old Excel workbook (xls) before it's read: the room and text of its cells, and whether one is an error.

An xls is a compound file whose stream `Workbook` is a row of records: two bytes of kind, two of length, then the
content, which for a cell begins with row and column (Microsoft, [MS-XLS] 2.1.4 and 2.4).
"""

import io
import struct
from collections import Counter
from collections.abc import Iterator

from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds

MAGIC = b"\xd0\xcf\x11\xe0"
_STREAMS = ("Workbook", "Book")
_BOF, _DIMENSIONS, _SST, _CONTINUE = 0x809, 0x200, 0xFC, 0x3C
_BOOLERR, _FORMULA, _LABELSST, _MULRK, _NUMBER, _LABEL, _RK, _RSTRING = (
    0x205,
    0x6,
    0xFD,
    0xBD,
    0x203,
    0x204,
    0x27E,
    0xD6,
)
_CELLS = {_BOOLERR, _FORMULA, _LABELSST, _MULRK, _NUMBER, _LABEL, _RK, _RSTRING}
_HEAD, _INDEX, _ROW = (
    struct.Struct("<HHHH").unpack_from,
    struct.Struct("<I").unpack_from,
    struct.Struct("<H").unpack_from,
)


def refuse_large(data: bytes, place: str) -> None:
    """Raise ArchiveError for an xls with more cells or text than a member can have, or with an Excel error."""
    try:
        _refuse_large(_stream(data, place), place)
    except (struct.error, IndexError) as error:
        raise ArchiveError(f"{place}: not a readable workbook: a record is cut. Download the archive again.") from error


def _refuse_large(stream: bytes, place: str) -> None:
    shown: Counter[int] = Counter()
    table: list[bytes] = []
    cells, at, end, sharing = 0, 0, len(stream) - 8, False
    left, bottom, right = 1 << 30, -1, -1
    while at <= end:
        kind, size, row, column = _HEAD(stream, at)
        at += 4 + size
        if kind in _CELLS:
            if kind == _LABELSST:
                shown[_INDEX(stream, at - size + 6)[0]] += 1
            elif kind in (_BOOLERR, _FORMULA) and _is_error(kind, stream[at - size : at]):
                bounds.refuse_error_cell(f"in row {row + 1}, column {column + 1},", place)
            last = _ROW(stream, at - 2)[0] if kind == _MULRK else column
            left, bottom, right = min(left, column), max(bottom, row), max(right, last)
        elif kind == _SST:
            table = [stream[at - size : at]]
        elif kind == _CONTINUE and sharing:
            table.append(stream[at - size : at])
        elif kind == _DIMENSIONS:
            _, under, start, after = struct.unpack_from("<IIHH", stream, at - size)
            bounds.refuse_many_cells(under * max(after - start, 0), place)
        elif kind == _BOF:
            cells += (bottom + 1) * max(right - left + 1, 0)
            left, bottom, right = 1 << 30, -1, -1
        sharing = kind == _SST or (sharing and kind == _CONTINUE)
    bounds.refuse_many_cells(cells + (bottom + 1) * max(right - left + 1, 0), place)
    lengths = list(_lengths(table))
    bounds.refuse_much_text(sum(n * lengths[one] for one, n in shown.items() if one < len(lengths)), place)


def _is_error(kind: int, body: bytes) -> bool:
    if kind == _BOOLERR:
        return body[7] == 1
    return kind == _FORMULA and body[6] == 2 and body[12:14] == b"\xff\xff"


def _lengths(table: list[bytes]) -> Iterator[int]:
    """Return the characters of each shared text ([MS-XLS] 2.4.265); a text goes on in the next record ([2.5.293])."""
    if not table:
        return
    part, at = 0, 8
    for _ in range(struct.unpack_from("<I", table[0], 4)[0]):
        while at >= len(table[part]):
            part, at = part + 1, at - len(table[part])
        length, flags = struct.unpack_from("<HB", table[part], at)
        at += 3
        tail = 4 * struct.unpack_from("<H", table[part], at)[0] if flags & 8 else 0
        at += 2 if flags & 8 else 0
        tail += struct.unpack_from("<I", table[part], at)[0] if flags & 4 else 0
        at += 4 if flags & 4 else 0
        left = length
        while left:
            width = 1 + (flags & 1)
            here = min(left, (len(table[part]) - at) // width)
            left, at = left - here, at + here * width
            if left:
                part, at = part + 1, 1
                flags = (flags & ~1) | (table[part][0] & 1)
        at += tail
        yield length


def _stream(data: bytes, place: str) -> bytes:
    import olefile  # NOTE: only CMS's oldest workbooks need it

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as book:
            name = next((name for name in _STREAMS if book.exists(name)), None)
            if name is None:
                raise ArchiveError(f"{place}: there is no Excel workbook in this file. Download the archive again.")
            stream: bytes = book.openstream(name).read()
            return stream
    except ArchiveError:
        raise
    except Exception as error:
        # NOTE: on a damaged file the library raises whatever its arithmetic comes to.
        raise ArchiveError(f"{place}: not a readable workbook. Download the archive again.") from error
