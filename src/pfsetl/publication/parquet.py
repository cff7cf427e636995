"""Write a table as one Parquet file, part by part, and digest its rows on the way.

Every column has one encoding over the whole file, because some readers look at the first row group only and lose the
text of the others: docs/decisions/0026.
"""

import base64
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pfsetl.declared import contracts, table_schemas
from pfsetl.declared.contracts import Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication.digest import Coded, RowsDigest, coded, is_small

if TYPE_CHECKING:
    import pyarrow as pa

Parts = pl.DataFrame | Iterable[pl.DataFrame]
ROW_GROUP = 8_192  # these three by measurement: docs/decisions/0019
STREAMED_ROW_GROUP = 14_336
COMPRESSION_LEVEL = 2
DICTIONARY_SHARE = 0.5  # above this share of distinct values, text is smaller as it stands
DELTA = "DELTA_BINARY_PACKED"  # of decimals that are stored as 32-bit integers
FEW_WORDS = 256  # of a dictionary; a longer one is cut to what occurs in a row group
NO_LIMIT = 2**31 - 1  # bytes of a dictionary; a row group that reached a limit would change its encoding


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file outside the store's objects, and the number and digest of its rows."""

    path: Path
    rows: int
    digest: str


def write(parts: Parts, table: Table, target: Path) -> Written:
    """Write the parts of a table, in key order, as one Parquet file.

    A part may have text as Enums, and decimals of up to nine digits as integers of their scale, as cents are. Raises
    StoreError when the disk won't take it, ContractError for rows that aren't as the contract promises.
    """
    digest = RowsDigest(table.schema)
    whole = isinstance(parts, pl.DataFrame)

    def rows() -> Iterator[Coded]:
        for part in [parts] if isinstance(parts, pl.DataFrame) else parts:
            ready = _as_promised(coded(part), table)
            digest.update(ready)
            yield ready

    try:
        _write(rows() if whole else _ahead(rows()), table, target, ROW_GROUP if whole else STREAMED_ROW_GROUP)
    except OSError as error:
        raise StoreError(
            f"{target.parent}: {table.name} can't be written there: {error}. Check the free space and permissions; "
            "what was published before is untouched."
        ) from error
    return Written(target, digest.rows, digest.hexdigest())


def is_uniform(data: bytes) -> bool:
    """Return whether every column of a Parquet file has the same encodings in all row groups."""
    import pyarrow.parquet as pq

    about = pq.read_metadata(io.BytesIO(data))
    groups = [about.row_group(n) for n in range(about.num_row_groups)]
    return all(len({g.column(n).encodings for g in groups}) <= 1 for n in range(about.num_columns))


def _as_promised(part: Coded, table: Table) -> Coded:
    """Return the columns in contract order, small decimals as integers of their scale, as Parquet stores them.

    Raises ContractError for a column that isn't what the contract promises, or is null where it requires a value.
    """
    promised = table.schema
    told: dict[str, pl.DataType] = {}
    for name, dtype in part.frame.schema.items():
        in_units = dtype == pl.Int32 and is_small(promised.get(name, dtype))
        told[name] = pl.String() if name in part.words else promised[name] if in_units else dtype
    contracts.refuse_others(told, table)
    required = [c.name for c in table.columns if not c.nullable]
    nulls = part.frame.select(required).null_count().row(0, named=True) if part.frame.height else {}
    if bad := [f"{table.name}.{name}: {count:,} nulls" for name, count in nulls.items() if count]:
        raise ContractError(f"{'; '.join(bad)}, where the contract requires a value. Nothing was published.")
    decimals = [n for n, d in part.frame.schema.items() if is_small(d)]
    units = (pl.col(name).reinterpret(dtype=pl.Int128).cast(pl.Int32) for name in decimals)
    return Coded(part.frame.with_columns(units).select(promised.names()), part.words)


def _write(parts: Iterable[Coded], table: Table, target: Path, row_group: int) -> None:
    """Write parts as row groups of one size, whatever the sizes of the parts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = iter(parts)
    first = next(parts, coded(table.empty()))
    repetitive = {name for name in first.words if _is_repetitive(first.frame[name].head(row_group))}
    promised = table_schemas.arrow_schema(table)
    schema = pa.schema([f.with_type(_handed_over(first.frame[f.name], f.type, f.name in repetitive)) for f in promised])
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=[name for name in schema.names if name in repetitive],
        column_encoding={f.name: DELTA for f in schema if pa.types.is_decimal32(f.type)},
        dictionary_pagesize_limit=NO_LIMIT,
        store_decimal_as_integer=True,
        store_schema=False,  # which is that of what's handed over
        write_statistics=list(table.key),  # those of other columns are a quarter of the footer, and prune nothing
        write_batch_size=row_group,
    ) as writer:
        stored = base64.b64encode(promised.serialize()).decode()
        writer.add_key_value_metadata(table_schemas.parquet_metadata(table) | {"ARROW:schema": stored})
        tables = (
            pa.Table.from_arrays(
                [_arrow(part.frame[f.name], f.type, part.words.get(f.name)) for f in schema], schema=schema
            )
            for part in chain([first] if first.frame.height else [], parts)
        )
        for group in _regrouped(tables, row_group):
            writer.write_table(_compact(group), row_group)


def _handed_over(column: pl.Series, promised: "pa.DataType", repetitive: bool) -> "pa.DataType":
    """Return the type in which a column is handed to the writer: as it is in memory, which saves making it anew."""
    import pyarrow as pa

    if repetitive:
        return pa.dictionary(column.head(0).to_arrow().type, pa.large_string())
    if column.dtype == pl.Int32 and pa.types.is_decimal(promised):
        return pa.decimal32(promised.precision, promised.scale)
    return promised


def _arrow(column: pl.Series, dtype: "pa.DataType", words: pl.Series | None) -> "pa.Array":
    import pyarrow as pa

    column = column.rechunk()
    if words is not None and pa.types.is_dictionary(dtype):
        return pa.DictionaryArray.from_arrays(column.to_arrow(), words.to_arrow().cast(pa.large_string()))
    if pa.types.is_decimal32(dtype):
        units = column.to_arrow()
        return pa.Array.from_buffers(dtype, len(units), units.buffers(), offset=units.offset)
    return (column if words is None else words.gather(column)).to_arrow().cast(dtype)


def _compact(group: "pa.Table") -> "pa.Table":
    """Return a row group whose long dictionaries have little more than the words that occur in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for n, column in enumerate(group.columns):
        if pa.types.is_dictionary(column.type):
            column = column.combine_chunks()
            if len(column.dictionary) > FEW_WORDS and (ends := pc.min_max(column.indices).as_py())["max"] is not None:
                low, high = ends["min"], ends["max"]
                codes = pc.subtract(column.indices, pa.scalar(low, column.indices.type))
                words = column.dictionary.slice(low, high - low + 1)
                group = group.set_column(n, group.field(n), pa.DictionaryArray.from_arrays(codes, words))
    return group


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


def _is_repetitive(codes: pl.Series) -> bool:
    """Whether text repeats enough for a dictionary."""
    return codes.n_unique() <= DICTIONARY_SHARE * len(codes)


def _ahead(parts: Iterable[Coded]) -> Iterator[Coded]:
    """Yield the parts while the next one is made in another thread; at most two wait in memory."""
    parts = iter(parts)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part
