"""What kills, full disks and rivals leave behind: nothing lost, nothing doubled, and the next run finishes the work.

A run is stopped at a known place: the fake CMS holds one archive back until it is told to go on, while the others are
fetched and staged. Every wait has a bound. What is done after a fault is done by the command line where the fault isn't
Prefect's.
"""

import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl.publication.version import numbers
from pfsetl.source import cache
from pfsetl.watching.status import Status, status
from tests import forked
from tests import synthetic as s
from tests.cms_pages import FILES
from tests.flows.postings import by_which_parts_are_whole, part, post_index, post_page, zip_answer, zip_path
from tests.flows.processes import CmsProcess, Orchestra, eventually

RUN_SECONDS = 150.0  # of one run, which takes about 10
STEP_SECONDS = 120.0  # until a run that was asked for has come to a certain place
LEASE_SECONDS = 120.0  # until a killed run's place under the limit of CMS is free again

LABELS = ("RVU25A", "RVU25D", "RVU26A")
HELD, ANOTHER = "RVU26A", "RVU21A"
MANY = [
    *s.CODES,
    *(s.code(f"G{i:04d}", f"Synthetic service {i}", work=f"{i % 90}.{i % 97:02d}", mp="0.09") for i in range(1, 6000)),
]


@pytest.fixture
def cms(fake_cms: CmsProcess) -> CmsProcess:
    return fake_cms


@pytest.fixture
def prefect(processes: Orchestra) -> Orchestra:
    """The server and two workers, all of them up."""
    processes.start_what_is_down("first", "second")
    return processes


@dataclass(frozen=True)
class Place:
    """A store and a cache of one test's own."""

    output: Path
    cache: Path

    @property
    def parameters(self) -> dict[str, Any]:
        return {"output": str(self.output), "cache": str(self.cache)}

    def status(self, day: date | None = None) -> Status:
        """What `pfsetl status` says, on a day or now."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) if day else None
        return status(pfsetl.open_store(self.output), now=noon)

    def staged(self) -> list[str]:
        return sorted(path.name[:6] for path in self.output.glob("staged/*.json"))

    def holds(self, *labels: str, version: int | None = None) -> None:
        """Check that the newest version, if given this one, holds these releases, each once, and that all verify."""
        store = pfsetl.open_store(self.output)
        assert version is None or numbers(store) == list(range(1, version + 1))
        assert sorted(pfsetl.open(store).releases) == sorted(labels)
        for number in numbers(store):
            at = pfsetl.open(store, number)
            assert [x for x in at.verify() if x[1]] == []
            names = [(r.table, r.release) for r in at.resources]
            assert len(names) == len(set(names))
            assert {label: at.releases[label].revision for label in at.releases} == dict.fromkeys(at.releases, 1)
        kept = cache.rows(self.cache)
        assert sorted(row.label for row in kept) == sorted(labels)
        assert all(cache.is_intact(row) for row in kept)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "output", tmp_path / "cache")


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that lets CMS answer what it holds back."""
    return tmp_path / "go"


PARTS = {label: s.release(label) for label in (ANOTHER, *LABELS)}


def post(cms: CmsProcess, archives: Mapping[str, s.Members], go: Path | None = None) -> None:
    """Post the releases' archives, the last one held back until `go` is there."""
    for label, members in archives.items():
        held = {"until": str(go)} if go and label == HELD else {}
        cms.answer(zip_path(label), zip_answer(cms, s.zipped(members), **held))


def post_news(cms: CmsProcess, go: Path) -> None:
    """Post a new release on an index that is held back until `go` is there."""
    zip_href = "/files/zip/rvu27a-updated-01-02-2027.zip"
    cms.answer(zip_href, zip_answer(cms, s.zipped(part("RVU27A"))))
    post_index(cms, {"RVU27A": post_page(cms, "RVU27A", zip_href, "/pages/rvu27a")}, until=str(go))


def start_backfill(prefect: Orchestra, place: Place) -> str:
    return prefect.run("backfill/backfill", releases=",".join(LABELS), concurrency=2, sample=True, **place.parameters)


def backfill_by_command(cms: CmsProcess, place: Place, labels: Iterable[str], *options: str) -> None:
    """Run `pfsetl backfill`, without Prefect, to its end."""
    where = ("--output", str(place.output), "--cache", str(place.cache))
    asked = {**os.environ, "PFSETL_CMS_URL": cms.url, "NO_PROXY": "127.0.0.1"}
    code, _, told = forked.command(["backfill", ",".join(labels), *where, *options], asked)
    assert code == 0, told


@pytest.fixture
def half_done(prefect: Orchestra, cms: CmsProcess, place: Place, go: Path) -> str:
    """A backfill that has staged all but the one release that CMS holds back."""
    post(cms, PARTS, go)
    before = cms.asked(zip_path(HELD))
    run = start_backfill(prefect, place)

    def is_there() -> bool:
        return cms.asked(zip_path(HELD)) > before and len(place.staged()) == len(LABELS) - 1

    try:
        eventually("all but one release are staged", is_there, STEP_SECONDS)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{prefect.said(run)}\n{prefect.tails()}") from None
    assert numbers(pfsetl.open_store(place.output)) == []
    return run


def completes(prefect: Orchestra, run: str, seconds: float = RUN_SECONDS) -> None:
    state, message = prefect.finished(run, seconds)
    assert state == "COMPLETED", f"{message}\n{prefect.said(run)}"


# --- kills ------------------------------------------------------------------------------------------------------


def test_after_a_kill_of_a_worker_and_its_run_the_other_worker_finishes_the_backfill(
    prefect: Orchestra, cms: CmsProcess, place: Place, go: Path, half_done: str
) -> None:
    objects = {path: path.stat().st_ino for path in place.output.glob("objects/*/*.parquet")}
    asked = len(cms.requests())
    prefect.worker_of(half_done).kill()
    prefect.kill_run(half_done)
    killed = place.status()
    assert (killed.version, killed.last_run, killed.problems) == (0, None, ())  # what was killed records nothing
    go.touch()
    completes(prefect, start_backfill(prefect, place), RUN_SECONDS + LEASE_SECONDS)
    place.holds(*LABELS, version=1)
    told = place.status()
    assert (told.last_run and told.last_run["outcome"], told.problems, told.newest) == ("published", (), "RVU26A")
    # Only what is missing was done: nothing staged was written again, and nothing fetched was fetched again.
    assert {path: path.stat().st_ino for path in objects} == objects
    assert {r["path"] for r in cms.requests()[asked:]} == {zip_path(HELD)}


def test_after_a_kill_of_the_worker_alone_its_run_and_the_next_one_publish_everything_once(
    prefect: Orchestra, cms: CmsProcess, place: Place, go: Path, half_done: str
) -> None:
    prefect.worker_of(half_done).kill()
    go.touch()  # the run is an orphan now, and may be done or not
    backfill_by_command(cms, place, LABELS, "--sample")
    prefect.gone(half_done, RUN_SECONDS)
    place.holds(*LABELS)


def test_after_a_kill_of_the_server_the_next_backfill_finishes_the_work(
    prefect: Orchestra, place: Place, go: Path, half_done: str
) -> None:
    prefect.server.kill()
    go.touch()
    prefect.start_server()
    completes(prefect, start_backfill(prefect, place), RUN_SECONDS + LEASE_SECONDS)
    prefect.gone(half_done, RUN_SECONDS)
    place.holds(*LABELS)


# --- full disks -------------------------------------------------------------------------------------------------


def test_releases_that_a_full_disk_stops_are_reported_and_published_by_the_next_run(
    prefect: Orchestra, cms: CmsProcess, place: Place
) -> None:
    """An archive of 300 kB, and tables of up to 600 kB; the others need less than a tenth of the room."""
    large = {"RVU21A.pdf": random.Random(1).randbytes(300_000)}
    post(cms, PARTS | {ANOTHER: PARTS[ANOTHER] | large, "RVU25A": s.release("RVU25A", MANY)})
    asked = {"releases": ",".join(PARTS), "concurrency": 2, "sample": True, **place.parameters}
    run = prefect.run_with_files_up_to(200, "backfill/backfill", **asked)
    state, message = prefect.finished(run, RUN_SECONDS)
    assert state == "FAILED"
    told = (message + prefect.log_of(run)).splitlines()
    for label, where in ((ANOTHER, "Check the cache folder"), ("RVU25A", "can't be written")):
        assert any(label in line and where in line and "File too large" in line for line in told), told
    assert sorted(pfsetl.open(place.output).releases) == ["RVU25D", "RVU26A"]
    [said] = [why for why in place.status().stale if why.startswith("the last run, 'backfill' at ")]
    assert f"failed: {ANOTHER}: " in said
    backfill_by_command(cms, place, PARTS, "--sample")
    place.holds(*PARTS, version=2)
    after = place.status()
    assert ([why for why in after.stale if why.startswith("the last run")], after.problems) == ([], ())


def test_a_version_that_a_full_disk_stops_is_published_by_the_next_run(
    prefect: Orchestra, cms: CmsProcess, place: Place
) -> None:
    both = ("RVU25A", "RVU25D")
    post(cms, {label: s.whole(label) for label in both})
    # The largest table of a release has 72 kB; code_history has 35 kB of one release, 114 of both.
    asked = {"releases": ",".join(both), "concurrency": 2, **place.parameters}
    run = prefect.run_with_files_up_to(92, "backfill/backfill", **asked)
    state, _ = prefect.finished(run, RUN_SECONDS)
    assert state == "FAILED"
    assert place.staged() == [*both]
    # A version of both doesn't fit, so each is tried alone, and what fits is published.
    assert [*pfsetl.open(place.output).releases] == [both[0]]
    backfill_by_command(cms, place, both)
    place.holds(*both, version=2)


# --- rivals -----------------------------------------------------------------------------------------------------


def test_two_watches_at_once_publish_what_is_new_once(
    prefect: Orchestra, cms: CmsProcess, place: Place, go: Path, tmp_path: Path
) -> None:
    post_news(cms, go)
    before, own = cms.asked(FILES), by_which_parts_are_whole(tmp_path / "schemas")
    scheduled = prefect.run("watch/watch", {"env": own}, since=2027, today="2027-02-01", **place.parameters)
    where = ("--output", str(place.output), "--cache", str(place.cache))
    by_hand = prefect.start("by-hand", "-m", "flows.watch", "--since", "2027", "--today", "2027-02-01", *where, **own)
    eventually("both watches look", lambda: cms.asked(FILES) == before + 2, STEP_SECONDS, prefect.started)
    go.touch()
    completes(prefect, scheduled)
    assert by_hand.process.wait(RUN_SECONDS) == 0, by_hand.tail()
    place.holds("RVU27A", version=1)
    counts = [artifact["description"].partition(". ")[0] for artifact in prefect.artifacts("watch")[-2:]]
    assert sorted(counts) == [
        "Version 1: 0 published, 1 unchanged, 0 failed",
        "Version 1: 1 published, 0 unchanged, 0 failed",
    ]
    told = place.status(date(2027, 2, 1))
    assert (told.in_force, told.in_force_published, told.newest, told.problems) == ("RVU27A", True, "RVU27A", ())


def test_two_backfills_at_once_on_two_workers_lose_nothing_of_each_other(
    prefect: Orchestra, cms: CmsProcess, place: Place, go: Path
) -> None:
    post(cms, PARTS, go)
    runs = [
        prefect.run("backfill/backfill", releases=",".join(labels), concurrency=2, sample=True, **place.parameters)
        for labels in ((ANOTHER, "RVU25A", HELD), ("RVU25A", "RVU25D", HELD))
    ]

    def both_are_there() -> bool:
        return all(prefect.state(run)[0] == "RUNNING" for run in runs) and len(place.staged()) == 3

    eventually("both backfills wait for the same archive", both_are_there, STEP_SECONDS, prefect.started, pause=0.5)
    assert {prefect.worker_of(run).name for run in runs} == {"first", "second"}
    go.touch()
    for run in runs:
        completes(prefect, run)
    place.holds(*PARTS)


# --- what is left -----------------------------------------------------------------------------------------------


def test_the_places_of_killed_runs_under_the_limit_of_cms_become_free_again(prefect: Orchestra) -> None:
    # The last test on purpose: by now the leases of the runs that were killed first are nearly over.
    def is_free() -> bool:
        [limit] = [x for x in prefect.post("v2/concurrency_limits/filter", {}) if x["name"] == "cms"]
        return bool(limit["active_slots"] == 0)

    eventually("nobody holds a place", is_free, LEASE_SECONDS, [prefect.server], pause=1)
