"""The flow that builds many releases: what is published, what a failed release does, and what a second run does."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pfsetl.declared import registry
from pfsetl.errors import ChecksFailed, SourceUnavailable
from pfsetl.publication import version
from pfsetl.publication.runs import runs
from pfsetl.source import fetch as fetching
from pfsetl.source.cache import newest
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.cms_server import Answer, Cms
from tests.flows.called import asking, backfill
from tests.present import present

pytestmark = pytest.mark.usefixtures("prefect_server")
LABELS = ["RVU24A", "RVU25A", "RVU25D", "RVU26A"]
ABSENT = ["RVU24AR", "RVU24B", "RVU24C", "RVU24D", "RVU25B", "RVU25C", "RVU26B", "RVU26C", "RVU26D"]
PART: dict[str, Any] = {"sample": True}  # the archives are small: what a whole schedule needs is asked elsewhere
PAGE = b"<!DOCTYPE html><html><title>License for use</title></html>"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    for label in LABELS:
        s.write_zip(folder / f"{label}.zip", s.release(label))
    return folder


def seen(last: str = "publish") -> Any:
    """The newest flow run with its task runs, to the last one of this name, and artifacts, as the server tells."""
    with asking() as client:
        newest = max(client.read_flow_runs(), key=lambda r: present(r.start_time))
        artifacts = [a for a in client.read_artifacts() if a.flow_run_id == newest.id and a.key]
        deadline = time.monotonic() + 20  # task runs are written from events, a moment later
        while True:
            of_it = [t for t in client.read_task_runs() if t.flow_run_id == newest.id]
            all_there = not last or any(t.name.startswith(last) for t in of_it)
            if (all_there and all(t.state and t.state.is_final() for t in of_it)) or time.monotonic() > deadline:
                return SimpleNamespace(run=newest, tasks=of_it, artifacts={a.key: a for a in artifacts})
            time.sleep(0.1)


# --- three runs into one store: one archive is broken, then it is mended, then nothing is missing ------------------


@pytest.fixture(scope="module")
def three(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("three")
    zips, store = folder / "zips", LocalStore(folder / "store")
    zips.mkdir()
    for label in LABELS:
        (zips / f"{label}.zip").write_bytes((archives / f"{label}.zip").read_bytes())
    cells = [row[:-1] for row in s.cells_of(s.gpci_csv("GPCI7"))]
    s.write_zip(zips / "RVU25A.zip", s.release("RVU25A") | {"GPCI2025.csv": s.csv_bytes(cells)})
    call: dict[str, Any] = {**PART, "releases": "2024..2026", "output": str(store.root), "archives": str(zips)}
    with pytest.raises(ChecksFailed) as failure:
        backfill(**call)
    broken = SimpleNamespace(
        error=str(failure.value), releases=set(version.open_version(store).releases), **vars(seen())
    )
    (zips / "RVU25A.zip").write_bytes((archives / "RVU25A.zip").read_bytes())
    mended = SimpleNamespace(outcome=backfill(**call), **vars(seen()))
    again = SimpleNamespace(outcome=backfill(**call), **vars(seen(last="stage")))
    return SimpleNamespace(store=store, broken=broken, mended=mended, again=again)


def test_a_release_that_fails_does_not_stop_the_others(three: SimpleNamespace) -> None:
    assert three.broken.releases == {"RVU24A", "RVU25D", "RVU26A"}


def test_a_run_with_a_failed_release_ends_failed_and_names_it(three: SimpleNamespace) -> None:
    assert three.broken.run.state.name == "Failed"
    assert "RVU25A: " in three.broken.run.state.message
    assert "GPCI2025.csv" in three.broken.error
    assert "RVU24A" not in three.broken.error


def test_a_second_run_does_only_what_is_missing(three: SimpleNamespace) -> None:
    assert three.mended.outcome == {
        "version": 2,
        "published": ["RVU25A"],
        "unchanged": ["RVU24A", "RVU25D", "RVU26A"],
        "failed": {},
        "absent": ABSENT,
    }


def test_a_run_with_nothing_to_do_makes_no_version(three: SimpleNamespace) -> None:
    assert three.again.outcome == {"version": 2, "published": [], "unchanged": LABELS, "failed": {}, "absent": ABSENT}
    assert version.numbers(three.store) == [1, 2]


def test_names_say_release_and_revision(three: SimpleNamespace) -> None:
    assert three.mended.run.name == "backfill 2024..2026"
    stages = {f"stage {label}" for label in LABELS}
    assert {t.name for t in three.mended.tasks} == stages | {"publish RVU25A revision 1"}


def test_no_task_fails_twice_for_what_is_final(three: SimpleNamespace) -> None:
    [failed] = [t for t in three.broken.tasks if t.state.name == "Failed"]
    assert (failed.name, failed.run_count) == ("stage RVU25A", 1)


def test_a_table_says_what_changed(three: SimpleNamespace) -> None:
    table = {row["release"]: row for row in json.loads(three.mended.artifacts["backfill"].data)}
    resources = [r for r in version.open_version(three.store).resources if r.release == "RVU25A"]
    expected = {"release": "RVU25A", "revision": 1, "outcome": "published", "tables": 20}
    assert table["RVU25A"] == expected | {"rows": sum(r.rows for r in resources)}
    assert {label: row["outcome"] for label, row in table.items() if label != "RVU25A"} == dict.fromkeys(
        ("RVU24A", "RVU25D", "RVU26A"), "unchanged"
    ) | dict.fromkeys(ABSENT, "absent")


def test_the_table_says_why_a_release_failed(three: SimpleNamespace) -> None:
    [row] = [r for r in json.loads(three.broken.artifacts["backfill"].data) if r["outcome"] == "failed"]
    assert row["release"] == "RVU25A"
    assert "GPCI2025.csv" in row["why"]


def test_the_progress_bar_comes_to_its_end(three: SimpleNamespace) -> None:
    assert float(three.broken.artifacts["backfill-progress"].data) == 100.0


def test_a_run_is_recorded_with_the_steps_of_its_releases(three: SimpleNamespace) -> None:
    again, mended, broken = runs(three.store)
    assert [r["outcome"] for r in (again, mended, broken)] == ["unchanged", "published", "failed"]
    assert {x["release"] for x in broken["steps"] if x["step"] == "write"} == {"RVU24A", "RVU25D", "RVU26A"}
    assert [x["step"] for x in mended["steps"] if x["step"] in ("write", "commit")] == ["write", "commit"]
    assert "RVU25A" in broken["error"]


# --- the engines ---------------------------------------------------------------------------------------------------


def test_dask_publishes_what_threads_publish_and_records_the_steps(archives: Path, tmp_path: Path, three: Any) -> None:
    output, two = tmp_path / "store", LABELS[:2]
    call: dict[str, Any] = {**PART, "output": str(output), "archives": str(archives)}
    done = backfill(releases=[*two], task_runner="dask", concurrency=1, **call)  # in a process of its own
    assert (done["version"], done["published"], done["failed"]) == (1, two, {})
    files = [
        {r.path for r in version.open_version(store).resources if r.release in two} for store in (output, three.store)
    ]
    assert files[0] == files[1] != set()
    [record] = runs(LocalStore(output))
    assert sorted(x["release"] for x in record["steps"] if x["step"] == "write") == two


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task_runner": "ray"}, r"task_runner: .*threads\|dask"),
        ({"concurrency": 0}, "concurrency: .*greater than or equal to 1"),
        ({"accept": ["los"]}, "accept.0: .*loss"),
    ],
)
def test_what_cannot_be_asked_is_refused(archives: Path, tmp_path: Path, options: Any, message: str) -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError, match=message):
        backfill(releases="2024", output=str(tmp_path / "store"), archives=str(archives), **options)


def test_artifacts_that_cannot_be_written_do_not_fail_a_run(archives, tmp_path, monkeypatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("the server is gone")

    for name in ("create_table_artifact", "create_progress_artifact", "update_progress_artifact"):
        monkeypatch.setattr(f"pfsetl.flows.report.{name}", refuse)
    done = backfill(releases="RVU24A", output=str(tmp_path / "store"), archives=str(archives), **PART)
    assert done["published"] == ["RVU24A"]


# --- from CMS ------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_cms(archives: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    """CMS with the four releases where `schemas/releases.csv` has them; each network call is tried once."""
    routes = {present(registry.find(x).zip_path): [Answer((archives / f"{x}.zip").read_bytes())] for x in LABELS}
    monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Cms(routes) as cms:
        monkeypatch.setenv("PFSETL_CMS_URL", cms.url)
        yield cms


def test_a_busy_source_is_asked_again_and_a_page_is_not(at_cms: Cms, archives: Path, tmp_path: Path) -> None:
    busy, page = (registry.find(x).zip_path or "" for x in ("RVU24A", "RVU25A"))
    at_cms.answer_with(busy, Answer(status=503), Answer((archives / "RVU24A.zip").read_bytes()))
    at_cms.answer_with(page, Answer(PAGE, type="text/html"))
    call: dict[str, Any] = {
        **PART,
        "output": str(tmp_path / "store"),
        "cache": str(tmp_path / "cache"),
        "retry_delays": (0.1, 0.1),
    }
    with pytest.raises(SourceUnavailable, match=r"RVU25A: .*HTML page"):
        backfill(releases="RVU24A,RVU25A", **call)
    assert (len(at_cms.asked(busy)), len(at_cms.asked(page))) == (2, 1)
    opened = version.open_version(tmp_path / "store")
    assert list(opened.releases) == ["RVU24A"]
    assert opened.releases["RVU24A"].archive.url == at_cms.url + busy


def test_what_the_cache_holds_is_not_asked_for_again(at_cms: Cms, tmp_path: Path) -> None:
    call: dict[str, Any] = {**PART, "output": str(tmp_path / "store"), "cache": str(tmp_path / "cache")}
    backfill(releases="RVU24A", **call)
    done = backfill(releases="RVU24A,RVU25A", **call)
    assert (done["published"], done["unchanged"]) == (["RVU25A"], ["RVU24A"])
    assert len(at_cms.requests) == 2


def test_what_the_cache_has_damaged_is_fetched_again(at_cms: Cms, tmp_path: Path) -> None:
    call: dict[str, Any] = {**PART, "output": str(tmp_path / "store"), "cache": str(tmp_path / "cache")}
    backfill(releases="RVU24A", **call)
    file = present(newest(tmp_path / "cache", "RVU24A")).path
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:1_000])
    done = backfill(releases="RVU24A", **call | {"output": str(tmp_path / "other")})
    assert (done["published"], len(at_cms.requests)) == (["RVU24A"], 2)


def test_tasks_that_talk_to_cms_keep_to_its_limit(at_cms: Cms, tmp_path: Path, monkeypatch) -> None:
    at_work: list[int] = []
    now, lock, fetch = [0], threading.Lock(), fetching.fetch

    def counted(*arguments: Any, **options: Any) -> Any:
        with lock:
            now[0] += 1
            at_work.append(now[0])
        time.sleep(0.5)
        try:
            return fetch(*arguments, **options)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(fetching, "fetch", counted)
    with asking() as client:
        client.upsert_global_concurrency_limit_by_name("cms", 1)
        where = {"output": str(tmp_path / "store"), "cache": str(tmp_path / "cache")}
        call: dict[str, Any] = {**PART, **where, "concurrency": 4}
        try:
            assert len(backfill(releases=[*LABELS[:3]], **call)["published"]) == 3
        finally:
            client.delete_global_concurrency_limit_by_name("cms")
    assert max(at_work) == 1
    assert {tuple(t.tags) for t in seen().tasks if t.name.startswith("fetch")} == {("cms",)}
