"""Many processes publish into one store at the same time, while others read it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from pfsetl.publication import version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store
from tests import forks
from tests import publisher as p


@dataclass(frozen=True, slots=True)
class Race:
    """What every process said it published, by name: the versions' numbers, in order."""

    said: dict[str, list[int]]
    readings: int

    @property
    def releases(self) -> list[str]:
        return sorted(f"{name}{number:02d}" for name, numbers in self.said.items() for number in range(len(numbers)))


def race(address: str, processes: int, publishes: int, *kind: str) -> Race:
    """Let processes publish at once; read the newest version all the while, in this process."""
    names = [f"P{n}N" for n in range(processes)]
    with publishers(address, names, publishes, *kind) as running:
        readings = 0
        while any(process.is_alive() for process, _ in running):
            newest = version.open_version(address)
            if newest.number:
                assert set(p.factors(newest)) == set(newest.releases)
                readings += 1
            time.sleep(0.02)  # the readers of a store don't take the processor from those who write
        said = [sent(connection) for _, connection in running]
    assert [process.exitcode for process, _ in running] == [0] * processes
    return Race(dict(zip(names, said, strict=True)), readings)


def sent(connection: Connection) -> list[int]:
    """Return what a process that ended had sent."""
    found = []
    with suppress(EOFError):
        while True:
            found.append(connection.recv())
    return found


@contextmanager
def publishers(
    address: str, names: Sequence[str], count: int, *kind: str
) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    """Start publishing processes, wait until all are ready, let them go together."""
    running = [forks.started(p.publish_in_turn, address, name, count, *kind) for name in names]
    try:
        for _, connection in running:
            assert connection.recv() == "ready"
        for _, connection in running:
            connection.send("go")
        yield running
    finally:
        for process, _ in running:
            process.kill()
            process.join(30)


def faults(store: Store, raced: Race) -> list[str]:
    """Everything that is wrong after a race: lost releases, gaps, versions that forget or don't verify."""
    numbers = version.numbers(store)
    versions = [version.open_version(store, number) for number in numbers]
    found = []
    if numbers != list(range(1, len(raced.releases) + 1)):
        found.append(f"{len(numbers)} versions of {len(raced.releases)} publishes")
    if sorted(versions[-1].releases) != raced.releases:
        found.append(f"{len(versions[-1].releases)} releases of {len(raced.releases)}")
    for earlier, later in pairwise(versions):
        if not earlier.releases.items() <= later.releases.items():
            found.append(f"version {later.number} lacks what {earlier.number} had")
    said = sorted(number for numbers in raced.said.values() for number in numbers)
    if said != numbers:
        found.append("two processes were told the same version, or one that isn't there")
    found += [f"{name}: {problem}" for name, problem in versions[-1].verify() if problem]
    return found


def test_of_many_processes_none_loses_a_publish(tmp_path: Path) -> None:
    raced = race(str(tmp_path / "store"), 4, 4)
    assert len(raced.releases) == 16
    assert faults(LocalStore(tmp_path / "store"), raced) == []
    assert raced.readings > 0


def test_the_race_finds_what_a_naive_store_loses(tmp_path: Path) -> None:
    raced = race(str(tmp_path / "store"), 4, 4, "naive")
    assert len(raced.releases) == 16  # every process was told that all went well
    assert faults(LocalStore(tmp_path / "store"), raced) != []


def test_of_many_processes_none_loses_a_publish_into_a_bucket(bucket: str) -> None:
    raced = race(bucket, 4, 3)
    assert len(raced.releases) == 12
    assert faults(open_store(bucket), raced) == []
    assert raced.readings > 0


def test_killed_processes_lose_nothing_that_they_were_told(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    told: list[str] = []
    with publishers(str(store), ["AN", "BN", "CN"], 60) as running:
        for name, (_, connection) in zip(("AN", "BN", "CN"), running, strict=True):
            for number in range(3):
                assert connection.recv()
                told.append(f"{name}{number:02d}")
        for process, _ in running:
            process.kill()
    newest = p.published(store, "AFTER")
    assert newest.releases.keys() >= {*told, "AFTER"}
    assert len(newest.releases) < 3 * 60
    for number in version.numbers(store):
        assert [problem for _, problem in version.open_version(store, number).verify() if problem] == []
