"""Days as CMS's lists write them: 2026-04-01, 4/1/2026, 20260401, and 2026091 by the day of the year."""

from collections.abc import Sequence

import polars as pl

from pfsetl.errors import ValueRefused, shown

_FORMS = {8: "%Y%m%d", 7: "%Y%j"}  # by the number of digits
_NONE = ("", "*", "9999-12-31", "12/31/9999", "99991231", "9999365")


def with_days(frame: pl.DataFrame, file: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return a frame with these columns, as far as it has them, as days; null for none, `*`, and the end of 9999.

    Raises ValueRefused for a day that there isn't, with file, line and column.
    """
    known: dict[str, pl.DataFrame] = {}
    for column in (c for c in columns if c in frame.columns):
        # NOTE: a list of millions of rows has some hundreds of days.
        texts = frame[column].unique()
        texts = texts.filter(texts.is_not_null() & ~_without_time(texts).is_in(_NONE))
        each = pl.DataFrame({column: texts, "day": _days(texts)})
        wrong = each.filter(pl.col("day").is_null())
        if wrong.height:
            line, cell = frame.filter(pl.col(column).is_in(wrong[column].implode())).select("line", column).row(0)
            raise ValueRefused(f"{file}: line {line}: {column} is {shown(cell)}, which is no day. Download it again.")
        known[column] = each
    return frame.with_columns(
        pl.col(c).replace_strict(each[c], each["day"], default=None, return_dtype=pl.Date) for c, each in known.items()
    )


def _days(texts: pl.Series) -> pl.Series:
    frame = pl.DataFrame({"text": _without_time(texts)})
    text = pl.col("text")
    digits = [
        pl.when(text.str.contains(rf"^[0-9]{{{count}}}$")).then(text.str.to_date(form, strict=False))
        for count, form in _FORMS.items()
    ]
    return frame.select(
        day=pl.coalesce(*digits, text.str.to_date("%Y-%m-%d", strict=False), text.str.to_date("%m/%d/%Y", strict=False))
    )["day"]


def _without_time(texts: pl.Series) -> pl.Series:
    """Return days without the hour that a workbook's cell has behind it."""
    return texts.str.replace(" .*$", "")
