"""What a store that grows costs: memory for one manifest and not for all, and one reading where nothing is to do."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl.cli import catalog
from pfsetl.publication import manifest, prune, publish, verify, version
from pfsetl.storage.folder import LocalStore
from tests import publisher, synthetic

pytestmark = pytest.mark.long

LONG = 1_000_000  # characters of a notice, so that a manifest weighs more than all that is kept of it


def grown(store: LocalStore, versions: int) -> LocalStore:
    """A store of so many versions, of one factor or another, each with a manifest of a megabyte."""
    for number in range(versions):
        label, contract = "RVU25A", publisher.CONTRACT
        frames = {"conversion_factor": publisher.factor(label, f"32.{number % 2:04}")}
        staged = publish.stage(store, label, frames, publisher.record(label, notices=("x" * LONG,)), contract)
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


@pytest.mark.parametrize(
    "work",
    [catalog.versions, verify.verify, lambda store: prune.plan_prune(store, 50)],
    ids=["versions", "verify", "prune"],
)
def test_no_more_manifests_are_in_memory_of_a_store_with_more_versions(
    work: Callable[[LocalStore], object], tmp_path: Path
) -> None:
    few, many = (grown(LocalStore(tmp_path / str(count)), count) for count in (3, 10))
    assert peak(work, many) < peak(work, few) + 4 * LONG  # files are read side by side, a megabyte each


def test_a_build_with_nothing_to_do_reads_the_manifest_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = synthetic.write_zip(tmp_path / "RVU26A.zip", synthetic.release("RVU26A"))
    store, read = LocalStore(tmp_path / "store"), manifest.read
    pfsetl.build("RVU26A", store=store, archive=archive, sample=True)
    numbers: list[int] = []

    def counted(at: LocalStore, number: int, data: bytes) -> manifest.Manifest:
        numbers.append(number)
        return read(at, number, data)

    monkeypatch.setattr(manifest, "read", counted)
    assert not pfsetl.build("RVU26A", store=store, archive=archive, sample=True).published
    assert numbers == [1]
