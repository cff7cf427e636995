"""How large a member may be, asked before anything is parsed, so that no file takes all memory.

Largest in the 14 archives at hand: 32,530 lines, 37 columns, 276 bytes in a line, 0.6 million cells. A ZIP code
file has 42,956 lines. A companion may have more lines and as many cells to each (`schemas/companions.csv`).
"""

from dataclasses import dataclass

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError

MAX_LINES = 200_000
MAX_LINE_BYTES = 100_000
MAX_COLUMNS = 64
MAX_CELLS = 2_500_000
MAX_CELL_TEXT = 64 << 20  # bytes of text in the cells of a workbook, each shared text as often as it's used
CELLS_OF_A_LINE = 16  # of a companion that may have more lines than a member
REMEDY = "No file of CMS's comes near. Download the archive again."


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many lines and cells a file can have."""

    lines: int = MAX_LINES
    cells: int = MAX_CELLS


USUAL = Bounds()


def of(member: str) -> Bounds:
    """Return the bounds of a member or a companion."""
    companion = registry.companion_kinds().get(member)
    lines = companion.most_lines if companion else MAX_LINES
    return Bounds(lines, max(MAX_CELLS, CELLS_OF_A_LINE * lines)) if lines > MAX_LINES else USUAL


def refuse_large_text(data: bytes, place: str, most: Bounds = USUAL) -> None:
    """Raise ArchiveError for bytes of a text with more or longer lines than a member can have."""
    returns = data.count(b"\r")
    count = data.count(b"\n") + (returns - data.count(b"\r\n") if returns else 0)
    if count > most.lines:
        raise ArchiveError(f"{place}: {count:,} lines, more than {most.lines:,}. {REMEDY}")
    start = 0
    while start + MAX_LINE_BYTES < len(data):
        window = start, start + MAX_LINE_BYTES + 1
        last = max(data.rfind(b"\n", *window), data.rfind(b"\r", *window) if returns else -1)
        if last < 0:
            number = max(data.count(b"\n", 0, start), data.count(b"\r", 0, start)) + 1
            raise ArchiveError(f"{place}: line {number:,} has over {MAX_LINE_BYTES:,} bytes. {REMEDY}")
        start = last + 1


def refuse_many_cells(cells: int, place: str, most: Bounds = USUAL) -> None:
    """Raise ArchiveError for more cells than a member can have: those from the first row to the last that is used.

    That is what a reader makes room for, however few of its cells are used.
    """
    if cells > most.cells:
        raise ArchiveError(f"{place}: room for {cells:,} cells, more than {most.cells:,}. {REMEDY}")


def refuse_much_text(size: int, place: str) -> None:
    """Raise ArchiveError for more text in a workbook's cells than a member can have."""
    if size > MAX_CELL_TEXT:
        raise ArchiveError(f"{place}: {size:,} bytes of text in its cells, more than {MAX_CELL_TEXT:,}. {REMEDY}")


def refuse_error_cell(cell: str, place: str) -> None:
    """Raise ArchiveError for a cell that holds an Excel error, which a reader would take for a blank."""
    raise ArchiveError(
        f"{place}: cell {cell} holds an Excel error, such as #N/A or #REF!, expected a value. Get a corrected "
        "file, or give the member in another format."
    )
