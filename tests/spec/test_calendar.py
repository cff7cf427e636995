"""Which release prices a day of service, as CMS's index, its corrections and the laws between them settled it."""

from datetime import date
from itertools import pairwise

import polars as pl
import pytest

from pfsetl.declared import calendar, registry
from pfsetl.errors import UsageError


@pytest.mark.parametrize(
    ("day", "release"),
    [
        ("2009-12-31", "RVU09C"),  # there is no RVU09D
        ("2010-05-31", "RVU10AR1"),
        ("2010-06-01", "RVU10C_PCT22"),  # the factor changed on 1 June, in the release labelled July
        ("2011-01-01", "RVU11AR"),  # RVU11A carries a factor that was never paid
        ("2012-02-29", "RVU12AR"),
        ("2012-03-01", "RVU12M"),
        ("2013-03-31", "RVU13AR"),
        ("2018-02-01", "RVU18AR1"),
        ("2024-03-08", "RVU24A"),
        ("2024-03-09", "RVU24AR"),
        ("2026-01-01", "RVU26A"),
    ],
)
def test_the_day_is_priced_by(day: str, release: str) -> None:
    assert calendar.pricing_release(date.fromisoformat(day)).label == release


@pytest.mark.parametrize("label", ["RVU11A", "RVU12A", "RVU13A", "RVU10C_PCT0", "RVU10D_PCT0"])
def test_a_release_that_was_never_in_force_prices_no_day(label: str) -> None:
    assert label not in {segment.release for segment in calendar.segments()}


def test_as_of_a_day_before_the_correction_was_posted_the_older_release_prices() -> None:
    # RVU24AR was posted on 2024-04-01; before, RVU24A ran to the end of March
    assert calendar.pricing_release(date(2024, 3, 9), as_of=date(2024, 3, 20)).label == "RVU24A"
    assert calendar.pricing_release(date(2024, 3, 9), as_of=date(2024, 4, 1)).label == "RVU24AR"


@pytest.mark.parametrize("day", ["2003-02-28", "2199-01-01"])
def test_days_that_no_release_prices_are_refused(day: str) -> None:
    with pytest.raises(UsageError, match=day):
        calendar.pricing_release(date.fromisoformat(day))


def test_the_calendar_has_neither_gap_nor_overlap() -> None:
    segments = calendar.segments()
    for one, two in pairwise(segments):
        assert (two.first - one.last).days == 1, (one, two)


@pytest.mark.parametrize(
    ("release", "factor"),
    [
        ("RVU15A", "35.7547"),
        ("RVU15C", "35.9335"),
        ("RVU24A", "32.7442"),
        ("RVU24AR", "33.2875"),
        ("RVU11AR", "33.9764"),
    ],
)
def test_the_factor_is_the_one_that_was_paid(release: str, factor: str) -> None:
    table = calendar.release_calendar(registry.find(release))
    assert table["conversion_factor"].to_list() == [factor]


def test_both_participants_of_2026_have_their_factor() -> None:
    table = calendar.release_calendar(registry.find("RVU26A")).sort("participant")
    assert table.select("participant", "conversion_factor").rows() == [("non_qp", "33.4009"), ("qp", "33.5675")]
    assert isinstance(table.schema["effective_from"], pl.Date)


@pytest.mark.parametrize(
    ("day", "as_of", "label"), [("2024-02-01", "2024-02-01", "RVU24A"), ("2025-01-02", "2025-01-02", "RVU25A")]
)
def test_a_release_was_known_on_its_first_day_though_it_was_posted_again_later(day, as_of, label):
    assert calendar.pricing_release(date.fromisoformat(day), date.fromisoformat(as_of)).label == label
