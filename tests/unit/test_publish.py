"""Commit algebra: same content is no new version, other releases merge, the same release changed is a conflict."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import Conflict, StoreError
from pfsetl.pipeline.side_by_side import publish_staged
from pfsetl.publication import publish, staging, version
from pfsetl.publication.json_records import plain
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.present import present
from tests.publisher import CONTRACT, RECORD, factor, factors, staged
from tests.publisher import published as committed

pytestmark = pytest.mark.long


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def test_the_first_commit_is_version_1(store: LocalStore) -> None:
    assert committed(store).number == 1


def test_the_same_content_is_no_new_version(store: LocalStore) -> None:
    assert [committed(store).number, committed(store).number] == [1, 1]


def test_other_content_is_the_next_version(store: LocalStore) -> None:
    committed(store)
    assert factors(committed(store, value="33.0000")) == {"RVU25A": "33.0000"}


def test_another_release_joins(store: LocalStore) -> None:
    committed(store)
    assert sorted(factors(committed(store, "RVU25B"))) == ["RVU25A", "RVU25B"]


def test_an_earlier_version_stays_as_it_was(store: LocalStore) -> None:
    first = committed(store)
    committed(store, value="33.0000")
    assert factors(version.open_version(store, 1)) == factors(first) == {"RVU25A": "32.3465"}


def test_going_back_to_earlier_content_is_a_version_of_its_own(store: LocalStore) -> None:
    assert [committed(store, value=v).number for v in ("1", "2", "1")] == [1, 2, 3]


def test_another_release_published_meanwhile_is_kept(store: LocalStore) -> None:
    base = version.open_version(store)
    committed(store, "RVU25B")
    assert sorted(factors(committed(store, "RVU25A", base=base))) == ["RVU25A", "RVU25B"]


def test_my_release_published_meanwhile_with_the_same_content_is_no_conflict(store: LocalStore) -> None:
    base = version.open_version(store)
    committed(store)
    assert committed(store, base=base).number == 1


def test_my_release_changed_meanwhile_is_a_conflict(store: LocalStore) -> None:
    base = committed(store)
    committed(store, value="33.0000")
    with pytest.raises(Conflict, match=r"version 2 holds another content of RVU25A than version 1.*build again"):
        committed(store, value="34.0000", base=base)


def test_a_conflict_publishes_nothing(store: LocalStore) -> None:
    base = version.open_version(store)
    committed(store)
    with pytest.raises(Conflict):
        committed(store, value="34.0000", base=base)
    assert version.numbers(store) == [1]


def test_several_releases_are_one_version(store: LocalStore) -> None:
    both = [staged(store, "RVU25A"), staged(store, "RVU25B")]
    at = publish.commit(store, both, version.open_version(store), CONTRACT)
    assert (at.number, sorted(at.releases)) == (1, ["RVU25A", "RVU25B"])


def test_racing_committers_all_land(store: LocalStore) -> None:
    labels = [f"RVU{year}A" for year in range(10, 18)]
    base = version.open_version(store)
    parts = [staged(store, label) for label in labels]
    barrier = threading.Barrier(len(parts))
    failures: list[Exception] = []

    def run(part: StagedRelease) -> None:
        barrier.wait()
        try:
            publish.commit(store, [part], base, CONTRACT)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert version.numbers(store) == list(range(1, 9))
    assert sorted(factors(version.open_version(store))) == labels


def test_of_two_racing_contents_of_one_release_one_is_a_conflict(store: LocalStore) -> None:
    base = version.open_version(store)
    parts = [staged(store, value=v) for v in ("1", "2")]
    barrier = threading.Barrier(2)
    outcomes: list[object] = []

    def run(part: StagedRelease) -> None:
        barrier.wait()
        try:
            outcomes.append(publish.commit(store, [part], base, CONTRACT).number)
        except Conflict:
            outcomes.append(Conflict)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [1, Conflict]


def test_staging_alone_shows_nothing(store: LocalStore) -> None:
    committed(store)
    staged(store, value="33.0000")
    assert factors(version.open_version(store)) == {"RVU25A": "32.3465"}


def test_a_crash_before_the_manifest_leaves_the_version_before(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(store)
    real = LocalStore.put_new

    def crashing(self: LocalStore, name: str, content: bytes | Path) -> bool:
        if name.startswith("versions/"):
            raise KeyboardInterrupt
        return real(self, name, content)

    monkeypatch.setattr(LocalStore, "put_new", crashing)
    with pytest.raises(KeyboardInterrupt):
        committed(store, value="33.0000")
    at = version.open_version(store)
    assert (at.number, factors(at)) == (1, {"RVU25A": "32.3465"})
    assert [problem for _, problem in at.verify() if problem] == []


def again_with_nothing(store: LocalStore) -> None:
    publish_staged([], version.open_version(store))


@pytest.mark.parametrize("again", [committed, again_with_nothing])
def test_a_crash_after_the_manifest_has_published(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, again: Callable[[LocalStore], object]
) -> None:
    def crashing(self: LocalStore, number: int, files: dict[str, str]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "show_tree", crashing)
        with pytest.raises(KeyboardInterrupt):
            committed(store)
    assert factors(version.open_version(store)) == {"RVU25A": "32.3465"}
    again(store)
    assert (store.root / "latest" / "conversion_factor" / "RVU25A.parquet").is_file()


def test_content_does_not_depend_on_how_rows_are_chunked(store: LocalStore) -> None:
    rows = pl.concat([factor("RVU25A", "1"), factor("RVU25A", "2").with_columns(participant=pl.lit("qp"))])
    whole = staging.stage(store, "RVU25A", {"conversion_factor": rows}, RECORD, CONTRACT)
    again = staging.stage(store, "RVU25A", {"conversion_factor": iter([rows])}, RECORD, CONTRACT)
    assert whole.content == again.content


def test_a_staged_release_is_named_by_its_content(store: LocalStore) -> None:
    assert staged(store).resources[0].path == staged(store).resources[0].path
    assert staged(store).resources[0].path != staged(store, value="1").resources[0].path


# --- built ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return s.write_zip(tmp_path_factory.mktemp("archive") / "a.zip", s.release())


@pytest.fixture(scope="module")
def first(archive: Path) -> pfsetl.Build:
    """What the archive was published as."""
    return pfsetl.build("RVU25A", store=LocalStore(archive.parent / "store"), archive=archive, sample=True)


def copy_of(built: pfsetl.Build, folder: Path) -> LocalStore:
    return LocalStore(copied(Path(str(built.version.store)), folder / "store"))


@pytest.fixture(scope="module")
def second(first: pfsetl.Build, tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    """What a re-post was published as, in a copy of the store: one row is another, one is gone."""
    folder = tmp_path_factory.mktemp("second")
    reposted = s.write_zip(folder / "b.zip", s.release(rows=[s.changed(s.VISIT, work="1.30"), *s.CODES[1:-1]]))
    return pfsetl.build("RVU25A", store=copy_of(first, folder), archive=reposted, sample=True)


def test_a_build_of_the_same_archive_does_nothing(first: pfsetl.Build, archive: Path) -> None:
    again = pfsetl.build("RVU25A", store=first.version.store, archive=archive, sample=True)
    assert [(b.published, b.version.number) for b in (first, again)] == [(True, 1), (False, 1)]


def test_a_reposted_archive_is_a_new_revision(second: pfsetl.Build) -> None:
    assert (second.version.number, second.record.revision) == (2, 2)
    assert second.version.scan("releases", "RVU25A").collect()["revision"].to_list() == [1, 2]


def test_a_damaged_object_is_not_taken_over_into_a_new_version(store: LocalStore) -> None:
    first = committed(store)
    damaged = store.root / next(r.path for r in first.resources if r.table == "conversion_factor")
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x00")
    committed(store, value="33.0000")
    with suppress(StoreError):
        assert factors(committed(store)) == {"RVU25A": "32.3465"}


def test_a_release_that_was_there_already_is_not_called_published_when_another_joins(
    first: pfsetl.Build, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = copy_of(first, tmp_path)
    (store.root / first.version.resources[0].path).unlink()  # so that it is made again
    commit = publish.commit

    def after_another(*arguments: Any) -> Version:
        monkeypatch.setattr(publish, "commit", commit)
        pfsetl.build("RVU24D", store=store, archive=s.write_zip(tmp_path / "b.zip", s.release("RVU24D")), sample=True)
        return commit(*arguments)

    monkeypatch.setattr(publish, "commit", after_another)
    again = pfsetl.build("RVU25A", store=store, archive=archive, sample=True)
    assert (again.version.number, again.published) == (2, False)


def test_what_was_compared_once_stays_compared(tmp_path: Path) -> None:
    store, archive = LocalStore(tmp_path / "o"), s.write_zip(tmp_path / "a.zip", s.release())
    compared = pfsetl.build("RVU25A", store=store, archive=archive, all_formats=True, sample=True)
    (store.root / compared.version.resources[0].path).unlink()
    restored = pfsetl.build("RVU25A", store=store, archive=archive, sample=True)
    assert (restored.published, restored.version.number) == (False, 1)


# --- what a version says of the one before it ---------------------------------------------------------------------


def test_a_new_release_supersedes_nothing_and_adds_all_its_rows(first: pfsetl.Build) -> None:
    told = present(first.version.manifest.pfsetl.changes)["RVU25A"]
    assert told.supersedes is None
    assert plain(present(told.tables)["rvu"]) == {"added": len(s.CODES), "removed": 0, "changed": 0, "columns": {}}


def test_a_second_revision_says_what_it_supersedes_and_how_many_rows_changed(
    first: pfsetl.Build, second: pfsetl.Build
) -> None:
    told = present(second.version.manifest.pfsetl.changes)["RVU25A"]
    before = first.version.releases["RVU25A"].archive.sha256
    assert plain(told.supersedes) == {"version": 1, "revision": 1, "archive_sha256": before}
    cells = {"work_rvu": 1, "nonfacility_total_rvu": 1, "facility_total_rvu": 1}
    assert plain(present(told.tables)["rvu"]) == {"added": 0, "removed": 1, "changed": 1, "columns": cells}


def test_the_revision_that_was_superseded_stays_readable(second: pfsetl.Build) -> None:
    store = second.version.store
    work = [
        str(pfsetl.open(store, number).scan("rvu").filter(hcpcs="G9901").collect()["work_rvu"][0]) for number in (1, 2)
    ]
    assert work == ["1.21", "1.30"]


def test_a_release_that_a_version_does_not_touch_is_not_among_its_changes(first: pfsetl.Build, tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU25B.zip", s.release("RVU25B"))
    built = pfsetl.build("RVU25B", store=copy_of(first, tmp_path), archive=archive, sample=True)
    assert list(present(built.version.manifest.pfsetl.changes)) == ["RVU25B"]
