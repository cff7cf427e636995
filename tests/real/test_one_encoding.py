"""A whole release has one encoding a column, and fastparquet reads its codes as pyarrow does."""

import pytest

from pfsetl.declared import contracts
from tests.kinds import Built
from tests.unit.test_one_encoding import differing, encodings

TABLES = contracts.load().tables


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_one_encoding_over_all_row_groups(table, built: Built):
    for release in ("RVU26A", "RVU25D"):
        for path in built(release).files(table, release):
            assert {name: found for name, found in encodings(path).items() if len(found) > 1} == {}


@pytest.mark.parametrize("table", [name for name in TABLES if name != "payment_locality"])  # a million rows
def test_fastparquet_reads_every_text_as_pyarrow_does(table, built: Built):
    for path in built("RVU14A").files(table, "RVU14A"):
        assert differing(path, table) == []
