"""What needs a person after a look at CMS, and what somebody has acknowledged."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.calendar import KNOWN_PROBLEMS, KnownProblemRow
from pfsetl.errors import ChecksFailed, SourceUnavailable, UsageError
from pfsetl.publication import fingerprint
from pfsetl.source.discover import Posting
from pfsetl.watching import alarms, looks
from pfsetl.watching.alarms import Alarm
from pfsetl.watching.plan import Plan
from tests import declared
from tests.publisher import record

TODAY = date(2026, 2, 1)
ALARM = Alarm("RVU25D", "vanished", "gone")


def posting(label: str, state: Any = "known") -> Posting:
    return Posting(label, None, "page", state)


def known(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Let these be the rows of known problems."""
    cells: list[list[Any]] = [line.split(",") for line in lines]
    rows = [
        KnownProblemRow(release=label, problem=problem, until=date.fromisoformat(until), reason=reason)
        for label, problem, until, reason in cells
    ]
    declared.only(monkeypatch, KNOWN_PROBLEMS, *rows)


@pytest.mark.parametrize(
    ("day", "label"),
    [("2024-03-08", "RVU24A"), ("2024-03-09", "RVU24AR"), ("2026-11-28", "RVU26D"), ("2031-08-15", "RVU31C")],
)
def test_a_day_is_priced_by_its_declared_release_or_by_that_of_its_quarter(day: str, label: str) -> None:
    assert alarms.in_force(date.fromisoformat(day)) == label


def test_the_release_in_force_has_to_be_published() -> None:
    assert [a.release for a in alarms.absent({"RVU25D", "RVU26B"}, TODAY, "fees")] == ["RVU26A"]
    assert alarms.absent({"RVU26A"}, TODAY, "fees") == []


@pytest.mark.parametrize(
    ("day", "remedy"),
    [("2026-02-01", "'pfsetl build RVU26A --output"), ("2031-08-15", "'pfsetl fetch RVU31C --url URL'")],
)
def test_an_undeclared_release_is_fetched_by_its_address(day: str, remedy: str) -> None:
    """`build` without an archive takes the address that is declared, and refuses other labels."""
    [alarm] = alarms.absent({}, date.fromisoformat(day), "fees")
    assert remedy in alarm.why


def test_a_declared_release_of_the_last_two_years_that_the_index_lacks_is_named() -> None:
    gone = [posting("RVU25D", "vanished"), posting("RVU19A", "vanished")]
    assert [a.release for a in alarms.vanished([*gone, posting("RVU26A")], (), TODAY)] == ["RVU25D"]


def test_a_release_that_an_earlier_look_saw_is_named_however_old_it_is() -> None:
    found = alarms.vanished([posting("RVU19A", "vanished"), posting("RVU26A")], ("RVU19A", "RVU26A"), TODAY)
    assert [a.release for a in found] == ["RVU19A"]


def test_a_known_problem_is_acknowledged_until_its_last_day(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, "RVU25D,vanished,2026-02-01,CMS said so")
    standing, told = alarms.acknowledged([ALARM], TODAY)
    assert (standing, [(a.alarm, a.reason) for a in told]) == ([], [(ALARM, "CMS said so")])


def test_an_acknowledgement_that_is_over_lets_the_alarm_stand_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, "RVU25D,vanished,2026-01-31,CMS said so")
    standing, told = alarms.acknowledged([ALARM], TODAY)
    assert (told, [a.why for a in standing]) == ([], ["gone (acknowledged until 2026-01-31: CMS said so)"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"until": ""}, "until is empty. Fill it: '' isn't a day. Write it as 2026-01-31"),
        ({"until": "soon"}, "until 'soon' isn't a day. Write it as 2026-01-31"),
        ({"until": "2026-13-01"}, "until '2026-13-01' isn't a day"),
        ({"until": "12/31/2026"}, "until '12/31/2026' isn't a day"),
        ({"problem": "vanish"}, "problem 'vanish' is none of failed, vanished, absent. Near: vanished"),
        ({"reason": ""}, "reason is empty. Fill it"),
    ],
)
def test_a_row_without_a_last_day_a_problem_or_a_reason_is_refused_before_it_is_needed(
    tmp_path: Path, cells: dict[str, str], said: str
) -> None:
    row = {"release": "RVU03A", "problem": "vanished", "until": "2026-12-31", "reason": "it is old"}
    declared.write(tmp_path, "watch/known_problems.csv", row | cells)
    with declared.laid_over(tmp_path), pytest.raises(UsageError, match=r"known_problems\.csv line 2") as caught:
        alarms.acknowledged([ALARM], TODAY)
    assert said in str(caught.value)


def test_a_row_for_a_release_without_an_alarm_acknowledges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, "RVU03A,vanished,2026-12-31,it is old")
    assert alarms.acknowledged([ALARM], TODAY) == ([ALARM], [])


def test_a_sample_is_not_the_release() -> None:
    assert alarms.whole({"RVU25D": record("RVU25D"), "RVU26A": record("RVU26A", sample=True)}) == {"RVU25D"}


def test_a_reason_that_begins_with_the_label_names_it_once() -> None:
    told = looks.look(
        TODAY, [], Plan({}, {}, {}, {}), {}, published=["RVU26A"], failed={"RVU26B": "RVU26B: 3 rows"}, earlier=None,
        store="fees",
    )  # fmt: skip
    assert [(alarm.release, alarm.why) for alarm in told.alarms] == [("RVU26B", "3 rows")]


def test_another_problem_of_the_same_release_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, "RVU25D,failed,2026-12-31,it is under repair at CMS")
    assert alarms.acknowledged([ALARM], TODAY)[0] == [ALARM]


def test_acknowledging_a_problem_builds_nothing_anew(tmp_path: Path) -> None:
    release = registry.find("RVU25D")
    before = fingerprint.fingerprint("content", release)
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch/known_problems.csv").write_text(
        "release,problem,until,reason\nRVU25D,vanished,2026-12-31,CMS said so\n"
    )
    with declared.laid_over(tmp_path):
        assert len(declarations.rows(KNOWN_PROBLEMS)) == 1
        assert fingerprint.fingerprint("content", release) == before


@pytest.mark.parametrize(("at_source", "error"), [(True, SourceUnavailable), (False, ChecksFailed)])
def test_what_stands_is_one_error_that_names_each_release(at_source: bool, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^RVU25D: gone\nRVU26A: absent$"):
        alarms.raise_if_any([ALARM, Alarm("RVU26A", "absent", "absent")], at_source=at_source)
