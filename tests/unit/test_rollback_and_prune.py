"""Rollback publishes an earlier version again; prune removes only what no kept version and no build needs."""

import json
import os
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import UNSET

from pfsetl.declared import contracts
from pfsetl.errors import Conflict, StoreError, UsageError
from pfsetl.pipeline import backfill
from pfsetl.publication import chain, next_version, publish, rollback, runs, staging, version
from pfsetl.publication.json_records import plain
from pfsetl.publication.manifest import Manifest, Resource
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import prune, verify
from tests import synthetic as s
from tests.present import present
from tests.publisher import RECORD

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
CONTRACT = contracts.load()
TABLE = CONTRACT.tables["conversion_factor"]
DAY = 24 * 60 * 60


def staged(store: LocalStore, value: str, release: str = "RVU25A") -> StagedRelease:
    row: dict[str, Any] = dict.fromkeys(TABLE.schema)
    row |= {"release": release, "participant": "all", "conversion_factor": Decimal(value)}
    tables = {"conversion_factor": pl.DataFrame([row], schema=TABLE.schema)}
    return staging.stage(store, release, tables, RECORD, CONTRACT)


def own(at: Version) -> Resource:
    """The file that a release alone makes, beside those of what is declared."""
    return next(r for r in at.resources if r.table == TABLE.name)


def published(store: LocalStore, *values: str, release: str = "RVU25A") -> Version:
    for value in values:
        publish.commit(store, [staged(store, value, release)], version.open_version(store), CONTRACT)
    return version.open_version(store)


def factors(at: Version) -> dict[str, str]:
    rows = at.scan("conversion_factor").select("release", "conversion_factor").collect().iter_rows()
    return {release: str(value) for release, value in rows}


def grown_old(store: LocalStore) -> None:
    """Let everything in the store be written two days ago."""
    for path in store.root.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 2 * DAY,) * 2)


def pruned(store: LocalStore, keep: int) -> prune.Pruning:
    return prune.prune(store, prune.plan_prune(store, keep))


def objects(store: LocalStore) -> list[str]:
    return store.names("objects/conversion_factor")


def every_version_verifies(store: LocalStore) -> bool:
    opened = [version.open_version(store, number) for number in version.numbers(store)]
    return not [problem for at in opened for _, problem in at.verify() if problem]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


# --- rollback ---------------------------------------------------------------------------------------------------


def test_a_rollback_says_what_it_replaces(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    told = present(rollback.rollback(store, 1).manifest.pfsetl.changes)["RVU25A"]
    assert (present(told.supersedes).version, plain(told.tables)) == (
        2,
        {"conversion_factor": {"added": 0, "removed": 0, "changed": 1, "columns": {"conversion_factor": 1}}},
    )


def test_a_rollback_is_a_new_version_with_the_earlier_content(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    back = rollback.rollback(store, 1)
    assert (back.number, factors(back)) == (3, {"RVU25A": "1.0000"})


def test_a_rollback_names_its_parent_and_what_it_went_back_to(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    about = rollback.rollback(store, 1).manifest.pfsetl
    assert (about.parent, about.rolled_back_to) == (2, 1)


def test_a_rollback_is_of_its_own_run_not_of_the_one_that_built_what_it_went_back_to(store: LocalStore) -> None:
    with runs.recorded(store, "build"):
        built = published(store, "1.0000").run
    published(store, "2.0000")
    assert (built is None, rollback.rollback(store, 1).run) == (False, None)


def test_the_versions_before_a_rollback_stay(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    rollback.rollback(store, 1)
    assert factors(version.open_version(store, 2)) == {"RVU25A": "2.0000"}


def test_a_release_that_came_later_is_not_in_a_version_rolled_back_to_before_it(store: LocalStore) -> None:
    published(store, "1.0000")
    published(store, "2.0000", release="RVU25B")
    assert list(rollback.rollback(store, 1).releases) == ["RVU25A"]


def test_a_rollback_to_the_content_that_is_newest_does_nothing(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000", "1.0000")
    assert [rollback.rollback(store, n).number for n in (3, 1)] == [3, 3]
    assert version.numbers(store) == [1, 2, 3]


def test_a_build_after_a_rollback_goes_on_from_it(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    rollback.rollback(store, 1)
    after = published(store, "3.0000")
    assert (after.number, after.manifest.pfsetl.rolled_back_to is not UNSET) == (4, False)


def test_readers_that_glob_see_the_rollback(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    rollback.rollback(store, 1)
    seen = pl.read_parquet(store.root / "latest" / "conversion_factor" / "*.parquet")["conversion_factor"].to_list()
    assert seen == [Decimal("1.0000")]


def flipped(path: Path) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:99] + bytes([data[99] ^ 1]) + data[100:])


@pytest.mark.parametrize(
    "damage",
    [lambda p: p.unlink(), lambda p: (p.chmod(0o644), p.write_bytes(b"PAR1")), flipped],
    ids=["gone", "cut", "flipped"],
)
def test_a_rollback_to_a_version_whose_file_is_damaged_is_refused(store: LocalStore, damage: Any) -> None:
    first = published(store, "1.0000")
    published(store, "2.0000")
    damage(store.root / own(first).path)
    with pytest.raises(StoreError, match=r"RVU25A-.*parquet: .*Version 1 can't be published.*verify --at 1"):
        rollback.rollback(store, 1)
    assert version.numbers(store) == [1, 2]


def test_a_rollback_to_an_unknown_version_names_those_there(store: LocalStore) -> None:
    published(store, "1.0000")
    with pytest.raises(UsageError, match=r"no version 7\. There are 1 to 1\."):
        rollback.rollback(store, 7)


def test_a_rollback_never_drops_what_another_published_meanwhile(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "1.0000", "2.0000")
    check = next_version.refuse_vanished

    def after_another(*arguments: Any) -> None:
        monkeypatch.setattr(next_version, "refuse_vanished", check)
        published(store, "3.0000", release="RVU25B")

    monkeypatch.setattr(next_version, "refuse_vanished", after_another)
    with pytest.raises(Conflict, match=r"version 3 was published while version 1 was looked at.*roll back again"):
        rollback.rollback(store, 1)
    assert sorted(factors(version.open_version(store))) == ["RVU25A", "RVU25B"]


# --- prune ------------------------------------------------------------------------------------------------------


def test_a_plan_touches_nothing(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    before = sorted(str(p) for p in store.root.rglob("*"))
    prune.plan_prune(store, 1)
    assert sorted(str(p) for p in store.root.rglob("*")) == before


def test_a_plan_counts_the_bytes_that_only_pruned_versions_need(store: LocalStore) -> None:
    first = published(store, "1.0000")
    published(store, "2.0000")
    grown_old(store)
    plan = prune.plan_prune(store, 1)
    assert (plan.versions, dict(plan.objects)) == ((1,), {own(first).path: own(first).bytes})


def test_prune_removes_versions_their_trees_and_their_own_objects(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000", "3.0000")
    grown_old(store)
    pruned(store, 2)
    assert (version.numbers(store), store.trees(), len(objects(store))) == ([2, 3], [2, 3], 2)
    assert every_version_verifies(store)


def test_what_a_kept_version_shares_with_a_pruned_one_stays(store: LocalStore) -> None:
    published(store, "1.0000")
    published(store, "2.0000", release="RVU25B")
    grown_old(store)
    assert pruned(store, 1).objects == {}
    assert factors(version.open_version(store)) == {"RVU25A": "1.0000", "RVU25B": "2.0000"}


def test_the_newest_version_is_never_pruned(store: LocalStore) -> None:
    published(store, "1.0000")
    with pytest.raises(UsageError, match="the newest version always stays"):
        prune.plan_prune(store, 0)


def test_a_number_is_never_used_again(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    pruned(store, 1)
    assert published(store, "1.0000").number == 3


def test_prune_of_an_empty_store_removes_nothing(store: LocalStore) -> None:
    assert pruned(store, 1) == prune.Pruning((), (), (), (), {}, {})


def test_a_version_stays_for_a_day_after_the_next_one_came(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    published(store, "3.0000")
    assert prune.plan_prune(store, 1).kept == (2, 3)
    grown_old(store)
    assert prune.plan_prune(store, 1).kept == (3,)


def test_what_a_killed_writer_left_goes_a_day_later(store: LocalStore) -> None:
    published(store, "1.0000")
    store.put_new("tmp/left", b"half")
    assert "tmp/left" in prune.plan_prune(store, 1).waiting
    grown_old(store)
    assert "tmp/left" in pruned(store, 1).objects


@pytest.mark.parametrize("grace", ["-1", "nan"])
def test_a_grace_that_is_no_time_is_refused(grace: str, store: LocalStore, run: Run) -> None:
    published(store, "1.0000", "2.0000")
    code, _, err = run("prune", "--keep", 1, "--yes", f"--grace={grace}", "--output", store.root)
    assert (code, "give hours" in err, version.numbers(store)) == (2, True, [1, 2])


def test_nothing_is_pruned_while_a_published_manifest_is_gone(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    gone = (store.root / "versions/000002.json").read_bytes()
    (store.root / "versions/000002.json").unlink()
    grown_old(store)
    with pytest.raises(StoreError, match=r"000002\.json: missing.*Restore it from a copy"):
        pruned(store, 1)
    assert not any("no version names it" in note for note in verify.verify(store).notes.values())
    (store.root / "versions/000002.json").write_bytes(gone)
    assert not verify.verify(store).bad


def test_a_version_that_is_published_while_a_prune_is_planned_is_not_taken_for_one_that_is_gone(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "1.0000")
    read = chain.read

    def after_another_publication(*asked: Any) -> chain.Chain:
        monkeypatch.undo()
        published(store, "2.0000")
        return read(*asked)

    monkeypatch.setattr(chain, "read", after_another_publication)
    assert prune.plan_prune(store, 1).kept == (1,)
    assert version.numbers(store) == [1, 2]


def test_young_objects_of_no_version_stay_for_a_later_prune(store: LocalStore) -> None:
    published(store, "1.0000")
    grown_old(store)
    staged(store, "2.0000")
    assert (pruned(store, 1).objects, len(prune.plan_prune(store, 1).waiting)) == ({}, 1)
    grown_old(store)
    assert len(pruned(store, 1).objects) == 1


def test_a_commit_that_others_overtake_never_gets_the_number_of_a_pruned_version(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "1.0000")
    grown_old(store)
    manifest = next_version.manifest_of

    def overtaken(*arguments: Any) -> Manifest:
        monkeypatch.setattr(next_version, "manifest_of", manifest)
        published(store, "2.0000", "3.0000", release="RVU25B")
        pruned(store, 1)
        return manifest(*arguments)

    monkeypatch.setattr(next_version, "manifest_of", overtaken)
    after = published(store, "1.0000", release="RVU25C")
    assert (after.number, len(factors(after))) == (4, 3)


def test_what_a_build_has_staged_anew_is_kept_and_can_be_committed(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    base, mine = version.open_version(store), staged(store, "1.0000")  # its object is there already, and old
    pruned(store, 1)
    after = publish.commit(store, [mine], base, CONTRACT)
    assert (factors(after), every_version_verifies(store)) == ({"RVU25A": "1.0000"}, True)


def test_what_came_into_use_after_the_plan_is_kept(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    plan = prune.plan_prune(store, 1)
    rollback.rollback(store, 1)
    grown_old(store)
    done = prune.prune(store, plan)
    assert (done.objects, len(done.waiting), every_version_verifies(store)) == ({}, 1, True)


def test_a_commit_whose_objects_were_removed_is_refused(store: LocalStore) -> None:
    base, mine = version.open_version(store), staged(store, "1.0000")
    store.delete(mine.resources[0].path)
    with pytest.raises(StoreError, match=r"missing, with 0 more\. Nothing was published.*Run the command again"):
        publish.commit(store, [mine], base, CONTRACT)
    assert version.numbers(store) == []


def test_what_a_stopped_backfill_staged_is_kept_until_it_is_published(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "1.0000", "2.0000", release="RVU24A")
    archives = {"RVU25A": s.write_zip(tmp_path / "RVU25A.zip", s.release())}
    with monkeypatch.context() as patch:
        patch.setattr(publish, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            backfill.backfill(archives, store=store, sample=True)
    grown_old(store)
    done = pruned(store, 1)
    assert (done.records, sum("RVU25A" in name for name in done.objects)) == ((), 0)
    monkeypatch.setattr("pfsetl.pipeline.stage.stage", None)  # it must not be staged again
    backfill.backfill(archives, store=store, sample=True)
    assert every_version_verifies(store)


def test_the_record_of_a_finished_backfill_goes(store: LocalStore, tmp_path: Path) -> None:
    backfill.backfill({"RVU25A": s.write_zip(tmp_path / "RVU25A.zip", s.release())}, store=store, sample=True)
    grown_old(store)
    assert len(pruned(store, 1).records) == 1
    assert store.names("staged") == []


def test_wherever_prune_stops_every_manifest_left_verifies_and_the_next_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    while True:
        store, left = LocalStore(tmp_path / f"store{steps}"), [steps]
        published(store, "1.0000", "2.0000", "3.0000")
        grown_old(store)
        with monkeypatch.context() as patch:
            for name in ("delete", "hide_tree"):
                patch.setattr(LocalStore, name, stopping(getattr(LocalStore, name), left))
            try:
                pruned(store, 1)
                break
            except KeyboardInterrupt:
                assert every_version_verifies(store)
        pruned(store, 1)
        assert (version.numbers(store), store.trees(), len(objects(store))) == ([3], [3], 1)
        steps += 1
    assert steps == 8  # two manifests, two trees, two objects, two listings


def stopping(real: Callable[..., None], left: list[int]) -> Callable[..., None]:
    """Do as the real one until no step is left, then stop."""

    def step(*arguments: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        real(*arguments)

    return step


def test_a_damaged_manifest_that_stays_stops_the_prune(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    manifest = store.root / "versions" / "000002.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    with pytest.raises(StoreError, match=r"000002\.json: not a readable manifest"):
        prune.plan_prune(store, 1)


def test_a_damaged_manifest_that_goes_does_not(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000")
    manifest = store.root / "versions" / "000001.json"
    manifest.chmod(0o644)
    manifest.write_text("{")
    grown_old(store)
    pruned(store, 1)
    assert (version.numbers(store), len(objects(store))) == ([2], 1)


def test_of_two_prunes_with_one_plan_the_second_removes_nothing(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000", "3.0000")
    grown_old(store)
    plans = [prune.plan_prune(store, 1), prune.plan_prune(store, 1)]
    first, second = (prune.prune(store, plan) for plan in plans)
    assert (first.versions, second.versions) == ((1, 2), ())
    assert (version.numbers(store), every_version_verifies(store)) == ([3], True)


def test_a_version_that_another_prune_takes_while_one_is_planned_is_no_damage(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(store, "1.0000", "2.0000", "3.0000")
    grown_old(store)
    listed = version.numbers

    def then_pruned(at: LocalStore) -> list[int]:
        there = listed(at)
        monkeypatch.setattr(version, "numbers", listed)
        prune.prune(store, prune.plan_prune(store, 1))
        return there

    monkeypatch.setattr(version, "numbers", then_pruned)
    assert prune.plan_prune(store, 3).versions == ()


def test_a_manifest_that_no_prune_took_is_missing_while_one_is_at_work(store: LocalStore) -> None:
    published(store, "1.0000", "2.0000", "3.0000")
    grown_old(store)
    plan = prune.plan_prune(store, 1)
    (store.root / "versions" / "000001.json").unlink()
    with pytest.raises(StoreError, match=r"000001\.json"):
        prune.prune(store, plan)


@pytest.mark.long
def test_prunes_at_the_same_time_end_as_one(store: LocalStore) -> None:
    published(store, *(f"{n}.0000" for n in range(1, 13)))
    grown_old(store)
    failures: list[Exception] = []

    def prune_to(keep: int) -> None:
        try:
            prune.prune(store, prune.plan_prune(store, keep))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=prune_to, args=(keep,)) for keep in (1, 1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (failures, version.numbers(store), every_version_verifies(store)) == ([], [12], True)


@pytest.mark.long
def test_publishing_and_pruning_at_the_same_time_lose_nothing(store: LocalStore) -> None:
    """Three publish contents that come and go, each of a release of its own; a fourth prunes all the while."""
    labels, done, failures = ("RVU25A", "RVU25B", "RVU25C"), threading.Event(), []
    published(store, "0.0001")

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    def publish_all(label: str) -> None:
        for number in range(6):
            try:
                published(store, f"{number % 3 + 1}.0000", release=label)
            except StoreError as error:
                if "Run the command again" not in str(error):  # a machine so slow that grace ended before the commit
                    raise
                published(store, f"{number % 3 + 1}.0000", release=label)

    def prune_all() -> None:
        while not done.is_set():
            prune.prune(store, prune.plan_prune(store, 1, grace=2.0), grace=2.0)

    publishers = [threading.Thread(target=guarded, args=(partial(publish_all, label),)) for label in labels]
    pruner = threading.Thread(target=guarded, args=(prune_all,))
    for thread in (*publishers, pruner):
        thread.start()
    for thread in publishers:
        thread.join(60)
    done.set()
    pruner.join(60)
    newest = version.open_version(store)
    assert failures == []
    assert (newest.number, set(factors(newest).values())) == (19, {"3.0000"})
    assert every_version_verifies(store)


# --- commands ---------------------------------------------------------------------------------------------------


def test_the_command_rolls_back_and_says_so(store: LocalStore, run: Run) -> None:
    published(store, "1.0000", "2.0000")
    assert "version 3 published: the content of version 1" in run("rollback", 1, "--output", store.root)[1]
    assert "unchanged: version 3" in run("rollback", 1, "--output", store.root)[1]


def test_the_command_prunes_only_with_yes(store: LocalStore, run: Run) -> None:
    published(store, "1.0000", "2.0000")
    grown_old(store)
    _, shown, _ = run("prune", "--keep", 1, "--output", store.root)
    assert ("would remove 1 version and 1 file" in shown, version.numbers(store)) == (True, [1, 2])
    _, done, _ = run("prune", "--keep", 1, "--yes", "--output", store.root, "--json")
    assert (json.loads(done)["versions"], version.numbers(store)) == ([1], [2])


def test_the_command_asks_how_many_to_keep(store: LocalStore, run: Run) -> None:
    code, _, err = run("prune", "--output", store.root)
    assert (code, "--keep" in err) == (2, True)


def test_the_command_says_which_versions_are_kept_because_they_were_just_the_newest(
    store: LocalStore, run: Run
) -> None:
    published(store, "1.0000", "2.0000")
    _, shown, _ = run("prune", "--keep", 1, "--output", store.root)
    assert "kept are 1, 2" in shown
    assert "newest less than 24 hours ago: 1; --grace HOURS" in shown
    _, told, _ = run("prune", "--keep", 1, "--output", store.root, "--json")
    assert json.loads(told)["recent"] == [1]
    assert "newest less than" not in run("prune", "--keep", 2, "--output", store.root)[1]  # both are asked for
    assert json.loads(run("prune", "--keep", 1, "--grace", 0, "--output", store.root, "--json")[1])["recent"] == []
