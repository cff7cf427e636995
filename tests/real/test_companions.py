"""Files of CMS's beside the releases, as CMS published them: they load, and say what is known of them."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pfsetl.publication import loading
from pfsetl.storage.folder import LocalStore

Frame = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module")
def beside(cms: Path) -> Path:
    folder = cms.parent / "companions"
    if not folder.is_dir():
        pytest.skip(f"SKIPPED, NOT PASSED: no companion files in {folder}")
    return folder


@pytest.fixture
def frame(beside: Path, tmp_path: Path) -> Frame:
    def load(name: str, *day: object, **how: object) -> pl.DataFrame:
        store = LocalStore(tmp_path / "store")
        return loading.load(store, beside / name, *day, **how).frame(store)  # type: ignore[arg-type]

    return load


def test_cmss_list_of_mues_is_whole_and_97761_has_6_units_of_a_day(frame: Frame) -> None:
    rows = frame("MCR_MUE_PractitionerServices_Eff_04-01-2026.csv")
    assert rows.height == 15_095
    assert rows.filter(hcpcs="97761").select("most_units", "indicator").rows() == [(6, "3")]
