"""What a store that grows costs: memory for one manifest and not for all, and one reading where nothing is to do."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import pfsetl
from pfsetl.cli import holdings
from pfsetl.errors import StoreError
from pfsetl.pipeline.backfill import backfill
from pfsetl.publication import manifest, publish, staging, version
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import prune, verify
from tests import publisher, synthetic
from tests.copied import copied

pytestmark = pytest.mark.long

LONG = 1_000_000  # characters of a notice, so that a manifest weighs more than all that is kept of it


def grown(store: LocalStore, versions: int) -> LocalStore:
    """A store of so many versions, of one factor or another, each with a manifest of a megabyte."""
    for number in range(versions):
        label, contract = "RVU25A", publisher.CONTRACT
        frames = {"conversion_factor": publisher.factor(label, f"32.{number % 2:04}")}
        staged = staging.stage(store, label, frames, publisher.record(label, notices=("x" * LONG,)), contract)
        publish.commit(store, [staged], version.open_version(store), contract)
    return store


def peak(work: Callable[[LocalStore], object], store: LocalStore) -> int:
    work(store)  # what is cached once and for all
    tracemalloc.start()
    try:
        work(store)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalStore, LocalStore]:
    """Stores of three and of ten versions."""
    few, many = (grown(LocalStore(tmp_path_factory.mktemp(str(count))), count) for count in (3, 10))
    return few, many


@pytest.mark.parametrize(
    "work",
    [holdings.versions, verify.verify, lambda store: prune.plan_prune(store, 50)],
    ids=["versions", "verify", "prune"],
)
def test_no_more_manifests_are_in_memory_of_a_store_with_more_versions(
    work: Callable[[LocalStore], object], few_and_many: tuple[LocalStore, LocalStore]
) -> None:
    few, many = few_and_many
    assert peak(work, many) < peak(work, few) + 4 * LONG  # files are read side by side, a megabyte each


# --- nothing to do ----------------------------------------------------------------------------------------------


class Counting(LocalStore):
    """A store that notes which objects are read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []

    def get(self, name: str) -> bytes:
        self.read.append(name)
        return super().get(name)


@contextmanager
def looked_at() -> Iterator[list[Path]]:
    """Yield the paths that are asked for on the disk one by one, while this is open."""
    seen: list[Path] = []

    def noted(ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Path, **how: Any) -> Any:
            seen.append(path)
            return ask(path, **how)

        return asked

    with mock.patch.object(Path, "stat", noted(Path.stat)), mock.patch.object(Path, "lstat", noted(Path.lstat)):
        yield seen


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write_zip(tmp_path_factory.mktemp("archive") / "RVU26A.zip", synthetic.release("RVU26A"))


@pytest.fixture(scope="module")
def published(archive: Path) -> Path:
    """A store in which the archive is published, to be copied."""
    store = LocalStore(archive.parent / "store")
    assert pfsetl.build("RVU26A", store=store, archive=archive, sample=True).published
    return store.root


@pytest.fixture
def store(published: Path, tmp_path: Path) -> Counting:
    """A store in which the archive is published, for this test alone."""
    return Counting(copied(published, tmp_path / "store"))


def test_a_build_with_nothing_to_do_reads_one_manifest_and_the_catalogue(store: Counting, archive: Path) -> None:
    assert not pfsetl.build("RVU26A", store=store, archive=archive, sample=True).published
    assert store.read == ["versions/000001.json", "catalog.json"]


def test_a_build_with_nothing_to_do_looks_at_no_file_of_the_tree(store: Counting, archive: Path) -> None:
    with looked_at() as seen:
        pfsetl.build("RVU26A", store=store, archive=archive, sample=True)
    assert [path for path in seen if path.suffix == ".parquet" and "tree" in path.parts] == []


@pytest.mark.parametrize("how", ["gone", "a link"])
def test_a_build_with_nothing_to_do_lays_out_what_the_tree_lacks(store: Counting, archive: Path, how: str) -> None:
    file = store.root / "tree/000001/rvu/RVU26A.parquet"
    file.unlink()
    if how == "a link":
        file.symlink_to(archive)
    at = pfsetl.build("RVU26A", store=store, archive=archive, sample=True).version
    assert file.samefile(at.files("rvu", "RVU26A")[0])
    assert not file.is_symlink()


def test_a_backfill_with_nothing_to_do_parses_the_manifest_once(store: Counting, archive: Path) -> None:
    with mock.patch.object(manifest, "read", wraps=manifest.read) as parsed:
        assert backfill({"RVU26A": archive}, store=store, sample=True).unchanged == ("RVU26A",)
    assert parsed.call_count == 1


def test_a_commit_reads_the_record_of_the_newest_version_alone(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    grown(store, 4)
    base, staged = version.open_version(store), publisher.staged(store, "RVU25A", "33.0000")
    store.read.clear()
    publish.commit(store, [staged], base, publisher.CONTRACT)
    assert [name for name in store.read if name.startswith("chain/")] == ["chain/000004.json"]


# --- a manifest that is as it was written needs no judge ---------------------------------------------------------


def test_a_manifest_is_written_with_sorted_keys_and_as_the_text_it_holds(store: Counting) -> None:
    data = store.get("versions/000001.json")
    assert data.decode() == json.dumps(json.loads(data), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_a_manifest_in_another_layout_is_read_as_the_same(store: Counting) -> None:
    data = store.get("versions/000001.json")
    compact = json.dumps(json.loads(data)).encode()
    assert manifest.read(store, 1, compact) == manifest.read(store, 1, data)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        (b'"format": 1,', b'"format": 1,\n  "format": 1,', "'format' occurs twice"),
        (b'"format": 1,', b'"format": 1,\n  "formed": 1,', "unknown field `formed`"),
        (b'"format": 1,', b'"format": 999,', "written by a newer pfsetl"),
        (b'"format": 1,', b'"format": true,', "its format is no number"),
        (b'"format": 1,', b'"format": NaN,', "NaN isn't a JSON number"),
    ],
)
def test_a_manifest_that_differs_from_what_is_written_is_judged(
    store: Counting, written: bytes, instead: bytes, said: str
) -> None:
    data = store.get("versions/000001.json").replace(b'"format": 2,', written)
    assert written in data
    with pytest.raises(StoreError, match=said):
        manifest.read(store, 1, data.replace(written, instead))
