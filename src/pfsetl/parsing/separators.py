"""Text to a cut member, whatever separates its cells: commas or fixed columns as CMS has them, or another."""

import re

import polars as pl

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError, LayoutError
from pfsetl.parsing import bounds, grid, grid_shape, text_shape
from pfsetl.parsing.shape import Cut

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
USUAL = {"csv": (",",), "txt": ("", "\t")}  # "" is none: fixed columns
_BLANK = re.compile(r"\n[^\S\n]*(?=\n|\Z)")  # a line
_DECIMAL_COMMA = r"^-?\d*,\d+$"


def cut_text_member(member: str, form: str, text: str, place: str) -> tuple[Cut, str]:
    """Cut a csv or txt member; return it with the separator of its cells, "" for none.

    What CMS uses is tried first, and another separator only where that fits no layout and exactly one other does.
    Raises LayoutError, for the separator that is most frequent and by its name, where none fits.
    """
    first = "," if form == "csv" else "\t" if "\t" in text and text.count("\t") >= _enough(member, text) else ""
    try:
        return _cut(member, text, first, place), first
    except LayoutError as error:
        refused = {first: error}
    enough = _enough(member, text)
    fits: dict[str, Cut] = {}
    for separator in (s for s in SEPARATORS if s != first and text.count(s) >= enough > 0):
        try:
            fits[separator] = _cut(member, text, separator, f"{place}, separated by {SEPARATORS[separator]}")
        except LayoutError as error:
            refused[separator] = error
    if len(fits) != 1:
        raise refused[max(refused, key=lambda s: text.count(s) if s else enough)]
    [(separator, cut)] = fits.items()
    _refuse_decimal_commas(cut, f"{place}, separated by {SEPARATORS[separator]}")
    return cut, separator


def _cut(member: str, text: str, separator: str, place: str) -> Cut:
    if separator:
        return grid_shape.cut_grid(member, grid.delimited(text, separator, place, bounds.of(member)))
    return text_shape.cut_text(member, grid.lines(text), place)


def _enough(member: str, text: str) -> int:
    """Return from how many separators on a text is taken for cells: commas in descriptors don't make a table."""
    fewest = max(2, min(len(layout.fields) for layout in registry.layouts(member)) // 2)
    lines = f"\n{text}"
    return fewest * (lines.count("\n") - len(_BLANK.findall(lines)))


def _refuse_decimal_commas(cut: Cut, place: str) -> None:
    """Raise ArchiveError for numbers such as 1,31, which may be thousands or decimals."""
    cells = [c for c in cut.frame.columns if c != "line"]
    found = cut.frame.filter(pl.any_horizontal(pl.col(cells).str.contains(_DECIMAL_COMMA)))
    if found.height:
        line = found["line"][0]
        raise ArchiveError(
            f"{place}: line {line}: a number with a comma, as in 1,31. Save the file with points in its numbers, or "
            "give it as CMS posted it."
        )
