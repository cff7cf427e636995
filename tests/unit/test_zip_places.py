"""ZIP codes lie in localities that the release of their first day has; 109 of them from 2023 on."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import ValueRefused
from pfsetl.loading.zip_places import unknown_places
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s

DAY = date(2025, 10, 1)


def zips(*places: tuple[str, str]) -> pl.DataFrame:
    rows = [(f"{90000 + n}", *place, n + 1) for n, place in enumerate(places)]
    return pl.DataFrame(rows, schema=["zip", "state", "locality", "line"], orient="row")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store with the release that prices October 2025."""
    folder = tmp_path_factory.mktemp("zip")
    made = LocalStore(folder / "store")
    pfsetl.build("RVU25D", store=made, archive=s.write_zip(folder / "RVU25D.zip", s.whole("RVU25D")))
    return made


def test_without_the_release_the_localities_are_all_that_cms_had(tmp_path: Path):
    """Anaheim was California 26 until 2022; a California 81 there never was."""
    rows = zips(("CA", "26"), ("CA", "51"), ("CA", "81"))
    assert unknown_places(LocalStore(tmp_path), rows, DAY, "ZIP5.txt") == [
        "1 ZIP code lies in a locality that no release at hand has (localities.csv): CA/81 (1, e.g. 90002 in line 3); "
        "nothing has a price there"
    ]


def test_localities_that_there_are_are_nothing_to_say(tmp_path: Path):
    assert unknown_places(LocalStore(tmp_path), zips(("CA", "18"), ("AK", "01")), DAY, "ZIP5.txt") == []


@pytest.mark.long
def test_with_the_release_they_are_its_own(store: LocalStore):
    rows = zips(*[("CA", "18")] * 40, ("CA", "26"))
    (said,) = unknown_places(store, rows, DAY, "ZIP5.txt")
    assert said.startswith("1 ZIP code lies in a locality that RVU25D doesn't have: CA/26 (1, e.g. 90040 in line 41)")


@pytest.mark.long
def test_many_of_them_are_a_file_of_another_year(store: LocalStore):
    rows = zips(*[("CA", "18")] * 18, ("CA", "26"), ("CA", "99"))
    with pytest.raises(
        ValueRefused, match=r"ZIP5.txt: of 20 rows 2 ZIP codes lie .* RVU25D doesn't have.*another year"
    ):
        unknown_places(store, rows, DAY, "ZIP5.txt")


@pytest.mark.long
def test_of_another_day_the_release_says_nothing(store: LocalStore):
    assert unknown_places(store, zips(("CA", "26")), date(2016, 1, 1), "ZIP5.txt") == []
