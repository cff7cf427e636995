"""A release of which one participant's file is missing: what is there is published, and the lack is said everywhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import ArchiveError, ChecksFailed, UsageError
from pfsetl.pipeline.examine import Examined, examine
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.present import present

pytestmark = pytest.mark.long

LABEL = "RVU26A"
FILES = {"qp": "PPRRVU2026_Jan_QPP.csv", "non_qp": "PPRRVU2026_Jan_nonQPP.csv"}
# What has a row for each participant. ANES has a column for each, so its factors are there whoever's file is missing.
BY_PARTICIPANT = ("rvu", "conversion_factor", "payment_national", "payment_locality", "section_stats",
                  "section_values", "code_comparison", "release_calendar")  # fmt: skip
DAY = "2026-01-15"


def without(participant: str, of: Callable[[str], s.Members] = s.whole) -> s.Members:
    members = of(LABEL)
    del members[FILES[participant]]
    return members


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def published(store: LocalStore, members: s.Members, tmp_path: Path, **how: Any) -> pfsetl.Build:
    return pfsetl.build(LABEL, store=store, archive=s.write_folder(tmp_path / str(len(members)), members), **how)


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pfsetl.Build]:
    """Samples without the file of a participant, each in a store of its own, by that participant."""
    folder = tmp_path_factory.mktemp("lacking")
    return {
        absent: published(LocalStore(folder / absent), without(absent, s.release), folder / f"no {absent}", sample=True)
        for absent in FILES
    }


@pytest.fixture(scope="module")
def completed(lacking: dict[str, pfsetl.Build], tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    """The sample without the file of qp, built again with it."""
    folder = tmp_path_factory.mktemp("completed")
    store = LocalStore(copied(Path(str(lacking["qp"].version.store)), folder / "store"))
    return published(store, s.release(LABEL), folder, sample=True)


@pytest.mark.parametrize(("absent", "there"), [("qp", "non_qp"), ("non_qp", "qp")])
def test_what_is_there_is_published_and_nothing_is_filled(absent, there, lacking: dict[str, pfsetl.Build]):
    built = lacking[absent]
    assert built.record.missing == (f"pprrvu ({absent})",)
    for table in BY_PARTICIPANT:
        whose = built.version.scan(table, LABEL).select(pl.col("participant").unique()).collect()["participant"]
        assert whose.to_list() == [there], table


def examined(members: s.Members, folder: Path) -> Examined:
    """What a release is found to be that nothing was published of; nothing in it may be refused."""
    found = examine(LABEL, s.write_folder(folder, members), records={})
    found.report.raise_if_bad()
    return found


def test_a_lack_alone_is_no_breach_of_any_rule(tmp_path):
    complete, lacks = examined(s.whole(LABEL), tmp_path / "all"), examined(without("qp"), tmp_path / "lacking")
    broken = [{name for name, n in one.record.checks.items() if n} for one in (complete, lacks)]
    assert (broken[1] <= broken[0], lacks.record.lost) == (True, ())


def test_both_missing_stays_refused(store: LocalStore, tmp_path):
    with pytest.raises(ArchiveError, match="no file of pprrvu"):
        published(store, {k: v for k, v in s.whole(LABEL).items() if not k.startswith("PPRRVU")}, tmp_path)


def test_the_file_that_comes_later_makes_the_next_revision(lacking: dict[str, pfsetl.Build], completed: pfsetl.Build):
    assert (lacking["qp"].record.revision, completed.record.revision) == (1, 2)
    assert completed.record.missing == ()
    assert present(completed.record.participant_rows).keys() == {"non_qp", "qp"}


def test_a_file_that_was_there_before_is_held_until_its_loss_is_accepted(store: LocalStore, tmp_path):
    published(store, s.release(LABEL), tmp_path, accept=["loss"])  # a part that counts as a whole
    with pytest.raises(ChecksFailed, match=r"rows of participant qp .* revision 1 are gone"):
        published(store, without("qp", s.release), tmp_path)
    assert published(store, without("qp", s.release), tmp_path, accept=["loss"]).record.missing == ("pprrvu (qp)",)


def test_every_command_says_so(store: LocalStore, tmp_path, run: Callable[..., tuple[int, str, str]]):
    folder = s.write_folder(tmp_path / LABEL, without("qp", s.release))
    to = ("--output", store.root)
    _, out, _ = run("build", LABEL, "--archive", folder, "--sample", *to)
    assert "pprrvu (qp): not in the archive, the rows of qp aren't published" in out
    assert "pprrvu (qp): not in the archive" in run("check", LABEL, *to)[1]
    assert "pprrvu (qp): not in the archive" in run("check", LABEL, "--archive", folder, "--sample", *to)[1]
    assert "without pprrvu (qp)" in run("list", *to)[1]
    listed = {row["release"]: row["missing"] for row in json.loads(run("list", "--json", *to)[1])}
    assert (listed[LABEL], listed["RVU25A"]) == (["pprrvu (qp)"], [])
    assert "QP: not published, the file is missing from the archive" in run("code", "G9901", *to)[1]
    assert json.loads(run("code", "G9901", "--json", *to)[1])["missing_participants"] == ["qp"]


def test_a_price_that_needs_the_missing_file_is_refused_and_the_remedy_works(
    lacking: dict[str, pfsetl.Build], completed: pfsetl.Build
):
    at = lacking["qp"].version
    assert pfsetl.price("G9901", DAY, output=at)["participant"] == "non_qp"
    with pytest.raises(UsageError, match=f"without the file of qp. Add the file and build {LABEL} again"):
        pfsetl.price("G9901", DAY, participant="qp", output=at)
    assert pfsetl.price("G9901", DAY, participant="qp", output=completed.version)["participant"] == "qp"


def test_a_code_that_only_the_missing_file_lists_is_not_called_unknown_alone(lacking: dict[str, pfsetl.Build], run):
    at = lacking["non_qp"].version
    with pytest.raises(UsageError, match=r"code G9904: not in RVU26A. .* without the file of non_qp"):
        pfsetl.price("G9904", DAY, output=at)  # status N, which only the full schedule lists
    with pytest.raises(UsageError, match="participant non_qp: RVU26A has G9901 for qp only"):
        pfsetl.price("G9901", DAY, output=at)
    assert "The file of non_qp is missing from RVU26A, and may list it" in run("code", "G9904", "--output", at.store)[2]


# --- completeness of one file alone -------------------------------------------------------------------------------


def payable(codes: int) -> s.Members:
    """A release of the qualifying participants' file alone: so many codes, and the last row of CMS's file."""
    rows = [s.changed(s.LOCAL_PRICE, pricing="1", factor="33.5675")] * codes
    rows = [r | {"hcpcs": f"E{number:04}"} for number, r in enumerate(rows)]
    rows.append(rows[0] | {"hcpcs": "V5299", "status": "R"})
    return without("non_qp") | {FILES["qp"]: s.pprrvu_csv("G32", rows, title="2026")}


def test_the_smaller_file_is_asked_for_its_own_size_alone(tmp_path):
    members = {k: v for k, v in payable(9_100).items() if "OPPSCAP" not in k}
    assert examined(members, tmp_path / LABEL).record.lost == ()


def test_the_smaller_file_cut_short_is_refused(store: LocalStore, tmp_path):
    members = {k: v for k, v in payable(8_000).items() if "OPPSCAP" not in k}
    with pytest.raises(ChecksFailed, match="at least 9,000 values of hcpcs, this one has 8,001"):
        published(store, members, tmp_path)


def test_either_file_of_a_real_release_comes_in_alone(release_path, tmp_path):
    path = release_path(LABEL)
    for absent, rows in (("qp", {"non_qp": 19_226}), ("non_qp", {"qp": 11_811})):  # as counted in CMS's files
        lacks = next(p.name for p in path.iterdir() if ("nonqpp" in p.name.lower()) == (absent == "non_qp")
                     and p.name.lower().startswith("pprrvu"))  # fmt: skip
        folder = tmp_path / absent
        folder.mkdir()
        for file in path.iterdir():
            if file.name != lacks:
                (folder / file.name).symlink_to(file)
        found = examine(LABEL, folder, records={})
        found.report.raise_if_bad()
        assert (found.record.participant_rows, found.record.missing[0]) == (rows, f"pprrvu ({absent})")
