"""Bytes of one member to rows of raw text: lines of a text file, or a grid of cells of a csv or workbook."""

import io
import re
from dataclasses import dataclass

import polars as pl

from pfsetl.errors import ArchiveError, LayoutError
from pfsetl.parsing.bounds import MAX_COLUMNS, USUAL, Bounds, refuse_many_cells

END_MARKERS = ("\x1a", "_x001A_")
_SAID = re.compile(r'\A"?sep=[^\n\w]?"?[,;|\t]*(?=\n)', re.IGNORECASE)  # a first line by which Excel splits a csv


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells as text: `frame` has `line` (1-based, in the source) and columns c1, c2, ... ; blanks are ""."""

    place: str
    frame: pl.DataFrame

    @property
    def width(self) -> int:
        """Number of columns of cells."""
        return self.frame.width - 1


def lines(text: str) -> pl.DataFrame:
    """Return the lines of a text as `line`, `text`."""
    rows = text.split("\n")
    if rows and not rows[-1]:
        rows.pop()
    return pl.DataFrame({"text": pl.Series(rows, dtype=pl.String)}).with_row_index("line", 1)


def delimited(text: str, separator: str, place: str, most: Bounds = USUAL) -> Grid:
    """Parse text separated by commas or another character without any inference; every row keeps its line number."""
    text = _SAID.sub("", text.replace("\x00", " "), 1)
    if not text.strip():
        raise ArchiveError(f"{place}: empty. Download the archive again.")
    # NOTE: a reader makes room for every column in every line. A row in quotes may go on over several lines, so the
    # widest line need not be the widest row; a file that has such rows only is read with room for all columns.
    rows = pl.Series(text.split("\n"), dtype=pl.String)
    widest = min(int(rows.str.count_matches(separator, literal=True).max() or 0) + 1, MAX_COLUMNS)  # type: ignore[arg-type]
    refuse_many_cells(len(rows) * widest, place, most)
    try:
        try:
            frame = _read_csv(text, separator, widest)
        except pl.exceptions.PolarsError:
            refuse_many_cells(len(rows) * MAX_COLUMNS, place, most)
            padded = rf'(?<=") +(?={re.escape(separator)}|\n|\Z)'  # blanks behind a cell in quotes
            frame = _read_csv(re.sub(padded, "", text), separator, MAX_COLUMNS)
    except pl.exceptions.PolarsError as error:
        raise LayoutError(
            f"{place}: not a well-formed table ({str(error).splitlines()[0]}). A quote may be open, or a row has "
            f"more than {MAX_COLUMNS} columns. Download the archive again, or give the member in another format."
        ) from error
    return Grid(place, _trimmed(frame.insert_column(0, _line_numbers(frame, text))))


def _read_csv(text: str, separator: str, width: int) -> pl.DataFrame:
    return pl.read_csv(
        io.BytesIO(text.encode()),
        has_header=False,
        separator=separator,
        schema={f"c{i}": pl.String for i in range(1, width + 1)},
        missing_columns="insert",
        extra_columns="raise",
    )


def workbook(data: bytes, place: str) -> list[Grid]:
    """Read every sheet of an xls or xlsx workbook as text; a row's line is its row number in the sheet."""
    import fastexcel  # NOTE: only workbooks need it, and it costs start-up time

    try:
        book = fastexcel.read_excel(data)
        sheets = {
            # NOTE: by itself the reader begins with the first row that has a cell, and counts from there.
            name: book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
            for name in book.sheet_names
        }
    except Exception as error:
        # NOTE: the reader's own errors share no useful base class; all of them mean an unreadable workbook.
        raise ArchiveError(
            f"{place}: not a readable workbook ({str(error).splitlines()[0]}). Download the archive again."
        ) from error
    return [
        Grid(
            f"{place} sheet {name!r}",
            _trimmed(
                sheet.rename({column: f"c{i}" for i, column in enumerate(sheet.columns, 1)}).with_row_index("line", 1)
            ),
        )
        for name, sheet in sheets.items()
        if sheet.width
    ]


def _line_numbers(frame: pl.DataFrame, text: str) -> pl.Series:
    first = pl.Series("line", range(1, frame.height + 1), dtype=pl.UInt32)
    if frame.height >= text.count("\n") + (not text.endswith("\n")):
        return first
    breaks = frame.select(pl.sum_horizontal(pl.all().str.count_matches("\n"))).to_series()
    return (first + breaks.cum_sum().shift(1, fill_value=0)).cast(pl.UInt32).alias("line")


def _trimmed(rows: pl.DataFrame) -> pl.DataFrame:
    """Strip every cell, fill those without a value, and drop the columns that are blank throughout at the right."""
    cells = [c for c in rows.columns if c != "line"]
    rows = rows.with_columns(pl.col(cells).fill_null("").str.strip_chars(" \t\r\n\xa0"))
    filled = rows.select((pl.col(cells) != "").any()).row(0)
    last = max((i for i, used in enumerate(filled, 1) if used), default=1)
    return rows[["line", *cells[:last]]]
