"""Tables as a workbook of Excel: a sheet each, and a sheet that says what each column means."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import UsageError
from pfsetl.publication.version import Version
from pfsetl.remedies import installing

MOST_ROWS = 1_048_576 - 1  # of a sheet of Excel, below its heading
MOST_TEXT = 32_767  # characters of a cell of Excel
PART = 20_000
MEANINGS = "columns"


def write(at: Version, tables: Mapping[str, pl.LazyFrame], file: Path) -> None:
    """Write tables into a workbook: codes as text, dates as dates, decimals as numbers with all their digits.

    Raises UsageError for a table with more rows than a sheet holds, a text longer than a cell holds, and where
    XlsxWriter isn't installed.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise UsageError(f"XlsxWriter isn't installed. {installing('xlsx')}") from error
    for name, rows in tables.items():
        count = rows.select(pl.len()).collect().item()
        if count > MOST_ROWS:
            raise UsageError(
                f"{name}: {count:,} rows, and a sheet of Excel holds {MOST_ROWS:,}. Choose fewer with --release, "
                "--code or --where, name the tables you want with --table, or take --format csv."
            )
    options = {
        "constant_memory": True,
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(file), options) as book:
        book.set_properties({"title": at.manifest.title or "", "created": datetime.fromisoformat(at.created)})
        heading = book.add_format({"bold": True})
        for name, rows in tables.items():
            _sheet(book, name, rows, heading)
        _meanings(book, at, tables, heading)


def _sheet(book: Any, name: str, rows: pl.LazyFrame, heading: Any) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    schema = rows.collect_schema()
    writers = [_writer(book, sheet, dtype) for dtype in schema.dtypes()]
    sheet.write_row(0, 0, schema.names(), heading)
    for number, row in enumerate(_rows(rows), 1):
        for column, (write, value) in enumerate(zip(writers, row, strict=True)):
            if value is not None and write(number, column, value):  # it's not 0 where a cell doesn't hold it
                raise UsageError(
                    f"{name}.{schema.names()[column]}: a text of {len(str(value)):,} characters in row {number:,}, and "
                    f"a cell of Excel holds {MOST_TEXT:,}. Choose other rows, or take --format csv."
                )


def _rows(rows: pl.LazyFrame) -> Iterator[tuple[Any, ...]]:
    for part in rows.collect_batches(chunk_size=PART, maintain_order=True):
        yield from part.iter_rows()


def _writer(book: Any, sheet: Any, dtype: pl.DataType) -> Callable[[int, int, Any], Any]:
    """Return what writes a cell of a column: numbers in their own digits, all that isn't a number or a day as text."""
    if isinstance(dtype, pl.Decimal):
        digits = book.add_format({"num_format": f"0.{'0' * dtype.scale}" if dtype.scale else "0"})
        return lambda row, column, value: sheet.write_number(row, column, float(Decimal(value)), digits)
    if dtype == pl.Date:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        return lambda row, column, value: sheet.write_datetime(row, column, _midnight(value), day)
    if dtype == pl.Boolean:
        return lambda row, column, value: sheet.write_boolean(row, column, value)
    if dtype.is_numeric():
        return lambda row, column, value: sheet.write_number(row, column, value)
    return lambda row, column, value: sheet.write_string(row, column, str(value))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a day of Excel has no zone


def _meanings(book: Any, at: Version, tables: Mapping[str, pl.LazyFrame], heading: Any) -> None:
    sheet = book.add_worksheet(MEANINGS)
    sheet.freeze_panes(1, 0)
    sheet.write_row(0, 0, ["table", "column", "type", "unit", "meaning"], heading)
    known = {name: table for name in tables if (table := contracts.find_table(name))}
    lines = [
        (name, column.name, contracts.type_name(column.dtype), column.unit or "", column.description)
        for name, table in known.items()
        for column in table.columns
    ]
    lines.append(("", "", "", "", f"Version {at.number} of {at.created[:10]}, releases {', '.join(at.releases)}."))
    for number, line in enumerate(lines, 1):
        for column, value in enumerate(line):
            sheet.write_string(number, column, value)
