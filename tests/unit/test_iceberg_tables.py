"""Every published table reads the same as an Iceberg table and as Parquet, at each version."""

from pathlib import Path

import polars as pl
import pytest
from pyiceberg.table import StaticTable

import pfsetl
from pfsetl.declared import contracts
from pfsetl.iceberg import register
from pfsetl.iceberg.register import Registration
from pfsetl.storage.folder import LocalStore
from tests import publisher, s3_server
from tests.copied import copied
from tests.s3_server import Server

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:Iceberg scan planning")]

TABLES = contracts.load().tables


@pytest.fixture(scope="module")
def sample(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(demo, tmp_path_factory.mktemp("iceberg") / "demo")


@pytest.fixture(scope="module")
def done(sample: Path) -> Registration:
    return register.register(LocalStore(sample))


def test_there_is_a_table_for_each_table_of_the_contract(done: Registration) -> None:
    assert done.tables.keys() == TABLES.keys()


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", TABLES)
def test_pyiceberg_and_polars_read_the_rows_that_were_published(
    name: str, number: int, sample: Path, done: Registration
) -> None:
    version, key = pfsetl.open(sample, number), TABLES[name].key
    expected = version.scan(name).collect().sort(key)
    found = StaticTable.from_metadata(done.tables[name])
    snapshot = found.snapshot_by_name(f"v{number}")
    assert snapshot is not None
    by_pyiceberg = pl.DataFrame(found.scan(snapshot_id=snapshot.snapshot_id).to_arrow())
    by_polars = pl.scan_iceberg(done.tables[name], snapshot_id=number).collect()
    assert by_pyiceberg.sort(key).equals(expected)
    assert by_polars.sort(key).equals(expected)
    assert by_pyiceberg.schema == by_polars.schema == expected.schema


def test_a_filter_finds_what_it_finds_in_the_parquet(sample: Path, done: Registration) -> None:
    wanted = pl.col("hcpcs").eq("G0101") & pl.col("release").eq("RVU26A")
    found = pl.scan_iceberg(done.tables["payment_locality"]).filter(wanted).collect()
    expected = pfsetl.open(sample).scan("payment_locality").filter(wanted).collect()
    assert found.height == 218  # 109 localities, two participants
    assert found.sort(TABLES["payment_locality"].key).equals(expected)


def test_a_store_in_a_bucket_is_registered_and_read(s3: Server, bucket: str) -> None:
    store = pfsetl.open(bucket).store
    publisher.published(store, "RVU25A", "1.0000")
    register.register(store)
    publisher.published(store, "RVU25A", "2.0000")
    done = register.register(store)
    signed_in = {
        "s3.endpoint": s3.endpoint,
        "s3.access-key-id": s3_server.KEY,
        "s3.secret-access-key": s3_server.SECRET,
        "s3.region": "us-east-1",
    }
    assert done.added == (2,)
    for folder in (f"{bucket}/iceberg/pfs/conversion_factor", done.tables["conversion_factor"]):
        found = StaticTable.from_metadata(folder, signed_in)
        values = [found.scan(snapshot_id=n).to_arrow()["conversion_factor"].to_pylist() for n in (1, 2)]
        assert [str(value) for (value,) in values] == ["1.0000", "2.0000"]
    by_polars = pl.scan_iceberg(done.tables["conversion_factor"], storage_options=signed_in, snapshot_id=1).collect()
    assert by_polars["conversion_factor"].cast(pl.String).to_list() == ["1.0000"]
