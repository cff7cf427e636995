"""Every table of RVU25A, cell by cell, as a script makes it that shares no code with pfsetl (`tools/bare/whole.py`)."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pfsetl.declared import contracts
from tests.kinds import Built
from tools.bare import whole


@pytest.fixture(scope="module")
def written(release_path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the script's tables."""
    folder = tmp_path_factory.mktemp("bare")
    whole.by_polars(release_path("RVU25A"), folder)
    return folder


@pytest.mark.parametrize("name", whole.TABLES)
def test_each_cell_is_what_the_script_makes(name: str, written: Path, built: Built) -> None:
    ours = built("RVU25A").scan(name).collect()
    theirs = pl.read_parquet(written / f"{name}.parquet").select(pl.col(c).cast(d) for c, d in ours.schema.items())
    assert_frame_equal(ours, theirs.sort(contracts.load().tables[name].key), check_exact=True)


def test_what_the_script_leaves_out_is_empty_or_the_record_of_the_archive(built: Built) -> None:
    left_out = [name for name in contracts.load().tables if name not in whole.TABLES]
    rows = {name: built("RVU25A").scan(name).collect().height for name in left_out}
    assert rows == {"release_changes": 0, "releases": 1}
