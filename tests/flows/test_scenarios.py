"""What CMS does in the course of years, and what an operator sees of it: the run's state and message, its artifact, and
`pfsetl status` afterwards.

Each look is the flow `watch` on Prefect's own test server, on a day that is given. Workers that are killed, two hosts
and full disks are in test_flow_faults.py, which needs processes.
"""

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import pytest

from pfsetl.declared.records.calendar import KNOWN_PROBLEMS, KnownProblemRow
from pfsetl.publication import rollback, version
from pfsetl.upkeep.verify import verify
from tests import cms_pages, declared, synthetic
from tests.cms_server import Answer
from tests.flows.site import INDEX, Site, html, opened, zip_answer
from tests.unit.test_declare import inserted

pytestmark = pytest.mark.usefixtures("prefect_server")
LAST_YEAR = ("RVU25A", "RVU25B", "RVU25C", "RVU25D")
AUTUMN = date(2026, 9, 16)  # RVU26C is in force, and RVU26D is due tomorrow
DECEMBER = date(2026, 12, 20)
GONE = "CMS's index doesn't list it any more"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with opened(tmp_path, monkeypatch, 2026, AUTUMN) as made:
        yield made


@pytest.fixture
def autumn(site: Site) -> Site:
    """A store that holds all that is posted but RVU26D, which CMS is about to post."""
    site.hold(*LAST_YEAR, "RVU26A", "RVU26B", "RVU26C")
    site.take_down("RVU26D")
    return site


@pytest.fixture(scope="module")
def held(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A store that holds everything that is declared; each test goes on with a copy, at the same CMS."""
    with pytest.MonkeyPatch.context() as patch, opened(tmp_path_factory.mktemp("held"), patch, 2026, DECEMBER) as made:
        made.hold(*LAST_YEAR, "RVU26A", "RVU26B", "RVU26C", "RVU26D")
        made.keep()
        yield made


@pytest.fixture(scope="module")
def held_and_looked(held: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The same store after a first look at CMS."""
    with pytest.MonkeyPatch.context() as patch:
        made = held.again(tmp_path_factory.mktemp("looked") / "site", patch)
        made.look()
    return made


@pytest.fixture
def december(held: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A store that holds everything that is declared, before CMS posts the next year."""
    return held.again(tmp_path / "site", monkeypatch)


@pytest.fixture
def looked(held_and_looked: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The same, after a first look at CMS."""
    return held_and_looked.again(tmp_path / "site", monkeypatch)


def releases(site: Site) -> dict[str, int]:
    """Return the revision of each release that the store holds."""
    return {label: record.revision for label, record in version.open_version(site.store).releases.items()}


def days_later(site: Site, days: int = 1) -> date:
    return site.today + timedelta(days=days)


# --- CMS posts --------------------------------------------------------------------------------------------------


def test_nothing_new(december: Site) -> None:
    told = december.look()
    assert (told.state, told.message) == ("Completed", "")
    assert told.artifact.startswith("Version 1: 0 published, 0 unchanged, 0 failed. CMS lists 109 releases:")
    assert {(row["release"], row["outcome"]) for row in told.rows} == {
        (f"RVU26{quarter}", "asked again") for quarter in "ABCD"
    }
    assert (told.code, told.status["stale"], told.status["in_force"]) == (0, [], "RVU26D")


def test_what_a_killed_run_published_is_laid_out_by_a_look_that_finds_nothing_new(looked: Site) -> None:
    shutil.rmtree(looked.store.root / "tree")
    (looked.store.root / "latest").unlink()
    (looked.store.root / "catalog.json").unlink()
    told = looked.look(days_later(looked))
    assert (told.state, told.code) == ("Completed", 0)
    assert verify(looked.store).bad == {}


def test_a_new_quarter_that_is_declared(autumn: Site) -> None:
    autumn.listed = list
    autumn.post("RVU26D")
    told = autumn.look()
    assert (told.state, told.outcomes("RVU26D")) == ("Completed", ["published"])
    assert told.artifact.startswith("Version 2: 1 published, 0 unchanged, 0 failed.")
    assert (told.code, told.status["version"], told.status["newest"]) == (0, 2, "RVU26D")


def test_a_new_label(december: Site) -> None:
    december.post("RVU27A")
    told = december.look()
    assert (told.state, told.outcomes("RVU27A")) == ("Completed", ["published"])
    assert "1 new" in told.artifact
    assert (told.code, told.status["newest"], told.status["in_force_soon"]) == (0, "RVU27A", "RVU27A")
    assert december.look(date(2027, 1, 1)).status["in_force_published"]


def test_a_correction(december: Site) -> None:
    december.hold("RVU27A")
    rows = [synthetic.changed(synthetic.VISIT, work="1.22"), *synthetic.CODES[1:], synthetic.of_quarter("RVU27A")]
    december.post("RVU27AR", rows=rows)
    told = december.look(date(2027, 1, 10))
    assert (told.state, told.outcomes("RVU27AR")) == ("Completed", ["published"])
    assert {label for label in releases(december) if label.startswith("RVU27")} == {"RVU27A", "RVU27AR"}
    assert (told.code, told.status["newest"]) == (0, "RVU27AR")


def test_other_bytes_at_the_same_address(looked: Site) -> None:
    looked.post("RVU26D")
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU26D")) == ("Completed", ["published", "asked again"])
    assert [row["why"] for row in told.rows if row["outcome"] == "asked again" and row["release"] == "RVU26D"] == [
        "other bytes than before"
    ]
    assert (releases(looked)["RVU26D"], told.status["version"], told.code) == (2, 2, 0)


def test_a_revision_that_was_rolled_back_is_not_published_again(looked: Site) -> None:
    looked.post("RVU26D")
    assert looked.look(days_later(looked)).status["version"] == 2
    rollback.rollback(looked.store, 1)
    told = looked.look(days_later(looked))
    assert (told.state, told.message.startswith("RVU26D: version 2 holds its newest archive")) == ("Failed", True)
    assert (releases(looked)["RVU26D"], told.code, told.stale) == (1, 1, ["RVU26D"])
    looked.post("RVU27A")
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU27A"), releases(looked)["RVU26D"]) == ("Failed", ["published"], 1)


# --- CMS fails --------------------------------------------------------------------------------------------------


def test_503_for_one_of_two_declared_releases_in_three_looks(site: Site) -> None:
    site.hold(*LAST_YEAR, "RVU26A", "RVU26B")
    busy = site.post("RVU26C")
    site.post("RVU26D")
    good = site.cms.routes[busy][0]
    site.cms.answer_with(busy, Answer(status=503))
    first = site.look()
    assert (first.state, first.message.startswith("RVU26C: "), "503" in first.message) == ("Failed", True, True)
    assert ("RVU26D" in first.message, "2 due" in first.artifact) == (False, True)
    assert (first.outcomes("RVU26C"), first.outcomes("RVU26D")) == (["alarm: failed"], ["published"])
    assert (first.code, {*first.stale}, first.status["in_force_published"]) == (1, {"RVU26C"}, False)
    site.cms.answer_with(busy, good)
    second = site.look(days_later(site))
    assert (second.state, second.outcomes("RVU26C"), second.code) == ("Completed", ["published"], 0)
    third = site.look(days_later(site))
    assert (third.state, third.code, third.status["version"]) == ("Completed", 0, 3)
    assert "0 published" in third.artifact
    assert {"RVU26C", "RVU26D"} <= releases(site).keys()


@pytest.mark.parametrize(("answer", "state"), [(html("<html>", 404), "Failed"), (Answer(status=503), "Completed")])
def test_a_published_zip_that_is_gone_or_busy(looked: Site, answer: Answer, state: str) -> None:
    path = looked.post("RVU26D")
    looked.cms.answer_with(path, answer)
    told = looked.look(days_later(looked))
    failed = ["alarm: failed"] if state == "Failed" else []
    assert (told.state, told.outcomes("RVU26D")) == (state, [*failed, "asked again"])
    assert (told.code, told.stale) == (len(failed), ["RVU26D"] * len(failed))


def test_a_published_zip_that_is_busy_for_more_than_a_week(looked: Site) -> None:
    path = looked.post("RVU26D")
    looked.cms.answer_with(path, Answer(status=503))
    assert looked.look(days_later(looked, 7)).state == "Completed"
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU26D")) == ("Failed", ["alarm: failed", "asked again"])
    assert (told.message.startswith("RVU26D: "), "No look had an answer in 7 days" in told.message) == (True, True)
    assert (told.code, told.stale) == (1, ["RVU26D"])


def test_403_to_all(looked: Site) -> None:
    looked.cms.routes = {path: [Answer(status=403)] for path in looked.cms.routes}
    told = looked.look(days_later(looked))
    assert (told.state, "403" in told.message, INDEX in told.message) == ("Failed", True, True)
    assert told.artifact.startswith("Nothing was seen: ")
    assert told.artifact.endswith("The last look that saw CMS's index was on 2026-12-20.")
    assert (told.code, told.status["last_run"]["outcome"]) == (1, "failed")
    assert told.status["looked"]["started"].startswith("2026-12-20")
    assert told.status["stale"][0].startswith("the last run, 'watch' at 2026-12-21")


@pytest.mark.parametrize(
    "page",
    [
        cms_pages.site("PFS Relative Value Files", "<div id='app'>Loading...</div><script src='/app.js'></script>"),
        cms_pages.index([cms_pages.Row("RVU26D", "2026", f"{INDEX}/rvu26d")]).replace("File Name", "Document"),
    ],
    ids=["by a script", "another column"],
)
def test_a_page_of_another_structure(december: Site, page: str) -> None:
    december.cms.answer_with(INDEX, html(page))
    told = december.look()
    assert (told.state, "a table with a column 'File Name'" in told.message) == ("Failed", True)
    assert (told.artifact.startswith("Nothing was seen: "), told.artifact.endswith("No look saw it yet.")) == (
        True,
    ) * 2
    assert (told.code, told.status["looked"]) == (1, None)
    assert any(why.startswith("no look at CMS is recorded") for why in told.status["stale"])


def test_an_index_that_is_cut_to_64_percent(looked: Site) -> None:
    looked.listed = lambda rows: islice(reversed(rows), 70)
    looked.list()
    told = looked.look(days_later(looked))
    lost = [line.partition(":")[0] for line in told.message.splitlines()]
    assert (told.state, len(lost), {"RVU03A", "RVU09A"} <= {*lost}) == ("Failed", 39, True)
    assert told.message.startswith(f"{lost[0]}: {GONE}")
    assert "39 vanished" in told.artifact
    assert told.outcomes("RVU09A") == ["alarm: vanished"]
    assert (told.code, len(told.stale)) == (1, 39)


def test_an_index_that_is_frozen(december: Site) -> None:
    told = december.look(date(2027, 1, 1))
    assert (told.state, told.message.startswith("RVU27A: it prices 2027-01-01")) == ("Failed", True)
    assert told.outcomes("RVU27A") == ["alarm: absent"]
    assert (told.code, told.stale, told.status["in_force_published"]) == (1, ["RVU27A"], False)
    assert [one["release"] for one in told.status["due"]] == ["RVU27A"]


def test_a_release_that_is_taken_down_and_acknowledged(looked: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looked.take_down("RVU26B")
    told = looked.look(days_later(looked))
    assert (told.state, told.message.startswith(f"RVU26B: {GONE}")) == ("Failed", True)
    assert (told.outcomes("RVU26B"), "1 vanished" in told.artifact) == (["alarm: vanished"], True)
    assert (told.code, told.stale) == (1, ["RVU26B"])
    row = KnownProblemRow(release="RVU26B", problem="vanished", until=date(2026, 12, 31), reason="moved")
    declared.only(monkeypatch, KNOWN_PROBLEMS, row)
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU26B")) == ("Completed", ["acknowledged until 2026-12-31: vanished"])
    assert (told.code, told.status["stale"]) == (0, [])
    assert looked.look(date(2027, 1, 1)).stale == ["RVU27A", "RVU26B"]


# --- what CMS posts can't be used -------------------------------------------------------------------------------


def test_an_unknown_shape_and_then_a_good_file_at_the_same_address(december: Site) -> None:
    path = december.post("RVU27A")
    good = december.cms.routes[path][0]
    strange = {
        name: synthetic.csv_bytes(inserted(synthetic.cells_of(data))) if name.startswith("PPRRVU") else data
        for name, data in synthetic.release("RVU27A").items()
    }
    december.cms.answer_with(path, zip_answer(synthetic.zipped(strange)))
    for _ in range(2):
        told = december.look(days_later(december))
        assert (told.state, told.message.count("RVU27A: "), "SITE MARK" in told.message) == ("Failed", 1, True)
        assert "alarm: failed" in told.outcomes("RVU27A")
        assert (told.code, told.stale) == (1, ["RVU27A"])
    december.cms.answer_with(path, good)
    told = december.look(days_later(december))
    assert (told.state, told.outcomes("RVU27A")) == ("Completed", ["published", "asked again"])
    assert (told.code, releases(december)["RVU27A"]) == (0, 1)


def test_an_acknowledged_failure_that_other_bytes_bring_anew(looked: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    row = KnownProblemRow(release="RVU26D", problem="failed", until=date(2027, 12, 31), reason="CMS knows")
    declared.only(monkeypatch, KNOWN_PROBLEMS, row)
    looked.post("RVU26D", data=synthetic.zipped(synthetic.release("RVU26C")))  # another quarter's under its name
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU26D")) == ("Failed", ["alarm: failed", "asked again"])
    assert "CMS posted other bytes than were acknowledged until 2027-12-31: CMS knows" in told.message
    assert (told.code, told.stale) == (1, ["RVU26D"])
    told = looked.look(days_later(looked))
    assert (told.state, told.outcomes("RVU26D")[0]) == ("Completed", "acknowledged until 2027-12-31: failed")
    assert (told.code, told.stale, releases(looked)["RVU26D"]) == (0, [], 1)


def test_an_empty_store_of_which_cms_delivers_one_release(site: Site) -> None:
    site.post("RVU26D")
    told = site.look()
    assert (told.state, [line[:7] for line in told.message.splitlines()]) == (
        "Failed",
        ["RVU26A:", "RVU26B:", "RVU26C:"],
    )
    assert "404" in told.message
    assert (told.outcomes("RVU26D"), told.outcomes("RVU26A")) == (["published"], ["alarm: failed"])
    assert (told.code, told.status["in_force_published"], told.status["version"]) == (1, False, 1)
    assert [one["release"] for one in told.status["due"]] == [*LAST_YEAR, "RVU26A", "RVU26B", "RVU26C"]


def test_an_empty_store_of_which_cms_delivers_nothing(site: Site) -> None:
    told = site.look()
    assert told.state == "Failed"
    assert (told.status["version"], told.status["newest"], told.code) == (0, None, 1)
    assert "RVU26C" in told.stale
