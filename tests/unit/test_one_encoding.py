"""Each column has one encoding in all row groups of a file, so that readers that look at the first see every row."""

from pathlib import Path

import fastparquet
import polars as pl
import pyarrow.parquet as pq
import pytest

from pfsetl import Version
from pfsetl.declared import contracts

pytestmark = pytest.mark.long

TABLES = contracts.load().tables


def encodings(path: str) -> dict[str, set[tuple[str, ...]]]:
    """The sets of encodings that the row groups of a file use, by column."""
    file = pq.ParquetFile(path).metadata
    found: dict[str, set[tuple[str, ...]]] = {}
    for group in (file.row_group(number) for number in range(file.num_row_groups)):
        for column in (group.column(number) for number in range(file.num_columns)):
            found.setdefault(column.path_in_schema, set()).add(tuple(sorted(column.encodings)))
    return found


def differing(path: str, table: str) -> list[str]:
    """The text columns that fastparquet reads differently than pyarrow."""
    texts = [name for name, dtype in TABLES[table].schema.items() if dtype == pl.String]
    ours = pq.read_table(path, columns=texts)
    return [name for name in texts if texts_by_fastparquet(path, name) != ours[name].to_pylist()]


def texts_by_fastparquet(path: str, column: str) -> list[str | None]:
    values = fastparquet.ParquetFile(path).to_pandas(columns=[column])[column]
    return [str(value) if isinstance(value, str) else None for value in values]


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_one_encoding_over_all_row_groups(table, sample: Version):
    for path in sample.files(table):
        assert {name: found for name, found in encodings(path).items() if len(found) > 1} == {}


def test_amounts_by_locality_alone_are_left_uncompressed(sample: Version) -> None:
    packed = {
        (table, about.path_in_schema): about.compression
        for table in ("payment_locality", "payment_national")
        for path in sample.files(table)
        for about in map(pq.read_metadata(path).row_group(0).column, range(len(TABLES[table].schema)))
    }
    plain = {place for place, codec in packed.items() if codec == "UNCOMPRESSED"}
    money = {name for name, dtype in TABLES["payment_locality"].schema.items() if isinstance(dtype, pl.Decimal)}
    assert plain == {("payment_locality", name) for name in money}


@pytest.mark.parametrize("table", TABLES)
def test_fastparquet_reads_every_text_as_pyarrow_does(table, sample: Version):
    for path in sample.files(table):
        if pq.ParquetFile(path).metadata.num_rows:
            assert differing(path, table) == []


def test_row_groups_of_unlike_encodings_would_be_noticed(tmp_path: Path):
    """The control: polars gives a group whose codes hardly repeat no dictionary, and fastparquet loses its codes."""
    codes = [f"G{i % 50:04}" for i in range(1000)] + [f"A{i:04}" for i in range(1000)]
    path = str(tmp_path / "t.parquet")
    pl.DataFrame({"hcpcs": codes}).write_parquet(path, row_group_size=1000)
    assert len(encodings(path)["hcpcs"]) == 2
    assert texts_by_fastparquet(path, "hcpcs") != codes
