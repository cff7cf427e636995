"""Rows that a release lacks though the releases beside it have them; codes end with a year, and don't come back."""

from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.checks.check import Report
from pfsetl.checks.continuity import Beside, gaps
from pfsetl.declared import registry
from pfsetl.errors import ChecksFailed
from pfsetl.pipeline import backfill
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s

VISIT = ("G0101", "", "A")
SCREENING = ("G0102", "", "R")
EXCLUDED = ("G0103", "", "X")
ELEVEN = [(f"G0{number}", "", "A") for number in range(200, 211)]


def rvu(*rows: tuple[str, str, str], participant: str = "all") -> pl.DataFrame:
    schema = dict.fromkeys(("participant", "hcpcs", "modifier", "status"), pl.String)
    return pl.DataFrame([(participant, *row) for row in rows], schema, orient="row")


def beside(label: str, *rows: tuple[str, str, str], participant: str = "all") -> Beside:
    return Beside(label, registry.find(label).year, rvu(*rows, participant=participant))


def found(
    label: str, mine: pl.DataFrame, before: list[Beside], after: Beside | None = None
) -> dict[str, tuple[str, tuple[str, ...]]]:
    release = registry.find(label)
    return {f.check: (f.severity, f.examples) for f in gaps(mine, release, before, after) if f.violations}


def test_within_a_year_few_rows_go_that_medicare_pays_for():
    """RVU25C has every row of status A, R or T of RVU25A, RVU25D every one of RVU25C."""
    before = [beside("RVU25A", VISIT, *ELEVEN, EXCLUDED)]
    assert found("RVU25C", rvu(VISIT), before) == {"rows_kept_within_year": ("error", ("G0200", "G0201", "G0202"))}


def test_a_code_that_ends_within_a_year_is_named():
    """CMS ended G0436 and G0437 on 2016-09-30, so its release of October may lack both."""
    ended = [("G0436", "", "A"), ("G0437", "", "A")]
    there = found("RVU16D", rvu(VISIT), [beside("RVU16C", VISIT, *ended)])
    assert there == {"rows_kept_within_year": ("warn", ("G0436", "G0437"))}


def test_as_many_as_may_end_within_a_year_are_named():
    """Ten: five times as many as ever ended so (decision 22)."""
    there = found("RVU25C", rvu(VISIT), [beside("RVU25A", VISIT, *ELEVEN[:10])])
    assert there == {"rows_kept_within_year": ("warn", ("G0200", "G0201", "G0202"))}


def test_a_code_that_is_there_again_in_the_same_year_didnt_end():
    before, after = beside("RVU25B", VISIT, SCREENING), beside("RVU25D", VISIT, SCREENING)
    assert found("RVU25C", rvu(VISIT), [before], after) == {"rows_kept_between": ("error", ("G0102",))}


def test_a_row_that_medicare_doesnt_pay_for_may_go():
    """RVU25C lacks one of RVU25A's rows, of status M."""
    assert found("RVU25C", rvu(VISIT), [beside("RVU25A", VISIT, EXCLUDED)]) == {}


def test_a_row_whose_status_changed_is_there():
    assert found("RVU25C", rvu(VISIT, ("G0102", "", "I")), [beside("RVU25A", VISIT, SCREENING)]) == {}


def test_codes_end_with_a_year():
    """RVU26A has 67 of RVU25D's rows no more."""
    assert found("RVU26A", rvu(VISIT, participant="non_qp"), [beside("RVU25D", VISIT, SCREENING)]) == {}


def test_a_code_doesnt_end_and_come_back():
    """Of 14 archives 2009 to 2026 none lacks a row that those before and after it have with status A, R or T."""
    mine, after = rvu(VISIT, participant="non_qp"), beside("RVU26B", VISIT, SCREENING, participant="non_qp")
    there = found("RVU26A", mine, [beside("RVU25D", VISIT, SCREENING)], after)
    assert there == {"rows_kept_between": ("error", ("G0102",))}


def test_a_new_code_of_the_next_release_may_be_absent():
    after = beside("RVU26B", VISIT, SCREENING, participant="non_qp")
    assert found("RVU26A", rvu(VISIT, participant="non_qp"), [beside("RVU25D", VISIT)], after) == {}


def test_a_published_release_with_a_gap_is_named_by_the_next():
    near, farther = beside("RVU26A", VISIT, participant="non_qp"), beside("RVU25D", VISIT, SCREENING)
    there = found("RVU26B", rvu(VISIT, SCREENING, participant="non_qp"), [near, farther])
    assert there == {"rows_kept_before": ("warn", ("G0102",))}


def test_rows_of_qualifying_participants_alone_are_held_against_nothing():
    assert found("RVU26B", rvu(VISIT, participant="qp"), [beside("RVU26A", VISIT, SCREENING)]) == {}


# --- in a store -------------------------------------------------------------------------------------------------------


@pytest.fixture
def january(tmp_path: Path) -> Path:
    eleven = [s.changed(s.VISIT, hcpcs=f"G9{number}") for number in range(801, 812)]
    return s.write_zip(tmp_path / "RVU25A.zip", s.whole("RVU25A", [*s.CODES, *eleven]))


@pytest.fixture
def july(tmp_path: Path) -> Path:
    """Without eleven services of January's that Medicare pays for."""
    return s.write_zip(tmp_path / "RVU25B.zip", s.whole("RVU25B", [*s.CODES, s.of_quarter("RVU25B")]))


@pytest.mark.long
def test_a_build_is_held_against_the_releases_beside_it(january: Path, july: Path, tmp_path: Path):
    store = LocalStore(tmp_path / "store")
    pfsetl.build("RVU25A", store=store, archive=january)
    said = "lacks 11 rows of status A, R or T which RVU25A has, of the same year, e.g. G9801.*--accept-loss"
    with pytest.raises(ChecksFailed, match=f"(?s){said}"):
        pfsetl.build("RVU25B", store=store, archive=july)
    built = pfsetl.build("RVU25B", store=store, archive=july, accept=["loss"])
    assert [lost.check for lost in built.record.lost or ()] == ["rows_kept_within_year"]


@pytest.mark.long
def test_a_backfill_holds_the_releases_against_each_other(january: Path, july: Path, tmp_path: Path):
    archives = {"RVU25A": january, "RVU25B": july}
    done = backfill.backfill(archives, store=LocalStore(tmp_path / "store"))
    assert done.published == ("RVU25A",)
    assert "which RVU25A has, of the same year, e.g. G9801" in done.failed["RVU25B"]


@pytest.mark.long
def test_a_backfill_keeps_what_was_accepted_as_lost_against_a_release_of_the_same_backfill(
    january: Path, july: Path, tmp_path: Path
):
    archives = {"RVU25A": january, "RVU25B": july}
    done = backfill.backfill(archives, store=LocalStore(tmp_path / "store"), accept=["loss"])
    lost = {label: [one.check for one in record.lost or ()] for label, record in done.version.releases.items()}
    assert lost == {"RVU25A": [], "RVU25B": ["rows_kept_within_year"]}


def test_what_another_release_lacks_is_no_loss_of_this_one():
    near, farther = beside("RVU26A", VISIT, participant="non_qp"), beside("RVU25D", VISIT, SCREENING)
    there = gaps(rvu(VISIT, SCREENING, participant="non_qp"), registry.find("RVU26B"), [near, farther], None)
    assert Report("RVU26B", tuple(there)).lost == ()
    assert [one.check for one in Report("RVU26B", tuple(there)).warnings] == ["rows_kept_before"]
