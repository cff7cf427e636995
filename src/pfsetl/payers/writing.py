"""Write rows part by part as CSV or Parquet, by the ending of the file; nothing is there until all of it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.export.delimited import harmless

FORMS = (".csv", ".parquet")
ROW_GROUP = 20_000  # at least
MANY = ("provider", "npi", "detail")  # columns of so many words that a dictionary of them helps nobody


class Write(Protocol):
    """What takes the next rows of a file."""

    def __call__(self, rows: pl.DataFrame, /) -> None:
        """Write rows behind those before."""


def check(out: Path) -> None:
    """Raise UsageError for a file that is there already, or whose ending is neither .csv nor .parquet."""
    if out.suffix.lower() not in FORMS:
        raise UsageError(f"{out}: name a file that ends in {' or '.join(FORMS)}; the ending chooses the format.")
    if out.exists():
        raise UsageError(f"{out}: there already. Name a file that isn't there.")


@contextmanager
def written(out: Path, schema: pl.Schema) -> Iterator[Write]:
    """Open a file for rows of a schema; it has its name when all are written, and is gone when that fails.

    In a CSV no text runs as a formula, and codes are text.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    try:
        with (_csv if out.suffix.lower() == ".csv" else _parquet)(part, schema) as write:
            yield write
        part.rename(out)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror or error}. Check the path and the free space.") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path, schema: pl.Schema) -> Iterator[Write]:
    with path.open("wb") as file:
        schema.to_frame().write_csv(file)

        def write(rows: pl.DataFrame) -> None:
            harmless(rows.lazy()).collect().write_csv(file, include_header=False)

        yield write


@contextmanager
def _parquet(path: Path, schema: pl.Schema) -> Iterator[Write]:
    import pyarrow.parquet as pq

    arrow = schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    words = [name for name, kind in schema.items() if kind == pl.String and name not in MANY]
    with pq.ParquetWriter(path, arrow, compression="zstd", compression_level=1, use_dictionary=words) as writer:
        waiting: list[pl.DataFrame] = []

        def flush() -> None:
            if rows := sum(some.height for some in waiting):
                writer.write_table(pl.concat(waiting).to_arrow(compat_level=pl.CompatLevel.oldest()), rows)
                waiting.clear()

        def write(rows: pl.DataFrame) -> None:
            waiting.append(rows)
            if sum(some.height for some in waiting) >= ROW_GROUP:
                flush()

        yield write
        flush()
