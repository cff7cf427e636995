"""The floor under the work index by date, as Congress made, ended and restored it (Social Security Act 1848(e))."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from pfsetl.declared import calendar, registry, work_floor
from pfsetl.errors import UsageError
from tests.present import present


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("service", "as_of", "floored"),
    [
        ("2003-12-31", None, False),
        ("2004-01-01", None, True),
        ("2018-01-15", "2018-01-20", False),  # lapsed; restored on 2018-02-09 back to January
        ("2018-01-15", "2018-02-09", True),
        ("2018-01-15", None, True),
        ("2024-03-08", "2024-03-08", True),
        ("2025-09-30", "2025-09-30", True),
        ("2025-10-01", "2025-10-01", False),  # lapsed; restored on 2025-11-12 back to October
        ("2025-10-01", "2025-11-11", False),
        ("2025-10-01", "2025-11-12", True),
        ("2026-01-30", "2026-01-30", True),
        ("2026-01-31", "2026-02-02", False),
        ("2026-01-31", "2026-02-03", True),
        ("2026-12-31", None, True),
        ("2027-01-01", None, False),  # CMS's footnote of the indices in RVU26C
        ("2027-01-15", None, False),
    ],
)
def test_the_floor_is_law_on_a_day_of_service_as_it_was_known(service, as_of, floored):
    assert (work_floor.in_force(date.fromisoformat(service), day(as_of)) is not None) == floored


def test_no_day_from_2004_to_2026_is_without_the_floor_as_the_law_stands():
    laws = work_floor.laws()
    assert (laws[0].first, laws[-1].last) == (date(2004, 1, 1), date(2026, 12, 31))
    assert all(two.first - one.last == timedelta(days=1) for one, two in pairwise(laws))


def test_every_act_has_a_source_a_certainty_and_the_floor_of_1_000():
    assert {(str(law.floor), law.certainty) for law in work_floor.laws()} == {
        ("1.000", "certain"),
        ("1.000", "likely"),
    }
    assert all(law.act and law.source and law.enacted_on > date.min for law in work_floor.laws())


@pytest.mark.parametrize(
    ("label", "ends"),
    [
        ("RVU26A", [("2026-01-30", "2026-02-03")]),
        ("RVU20D", [("2020-12-18", "2020-12-27")]),
        ("RVU25D", []),  # the lapse began on its first day
        ("RVU24A", []),  # the act of 2024-03-09 came on the day after
    ],
)
def test_an_end_of_the_floor_within_the_days_of_a_release_is_known_with_what_restored_it(label, ends):
    release = registry.find(label)
    assert release.effective_from is not None
    assert release.effective_to is not None
    found = work_floor.ends_within(release.effective_from, release.effective_to)
    assert [(str(end.law.last), str(present(end.restored).enacted_on)) for end in found] == ends


def test_an_end_that_nothing_has_restored_says_so():
    (end,) = work_floor.ends_within(date(2026, 12, 1), date(2027, 1, 31))
    assert (end.law.last, end.restored) == (date(2026, 12, 31), None)


# --- when a release was known, where CMS's day of posting isn't ------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "as_of", "label"),
    [
        ("2018-02-01", "2018-02-05", "RVU18A"),  # RVU18AR and RVU18AR1 were made for the act of 2018-02-09
        ("2018-02-01", "2018-02-08", "RVU18A"),
        ("2018-02-01", "2018-02-09", "RVU18AR1"),
        ("2010-06-10", "2010-06-25", "RVU10C_PCT22"),  # the 2.2 % update is an act of that day
        ("2013-02-01", "2013-02-01", "RVU13AR"),
    ],
)
def test_a_release_that_an_act_made_isnt_known_before_it(service, as_of, label):
    assert calendar.pricing_release(date.fromisoformat(service), day(as_of)).label == label


def test_days_that_nothing_known_prices_are_refused_rather_than_priced_by_an_act_to_come():
    with pytest.raises(UsageError, match="2010-06-10: no release prices this day as known on 2010-06-24"):
        calendar.pricing_release(date(2010, 6, 10), date(2010, 6, 24))


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("RVU18AR1", "not before 2018-02-09 by Bipartisan Budget Act of 2018"),
        ("RVU09AR", "it counts as known from 2009-01-01 on"),
        ("RVU12B", "it counts as known from 2012-04-01 on"),
    ],
)
def test_a_day_of_posting_that_isnt_declared_is_said(label, says):
    (note,) = calendar.how_known(registry.find(label), date(2018, 3, 1))
    assert f"CMS's day of posting {label} isn't known" in note
    assert says in note


def test_a_declared_day_of_posting_needs_no_word():
    assert calendar.how_known(registry.find("RVU26A"), date(2026, 3, 1)) == []
