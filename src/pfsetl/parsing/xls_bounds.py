"""How large an xls is, from its records, before a reader makes room for it.

Microsoft's [MS-CFB] says how the stream of a workbook lies in its file, [MS-XLS] what the records in it are.
"""

import struct
from collections import Counter
from collections.abc import Iterator

from pfsetl.errors import ArchiveError
from pfsetl.parsing import bounds

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_STREAM = 64 << 20
_LAST = 0xFFFFFFFA  # sector numbers from here on are marks
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
_BROKEN = (struct.error, IndexError, ValueError)


def refuse_large_xls(data: bytes, place: str) -> None:
    """Raise ArchiveError for an xls with more cells or text than a member can have, or an error of Excel's in it."""
    try:
        stream = _workbook(data)
    except _BROKEN as error:
        raise ArchiveError(f"{place}: not a readable workbook: a damaged file. Download the archive again.") from error
    try:
        _refuse_large(stream, place)
    except _BROKEN as error:
        raise ArchiveError(f"{place}: not a readable workbook: a record is cut. Download the archive again.") from error


def _refuse_large(stream: bytes, place: str) -> None:
    shown: Counter[int] = Counter()
    table: list[bytes] = []
    cells, at, end, sharing = 0, 0, len(stream) - 8, False
    top, left, bottom, right = 1 << 30, 1 << 30, -1, -1
    while at <= end:
        kind, size, row, column = _HEAD(stream, at)
        at += 4 + size
        if kind in _CELLS:
            if kind == _LABELSST:
                shown[_INDEX(stream, at - size + 6)[0]] += 1
            elif kind in (_BOOLERR, _FORMULA) and _is_error(kind, stream[at - size : at]):
                bounds.refuse_error_cell(f"in row {row + 1}, column {column + 1},", place)
            last = _ROW(stream, at - 2)[0] if kind == _MULRK else column
            top, left, bottom, right = min(top, row), min(left, column), max(bottom, row), max(right, last)
        elif kind == _SST:
            table = [stream[at - size : at]]
        elif kind == _CONTINUE and sharing:
            table.append(stream[at - size : at])
        elif kind == _DIMENSIONS:
            first, under, start, after = struct.unpack_from("<IIHH", stream, at - size)
            bounds.refuse_many_cells(max(under - first, 0) * max(after - start, 0), place)
        elif kind == _BOF:
            cells += max(bottom - top + 1, 0) * max(right - left + 1, 0)
            top, left, bottom, right = 1 << 30, 1 << 30, -1, -1
        sharing = kind == _SST or (sharing and kind == _CONTINUE)
    bounds.refuse_many_cells(cells + max(bottom - top + 1, 0) * max(right - left + 1, 0), place)
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


def _workbook(data: bytes) -> bytes:
    """Return the stream of the workbook out of the sectors of its file."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    if size not in (512, 4096):
        raise ValueError("no size of a sector")
    count, first_directory = struct.unpack_from("<II", data, 44)
    most_small, first_small, _, first_difat, difats = struct.unpack_from("<5I", data, 56)
    lists = list(struct.unpack_from("<109I", data, 76))
    for _ in range(min(difats, len(data) // size)):
        more = _sector(data, size, first_difat)
        *entries, first_difat = struct.unpack(f"<{size // 4}I", more)
        lists += entries
    fat = [e for at in lists[:count] if at < _LAST for e in struct.unpack(f"<{size // 4}I", _sector(data, size, at))]
    directory = _chain(data, size, fat, first_directory)
    root = directory[:128]
    for start in range(0, len(directory) - 127, 128):
        entry = directory[start : start + 128]
        name = entry[: max(struct.unpack_from("<H", entry, 64)[0] - 2, 0)].decode("utf-16-le", "replace").lower()
        if name in ("workbook", "book"):
            first, length = struct.unpack_from("<II", entry, 116)
            if length >= most_small:
                return _chain(data, size, fat, first)[:length]
            small = _chain(data, size, fat, struct.unpack_from("<I", root, 116)[0])
            links = _chain(data, size, fat, first_small)
            table = list(struct.unpack(f"<{len(links) // 4}I", links))
            return _chain(small, 64, table, first, header=0)[:length]
    raise ValueError("no workbook in it")


def _sector(data: bytes, size: int, at: int) -> bytes:
    found = data[size * (at + 1) : size * (at + 2)]
    if len(found) < size:
        found += bytes(size - len(found))
    return found


def _chain(data: bytes, size: int, links: list[int], at: int, header: int = 1) -> bytes:
    found = []
    while at < _LAST:
        found.append(data[size * (at + header) : size * (at + header + 1)])
        if len(found) * size > MAX_STREAM:
            raise ValueError("a chain of sectors without end")
        at = links[at]
    return b"".join(found)
