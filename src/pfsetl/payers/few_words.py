"""Text of few words as numbers of these, which take less memory and are written faster."""

import polars as pl
import polars.selectors as cs

from pfsetl.publication.parquet import FEW_WORDS


def few_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose text of few words is Enums."""
    words = {column.name: column.unique().drop_nulls() for column in frame.iter_columns() if column.dtype == pl.String}
    return frame.cast({name: pl.Enum(some.sort()) for name, some in words.items() if len(some) <= FEW_WORDS})


def in_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame whose Enums are text."""
    return frame.cast({cs.enum(): pl.String})
