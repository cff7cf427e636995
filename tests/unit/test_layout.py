"""How published Parquet files lie on the disk: what a lookup of one code has to read, and what a footer says."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pfsetl import Version
from pfsetl.declared import contracts
from pfsetl.publication import parquet
from tests import publisher
from tests import synthetic as s

CONTRACT = contracts.load()
PAYMENTS = CONTRACT.tables["payment_locality"]
PRICE = ["hcpcs", "modifier", "state", "locality", "nonfacility_payment", "facility_payment"]
CODES, PLACES = 1_500, 109
PART = 50_000


def crossed() -> pl.DataFrame:
    """A payment_locality of invented codes, as long as a third of a release, with amounts that don't compress."""
    codes = pl.DataFrame({"hcpcs": [f"Z{n:04d}" for n in range(CODES)]})
    places = pl.DataFrame({"place": range(PLACES)}).select(
        state=pl.format("S{}", pl.col("place") // 10 + 10), locality=pl.format("L{}", pl.col("place") + 100)
    )
    rows = codes.join(places, how="cross", maintain_order="left_right").with_row_index("n")
    amount = (pl.col("n").hash(seed=1) % 1_000_000).cast(pl.Int64) / 100
    fill = {pl.String(): pl.lit("x"), pl.Boolean(): pl.lit(value=False)}
    columns = {c.name: fill.get(c.dtype, amount).cast(c.dtype) for c in PAYMENTS.columns if c.name not in rows.columns}
    return rows.with_columns(**columns).select(PAYMENTS.schema.names())


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That table, written in parts as a build writes it."""
    rows = publisher.enums(crossed())
    target = tmp_path_factory.mktemp("layout") / "payment_locality.parquet"
    parquet.write((rows[start : start + PART] for start in range(0, rows.height, PART)), PAYMENTS, target)
    return target


def chunks(path: Path, columns: Iterable[str]) -> Iterator[pq.ColumnChunkMetaData]:
    footer = pq.read_metadata(path)
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        yield from (c for c in (group.column(i) for i in range(group.num_columns)) if c.path_in_schema in columns)


@cache
def groups(path: Path) -> list[tuple[str, str, int]]:
    """Of each row group the first and the last code, by the statistics of the footer, and the bytes of a price's
    columns."""
    footer = pq.read_metadata(path)
    found = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        columns = {c.path_in_schema: c for c in (group.column(i) for i in range(group.num_columns))}
        statistics = columns["hcpcs"].statistics
        found.append((statistics.min, statistics.max, sum(columns[name].total_compressed_size for name in PRICE)))
    return found


def touched(path: Path, code: str) -> list[int]:
    """The bytes of a price's columns in each row group that may hold a code."""
    return [size for first, last, size in groups(path) if first <= code <= last]


class Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    taken = 0

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        count = super().readinto(buffer) or 0
        self.taken += count
        return count

    def read(self, size: "int | None" = -1) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.taken += len(data)
        return data


def read_by_arrow(path: Path, **wanted: str) -> tuple[pl.DataFrame, int]:
    """The rows that a lookup finds, and the bytes that it took."""
    with Counted(path) as file:
        table = pq.read_table(
            pa.PythonFile(file), columns=PRICE, filters=[(k, "=", v) for k, v in wanted.items()], use_threads=False
        )
        found = pl.from_arrow(table)
        assert isinstance(found, pl.DataFrame)
        return found, file.taken


@pytest.mark.long
def test_a_lookup_touches_two_row_groups_at_most(streamed: Path) -> None:
    needed = [len(touched(streamed, f"Z{n:04d}")) for n in range(CODES)]
    assert (min(needed), max(needed)) == (1, 2)


def test_a_lookup_needs_a_small_part_of_the_columns_it_reads(streamed: Path) -> None:
    whole = sum(chunk.total_compressed_size for chunk in chunks(streamed, PRICE))
    assert sum(touched(streamed, "Z0700")) < whole / 5


def test_a_lookup_finds_its_rows(streamed: Path) -> None:
    assert read_by_arrow(streamed, hcpcs="Z0700")[0].height == PLACES


def test_a_code_that_is_not_there_touches_one_row_group_at_most(streamed: Path) -> None:
    assert [touched(streamed, code) for code in ("A0000", "ZZZZZ")] == [[], []]
    assert len(touched(streamed, "Z0700X")) <= 1


def test_a_real_lookup_needs_less_than_64_kilobytes_of_columns(built: Callable[[str], Version]) -> None:
    at = built("RVU25A")
    path = Path(at.files("payment_locality", "RVU25A")[0])
    codes = at.scan("payment_locality", "RVU25A").select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"]
    needed = [touched(path, code) for code in codes.gather_every(20)]
    assert max(len(sizes) for sizes in needed) == 2
    assert sorted(sum(sizes) for sizes in needed)[len(needed) // 2] < 64_000
    assert max(sum(sizes) for sizes in needed) < 140_000  # of a code that lies in two groups


@pytest.mark.parametrize("place", [False, True], ids=["everywhere", "in one locality"])
def test_a_real_lookup_of_a_price_reads_a_fiftieth_of_the_file(built: Callable[[str], Version], place: bool) -> None:
    at = built("RVU25A")
    path = Path(at.files("payment_locality", "RVU25A")[0])
    frame = at.scan("payment_locality", "RVU25A").filter(hcpcs="G0402")
    there = frame.select("state", "locality").first().collect().row(0, named=True) if place else {}
    found, taken = read_by_arrow(path, hcpcs="G0402", **there)
    assert found.height == frame.filter(**there).collect().height > 0
    assert taken < path.stat().st_size / 50


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Parquet file of every table of a small release."""
    import pfsetl

    folder = tmp_path_factory.mktemp("small")
    archive = s.write_zip(folder / "RVU25A.zip", s.release())
    at = pfsetl.build("RVU25A", store=pfsetl.open_store(folder / "store"), archive=archive, sample=True).version
    return {r.table: Path(at.store.uri(r.path)) for r in at.resources}


@pytest.mark.parametrize("name", CONTRACT.tables)
def test_every_key_column_has_statistics(files: dict[str, Path], name: str) -> None:
    table = CONTRACT.tables[name]
    # Over all releases the first alone lets a reader skip row groups.
    key = table.key[:1] if table.over == contracts.ALL_RELEASES else table.key
    rows = pq.read_metadata(files[name]).num_rows
    found = list(chunks(files[name], key))
    assert len(found) >= len(key) * bool(rows)
    assert all(chunk.statistics is not None and chunk.statistics.has_min_max for chunk in found)


@pytest.mark.parametrize("name", CONTRACT.tables)
def test_every_reader_sees_what_a_column_means(files: dict[str, Path], name: str) -> None:
    table, path = CONTRACT.tables[name], files[name]
    declared = {c.name: {"description": c.description} | ({"unit": c.unit} if c.unit else {}) for c in table.columns}
    arrow = {f.name: {k.decode(): v.decode() for k, v in f.metadata.items()} for f in pq.read_schema(path)}
    query = f"SELECT decode(value) FROM parquet_kv_metadata('{path}') WHERE decode(key) = ?"
    by_duckdb = [duckdb.execute(query, [key]).fetchall()[0][0] for key in ("columns", "description")]
    assert arrow == declared
    assert json.loads(by_duckdb[0]) == declared
    assert by_duckdb[1] == table.description == pl.read_parquet_metadata(path)["description"]
