"""Bytes of a text member to text: CMS's own encoding, what programs save it in instead, and what is no text at all."""

import codecs

from pfsetl.errors import ArchiveError

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NOT_TEXT = {
    b"PK\x03\x04": "a zip or an xlsx workbook",
    b"\xd0\xcf\x11\xe0": "an xls workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed by gzip",
    b"{\\rtf": "a document of a word processor",
}
LOOKED_AT = 4096
AT_ONCE = 1 << 20  # bytes
MOST = 0.9  # of the bytes at even or at odd places are zero where every character takes two bytes


def encoding_of(data: bytes) -> str:
    """Return the Unicode encoding of a text by its mark, its zero bytes or its letters, "" for CMS's own.

    Bytes above 127 that are UTF-8 throughout are nothing else: no file of CMS's at hand has such ones.
    """
    named = next((name for mark, name in MARKS.items() if data.startswith(mark)), "")
    if named:
        return named
    even, odd = (data[start:LOOKED_AT:2] for start in (0, 1))
    shares = [half.count(0) / len(half) if half else 0 for half in (even, odd)]
    if max(shares) < MOST or min(shares) > 1 - MOST:
        return "" if data.isascii() or not _is_utf_8(data) else "utf-8"
    return "utf-16-le" if shares[1] > shares[0] else "utf-16-be"


def _is_utf_8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), AT_ONCE):  # as text it would take up to four times its bytes
            decoder.decode(data[start : start + AT_ONCE], final=start + AT_ONCE >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def decode(data: bytes, place: str = "text") -> str:
    """Decode a text: Unicode where it is marked or evident, else cp1252, else latin-1, which accepts every byte.

    Line ends become LF, also those that a program doubled (CR CR LF). RVU09A has cp1252 quotes, RVU13A, RVU25B and
    RVU26B stray bytes; RVU25C's csv ends its lines with a bare CR. Raises ArchiveError when the bytes aren't of the
    encoding that they begin with, or no text.
    """
    what = next((what for mark, what in NOT_TEXT.items() if data.startswith(mark)), None)
    if what:
        raise ArchiveError(
            f"{place}: {what}, not text. Give the file as CMS named it, or with the ending of what it is."
        )
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding or "cp1252")
    except UnicodeDecodeError as error:
        if encoding and encoding != "utf-8":
            raise ArchiveError(
                f"{place}: begins as {encoding.upper()} and isn't from byte {error.start:,} on. Save it as UTF-8, or "
                "download the archive again."
            ) from error
        text = data.decode("latin-1").removeprefix("\xef\xbb\xbf")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
