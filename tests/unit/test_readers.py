"""Every published table reads the same in polars, DuckDB, pyarrow and pandas: rows, types, nulls, exact sums, texts."""

import csv
import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import samples
from pfsetl.declared import contracts
from tests import readers
from tests.readers import READERS

pytestmark = pytest.mark.long

TABLES = contracts.load().tables


@pytest.fixture(scope="module")
def sample(demo: Path) -> Version:
    return pfsetl.open(demo)


Read = Callable[[str, str], tuple[readers.Types, readers.Facts]]


@pytest.fixture(scope="module")
def read(sample: Version) -> Read:
    """What a reader makes of a table of the sample, which it reads once for all tests."""
    return cache(lambda reader, name: READERS[reader](sample.files(name)))


@pytest.mark.parametrize("name", TABLES)
def test_every_reader_finds_the_same_in_a_table(name: str, sample: Version, read: Read) -> None:
    rows = sum(r.rows for r in sample.resources if r.table == name)
    found = {reader: read(reader, name) for reader in READERS}
    facts = found["pyarrow"][1]
    assert facts[""] == (rows,)
    assert facts.keys() - {""} == set(TABLES[name].schema)
    # Of a column without a value, plain pandas doesn't know whether it was one of decimals.
    without = {c for c, (nulls, *_) in facts.items() if c and nulls == rows}
    for reader, (_, others) in found.items():
        assert others.keys() == facts.keys()
        for column, fact in facts.items():
            about = 1 if reader == "pandas" and column in without else None
            assert others[column][:about] == fact[:about], (reader, column)


@pytest.mark.parametrize("reader", [r for r in READERS if r != "pandas"])
def test_every_reader_has_the_type_that_the_page_says(reader: str, read: Read) -> None:
    found = {name: read(reader, name)[0] for name in TABLES}
    assert found == {name: readers.expected_types(reader, table) for name, table in TABLES.items()}


@pytest.mark.parametrize("name", TABLES)
def test_plain_pandas_has_the_type_that_the_page_says_or_objects(name: str, read: Read) -> None:
    # A column with nothing but nulls has no type in pandas, flags with nulls are objects, and counts with nulls floats.
    types, facts = read("pandas", name)
    for column, expected in readers.expected_types("pandas", TABLES[name]).items():
        nulls = facts[column][0]
        if expected == "int32" and nulls:
            assert types[column] == "float64", column
        elif nulls == facts[""][0] and expected != "str":
            assert types[column] == "object"
        else:
            assert types[column] == ("object of bool" if expected == "bool" and nulls else expected), column


def test_sums_are_those_of_the_csv_that_was_published(sample: Version) -> None:
    # The nonQPP csv of the bundled archive, added up by the standard library; column 5 is work, 10 malpractice.
    (path,) = [p for p in samples.archives() if p.stem == "RVU26A"]
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("nonQPP.csv")]
        text = archive.read(name).decode("cp1252")
    rows = [r for r in csv.reader(io.StringIO(text)) if len(r) > 10 and r[0] not in ("", "HCPCS")]
    work, malpractice = (sum(Decimal(r[at]) for r in rows) for at in (5, 10))
    frame = pl.read_parquet(sample.files("rvu", "RVU26A")).filter(participant="non_qp")
    assert frame.height == len(rows) > 3000
    assert (frame["work_rvu"].sum(), frame["mp_rvu"].sum()) == (work, malpractice)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "change",
    [
        pl.when(pl.col("hcpcs") == "G0101")
        .then(pl.col("amount") + Decimal("0.01"))
        .otherwise("amount")
        .alias("amount"),
        pl.when(pl.col("hcpcs") == "G0101").then(None).otherwise("amount").alias("amount"),
        pl.col("hcpcs").replace("G0101", "G0102"),
        pl.col("flag").not_(),
    ],
    ids=["a cent", "a null", "a code", "a flag"],
)
def test_a_difference_is_noticed(change: pl.Expr, reader: str, tmp_path: Path) -> None:
    rows = {"hcpcs": ["G0101", "G0439", "G0439"], "amount": ["1.10", "2.20", None], "flag": [True, False, False]}
    frame = pl.DataFrame(rows).with_columns(pl.col("amount").cast(pl.Decimal(9, 2)))
    files = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
    frame.write_parquet(files[0])
    frame.with_columns(change).write_parquet(files[1])
    before, after = (READERS[reader]([file])[1] for file in files)
    assert before["amount"] == (1, Decimal("3.30"))
    assert before != after
