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
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from pfsetl.declared import contracts, table_schemas
from pfsetl.declared.contracts import Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication.digest import RowsDigest
from pfsetl.tables.numbers import Column, Rows, height, is_small, numbered, width

if TYPE_CHECKING:
    import pyarrow as pa

Part = TypeVar("Part")
Parts = pl.DataFrame | Iterable[pl.DataFrame | Rows]
ROW_GROUP = 8_192  # these three by measurement: docs/decisions/0019
STREAMED_ROW_GROUP = 14_336
ROW_GROUP_OVER_ALL = 65_536  # of a table over all releases, where a code has hundreds of rows: docs/decisions/0043
STREAMED_PART = 2 * STREAMED_ROW_GROUP  # rows that are made, digested and handed over at a time
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

    A part may have text as Enums, and decimals of up to nine digits as integers of their scale, as cents are; or it is
    numbers altogether. Raises StoreError when the disk won't take it, ContractError for rows that aren't as the
    contract promises.
    """
    digest = RowsDigest(table.schema)
    whole = isinstance(parts, pl.DataFrame)

    def rows() -> Iterator[Rows]:
        for part in [parts] if isinstance(parts, pl.DataFrame) else parts:
            ready = _as_promised(part, table)
            digest.update(ready)
            yield ready

    try:
        group = ROW_GROUP_OVER_ALL if _is_over_all(table) else ROW_GROUP if whole else STREAMED_ROW_GROUP
        _write(rows() if whole else ahead(rows()), table, target, group)
    except OSError as error:
        raise StoreError(
            f"{target.parent}: {table.name} can't be written there: {error}. Check the free space and permissions; "
            "what was published before is untouched."
        ) from error
    return Written(target, digest.rows, digest.hexdigest())


def is_uniform(data: bytes) -> bool:
    """Return whether every column of a Parquet file has the same encodings in all row groups; of a damaged one, no."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(io.BytesIO(data))
    except (pa.ArrowException, OSError):
        return False
    groups = [about.row_group(n) for n in range(about.num_row_groups)]
    return all(len({g.column(n).encodings for g in groups}) <= 1 for n in range(about.num_columns))


def _as_promised(part: pl.DataFrame | Rows, table: Table) -> Rows:
    """Return the columns of a part as numbers, in contract order.

    Raises ContractError for a column that isn't what the contract promises, or is null where it requires a value.
    """
    promised = table.schema
    if isinstance(part, pl.DataFrame):
        contracts.refuse_others({name: _told(dtype, promised.get(name)) for name, dtype in part.schema.items()}, table)
        part = numbered(part, promised)
    else:
        contracts.refuse_others({name: promised.get(name, pl.Null()) for name in part}, table)
        for name, column in part.items():
            if column.values.dtype != width(promised[name], len(column.words or ())):
                raise ContractError(f"{table.name}.{name}: numbers of {column.values.dtype}, not of {promised[name]}.")
    nulls = {c.name: int(absent.sum()) for c in table.columns if (absent := part[c.name].absent) is not None}
    if bad := [
        f"{table.name}.{c.name}: {nulls[c.name]:,} nulls" for c in table.columns if nulls.get(c.name) and not c.nullable
    ]:
        raise ContractError(f"{'; '.join(bad)}, where the contract requires a value. Nothing was published.")
    return {name: part[name] for name in promised}


def _told(dtype: pl.DataType, promised: pl.DataType | None) -> pl.DataType:
    """Return the type of a part's column as the contract would have it."""
    if isinstance(dtype, pl.Enum):
        return pl.String()
    return promised if promised is not None and dtype == pl.Int32 and is_small(promised) else dtype


def _write(parts: Iterable[Rows], table: Table, target: Path, row_group: int) -> None:
    """Write parts as row groups of one size, whatever the sizes of the parts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parts = iter(parts)
    first = next(parts, None) or _as_promised(table.empty(), table)
    repetitive = {name for name, one in first.items() if one.words is not None and _is_repetitive(one, row_group)}
    promised = table_schemas.arrow_schema(table)
    schema = pa.schema([f.with_type(_handed_over(first[f.name], f.type, f.name in repetitive)) for f in promised])
    money = {f.name for f in schema if pa.types.is_decimal32(f.type)} if row_group == STREAMED_ROW_GROUP else set()
    with pq.ParquetWriter(
        target,
        schema,
        # NOTE: of a million amounts that all differ, zstd makes a hundredth less than their differences are.
        compression={name: "none" if name in money else "zstd" for name in schema.names},
        compression_level={name: COMPRESSION_LEVEL for name in schema.names if name not in money},
        use_dictionary=[name for name in schema.names if name in repetitive],
        # NOTE: from release to release most values stay, and of such runs zstd makes less than of their differences.
        column_encoding={} if _is_over_all(table) else {f.name: DELTA for f in schema if pa.types.is_decimal32(f.type)},
        dictionary_pagesize_limit=NO_LIMIT,
        store_decimal_as_integer=True,
        store_schema=False,  # which is that of what's handed over
        write_statistics=_telling(table),  # those of other columns are a quarter of the footer, and prune nothing
        write_batch_size=row_group,
    ) as writer:
        stored = base64.b64encode(promised.serialize()).decode()
        writer.add_key_value_metadata({**table_schemas.parquet_metadata(table), "ARROW:schema": stored})
        tables = (
            pa.Table.from_arrays([_arrow(part[f.name], f.type) for f in schema], schema=schema)
            for part in chain([first] if height(first) else [], parts)
        )
        for group in _regrouped(tables, row_group):
            writer.write_table(_compact(group), row_group)


def _is_over_all(table: Table) -> bool:
    return table.over == contracts.ALL_RELEASES


def _telling(table: Table) -> list[str]:
    """Return the columns whose smallest and largest value let a reader skip row groups."""
    return list(table.key[:1] if _is_over_all(table) else table.key)


def _handed_over(column: Column, promised: "pa.DataType", repetitive: bool) -> "pa.DataType":
    """Return the type in which a column is handed to the writer: as it is in memory, which saves making it anew."""
    import pyarrow as pa

    if repetitive:
        return pa.dictionary(pa.from_numpy_dtype(column.values.dtype), pa.large_string())
    if column.values.dtype == "i4" and pa.types.is_decimal(promised):
        return pa.decimal32(promised.precision, promised.scale)
    return promised


def _arrow(column: Column, dtype: "pa.DataType") -> "pa.Array":
    """Return a column in Arrow; the numbers of its words are checked."""
    import pyarrow as pa

    if pa.types.is_dictionary(dtype):
        return pa.DictionaryArray.from_arrays(_held(column, dtype.index_type), column.words)
    if pa.types.is_decimal32(dtype):
        return _held(column, dtype)
    if column.whole is not None:
        return column.whole.cast(dtype)
    numbers = _held(column, pa.from_numpy_dtype(column.values.dtype))
    return (numbers if column.words is None else column.words.take(numbers)).cast(dtype)


def _held(column: Column, dtype: "pa.DataType") -> "pa.Array":
    """Return a column's numbers in Arrow where they are in memory, as a type of their width."""
    import numpy as np
    import pyarrow as pa

    there = None if column.absent is None else pa.py_buffer(np.packbits(~column.absent, bitorder="little"))
    return pa.Array.from_buffers(dtype, len(column.values), [there, pa.py_buffer(np.ascontiguousarray(column.values))])


def _compact(group: "pa.Table") -> "pa.Table":
    """Return a row group whose long dictionaries have little more than the words that occur in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for n, column in enumerate(group.columns):
        if pa.types.is_dictionary(column.type) and len(column.chunk(0).dictionary) > FEW_WORDS:
            column = column.combine_chunks()
            ends = pc.min_max(column.indices)
            if (high := ends["max"].as_py()) is not None:
                codes = pc.subtract(column.indices, ends["min"])
                words = column.dictionary.slice(low := ends["min"].as_py(), high - low + 1)
                group = group.set_column(n, group.field(n), pa.DictionaryArray.from_arrays(codes, words))
    return group


def _regrouped(tables: Iterable["pa.Table"], size: int) -> Iterator["pa.Table"]:
    """Yield the rows of tables as tables of `size` rows; only the last may have fewer."""
    import pyarrow as pa

    waiting: pa.Table | None = None
    for table in tables:
        waiting = pa.concat_tables([waiting, table]) if waiting is not None and waiting.num_rows else table
        while waiting.num_rows >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _is_repetitive(column: Column, row_group: int) -> bool:
    """Whether text repeats enough for a dictionary, by the first row group; null counts as a text."""
    import numpy as np

    seen, absent = column.values[:row_group], None if column.absent is None else column.absent[:row_group]
    if absent is None:
        return bool(np.count_nonzero(np.bincount(seen)) <= DICTIONARY_SHARE * len(seen))
    return bool(np.count_nonzero(np.bincount(seen[~absent])) + absent.any() <= DICTIONARY_SHARE * len(seen))


def ahead(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts while the next one is made in another thread; at most two wait in memory."""
    parts = iter(parts)
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = maker.submit(next, parts, None)
            yield part
