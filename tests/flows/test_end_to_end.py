"""`backfill` and `watch` as an operator runs them: a Prefect server, its pool, a worker, and a CMS with bad days.

The story is told once and then looked at from all sides: a backfill of eight releases of which CMS delivers five, each
in its own difficult way; the same backfill again; a look at CMS when it has posted a new release and re-posted an old
one; a look when nothing is new. Every run has a bound of its own; the whole takes about 60 seconds.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.source import cache
from tests import synthetic as s
from tests.flows.postings import (
    HTML,
    LICENCE,
    by_which_parts_are_whole,
    part,
    post_index,
    post_page,
    zip_answer,
    zip_path,
)
from tests.flows.processes import SERVICES, CmsProcess, Orchestra, cms_process, eventually, orchestra
from tests.present import present

RUN_SECONDS = 150.0  # of one run, which takes 10 to 30
AT_ONCE = 2  # how many requests for archives CMS may see at the same time

GOOD = ("RVU24A", "RVU24B", "RVU24C", "RVU26A", "RVU26B")
BAD = {"RVU25B": "not a complete zip", "RVU25C": "an HTML page", "RVU25D": "404"}
REPOSTED = "/files/zip/rvu26b-updated-06-15-2026.zip"
NEW_ZIP, BEHIND_IT = "/files/zip/rvu27a-updated-12/28/2026.zip", "/files/zip/rvu27ar_1.zip"
GATED_ZIP = "/files/zip/rvu27b-updated-03-01-2027.zip"
DUE = ("RVU26C", "RVU26D")
DEARER = s.changed(s.VISIT, work="1.50")


@dataclass(frozen=True)
class Chapter:
    """One run: how it ended, what it said, what CMS was asked meanwhile, and the newest version after it."""

    state: str
    message: str
    log: str
    requests: list[dict[str, Any]]
    version: Version

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["path"] == path]

    @property
    def zips(self) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["path"].endswith(".zip")]


@dataclass(frozen=True)
class Story:
    orchestra: Orchestra
    folder: Path
    at_once: int
    scheduled: set[str]
    backfill: Chapter
    backfill_again: Chapter
    watch: Chapter
    watch_again: Chapter


@pytest.fixture(scope="module")
def story(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    places: dict[str, Any] = {"output": str(folder / "output"), "cache": str(folder / "cache")}
    with cms_process(folder / "cms", prepared) as cms, orchestra(folder, prepared, cms.url, *SERVICES) as prefect:
        prefect.environment |= by_which_parts_are_whole(folder / "schemas")
        scheduled = runs_by_schedule(prefect)
        prefect.start_workers("only")

        def chapter(run: str, before: int) -> Chapter:
            state, message = prefect.finished(run, RUN_SECONDS)
            return Chapter(state, message, prefect.log_of(run), cms.requests()[before:], pfsetl.open(places["output"]))

        go = folder / "go"
        post_with_troubles(cms, until=str(go))
        backfill: dict[str, Any] = {"releases": ",".join([*GOOD, *BAD]), "concurrency": 8, **places}
        run = prefect.run("backfill/backfill", **backfill)
        eventually("four archives are being fetched", lambda: fetching(prefect, run) == 4, 90, prefect.started)
        eventually("CMS is asked for two", lambda: len(cms.requests()) >= AT_ONCE, 90, prefect.started)
        at_once = settled(cms)
        go.touch()
        first = chapter(run, 0)

        before = len(cms.requests())
        again = chapter(prefect.run("backfill/backfill", **backfill), before)

        watch: dict[str, Any] = {"since": 2026, "today": "2026-05-01", **places}
        post_news(cms)
        before = len(cms.requests())
        news = chapter(prefect.run("watch/watch", **watch), before)

        post_index(cms, {"RVU27A": "/pages/rvu27a"})
        before = len(cms.requests())
        nothing = chapter(prefect.run("watch/watch", **watch), before)
        yield Story(prefect, folder, at_once, scheduled, first, again, news, nothing)


def post_with_troubles(cms: CmsProcess, until: str) -> None:
    """Every archive of the backfill, each with its own trouble; none is answered before the file `until` is there."""
    good = {label: zip_answer(cms, s.zipped(part(label))) for label in GOOD}
    held = {"until": until}
    cut_zip = s.zipped(part("RVU25B"))[:-100]
    troubles: dict[str, list[dict[str, Any]]] = {
        "RVU24A": [{"status": 302, "location": "/files/zip/moved-here.zip", **held}],
        "RVU24B": [{"status": 503, "retry_after": "3", **held}, good["RVU24B"]],
        "RVU24C": [{**good["RVU24C"], "cut": 1000, "reset": False, **held}, good["RVU24C"]],
        "RVU25B": [zip_answer(cms, cut_zip, **held)],
        "RVU25C": [{**LICENCE, **held}],
        "RVU25D": [{"status": 404, "body": "<html>Page not found</html>", **HTML, **held}],
        "RVU26A": [{**good["RVU26A"], "piece": 1000, "pause": 0.1, **held}],
        "RVU26B": [{**good["RVU26B"], "etag": None, "length": 99_999, **held}, good["RVU26B"]],
    }
    cms.routes |= {zip_path(label): answers for label, answers in troubles.items()}
    cms.routes["/files/zip/moved-here.zip"] = [good["RVU24A"]]
    cms.write()


def post_news(cms: CmsProcess) -> None:
    """A new release behind a redirect, a re-posted one, and one whose zip is CMS's licence page."""
    for label in ("RVU26A", *DUE):
        post_page(cms, label, zip_path(label))
    for label in DUE:
        cms.answer(zip_path(label), zip_answer(cms, s.zipped(part(label))))
    post_page(cms, "RVU26B", REPOSTED)
    codes = [DEARER if row is s.VISIT else row for row in (*s.CODES, s.of_quarter("RVU26B"))]
    cms.answer(REPOSTED, zip_answer(cms, s.zipped(s.release("RVU26B", codes))))
    post_page(cms, "RVU27A", NEW_ZIP, page="/pages/rvu27a")
    cms.answer(NEW_ZIP, {"status": 302, "location": BEHIND_IT})
    cms.answer(BEHIND_IT, zip_answer(cms, s.zipped(part("RVU27A"))))
    post_page(cms, "RVU27B", GATED_ZIP, page="/pages/rvu27b")
    cms.answer(GATED_ZIP, LICENCE)
    post_index(cms, {"RVU27B": "/pages/rvu27b", "RVU27A": "/pages/rvu27a"})


def runs_by_schedule(prefect: Orchestra) -> set[str]:
    """Return which flows the server plans to run by itself, and stop that before there are workers for it."""
    planned = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 100}
    runs = eventually("runs are planned", lambda: prefect.post("flow_runs/filter", planned), 90, prefect.started)
    names = {flow["id"]: flow["name"] for flow in prefect.post("flows/filter", {})}
    prefect.prefect("deployment", "schedule", "pause", "--all")
    assert prefect.post("flow_runs/filter", planned) == []
    return {names[run["flow_id"]] for run in runs}


def fetching(prefect: Orchestra, run: str) -> int:
    """Return how many archives a run is fetching or waits to be allowed to."""
    running = {"state": {"type": {"any_": ["RUNNING"]}}, "name": {"like_": "fetch"}}
    return len(prefect.post("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}, "task_runs": running}))


def settled(cms: CmsProcess, seconds: float = 2.0) -> int:
    """Return how many requests CMS has seen once no more have come for so many seconds."""
    seen = -1
    while seen != (seen := len(cms.requests())):
        time.sleep(seconds)
    return seen


def work_of_the_visit(version: Version, label: str) -> set[Decimal]:
    found = version.scan("rvu", label).filter(hcpcs="G9901").select("work_rvu").collect()["work_rvu"]
    return {Decimal(str(value)) for value in found}


# --- the backfill -----------------------------------------------------------------------------------------------


def test_a_backfill_publishes_all_that_cms_delivers_as_one_version(story: Story) -> None:
    version = story.backfill.version
    assert version.number == 1
    assert sorted(version.releases) == sorted(GOOD)


@pytest.mark.parametrize("label", GOOD)
def test_each_release_of_it_holds_its_own_services(story: Story, label: str) -> None:
    found = story.backfill.version.scan("rvu", label).select("hcpcs", "modifier").collect().rows()
    assert set(found) == {(row["hcpcs"], row["modifier"]) for row in (*s.CODES, s.of_quarter(label))}


def test_every_file_of_every_version_is_what_its_manifest_says(story: Story) -> None:
    output = story.folder / "output"
    for chapter in (story.backfill, story.watch):
        assert [x for x in pfsetl.open(output, chapter.version.number).verify() if x[1]] == []


@pytest.mark.parametrize(("label", "why"), BAD.items())
def test_a_release_that_cms_does_not_deliver_is_reported_by_name_with_the_reason(
    story: Story, label: str, why: str
) -> None:
    assert story.backfill.state == "FAILED"
    told = story.backfill.message + story.backfill.log
    assert any(label in line and why in line for line in told.splitlines()), told


def test_cms_never_sees_more_requests_at_once_than_the_limit(story: Story) -> None:
    assert story.at_once == AT_ONCE


def test_every_request_says_who_asks(story: Story) -> None:
    for chapter in (story.backfill, story.backfill_again, story.watch, story.watch_again):
        assert {r["headers"]["user-agent"].partition("/")[0] for r in chapter.requests} <= {"pfsetl"}


def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_asks(story: Story) -> None:
    first, second = story.backfill.asked(zip_path("RVU24B"))
    # The answer to the first request was held back, so this is a lower bound of the pause after it.
    assert second["at"] - first["at"] >= 3.0


def test_a_download_that_was_cut_goes_on_where_it_broke_off(story: Story) -> None:
    first, second = story.backfill.asked(zip_path("RVU24C"))
    assert "range" not in first["headers"]
    assert second["headers"]["range"] == "bytes=1000-"


def test_nothing_is_asked_for_more_often_than_its_trouble_makes_necessary(story: Story) -> None:
    times = {label: len(story.backfill.asked(zip_path(label))) for label in (*GOOD, *BAD)}
    twice = {"RVU24B", "RVU24C", "RVU26B"}  # busy, cut, fewer bytes than announced
    assert times == {label: 2 if label in twice else 1 for label in times}


def test_the_cache_keeps_one_archive_of_each_release_that_was_delivered(story: Story) -> None:
    kept = [(row.label, row.revision) for row in cache.rows(story.folder / "cache") if row.label in GOOD]
    assert sorted(kept) == sorted([*((label, 1) for label in GOOD), ("RVU26B", 2)])


def test_the_same_backfill_again_publishes_nothing(story: Story) -> None:
    assert story.backfill_again.version.number == 1


def test_the_same_backfill_again_asks_cms_only_for_what_it_lacks(story: Story) -> None:
    assert {request["path"] for request in story.backfill_again.requests} == {zip_path(label) for label in BAD}


def test_the_same_backfill_again_reports_what_is_still_missing(story: Story) -> None:
    assert story.backfill_again.state == "FAILED"
    for label in BAD:
        assert label in story.backfill_again.message
    for label in GOOD:
        assert label not in story.backfill_again.message


def is_conditional(request: dict[str, Any]) -> bool:
    """Whether a request leaves it to CMS to say that nothing changed."""
    return "if-none-match" in request["headers"]


# --- the watch --------------------------------------------------------------------------------------------------


def test_a_watch_publishes_the_new_release_and_the_reposted_one_as_one_version(story: Story) -> None:
    version = story.watch.version
    assert version.number == 2
    assert sorted(version.releases) == sorted([*GOOD, *DUE, "RVU27A"])
    changed = {label for label in GOOD if version.releases[label] != story.backfill.version.releases[label]}
    assert changed == {"RVU26B"}


def test_a_reposted_archive_is_revision_2_of_its_release(story: Story) -> None:
    record = story.watch.version.releases["RVU26B"]
    assert record.revision == 2
    assert present(record.archive.url).endswith(REPOSTED)
    assert work_of_the_visit(story.watch.version, "RVU26B") == {Decimal("1.50")}


def test_the_version_before_a_repost_stays_readable_as_it_was(story: Story) -> None:
    assert work_of_the_visit(pfsetl.open(story.folder / "output", 1), "RVU26B") == {Decimal("1.21")}


def test_a_redirected_zip_is_recorded_with_the_address_it_came_from(story: Story) -> None:
    assert present(story.watch.version.releases["RVU27A"].archive.url).endswith(BEHIND_IT)


def test_a_licence_page_in_place_of_a_zip_is_reported_by_name(story: Story) -> None:
    told = story.watch.message + story.watch.log
    assert any("RVU27B" in line and "HTML page" in line for line in told.splitlines()), told
    assert len(story.watch.asked(GATED_ZIP)) == 1


def test_a_watch_asks_for_the_zips_that_the_store_lacks_and_whether_recent_ones_changed(story: Story) -> None:
    due, recent = {zip_path(label) for label in DUE}, {zip_path("RVU26A")}
    wanted = {REPOSTED, NEW_ZIP, BEHIND_IT, GATED_ZIP} | due
    assert {request["path"] for request in story.watch.zips if not is_conditional(request)} == wanted
    assert {request["path"] for request in story.watch.zips if is_conditional(request)} == recent


@pytest.mark.parametrize("chapter", ["watch", "watch_again"])
def test_a_watch_reads_one_page_after_the_other_at_leisure(story: Story, chapter: str) -> None:
    told: Chapter = getattr(story, chapter)
    at = [r["at"] for r in told.requests if not r["path"].endswith(".zip")]
    assert len(at) >= 6  # two pages of index, four releases and the new ones
    assert min(b - a for a, b in pairwise(at)) >= 0.9


def test_a_watch_when_nothing_is_new_downloads_no_zip_and_publishes_nothing(story: Story) -> None:
    assert {*map(is_conditional, story.watch_again.zips)} == {True}
    assert story.watch_again.version.number == 2


def test_a_release_that_the_index_lost_since_the_last_look_fails_the_next_by_name(story: Story) -> None:
    assert story.watch_again.state == "FAILED"
    assert story.watch_again.message.startswith("RVU27B: CMS's index doesn't list it any more")


# --- what an operator sees --------------------------------------------------------------------------------------


def test_the_server_plans_runs_of_the_watch_and_of_nothing_else(story: Story) -> None:
    assert story.scheduled == {"watch"}


@pytest.mark.parametrize("key", ["watch", "backfill"])
def test_runs_leave_an_artifact_that_names_what_changed(story: Story, key: str) -> None:
    first = story.orchestra.artifacts(key)[0]
    changed = {"watch": ("RVU26B", "RVU27A", *DUE), "backfill": GOOD}[key]
    assert [label for label in changed if label not in first["data"]] == []
