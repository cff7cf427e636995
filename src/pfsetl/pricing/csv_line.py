"""A line of somebody's own CSV: its cells, and what is wrong with it: values behind them, lines or dollars in them."""

import re
from collections.abc import Iterable, Sequence

_WITH_DECIMALS = re.compile(r"([0-9]+)\.0+")
_ONE_COMMA = re.compile(r"\$?[0-9]{1,3},[0-9]{3}")


def cell_of(text: str) -> str:
    """Return a cell without blanks around; a whole number without the decimals that programs write it with, as 26.0."""
    cell = text.strip()
    number = _WITH_DECIMALS.fullmatch(cell) if "." in cell else None
    return number[1] if number else cell


def beyond(cells: Sequence[str], columns: int) -> str | None:
    """Return what is wrong with a line that has values behind its last column, None where there are none."""
    more = [cell for cell in cells[columns:] if cell]
    shown = ", ".join(more)[:80]
    return f"{columns} columns, and behind them {shown}: put what holds a comma in quotes." if more else None


def over_lines(cells: Iterable[str], what: str = "a cell") -> str | None:
    """Return what is wrong where a cell may have taken other lines in, None where none goes over its line."""
    together = "".join(cells)
    if "\n" in together or "\r" in together:
        return f"{what} goes over several lines. Is a quote missing, or one too many?"
    return None


def unclear(dollars: str, separator: str) -> str | None:
    """Return what is wrong with dollars whose comma may part thousands or decimals, None where it's clear.

    Programs part columns by semicolons where a comma parts decimals: there 1,234 may be 1.234 or 1234.
    """
    if separator != ";" or not _ONE_COMMA.fullmatch(dollars):
        return None
    return f"{dollars}: its comma may part thousands or decimals in a file with semicolons. Write it without a comma."
