"""Write a table as one Parquet file, part by part, and digest its rows on the way."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Table
from pfsetl.errors import StoreError
from pfsetl.publication.digest import RowsDigest, encoded, plain

Parts = pl.DataFrame | Iterable[pl.DataFrame]
ROW_GROUP = 8_192  # these three by measurement: docs/decisions/0019
STREAMED_ROW_GROUP = 12_288
COMPRESSION_LEVEL = 2
LARGEST_DICTIONARY = 64 << 20  # bytes; a row group's text never comes near it, so no column falls back to plain


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file outside the store's objects, and the number and digest of its rows."""

    path: Path
    rows: int
    digest: str


def write(parts: Parts, table: Table, target: Path) -> Written:
    """Write the parts of a table, in key order, as one Parquet file; raises StoreError when the disk won't take it.

    Every text column is dictionary encoded in every row group, every other column plain: some readers take the encoding
    of a column's first row group for that of all (docs/decisions/0026).
    """
    import pyarrow as pa  # NOTE: takes longer to import than most commands to run
    import pyarrow.parquet as pq

    digest = RowsDigest()
    whole = isinstance(parts, pl.DataFrame)
    rows = ROW_GROUP if whole else STREAMED_ROW_GROUP
    schema = contracts.arrow_schema(table).with_metadata(contracts.parquet_metadata(table))
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    waiting = schema.empty_table()
    try:
        with pq.ParquetWriter(
            target,
            schema,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            use_dictionary=texts,
            dictionary_pagesize_limit=LARGEST_DICTIONARY,
            store_decimal_as_integer=True,
        ) as file:
            for part in [parts] if isinstance(parts, pl.DataFrame) else _ahead(parts):
                coded = encoded(part)
                digest.update(coded)
                made = contracts.conform(plain(coded), table).to_arrow().cast(schema)
                waiting = pa.concat_tables([waiting, made])
                full = waiting.num_rows // rows * rows
                if full:
                    file.write_table(waiting.slice(0, full), row_group_size=rows)
                    waiting = waiting.slice(full)
            if waiting.num_rows or not digest.rows:
                file.write_table(waiting, row_group_size=rows)
    except OSError as error:
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
