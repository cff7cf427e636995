"""How fresh a store is: by the calendar, by the last look at CMS, by what lies in it."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pfsetl.publication import version
from pfsetl.publication.manifest import Resource
from pfsetl.storage.folder import LocalStore
from pfsetl.watching.status import Status, status
from tests.publisher import holding, record

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
LOOK = {"day": "2026-02-01", "listed": [], "lost": [], "vanished": [], "alarms": []}


def a_store(folder: Path, monkeypatch: pytest.MonkeyPatch, *labels: str, samples: tuple[str, ...] = ()) -> LocalStore:
    """A store whose newest version holds these releases, each with one file of ten bytes."""
    store = LocalStore(folder)
    files = [
        Resource(
            table="rvu", release=x, path=f"objects/rvu/{x}.parquet", rows=1, bytes=10, hash="", digest="", schema=""
        )
        for x in labels
    ]
    for file in files:
        store.put_new(file.path, b"0123456789")
    at = holding(store, {x: record(x, sample=x in samples) for x in labels}, files)
    monkeypatch.setattr(version, "newest", lambda _s, _known: at)
    return store


def ran(store: LocalStore, started: str, look: dict[str, Any] | None = None, **more: Any) -> None:
    record: dict[str, Any] = {
        "id": started,
        "command": "watch",
        "outcome": "unchanged",
        "steps": [],
        "started": started,
        "look": look,
    }
    store.put_new(f"runs/{started[:13]}.json", json.dumps(record | more).encode())


LAST_YEAR = ("RVU25A", "RVU25B", "RVU25C", "RVU25D")


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    store = a_store(tmp_path, monkeypatch, *LAST_YEAR, "RVU26A")
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    return store


def test_a_store_that_holds_what_is_due_and_was_looked_after_today_is_fresh(fresh: LocalStore) -> None:
    found = status(fresh, now=NOW)
    assert (found.stale, found.due, found.newest, found.in_force, found.in_force_published) == (
        (), (), "RVU26A", "RVU26A", True,
    )  # fmt: skip


def test_a_store_without_the_release_in_force_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store(tmp_path, monkeypatch, *LAST_YEAR)
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    found = status(store, now=NOW, max_lag=365)
    assert [why.partition(":")[0] for why in found.stale] == ["RVU26A"]


def test_what_to_do_about_absent_releases_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store(tmp_path, monkeypatch, *LAST_YEAR[:2])
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    *facts, remedy = status(store, now=NOW).stale
    assert [why.partition(":")[0] for why in facts] == ["RVU26A", *LAST_YEAR[2:]]
    assert not [why for why in facts if "pfsetl" in why]
    backfill = "'pfsetl backfill RVU26A,RVU25C,RVU25D"
    assert remedy == (
        f"to publish these, look at CMS with 'pfsetl discover'. {backfill} --output {store}' fetches those that CMS "
        f"posts, {backfill} --archives FOLDER --output {store}' takes archives that you have."
    )


def test_releases_that_nobody_has_declared_are_fetched_by_their_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(tmp_path, monkeypatch)
    remedy = status(store, now=datetime(2031, 9, 28, tzinfo=UTC), max_lag=0).stale[-2]
    assert [f"'pfsetl fetch {label} --url URL'" in remedy for label in ("RVU31C", "RVU31D")] == [True, True]
    assert "backfill" not in remedy


def labels_due(store: LocalStore, day: datetime, **options: Any) -> tuple[list[str], Status]:
    found = status(store, now=day, **options)
    return [one.release for one in found.due], found


def test_the_next_release_is_due_when_cms_has_usually_posted_it(fresh: LocalStore) -> None:
    """RVU24B's zip is dated 18 March 2024, two weeks before its first day."""
    assert labels_due(fresh, datetime(2026, 3, 17, tzinfo=UTC))[0] == []
    assert labels_due(fresh, datetime(2026, 3, 18, tzinfo=UTC))[0] == ["RVU26B"]


@pytest.mark.parametrize(("lag", "stale"), [(0, True), (6, True), (7, False)])
def test_a_release_that_is_due_may_be_absent_for_the_days_that_are_given(
    fresh: LocalStore, lag: int, stale: bool
) -> None:
    _, found = labels_due(fresh, datetime(2026, 3, 25, tzinfo=UTC), max_lag=lag)
    assert any(why.startswith("RVU26B:") for why in found.stale) == stale


def test_a_year_that_nobody_has_declared_is_due_by_the_quarter_rule(fresh: LocalStore) -> None:
    due, found = labels_due(fresh, datetime(2031, 7, 20, tzinfo=UTC))
    assert (found.in_force, "RVU31C" in due) == ("RVU31C", True)


def test_older_releases_that_were_never_published_are_named_and_not_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(tmp_path, monkeypatch, "RVU24B", *LAST_YEAR, "RVU26A")
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    found = status(store, now=NOW)
    assert (found.holes, found.stale) == (("RVU24C", "RVU24D"), ())


@pytest.mark.parametrize(("day", "stale"), [(4, False), (5, True)])
def test_a_store_that_nobody_looked_after_for_three_days_is_stale(fresh: LocalStore, day: int, stale: bool) -> None:
    found = status(fresh, now=datetime(2026, 2, day, 9, tzinfo=UTC))
    assert any("last look" in why for why in found.stale) == stale


def test_a_store_that_nobody_ever_looked_after_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = status(a_store(tmp_path, monkeypatch, *LAST_YEAR, "RVU26A"), now=NOW)
    assert (found.looked, [why.split(".")[0] for why in found.stale]) == (None, ["no look at CMS is recorded"])


def test_an_alarm_of_the_last_look_stays_until_a_look_without_it(fresh: LocalStore) -> None:
    raised = {"release": "RVU25D", "problem": "vanished", "why": "it isn't listed"}
    ran(fresh, "2026-02-02T09:20:00+00:00", LOOK | {"alarms": [raised]})
    day = datetime(2026, 2, 3, tzinfo=UTC)
    assert status(fresh, now=day).stale == ("RVU25D: it isn't listed (at the last look)",)
    ran(fresh, "2026-02-03T00:00:00+00:00", LOOK)
    assert status(fresh, now=day).stale == ()


def test_a_last_run_that_failed_is_told_with_its_message(fresh: LocalStore) -> None:
    ran(fresh, "2026-02-02T09:20:00+00:00", outcome="failed", error="CMS answered with 403\nmore")
    assert status(fresh, now=datetime(2026, 2, 3, tzinfo=UTC)).stale == (
        "the last run, 'watch' at 2026-02-02T09:20:00+00:00, failed: CMS answered with 403",
    )


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_store_that_lost_a_file_or_a_part_of_it_is_stale(fresh: LocalStore, damage: str) -> None:
    file = fresh.root / "objects/rvu/RVU25C.parquet"
    file.chmod(0o644)
    file.unlink() if damage == "gone" else file.write_bytes(b"012")
    assert [why for why in status(fresh, now=NOW).stale if "RVU25C" in why and "pfsetl repair" in why]


@pytest.mark.parametrize("problem", ["empty", "a list", "no start", "no zone", "no time", "half a look"])
def test_a_damaged_record_of_a_run_is_named_and_the_one_before_it_counts(fresh: LocalStore, problem: str) -> None:
    record = {
        "id": "x",
        "command": "watch",
        "outcome": "published",
        "steps": [],
        "started": "2026-02-01T10:00:00+00:00",
    }
    text = {
        "empty": "",
        "a list": "[]",
        "no start": json.dumps({k: v for k, v in record.items() if k != "started"}),
        "no zone": json.dumps(record | {"started": "2026-02-01T10:00:00"}),
        "no time": json.dumps(record | {"started": "yesterday"}),
        "half a look": json.dumps(record | {"look": {"day": "2026-02-01"}}),
    }[problem]
    fresh.put_new("runs/2026-02-02.json", text.encode())
    found = status(fresh, now=NOW)
    assert found.looked == found.last_run
    [why] = found.stale
    assert why.startswith(f"the store: {fresh}/runs/2026-02-02.json: not a readable run record")


def test_a_look_that_is_to_come_says_that_a_clock_is_wrong(fresh: LocalStore) -> None:
    ran(fresh, "2099-02-01T09:20:00+00:00", LOOK)
    [why] = status(fresh, now=NOW).stale
    assert (why.startswith("the last look is dated 2099-02-01"), "runs/2099-02-01" in why) == (True, True)


def test_a_run_that_is_to_come_says_that_a_clock_is_wrong_since_later_ones_that_fail_are_not_seen(
    fresh: LocalStore,
) -> None:
    ran(fresh, "2099-02-01T09:20:00+00:00")
    [why] = status(fresh, now=NOW).stale
    assert (why.startswith("the last run is dated 2099-02-01"), "runs/2099-02-01" in why) == (True, True)


@pytest.mark.parametrize(("seconds", "stale"), [(60, []), (3600, [True])])
def test_a_newest_version_that_latest_has_not_shown_for_long_is_stale(
    fresh: LocalStore, seconds: int, stale: list[bool]
) -> None:
    fresh.put_new("versions/000001.json", b"{}")
    written = time.time() - seconds
    os.utime(fresh.root / "versions/000001.json", (written, written))
    found = [why.startswith("the store: latest: missing") for why in status(fresh, now=NOW).stale]
    assert found == stale


def test_clocks_of_two_hosts_may_differ_a_little(fresh: LocalStore) -> None:
    ran(fresh, "2026-02-01T12:20:00+00:00", LOOK)
    assert status(fresh, now=NOW).stale == ()


def test_a_lag_beyond_all_dates_never_is_over(fresh: LocalStore) -> None:
    assert status(fresh, now=datetime(2026, 3, 25, tzinfo=UTC), max_lag=10**12).due
    assert not [why for why in status(fresh, now=NOW, max_lag=10**12).stale if "RVU26B" in why]


def test_a_sample_of_the_release_in_force_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = a_store(tmp_path, monkeypatch, *LAST_YEAR, "RVU26A", samples=("RVU26A",))
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    found = status(store, now=NOW)
    assert ([why.partition(":")[0] for why in found.stale], found.in_force_published) == (["RVU26A"], False)


def test_a_sample_of_a_release_that_is_due_is_not_said_to_be_unpublished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = a_store(tmp_path, monkeypatch, *LAST_YEAR, "RVU26A", samples=(LAST_YEAR[0],))
    ran(store, "2026-02-01T09:20:00+00:00", LOOK)
    [why] = status(store, now=NOW).stale
    assert (why.startswith(LAST_YEAR[0]), "published only as a sample" in why) == (True, True)


def test_little_disk_is_stale(fresh: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _p: shutil._ntuple_diskusage(10**12, 10**12, 10**8))
    assert [why for why in status(fresh, now=NOW).stale if why.startswith("100 MB are free")]


def test_the_command_says_what_is_in_force_and_ends_with_1_when_the_store_is_stale(tmp_path: Path, run: Any) -> None:
    code, out, err = run("status", "--output", tmp_path / "store")
    assert (code, out.splitlines()[0].startswith(f"{tmp_path / 'store'}: version 0, newest nothing")) == (1, True)
    assert err.startswith("pfsetl: stale: RVU")


def test_the_command_gives_programs_the_same_as_data(tmp_path: Path, run: Any) -> None:
    code, out, _ = run("status", "--output", tmp_path / "store", "--json")
    told = json.loads(out)
    assert (code, told["version"], told["in_force_published"], told["looked"]) == (1, 0, False, None)


def test_a_negative_lag_is_refused(tmp_path: Path, run: Any) -> None:
    assert run("status", "--output", tmp_path / "store", "--max-lag", "-1")[0] == 2
