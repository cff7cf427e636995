"""Files of CMS's beside the releases, as CMS published them: they load, and say what is known of them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pfsetl.loading import load as loading
from pfsetl.publication import companions
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import profile
from tests.kinds import Built

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
        return loading.load(store, beside / name, *day, **how).companion.frame(store)  # type: ignore[arg-type]

    return load


def test_cmss_list_of_mues_is_whole_and_97761_has_6_units_of_a_day(frame: Frame) -> None:
    rows = frame("MCR_MUE_PractitionerServices_Eff_04-01-2026.csv")
    assert rows.height == 15_095
    assert rows.filter(hcpcs="97761").select("most_units", "indicator").rows() == [(6, "3")]


def test_97761_is_occupational_therapy_by_rbcs(frame: Frame) -> None:
    # another project's file of CMS's release in use in April 2024
    rows = frame("rbcs.csv", date(2024, 4, 1))
    assert rows.height == 17_033
    assert rows.filter(hcpcs="97761").select("rbcs_id", "subcategory_name", "latest").rows() == [
        ("RT021N", "Physical, Occupational, and Speech Therapy", True)
    ]


def test_the_pairs_of_97761_have_97760_in_them(beside: Path, tmp_path: Path) -> None:
    # rebuilt of another project's file: first days aren't known, and there are some ranges of codes
    name = tmp_path / "ccipra-v302r0-f1.txt"
    name.symlink_to(beside / "ccipra-reconstructed-2024Q3.txt")
    store = LocalStore(tmp_path / "store")
    rows = loading.load(store, name, sample=True).companion.frame(store)
    assert rows.height == 81_728
    pairs = rows.filter(column_1="97761", column_2="97760").select("valid_to", "modifier_indicator")
    assert pairs.sort("valid_to").rows() == [(None, "1"), (date(2019, 12, 31), "1")]


@pytest.fixture(scope="module")
def told(built: Built, beside: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The profile of 97761 in RVU26A, beside CMS's limits of April 2026 and RBCS."""
    store, version = LocalStore(tmp_path_factory.mktemp("profile") / "store"), built("RVU26A")
    loading.load(store, beside / "MCR_MUE_PractitionerServices_Eff_04-01-2026.csv")
    loading.load(store, beside / "rbcs.csv", date(2024, 4, 1))
    of = ("rvu", "payment_national", "code_text", "code_modifier")
    now = {name: version.scan(name, "RVU26A").collect() for name in of}
    now |= {kind: companions.scan(store, kind).collect() for kind in ("mue", "rbcs")}
    return profile.code_profile(None, now).filter(hcpcs="97761").row(0, named=True)


def test_the_profile_of_97761_has_its_limit_and_family(told: dict[str, object]) -> None:
    assert (told["mue_units"], told["mue_indicator"], told["rbcs_id"]) == (6, "3", "RT021N")


def test_the_profile_of_97761_says_of_which_days_its_files_are(told: dict[str, object]) -> None:
    assert (told["mue_from"], told["rbcs_from"], told["missing"]) == (date(2026, 4, 1), date(2024, 4, 1), "add_on")
