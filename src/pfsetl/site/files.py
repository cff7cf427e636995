"""Data files of a site: written as JSON, split by the beginning of a code, each known by the CRC-32 of its bytes."""

import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

LIMIT = 120_000  # bytes of a file split by code: those that hold most stay under the 150 kB that a page may load

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)  # made once: a site has tens of thousands of texts

Files = Mapping[str, bytes]  # what a site is made of, by path


def as_text(content: Any) -> str:
    """Return JSON without spaces, the same for the same content."""
    return _JSON.encode(content)


def encoded(content: Any) -> bytes:
    """Return the bytes of that JSON."""
    return as_text(content).encode()


def checksum(data: bytes) -> str:
    """Return the CRC-32 of a file's bytes in eight hexadecimal digits, by which the page knows that it has all of it.

    >>> checksum(b"123456789")
    'cbf43926'
    """
    return f"{zlib.crc32(data):08x}"


def by_prefix(texts: Mapping[str, str], limit: int = LIMIT) -> dict[str, list[str]]:
    """Return which codes go into one file, by the shortest common beginning under which they fit.

    >>> by_prefix({"97760": "x" * 60, "97761": "x" * 30, "G0101": "x"}, limit=80)
    {'97760': ['97760'], '97761': ['97761'], 'G': ['G0101']}
    """
    return dict(_split("", sorted(texts), texts, limit))


def _split(prefix: str, codes: list[str], texts: Mapping[str, str], limit: int) -> Iterable[tuple[str, list[str]]]:
    if prefix and (len(prefix) == max(map(len, codes)) or sum(len(texts[code]) for code in codes) <= limit):
        yield prefix, codes
        return
    at = len(prefix) + 1
    for longer in sorted({code[:at] for code in codes}):
        yield from _split(longer, [code for code in codes if code[:at] == longer], texts, limit)
