"""Write rows part by part as CSV or Parquet, by the ending of the file; nothing is there until all of it is."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.export.delimited import harmless
from pfsetl.payers.few_words import in_words

if TYPE_CHECKING:
    import pyarrow as pa

FORMS = (".csv", ".parquet")
COMPRESSED = {"compression": "zstd", "compression_level": 1}
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
def all_or_none(*files: Path) -> Iterator[None]:
    """Leave none of several new files where one of them fails, so that the same command can be given again."""
    try:
        yield
    except BaseException:
        for file in files:
            with suppress(OSError):
                file.unlink(missing_ok=True)
        raise


@contextmanager
def written(out: Path, schema: pl.Schema) -> Iterator[Write]:
    """Open a file for rows of a schema; it has its name when all are written, and is gone when that fails.

    In a CSV no text runs as a formula, and codes are text.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with (_csv if out.suffix.lower() == ".csv" else _parquet)(part, schema) as write:
            yield write
        part.rename(out)
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror or error}. Check the path and the free space.") from error
    finally:
        with suppress(NotADirectoryError):
            part.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path, schema: pl.Schema) -> Iterator[Write]:
    with path.open("wb") as file:
        schema.to_frame().write_csv(file)

        def write(rows: pl.DataFrame) -> None:
            harmless(in_words(rows).lazy()).collect().write_csv(file, include_header=False)

        yield write


@contextmanager
def _parquet(path: Path, schema: pl.Schema) -> Iterator[Write]:
    """Write Parquet; rows may have text as Enums, whose words are written as they are numbered."""
    import pyarrow.parquet as pq

    promised = _arrow(schema.to_frame()).schema
    stored = base64.b64encode(promised.serialize()).decode()
    words = [name for name, kind in schema.items() if kind == pl.String and name not in MANY]
    waiting: list[pl.DataFrame] = []
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None

        def flush() -> None:
            nonlocal writer
            table = _arrow(pl.concat(waiting or [schema.to_frame()]))
            if writer is None:
                opened = pq.ParquetWriter(path, table.schema, use_dictionary=words, store_schema=False, **COMPRESSED)
                writer = stack.enter_context(opened)
                writer.add_key_value_metadata({"ARROW:schema": stored})
            if len(table):
                writer.write_table(table, len(table))
            waiting.clear()

        def write(rows: pl.DataFrame) -> None:
            waiting.append(rows)
            if sum(some.height for some in waiting) >= ROW_GROUP:
                flush()

        yield write
        flush()


def _arrow(rows: pl.DataFrame) -> "pa.Table":
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())
