"""The table `code_events`: with which release a code appears, is gone and comes back, by the releases in force."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests.stories import Rvus, committed, staged

ANY: Rvus = ("1.00", "2.00", "0.50", "0.10")
STORY = {  # the codes of each release; RVU13A was never in force
    "RVU12D": ("G9901", "99201"),
    "RVU13A": ("99201",),
    "RVU13B": ("G9901", "99201"),
    "RVU25B": ("G9901", "99202", "99417", "99201-26"),
    "RVU25C": ("99202", "99417", "99201"),
}
PLACE = {"section": "Evaluation and Management", "subsection": "Office Visits"}


def told(store: LocalStore, story: Mapping[str, tuple[str, ...]] = STORY) -> Version:
    for label, codes in story.items():
        at = committed(store, staged(store, label, dict.fromkeys(codes, ANY), **PLACE))
    return at


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return told(LocalStore(tmp_path_factory.mktemp("events"))).scan("code_events").collect()


def of(events: pl.DataFrame, hcpcs: str, *columns: str) -> list[tuple[object, ...]]:
    return events.filter(hcpcs=hcpcs, modifier="").select(columns).rows()


def test_a_code_has_its_first_release_and_every_going_and_coming_back(events: pl.DataFrame) -> None:
    assert of(events, "99201", "release", "event", "is_there", "previous_release") == [
        ("RVU12D", "first", True, None),
        ("RVU25B", "gone", False, "RVU13B"),
        ("RVU25C", "returned", True, "RVU25B"),
    ]


def test_a_code_that_the_newest_release_lacks_has_a_last_release(events: pl.DataFrame) -> None:
    assert of(events, "G9901", "release", "first_release", "last_release") == [
        ("RVU12D", "RVU12D", "RVU25B"),
        ("RVU25C", "RVU12D", "RVU25B"),
    ]


def test_a_code_that_came_back_has_none(events: pl.DataFrame) -> None:
    assert set(of(events, "99201", "last_release")) == {(None,)}


def test_what_appeared_when_it_was_gone_is_named_nearest_first_and_counted(events: pl.DataFrame) -> None:
    assert of(events, "99201", "appeared_when_gone", "appeared_when_gone_count") == [
        (None, None),
        ("99202 99417", 2),
        (None, None),
    ]


def test_a_component_has_a_story_of_its_own(events: pl.DataFrame) -> None:
    found = events.filter(hcpcs="99201", modifier="26").select("release", "event", "appeared_when_gone_count")
    assert found.rows() == [("RVU25B", "first", None), ("RVU25C", "gone", 0)]


def test_a_release_that_was_never_in_force_is_no_event(events: pl.DataFrame) -> None:
    assert "RVU13A" not in {*events["release"], *events["previous_release"]}


@pytest.mark.long
def test_releases_in_another_order_make_the_same_file(tmp_path: Path, events: pl.DataFrame) -> None:
    backwards = dict(reversed(STORY.items()))
    assert told(LocalStore(tmp_path), backwards).scan("code_events").collect().equals(events)


def test_two_participants_are_one_code(tmp_path: Path) -> None:
    at = told(LocalStore(tmp_path), {"RVU25C": ("99201",), "RVU26A": ("99201",)})
    assert of(at.scan("code_events").collect(), "99201", "release", "event") == [("RVU25C", "first")]
