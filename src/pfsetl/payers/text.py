"""Lines of a CSV of unknown size: UTF-8, with single bytes of Windows' code page where a program wrote those."""

import codecs
import csv
import io
from collections.abc import Iterator

from pfsetl.errors import UsageError
from pfsetl.payers.opening import RatesFile
from pfsetl.payers.told import Told
from pfsetl.pricing.csv_line import over_lines

SEPARATORS = (",", "\t", ";", "|")
_WINDOWS = "pfsetl_cp1252"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_WINDOWS, _as_windows)


def rows(file: RatesFile, told: Told) -> Iterator[tuple[int, list[str]]]:
    """Yield the filled lines of a CSV with their numbers, cells without blanks around; raises UsageError.

    The first cell that goes over several lines is noted: nothing tells whether it's text or holds other lines.
    """
    text = io.TextIOWrapper(file.stream, "utf-8-sig", _WINDOWS, newline="")
    first = text.readline()
    told.separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(_again(first, text), delimiter=told.separator, strict=True)
    before, is_told = 0, False
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if reader.line_num > before + 1 and not is_told and over_lines(stripped):
                told.note(f"line {before + 1:,}: {over_lines(stripped)} What stands within its quotes isn't compared.")
                is_told = True
            before = reader.line_num
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
