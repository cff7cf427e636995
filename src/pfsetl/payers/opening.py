"""Open a file of rates whatever it's called: plain or gzipped, JSON or CSV, told by its first bytes."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec

from pfsetl.errors import UsageError

MOST_GZIPPED = 2  # times; files gzipped twice are met, more often is a mistake or an attack
_GZIP = b"\x1f\x8b"
_REFUSED = {
    b"PK\x03\x04": "a zip or a workbook. Unzip it, or save the sheet as CSV",
    b"PAR1": "Parquet. Write it as CSV",
    b"%PDF": "a PDF. Give the machine-readable file",
    b"\xd0\xcf\x11\xe0": "an xls workbook. Save the sheet as CSV",
    codecs.BOM_UTF16_LE: "UTF-16 text. Save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 text. Save it as UTF-8",
}
WORKS = (
    "What works: a CSV with code and rate, an in-network file (Transparency in Coverage, JSON), a hospital's standard "
    "charges (JSON or CSV); each may be gzipped."
)


class RatesFile(NamedTuple):
    """A file of rates, open for reading from its first byte."""

    path: Path
    stream: BinaryIO
    form: Literal["json", "csv"]


@contextmanager
def opened(path: Path) -> Iterator[RatesFile]:
    """Open a file of rates; raises UsageError for one that isn't text, is cut, or can't be read, now or while reading.

    What is in it is told by its content: gzip by its magic number, JSON by its first bracket.
    """
    try:
        with path.open("rb") as file:
            stream = _unpacked(path, io.BufferedReader(file, 1 << 20))
            start = stream.peek(64)[:64]  # type: ignore[attr-defined]
            for magic, what in _REFUSED.items():
                if start.startswith(magic):
                    raise UsageError(f"{path}: {what}. {WORKS}")
            text = start.removeprefix(codecs.BOM_UTF8).lstrip()
            if not text:
                raise UsageError(f"{path}: empty. {WORKS}")
            if b"\0" in text:
                raise UsageError(f"{path}: not text: it has NUL bytes. {WORKS}")
            yield RatesFile(path, stream, "json" if text[:1] in (b"{", b"[") else "csv")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{path}: damaged JSON: {error}. Download it again; nothing was written.") from error
    except EOFError as error:
        raise UsageError(f"{path}: the gzip is cut: it ends before its end mark. Download it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path}: the gzip is damaged ({error}). Download it again.") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}. Give a file that can be read.") from error


def _unpacked(path: Path, stream: BinaryIO) -> BinaryIO:
    for _ in range(MOST_GZIPPED):
        if not stream.peek(2).startswith(_GZIP):  # type: ignore[attr-defined]
            return stream
        stream = io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"), 1 << 20)
    if stream.peek(2).startswith(_GZIP):  # type: ignore[attr-defined]
        raise UsageError(f"{path}: gzipped more than {MOST_GZIPPED} times. Unpack it: gunzip.")
    return stream
