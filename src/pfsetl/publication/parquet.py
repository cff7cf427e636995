"""Write a table as one Parquet file, part by part, and digest its rows on the way.

Every column has one encoding over the whole file, because some readers look at the first row group only and lose the
text of the others: docs/decisions/0026.
"""

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.contracts import Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication.digest import RowsDigest, encoded, plain

if TYPE_CHECKING:
    import pyarrow as pa

Parts = pl.DataFrame | Iterable[pl.DataFrame]
ROW_GROUP = 8_192  # these three by measurement: docs/decisions/0019
STREAMED_ROW_GROUP = 12_288
COMPRESSION_LEVEL = 2
DICTIONARY_SHARE = 0.5  # above this share of distinct values, text is smaller as it stands
NO_LIMIT = 2**31 - 1  # bytes of a dictionary; a row group that reached a limit would change its encoding


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file outside the store's objects, and the number and digest of its rows."""

    path: Path
    rows: int
    digest: str


def write(parts: Parts, table: Table, target: Path) -> Written:
    """Write the parts of a table, in key order, as one Parquet file.

    Raises StoreError when the disk won't take it, ContractError for rows that aren't as the contract promises.
    """
    digest = RowsDigest()
    whole = isinstance(parts, pl.DataFrame)

    schema = contracts.arrow_schema(table)

    def rows() -> Iterator["pa.Table"]:
        for part in [parts] if isinstance(parts, pl.DataFrame) else parts:
            coded = encoded(part)
            digest.update(coded)
            yield _with_values(contracts.conform(plain(coded), table), table).to_arrow().cast(schema)

    stream = rows() if whole else _ahead(rows())
    try:
        _write(
            stream,
            schema,
            target,
            contracts.parquet_metadata(table),
            ROW_GROUP if whole else STREAMED_ROW_GROUP,
        )
    except OSError as error:
        raise StoreError(
            f"{target.parent}: {table.name} can't be written there: {error}. Check the free space and permissions; "
            "what was published before is untouched."
        ) from error
    return Written(target, digest.rows, digest.hexdigest(table.schema))


def is_uniform(data: bytes) -> bool:
    """Return whether every column of a Parquet file has the same encodings in all row groups."""
    import pyarrow.parquet as pq

    about = pq.read_metadata(io.BytesIO(data))
    groups = [about.row_group(n) for n in range(about.num_row_groups)]
    return all(len({g.column(n).encodings for g in groups}) <= 1 for n in range(about.num_columns))


def _with_values(part: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return rows of a table, or raise with the columns that are null where the contract requires a value."""
    required = [c.name for c in table.columns if not c.nullable]
    if bad := [
        f"{table.name}.{name}: {part[name].null_count():,} nulls" for name in required if part[name].has_nulls()
    ]:
        raise ContractError(f"{'; '.join(bad)}, where the contract requires a value. Nothing was published.")
    return part


def _write(
    tables: Iterable["pa.Table"], schema: "pa.Schema", target: Any, metadata: dict[str, str], row_group: int
) -> None:
    """Write tables as row groups of one size, whatever the sizes of the tables."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = _regrouped(tables, row_group)
    # NOTE: `schema.empty_table()` imports pandas, where it's installed, which costs a tenth of a build.
    first = next(groups, pa.Table.from_batches([], schema))
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=[name for name in schema.names if _is_repetitive(first[name])],
        dictionary_pagesize_limit=NO_LIMIT,
        store_decimal_as_integer=True,
        write_page_index=True,
        write_batch_size=row_group,
    ) as writer:
        writer.add_key_value_metadata(metadata)
        for group in chain([first] if first.num_rows else [], groups):
            writer.write_table(group, row_group)


def _regrouped(tables: Iterable["pa.Table"], size: int) -> Iterator["pa.Table"]:
    """Yield the rows of tables as tables of `size` rows; only the last may have fewer."""
    import pyarrow as pa

    waiting: pa.Table | None = None
    for table in tables:
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while waiting.num_rows >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _is_repetitive(column: "pa.ChunkedArray") -> bool:
    """Whether text repeats enough for a dictionary; numbers and flags are smaller without one."""
    import pyarrow as pa

    if not pa.types.is_large_string(column.type):
        return False
    return pl.Series(column).n_unique() <= DICTIONARY_SHARE * len(column)


def _ahead(parts: Iterable["pa.Table"]) -> Iterator["pa.Table"]:
    """Yield the parts while the next one is made in another thread; at most two wait in memory."""
    parts = iter(parts)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part
