"""Rows of releases and conversion factors that contradict themselves or each other are refused when they are read."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pfsetl.declared import calendar, contradictions, declarations, registry
from pfsetl.declared.records import calendar as paid
from pfsetl.errors import ContractError, UsageError
from tests import declared
from tests import synthetic as s
from tests.unit.test_declarations import folder, pfsetl

RELEASES = ",".join(declarations.columns("releases.csv"))
FACTORS = "from,to,category,participant,conversion_factor,certainty,source"


def row(label: str, year: int, quarter: int, days: str, never: str = "false", supersedes: str = "") -> str:
    """A row of releases.csv; `days` are the first and last day in force."""
    return f"{label},{year},{quarter},initial,{days},{never},{supersedes},,,,,,,mine"


def refused(**changes: Any) -> str:
    """What is said of RVU26B with these changes."""
    releases = registry.releases()
    with pytest.raises(ContractError) as caught:
        contradictions.refuse_releases({**releases, "RVU26B": replace(releases["RVU26B"], **changes)})
    return str(caught.value)


def test_the_shipped_rows_contradict_nothing() -> None:
    contradictions.refuse_releases(registry.releases())
    assert declarations.rows(paid.FACTORS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"quarter": 3},
            r"RVU26B is the label of quarter 2 of 2026, not of quarter 3 of 2026\. Correct year and quarter",
        ),
        ({"year": 2025}, r"RVU26B is the label of quarter 2 of 2026, not of quarter 2 of 2025"),
        (
            {"effective_from": date(2027, 4, 1), "effective_to": date(2027, 6, 30)},
            r"RVU26B is of quarter 2 of 2026, 2026-04-01 to 2026-06-30, and in force 2027-04-01 to 2027-06-30\.",
        ),
        ({"effective_from": date(2026, 7, 1), "effective_to": None}, r"in force 2026-07-01 to \?"),
        ({"never_effective": True}, r"RVU26B was never in force \(never_effective\), and in force 2026-04-01 to"),
        ({"supersedes": "RVU26Z"}, r"RVU26B supersedes RVU26Z, which isn't declared\. Correct it, or add its row"),
        ({"supersedes": "RVU26B"}, r"RVU26B supersedes itself"),
        (
            {"effective_from": date(2026, 3, 31)},
            r"RVU26B is in force 2026-03-31 to 2026-06-30, and RVU26A 2026-01-01 to 2026-03-31 \(.*releases.csv line "
            r"\d+\): both would price the same days\. Give days that don't overlap, or name RVU26A in supersedes",
        ),
    ],
)
def test_a_row_that_contradicts_itself_or_another_is_told_with_file_and_line(
    changes: dict[str, object], said: str
) -> None:
    assert re.search(rf"releases\.csv line \d+: .*{said}", refused(**changes))


def test_days_may_reach_out_of_the_quarter_by_law() -> None:
    # RVU10C_PCT22 is of July 2010 and in force from 1 June; RVU09C, of July 2009, to December, for there is no RVU09D.
    assert registry.find("RVU10C_PCT22").effective_from == date(2010, 6, 1)
    assert registry.find("RVU09C").effective_to == date(2009, 12, 31)


def test_a_correction_may_be_in_force_on_the_days_of_what_it_supersedes() -> None:
    one, other = registry.find("RVU18AR1"), registry.find("RVU18AR")
    assert (one.supersedes, one.effective_from or other.effective_from) == ("RVU18AR", other.effective_from)


@pytest.mark.parametrize(
    ("command", "file", "rows", "said"),
    [
        (
            ["list"], "releases.csv", [RELEASES, row("RVU27A", 2027, 1, "2027-03-31,2027-01-01")],
            r"releases\.csv line 2: effective_from 2027-03-31 is after effective_to 2027-01-01\. Write the first day,",
        ),
        (
            ["list"], "releases.csv",
            [
                RELEASES,
                row("RVU27B", 2027, 2, "2027-04-01,2027-06-30"),
                row("RVU27A", 2027, 1, "2027-01-01,2027-04-15"),
            ],
            r"own/releases\.csv line 2: RVU27B is in force .*and RVU27A 2027-01-01 to 2027-04-15 .*\.csv line 3",
        ),
        (
            ["build", "RVU26A", "--archive", "."], "conversion_factors.csv",
            [FACTORS, "2026-06-30,2026-01-01,all,qp,33.5675,certain,mine"],
            r"conversion_factors\.csv line 2: from 2026-06-30 is after to 2026-01-01",
        ),
    ],
)  # fmt: skip
def test_contradictory_rows_of_one_s_own_stop_the_command(
    tmp_path: Path, command: list[str], file: str, rows: list[str], said: str
) -> None:
    own = folder(tmp_path / "own", {file: "\n".join(rows) + "\n"})
    if command[0] == "build":
        command = [*command[:-1], str(s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A"))), "--sample"]
    code, _, err = pfsetl(*command, "--schemas", own)
    assert re.search(said, " ".join(err.split()))
    assert (code in (1, 2), "Traceback" in err) == (True, False)


def test_of_a_shipped_row_and_one_s_own_one_s_own_is_to_be_changed(tmp_path: Path) -> None:
    """RVU26D ends on the last day of 2026; an own row that begins before it is the wrong one."""
    text = f"{RELEASES}\n{row('RVU26AX', 2026, 1, '2026-03-01,2026-04-15')}\n"
    code, _, err = pfsetl("list", "--schemas", folder(tmp_path / "own", {"releases.csv": text}))
    assert code == UsageError.exit_code
    assert re.search(r"own/releases\.csv line 2: RVU26AX is in force .* and RVU26[AB] ", " ".join(err.split()))


def factor(first: str, last: str, value: str, participant: str = "all") -> dict[str, str]:
    row_ = {"from": first, "to": last, "category": "all", "participant": participant, "conversion_factor": value}
    return row_ | {"certainty": "certain", "source": "mine"}


def read_factors(at: Path, *rows: dict[str, str]) -> None:
    declared.write(at, "conversion_factors.csv", *rows)
    with declared.laid_over(at):
        declarations.rows(paid.FACTORS)


def test_two_factors_on_one_day_are_refused_naming_both(tmp_path: Path) -> None:
    rows = [factor("2031-06-01", "2031-12-31", "34.0000"), factor("2031-01-01", "2031-06-30", "33.0000")]
    with pytest.raises(UsageError, match=r"33\.0000 from 2031-01-01 .*, and 34\.0000 from 2031-06-01 to ") as caught:
        read_factors(tmp_path, *rows)
    assert re.search(
        r"factors\.csv line 2: .*two factors of all .* The other is \S+factors\.csv line 3\.", str(caught.value)
    )


def test_factors_of_two_participants_or_one_after_the_other_are_fine(tmp_path: Path) -> None:
    read_factors(
        tmp_path,
        factor("2031-01-01", "2031-06-30", "33.0000"), factor("2031-07-01", "2031-12-31", "34.0000"),
        factor("2031-01-01", "2031-12-31", "35.0000", "qp"),
    )  # fmt: skip


# --- which days are priced --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "as_of", "said"),
    [
        (date(2027, 4, 1), None, "Priced are 2003-07-01 to 2026-12-31."),
        (date(2025, 2, 1), date(2024, 12, 31), "Priced are 2003-07-01 to 2024-12-31."),
        (date(2026, 4, 1), date(2001, 1, 1), "No release was known then."),
    ],
)
def test_a_day_that_is_not_priced_lies_in_none_of_those_that_are(day: date, as_of: date | None, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        calendar.pricing_release(day, as_of)
    assert str(caught.value).endswith(said)


def test_gaps_between_the_days_that_are_priced_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    days: dict[str, Any] = {"effective_from": date(2027, 7, 1), "effective_to": date(2027, 9, 30)}
    later = replace(registry.find("RVU26A"), label="RVU27C", year=2027, quarter=3, **days)
    known = {**registry.releases(), "RVU27C": later}
    monkeypatch.setattr(registry, "releases", lambda: known)
    fresh(monkeypatch)
    with pytest.raises(UsageError, match=r"Priced are 2003-07-01 to 2026-12-31, 2027-07-01 to 2027-09-30\.$"):
        calendar.pricing_release(date(2027, 4, 1))


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put functions without their cache in place of the cached ones of the calendar."""
    for name in ("_spans", "_candidates"):
        monkeypatch.setattr(calendar, name, getattr(calendar, name).__wrapped__)
