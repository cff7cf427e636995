"""DuckDB reads every table through its extensions iceberg and httpfs; skipped where `make lakehouse` hasn't run."""

from pathlib import Path

import pytest

import pfsetl
from pfsetl.cli import main
from pfsetl.declared import contracts
from pfsetl.export import views
from pfsetl.iceberg import register
from pfsetl.iceberg.register import Registration
from pfsetl.storage.folder import LocalStore
from tests import duckdb_extensions, publisher, s3_server
from tests.s3_server import Server
from tests.unit.test_consumers_page import lines
from tests.unit.test_lakehouse_page import EXAMPLES

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not duckdb_extensions.PLACE.is_dir(),
        reason=f"SKIPPED, NOT PASSED: no {duckdb_extensions.PLACE}; make lakehouse, or name its folder in "
        "$PFSETL_LAKEHOUSE",
    ),
]

TABLES = contracts.load().tables


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("duckdb") / "output" / "demo"
    main(["demo", "--output", str(folder)])
    return folder


@pytest.fixture(scope="module")
def done(sample: Path) -> Registration:
    return register.register(LocalStore(sample))


def differences(table: str, metadata: str, version: pfsetl.Version) -> str:
    """A query for the rows that only the Iceberg table or only the Parquet has, and for the columns that differ."""
    iceberg = f"(FROM iceberg_scan('{metadata}', snapshot_from_id = {version.number}::UBIGINT))"
    parquet = f"(FROM read_parquet({version.files(table)!r}))"
    only = [f"(SELECT count(*) FROM ({a} EXCEPT ALL {b}))" for a, b in ((iceberg, parquet), (parquet, iceberg))]
    kinds = [f"(SELECT list((column_name, column_type)) FROM (DESCRIBE {one}))" for one in (iceberg, parquet)]
    return f"SELECT '{table}', {', '.join(only)}, {kinds[0]} = {kinds[1]}, (SELECT count(*) FROM {iceberg})"


@pytest.mark.parametrize("number", [1, 2])
def test_iceberg_scan_reads_the_rows_that_were_published(number: int, sample: Path, done: Registration) -> None:
    version = pfsetl.open(sample, number)
    there = {r.table: 0 for r in version.resources}
    for r in version.resources:
        there[r.table] += r.rows
    found = duckdb_extensions.rows([differences(name, done.tables[name], version) for name in there])
    assert found == [[(name, 0, 0, True, rows)] for name, rows in there.items()]


def test_the_example_of_the_page_prints_what_it_says(
    sample: Path, done: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sample.parents[1])
    (example,) = [e for e in EXAMPLES if e.mark == "duckdb"]
    installs, *asked = example.code.splitlines()
    assert installs == "INSTALL iceberg; LOAD iceberg;"
    found = [row for answer in duckdb_extensions.rows(asked) for row in answer]
    assert ["  ".join(row) for row in found] == lines(example.printed)


def test_in_a_bucket_views_and_iceberg_tables_read(s3: Server, bucket: str) -> None:
    store = pfsetl.open(bucket).store
    publisher.published(store, "RVU25A", "1.0000")
    at = publisher.published(store, "RVU25B", "2.0000")
    done = register.register(store)
    host = s3.endpoint.partition("://")[2]
    secret = (
        f"CREATE SECRET (TYPE s3, KEY_ID '{s3_server.KEY}', SECRET '{s3_server.SECRET}', REGION 'us-east-1', "
        f"ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)"
    )
    asked = "SELECT release, conversion_factor FROM {} ORDER BY release"
    first = f"iceberg_scan('{done.tables['conversion_factor']}', snapshot_from_id = 1::UBIGINT)"
    newest = f"iceberg_scan('{done.base}/iceberg/pfs/conversion_factor')"
    found = duckdb_extensions.rows(
        [secret, *views.statements(at), *(asked.format(one) for one in ("conversion_factor", newest, first))]
    )
    both = [("RVU25A", "1.0000"), ("RVU25B", "2.0000")]
    assert found[-3:] == [both, both, both[:1]]
