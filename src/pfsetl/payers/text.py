"""Lines of a CSV of unknown size: UTF-8, with single bytes of Windows' code page where a program wrote those."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence

from pfsetl.errors import UsageError
from pfsetl.payers.opening import Opened

SEPARATORS = (",", "\t", ";", "|")
_WINDOWS = "pfsetl_cp1252"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_WINDOWS, _as_windows)


def beyond(cells: Sequence[str], header: Sequence[str]) -> str | None:
    """Return what is wrong with a line that has values behind its last column, None where there are none."""
    more = [cell for cell in cells[len(header) :] if cell]
    return (
        f"{len(header)} columns, and behind them {', '.join(more)[:80]}: put what holds a comma in quotes"
        if more
        else None
    )


def rows(file: Opened) -> Iterator[tuple[int, list[str]]]:
    """Yield the filled lines of a CSV with their numbers, cells without blanks around; raises UsageError."""
    text = io.TextIOWrapper(file.stream, "utf-8-sig", _WINDOWS, newline="")
    first = text.readline()
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(_again(first, text), delimiter=separator, strict=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise UsageError(
            f"{file.path}: line {reader.line_num}: {error}. Mend the line, or save the file as CSV again."
        ) from error
    finally:
        if not file.stream.closed:  # as it is when the file couldn't be read
            text.detach()


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
