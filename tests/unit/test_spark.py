"""Spark reads every published table as pyarrow does; skipped where no Java or no pyspark is installed."""

import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import main
from pfsetl.declared import contracts
from tests import readers
from tests.duckdb_extensions import FOLDER
from tests.unit.test_consumers_page import lines, run
from tests.unit.test_lakehouse_page import EXAMPLES

pytestmark = pytest.mark.slow

TABLES = contracts.load().tables
TYPES = {"string": "string", "boolean": "boolean", "int32": "int", "float64": "double", "date": "date"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def spark(place: Path) -> Iterator[Any]:
    """A session whose working directory, which Java never changes, is the place."""
    if shutil.which("java") is None:
        pytest.skip("SKIPPED, NOT PASSED: no Java on the path; Spark needs one")
    sys.path.append(str(FOLDER / "spark"))
    sql = pytest.importorskip("pyspark.sql", reason="SKIPPED, NOT PASSED: pyspark isn't installed; make lakehouse")
    options = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1", "spark.log.level": "ERROR"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        session = sql.SparkSession.builder.master("local[1]").config(map=options).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def folder(spark: Any, place: Path) -> Path:
    """Where the demo is published."""
    main(["demo", "--output", str(place / "output" / "demo")])
    return place


@pytest.fixture(scope="module")
def sample(folder: Path) -> Version:
    return pfsetl.open(folder / "output" / "demo")


def facts(rows: Any, types: dict[str, str]) -> readers.Facts:
    """Rows, and of each column the nulls and a sum, or the smallest and the largest."""
    asked = ["count(*)"]
    for name, kind in types.items():
        asked.append(f"count_if({name} IS NULL)")
        if kind.startswith("decimal"):
            asked.append(f"coalesce(sum({name}), 0)")
        elif kind == "boolean":
            asked.append(f"count_if({name})")
        else:
            asked += [f"min({name})", f"max({name})"]
    (found,) = rows.selectExpr(*(f"{one} AS c{at}" for at, one in enumerate(asked))).collect()
    values = iter(found)
    told: readers.Facts = {"": (next(values),)}
    for name, kind in types.items():
        count = 2 if kind.startswith("decimal") or kind == "boolean" else 3
        told[name] = tuple(next(values) for _ in range(count))
    return told


@pytest.mark.parametrize("name", TABLES)
def test_spark_finds_the_types_and_values_of_a_table(name: str, spark: Any, sample: Version) -> None:
    files = sample.files(name)
    rows = spark.read.parquet(*files)
    types = dict(rows.dtypes)
    expected = {}
    for column in TABLES[name].columns:
        kind = contracts.type_name(column.dtype)
        expected[column.name] = TYPES.get(kind, kind)
    assert types == expected
    by_pyarrow = readers.by_pyarrow(files)[1]
    for name_of_column, fact in facts(rows, types).items():
        assert fact == by_pyarrow[name_of_column][: len(fact)], name_of_column


def test_a_cent_that_differs_is_noticed(spark: Any) -> None:
    rows = spark.createDataFrame([(Decimal("1.10"),), (None,)], "amount decimal(9,2)")
    assert facts(rows, {"amount": "decimal(9,2)"}) == {"": (2,), "amount": (1, Decimal("1.10"))}


def test_the_example_of_the_page_prints_what_it_says(spark: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (example,) = [e for e in EXAMPLES if e.mark == "spark"]
    assert lines(run(example)) == lines(example.printed)
