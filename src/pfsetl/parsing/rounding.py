"""Numbers of a workbook as Excel shows them: a cell holds more digits than csv and text print."""

from decimal import ROUND_HALF_UP, Context, Decimal

import polars as pl

from pfsetl.declared import registry

_EXCEL = Context(prec=15, rounding=ROUND_HALF_UP)  # the digits that Excel keeps of a number
_CENTS_FROM = 1000  # an amount of so many dollars may be one in cents (`dollars` in schemas/fields.csv)


def as_shown(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Round the numbers of a workbook's rows half up to the places of their column; say how many cells by column.

    The places are `scale` in `schemas/fields.csv`, which is what CMS's csv and text print. What isn't a number is left.
    """
    counts: dict[str, int] = {}
    for name in (c for c in frame.columns if c != "line"):
        field = registry.fields()[name]
        if field.kind not in ("decimal", "dollars"):
            continue
        longer = pl.col(name).str.contains(
            rf"^-?[0-9]*\.[0-9]{{{field.scale}}}0*[1-9][0-9]*$|^-?[0-9]*\.?[0-9]+[eE]-[0-9]+$"
        )
        cells = frame.filter(longer)[name]
        cells = (
            cells.filter(cells.cast(pl.Float64, strict=False).abs() < _CENTS_FROM) if field.kind == "dollars" else cells
        )
        if len(cells):
            shown = {cell: _shown(cell, field.scale) for cell in cells.unique()}
            frame = frame.with_columns(pl.col(name).replace(shown))
            counts[name] = len(cells)
    return frame, counts


def _shown(cell: str, places: int) -> str:
    """Return a number as Excel shows it with so many places.

    >>> _shown("21.076942881", 2), _shown("2.6749999999999998", 2)
    ('21.08', '2.68')
    """
    return f"{_EXCEL.create_decimal(cell).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
