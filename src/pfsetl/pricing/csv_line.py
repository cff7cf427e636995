"""What is wrong with a line of somebody's own CSV: values behind its last column, or a cell that took lines in."""

from collections.abc import Iterable, Sequence


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
