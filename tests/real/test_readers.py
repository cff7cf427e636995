"""A whole release reads the same in polars, DuckDB, pyarrow and pandas, to the last cent."""

import pytest

from pfsetl.declared import contracts
from tests import readers
from tests.kinds import Built
from tests.readers import READERS

TABLES = contracts.load().tables
WHOLE = {name: read for name, read in READERS.items() if name != "pandas"}  # a million Decimal objects a column
RELEASE = "RVU14A"  # has rows in every table but the one that compares two releases


@pytest.mark.parametrize("table", TABLES)
def test_every_reader_finds_the_same_in_a_table(table, built: Built):
    files = built(RELEASE).files(table, RELEASE)
    found = {reader: read(files) for reader, read in WHOLE.items()}
    for reader, (types, facts) in found.items():
        assert facts == found["pyarrow"][1], reader
        assert types == readers.expected_types(reader, TABLES[table])
