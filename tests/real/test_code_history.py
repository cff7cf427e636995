"""The story of a code on CMS's own files: what moved, cause by cause, between releases that are next to each other."""

from itertools import pairwise

import polars as pl
import pytest

from pfsetl.tables.code_history import CAUSES, OF, code_history
from pfsetl.tables.derive import SETTINGS
from tests.kinds import Built

PAIRS = list(pairwise(("RVU24A", "RVU25A", "RVU25C", "RVU25D", "RVU26A")))


def moved(built: Built, old: str, new: str) -> pl.DataFrame:
    before, now = ({name: built(x).scan(name, x).collect() for name in OF} for x in (old, new))
    return code_history(before, now)


def test_orthotic_fitting_fell_a_cent_in_2026(built: Built) -> None:
    """97761: $40.43 to $40.42; 1.25 RVUs at 32.3465 became 1.21 at 33.4009."""
    found = moved(built, "RVU25D", "RVU26A").filter(hcpcs="97761", participant="non_qp")
    columns = ["nonfacility_amount", "nonfacility_change", "nonfacility_change_pe", "nonfacility_change_factor"]
    assert [str(value) for value in found.select(columns).row(0)] == ["40.42", "-0.01", "-1.293860", "1.275824"]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_the_causes_of_every_row_add_up(old: str, new: str, built: Built) -> None:
    found = moved(built, old, new).filter(pl.col("not_compared").is_null())
    for setting in SETTINGS:
        parts = sum((pl.col(f"{setting}_change_{cause}") for cause in CAUSES), start=pl.lit(0))
        off = found.filter(pl.col(f"{setting}_change") != parts)
        assert (found.height > 15_000, off.height) == (True, 0)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_where_no_rvu_moved_the_change_is_the_factors_to_the_cent(old: str, new: str, built: Built) -> None:
    found = moved(built, old, new).filter(pl.col("not_compared").is_null())
    for setting in SETTINGS:
        still = [pl.col(f"{setting}_change_{part}") == 0 for part in ("work", "pe", "mp")]
        off = (pl.col(f"{setting}_change") - pl.col(f"{setting}_change_factor")).abs()
        assert found.filter(*still).filter(off >= 0.01).height == 0
