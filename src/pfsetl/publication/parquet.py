"""Write a table as one Parquet file, part by part, and digest its rows on the way."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Table
from pfsetl.errors import StoreError
from pfsetl.publication.digest import RowsDigest, encoded, plain

Parts = pl.DataFrame | Iterable[pl.DataFrame]
ROW_GROUP = 8_192  # these three by measurement: docs/decisions/0019
STREAMED_ROW_GROUP = 12_288
COMPRESSION_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file outside the store's objects, and the number and digest of its rows."""

    path: Path
    rows: int
    digest: str


def write(parts: Parts, table: Table, target: Path) -> Written:
    """Write the parts of a table, in key order, as one Parquet file; raises StoreError when the disk won't take it."""
    digest = RowsDigest()
    whole = isinstance(parts, pl.DataFrame)

    def stream(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        del with_columns, predicate, n_rows, batch_size  # a sink asks for everything
        for part in [parts] if isinstance(parts, pl.DataFrame) else _ahead(parts):
            coded = encoded(part)
            digest.update(coded)
            yield contracts.conform(plain(coded), table)

    try:
        register_io_source(stream, schema=table.schema).sink_parquet(
            target,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP if whole else STREAMED_ROW_GROUP,
            metadata=contracts.parquet_metadata(table),
            arrow_schema=contracts.arrow_schema(table),
        )
    except (pl.exceptions.ComputeError, OSError) as error:
        told = str(error)  # polars tells of a failed write as whatever class
        if isinstance(error, pl.exceptions.ComputeError) and not told.startswith("parquet:") and "os error" not in told:
            raise  # of making the rows, not of writing them
        raise StoreError(
            f"{target.parent}: {table.name} can't be written there: {error}. Check the free space and permissions; "
            "what was published before is untouched."
        ) from error
    return Written(target, digest.rows, digest.hexdigest(table.schema))


def _ahead(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the parts while the next one is made in another thread; at most two wait in memory."""
    parts = iter(parts)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part
