"""JSON of any size in pieces of whole values: runs of an array's elements, or of an object's members.

A piece is itself JSON, an array or an object, so that a fast decoder judges it. Memory is that of one piece. Only where
a value is larger than what is read at once does its own content come in pieces, of the paths that a caller names.

To look for brackets takes longer than to decode. So where the elements of an array begin alike, a piece is cut at the
last such place and handed to its reader: what can be decoded with a bracket behind it ended between two elements.
"""

import json
import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np

from pfsetl.errors import PfsetlError

AT_ONCE = 1 << 20
MOST = 24 << 20  # of one value that doesn't come in pieces
EACH = "*"  # in a path, an element of an array
_BLANK = b" \t\r\n"
_KEY = re.compile(rb'[ \t\r\n]*"((?:[^"\\]|\\.)*)"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_VALUE = re.compile(rb"[ \t\r\n]*")
_BETWEEN = re.compile(
    rb',[ \t\r\n]*\{[ \t\r\n]*"(?:[^"\\]|\\.)*"', re.DOTALL
)  # two objects, to the second's first name
_CLOSING = {b"{": b"}", b"[": b"]"}
# Marks are bytes that part values: 1 opens, 2 closes, 3 is a comma, 4 a quote; all other bytes are 0.
_KINDS = bytes({123: 1, 91: 1, 125: 2, 93: 2, 44: 3, 34: 4}.get(byte, 0) for byte in range(256))
_OTHERS = bytes(byte for byte in range(256) if not _KINDS[byte])
_COMMA, _QUOTE = 3, 4
_STEP = np.array([0, 1, -1, 0, 0], dtype=np.int8)
_LOOKED_AT = 1 << 16

Path = tuple[str, ...]
Readers = Mapping[Path, Callable[[bytes], Any]]


class Piece(NamedTuple):
    """Some whole children of the container at a path, as its reader has them or as JSON; None where it ends."""

    path: Path
    content: Any


class NotWhole(PfsetlError, ValueError):
    """The text isn't JSON, or is cut; the message says where."""


def pieces(stream: BinaryIO, streamed: Collection[Path], readers: Readers) -> Iterator[Piece]:
    """Yield the pieces of a JSON text; raises NotWhole where it isn't one, after the pieces before.

    Values at the paths `streamed`, and those of the outermost object, may have any size, all others up to MOST bytes.
    `readers` decode the pieces at their paths; they raise msgspec's DecodeError for what isn't whole JSON.
    """
    text = _Text(stream)
    text.fill(AT_ONCE)
    if text.buffer.startswith(b"\xef\xbb\xbf"):
        text.drop(3)
    if text.next() not in _CLOSING:
        raise NotWhole(f"byte {text.before:,}: neither an object nor an array")
    yield from _container(text, (), frozenset(streamed), readers)
    if text.next():
        raise NotWhole(f"byte {text.before:,}: something follows after the end of the JSON")


class _Text:
    """What has been read and not yet been handed on; it begins outside of strings."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.buffer = b""
        self.before = 0  # bytes that were dropped
        self.ended = False

    def fill(self, size: int) -> None:
        parts = [self.buffer]
        lacking = size - len(self.buffer)
        while lacking > 0 and not self.ended:
            part = self._stream.read(lacking)
            self.ended = not part
            lacking -= len(part)
            parts.append(part)
        self.buffer = b"".join(parts) if len(parts) > 1 else parts[0]

    def start(self, count: int, opening: bytes, closing: bytes) -> bytes:
        """Return the first so many bytes between two brackets."""
        return b"".join((opening, memoryview(self.buffer)[:count], closing))

    def drop(self, count: int) -> None:
        self.buffer = self.buffer[count:]
        self.before += count

    def next(self) -> bytes:
        """Skip blanks and return the next byte, b"" at the end."""
        while True:
            self.drop(len(self.buffer) - len(self.buffer.lstrip(_BLANK)))
            if self.buffer or self.ended:
                return self.buffer[:1]
            self.fill(AT_ONCE)


def _container(text: _Text, path: Path, streamed: frozenset[Path], readers: Readers) -> Iterator[Piece]:
    opening = text.next()
    closing = _CLOSING[opening]
    text.drop(1)
    read = readers.get(path, bytes)
    size, after_comma, is_alike = AT_ONCE, False, opening == b"[" and path in readers
    while True:
        text.fill(size)
        end, closed = _end_of_children(text.buffer)
        if end < 0:
            value, key = _large_child(text, path, opening)
            if value is not None and _may_be_streamed(key, streamed):
                text.drop(value)
                yield from _container(text, key, streamed, readers)
                after_comma = _is_another_next(text, path, closing)
                size = AT_ONCE
            elif text.ended:
                raise NotWhole(f"cut: it ends at byte {text.before + len(text.buffer):,} within {_shown(path)}")
            elif size >= MOST:
                raise NotWhole(f"byte {text.before:,}: a value in {_shown(path)} has more than {MOST >> 20} MB")
            else:
                size *= 2
            continue
        if text.buffer[:end].strip(_BLANK):
            yield Piece(path, read(text.start(end, opening, closing)))
        elif after_comma or not closed:
            raise NotWhole(f"byte {text.before:,}: a comma without a value in {_shown(path)}")
        if closed and text.buffer[end : end + 1] != closing:
            raise NotWhole(f"byte {text.before + end:,}: {_shown(path)} ends with the wrong bracket")
        between = _BETWEEN.match(text.buffer, end) if is_alike else None
        text.drop(end + 1)
        size, after_comma = AT_ONCE, not closed
        if closed:
            yield Piece(path, None)
            return
        if between:
            is_alike = yield from _alike(text, path, between[0], read)


def _alike(text: _Text, path: Path, between: bytes, read: Callable[[bytes], Any]) -> Generator[Piece, None, bool]:
    """Yield pieces that end where two elements meet, by what stands there; return whether that was always so."""
    while True:
        text.fill(AT_ONCE)
        end = text.buffer.rfind(between)
        if end <= AT_ONCE // 2:
            return True
        try:
            content = read(text.start(end, b"[", b"]"))
        except msgspec.DecodeError:
            return False
        yield Piece(path, content)
        text.drop(end + 1)


def _is_another_next(text: _Text, path: Path, closing: bytes) -> bool:
    """Return whether a comma follows a child, and drop it; raises NotWhole where the container doesn't end either."""
    found = text.next()
    if found == b",":
        text.drop(1)
    elif found != closing:
        raise NotWhole(f"byte {text.before:,}: neither a comma nor the end of {_shown(path)}")
    return found == b","


def _end_of_children(buffer: bytes) -> tuple[int, bool]:
    """Return where a container ends, and True; else the last comma between its children, and False; -1 without any.

    What parts values is taken out of the text first: it's a tenth of it. Where a mark stands is found from the end.
    """
    plain = buffer.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in buffer else buffer
    found = np.frombuffer(plain.translate(_KINDS, _OTHERS), dtype=np.uint8)
    inside = np.bitwise_xor.accumulate(found == _QUOTE)
    depth = np.cumsum(_STEP[found] * ~inside, dtype=np.int32)
    if (ends := np.flatnonzero(depth < 0)).size:
        return _place(plain, int(ends[0]), found.size), True
    commas = np.flatnonzero((depth == 0) & (found == _COMMA) & ~inside)
    return (_place(plain, int(commas[-1]), found.size) if commas.size else -1), False


def _place(plain: bytes, number: int, count: int) -> int:
    """Return where the mark of a number stands among all in a text, looking from the end."""
    left, end = count - number, len(plain)  # the mark is the last but so many
    while True:
        start = max(0, end - _LOOKED_AT)
        marks = np.flatnonzero(np.frombuffer(plain[start:end].translate(_KINDS), dtype=np.uint8))
        if marks.size >= left:
            return start + int(marks[-left])
        left, end = left - marks.size, start


def _large_child(text: _Text, path: Path, opening: bytes) -> tuple[int | None, Path]:
    """Return where the first child's value begins if it's a container, and its path."""
    start = (_KEY if opening == b"{" else _VALUE).match(text.buffer)
    if start is None:
        return None, path
    name = _name(start[1]) if opening == b"{" else EACH
    is_container = text.buffer[start.end() : start.end() + 1] in _CLOSING
    return (start.end() if is_container else None), (*path, name)


def _name(text: bytes) -> str:
    try:
        return str(json.loads(b'"%b"' % text))
    except ValueError as error:
        raise NotWhole(f"{text[:40]!r} isn't a name in JSON") from error


def _may_be_streamed(path: Path, streamed: frozenset[Path]) -> bool:
    return len(path) == 1 or path in streamed


def _shown(path: Path) -> str:
    return ".".join(path) or "the outermost level"
