"""Every run leaves one log line per step and one record in the store."""

import json
import logging
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import PfsetlError
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.pipeline.backfill import backfill
from pfsetl.publication import over_releases, runs
from pfsetl.publication.runs import recorded, step
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied

pytestmark = pytest.mark.long


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def built(sampled: Path) -> pfsetl.Version:
    return pfsetl.open(sampled)


def test_a_build_records_its_steps_in_order(built: pfsetl.Version):
    (run,) = runs.runs(built.store)
    assert [one["step"] for one in run["steps"]] == ["open", "read", "normalize", "derive and check", "write", "commit"]
    assert {one["release"] for one in run["steps"]} == {"RVU25A"}
    assert (run["command"], run["outcome"], run["version"]) == ("build", "published", 1)


def test_what_was_written_is_counted_in_rows_and_bytes(built: pfsetl.Version):
    write = next(one for one in runs.runs(built.store)[0]["steps"] if one["step"] == "write")
    files = [f for f in built.resources if not over_releases.is_over_releases(f)]  # which the commit makes
    assert (write["rows"], write["bytes"]) == (sum(f.rows for f in files), sum(f.bytes for f in files))


def test_a_second_build_is_recorded_as_unchanged(sampled: Path, tmp_path):
    store = LocalStore(copied(sampled, tmp_path / "store"))
    pfsetl.build("RVU25A", store=store, archive=sampled.with_name("RVU25A.zip"), sample=True)
    assert [run["outcome"] for run in runs.runs(store)] == ["unchanged", "published"]


def test_a_refused_build_is_recorded_with_its_error(store: LocalStore, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(PfsetlError):
        pfsetl.build("RVU25A", store=store, archive=tmp_path / "bad.zip", sample=True)
    (run,) = runs.runs(store)
    assert (run["outcome"], run["version"], run["steps"][-1]["outcome"]) == ("failed", None, "failed")
    assert "bad.zip" in run["error"]


def test_a_backfill_is_one_run_with_the_steps_of_every_release(store: LocalStore, tmp_path):
    folder = tmp_path / "zips"
    folder.mkdir()
    for label in ("RVU25A", "RVU25B"):
        s.write_zip(folder / f"{label}.zip", s.release(label))
    backfill(find_archives(folder, "2025").archives, store=store, sample=True)
    (run,) = runs.runs(store)
    assert (run["command"], run["outcome"]) == ("backfill", "published")
    assert {one["release"] for one in run["steps"] if one["step"] == "write"} == {"RVU25A", "RVU25B"}


def test_each_step_is_one_line_of_json_in_the_log(store: LocalStore, caplog):
    with caplog.at_level(logging.INFO, "pfsetl"), recorded(store, "build") as run, step("read", "RVU25A") as done:
        done.rows = 7
    (line,) = (json.loads(record.message) for record in caplog.records if record.name == "pfsetl")
    assert {"run": run.id, "step": "read", "release": "RVU25A", "rows": 7, "outcome": "done"}.items() <= line.items()
    assert line["seconds"] >= 0


def test_a_record_that_cannot_be_written_does_not_fail_the_run(tmp_path, caplog):
    place = tmp_path / "store"
    place.mkdir()
    (place / "runs").write_text("in the way")
    with recorded(LocalStore(place), "build") as run:
        run.version = 3
    (record,) = caplog.records
    assert (record.levelname, "runs" in record.message) == ("ERROR", True)


def test_a_run_that_a_signal_ended_says_so(store: LocalStore):
    with pytest.raises(KeyboardInterrupt), recorded(store, "build"):
        raise KeyboardInterrupt
    (run,) = runs.runs(store)
    assert (run["outcome"], run["error"]) == ("failed", "it was stopped (KeyboardInterrupt)")


def test_a_damaged_record_is_named(store: LocalStore):
    store.put_new("runs/20260101T000000-abc.json", b"{")
    with pytest.raises(PfsetlError, match="20260101T000000-abc"):
        runs.runs(store)


def test_the_command_lists_the_newest_first(store: LocalStore, run):
    for label in ("RVU25A", "RVU25B"):
        with recorded(store, "build", release=label):
            pass
    code, out, _ = run("runs", "--output", store.root, "--json")
    assert (code, [one["asked"]["release"] for one in json.loads(out)]) == (0, ["RVU25B", "RVU25A"])


def test_the_command_says_what_a_run_was_asked_for_in_words(store: LocalStore, run):
    with recorded(store, "backfill", releases=["RVU25A", "RVU25B", "RVU25C", "RVU25D", "RVU26A"]):
        pass
    with recorded(store, "watch", since=2025):
        pass
    shown = run("runs", "--output", store.root)[1]
    assert "RVU25A, RVU25B, RVU25C and 2 more" in shown
    assert "watch     since 2025" in shown


def test_the_command_shows_as_many_as_asked(store: LocalStore, tmp_path, run):
    for _ in range(3):
        with recorded(store, "build"):
            pass
    assert len(json.loads(run("runs", "--last", 2, "--output", store.root, "--json")[1])) == 2


def test_an_empty_store_says_that_nothing_was_run(store: LocalStore, run):
    code, out, _ = run("runs", "--output", store.root)
    assert (code, "no run is recorded" in out) == (0, True)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (runs.TimedStep("read", "RVU26B", 0.21, rows=19044), "read RVU26B: 19,044 rows in 0.2 s"),
        (
            runs.TimedStep("write", "RVU26B", 1.26, rows=7, bytes=659_604),
            "write RVU26B: 7 rows, 659,604 bytes in 1.3 s",
        ),
        (runs.TimedStep("discover", seconds=3.14), "discover: done in 3.1 s"),
        (runs.TimedStep("read", "RVU26B", 0.21, outcome="failed"), "read RVU26B: failed after 0.2 s"),
    ],
)
def test_a_step_is_told_in_words(done, said):
    assert runs.sentence(done) == said
