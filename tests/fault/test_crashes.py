"""A process that dies between any two writes of stage and commit: readers, versions and the next build don't notice."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import obstore
import pytest
from obstore.store import LocalStore as FolderBucket

from pfsetl.publication import publish, version
from pfsetl.storage import bucket as object_store
from pfsetl.storage.bucket import ObjectStore
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from tests import publisher as p

NEVER = 10**9
WRITES = {"os.link", "os.mkdir", "os.chmod", "os.symlink", "os.rename", "os.remove", "open"}


class Crash(BaseException):
    """The process is dead: nothing that follows is done, not even tidying up."""


class Death:
    """Counts writes, and from the n-th on each raises Crash before it is done."""

    def __init__(self) -> None:
        self.under: Path | None = None
        self.reset(NEVER)

    def reset(self, at: int, under: Path | None = None) -> None:
        self.at, self.writes, self.under = at, 0, under

    def tick(self) -> None:
        self.writes += 1
        if self.writes >= self.at:
            raise Crash

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Python's own report of what a process is about to do, of which this hears the writes in a folder."""
        if self.under is None or event not in WRITES:
            return
        if event == "open" and not (isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
            return
        places = [str(a) for a in arguments[:2] if isinstance(a, str | Path)]
        if any(place.startswith(str(self.under)) for place in places):
            self.tick()


DEATH = Death()
sys.addaudithook(DEATH.audit)  # can't be taken away again, but hears nothing unless a test says where


@pytest.fixture
def death() -> Iterator[Death]:
    DEATH.reset(NEVER)
    yield DEATH
    DEATH.reset(NEVER)


def published_before(store: Store) -> None:
    p.published(store, "RVU24A", "1.0000")
    p.published(store, "RVU25A", "2.0000")


def publish_changes(store: Store) -> version.Version:
    """One publish of a changed and of a new release."""
    base = version.open_version(store)
    both = [p.staged(store, "RVU25A", "3.0000"), p.staged(store, "RVU26A", "4.0000")]
    return publish.commit(store, both, base, p.CONTRACT)


def check_after(store: Store, readers: list[version.Version], scans: list[Any]) -> None:
    """Every version there is verifies, readers go on, and the next build publishes all of it."""
    for number in version.numbers(store):
        assert [problem for _, problem in version.open_version(store, number).verify() if problem] == []
    assert [p.factors(reader) for reader in readers] == [
        {"RVU24A": "1.0000"},
        {"RVU24A": "1.0000", "RVU25A": "2.0000"},
    ]
    assert [len(scan.collect()) for scan in scans] == [1, 2]
    newest = publish_changes(store)
    assert newest.number == 3
    assert p.factors(newest) == {"RVU24A": "1.0000", "RVU25A": "3.0000", "RVU26A": "4.0000"}
    assert [problem for _, problem in newest.verify() if problem] == []


def die_at_every_write(make: Callable[[int], Store], start: Callable[[int, Store], None], death: Death) -> int:
    """Publish, dying at the first write, then at the second and so on until one publish lives; return how many died."""
    for at in range(1, 200):
        store = make(at)
        readers = [version.open_version(store, number) for number in (1, 2)]
        scans = [reader.scan("conversion_factor") for reader in readers]
        start(at, store)
        try:
            publish_changes(store)
        except Crash:
            lived = False
        else:
            lived = True
        death.reset(NEVER)
        check_after(store, readers, scans)
        if lived:
            return at - 1
    raise AssertionError("the publish never came to its end")


def test_dying_at_any_write_into_a_folder_breaks_nothing(
    tmp_path: Path, death: Death, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_halves(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            death.tick()
            return file.write(data[len(data) // 2 :])

    published_before(LocalStore(tmp_path / "template"))
    monkeypatch.setattr(Path, "write_bytes", in_halves)

    def make(at: int) -> Store:
        return LocalStore(Path(shutil.copytree(tmp_path / "template", tmp_path / f"store-{at}", symlinks=True)))

    def start(at: int, store: Store) -> None:
        death.reset(at, under=tmp_path / f"store-{at}")

    writes = die_at_every_write(make, start, death)
    assert writes > 20
    last = tmp_path / f"store-{writes + 1}"
    assert (last / "latest" / "conversion_factor" / "RVU26A.parquet").is_file()


@pytest.mark.parametrize(("when", "size"), [("before", "small"), ("after", "small"), ("before", "large")])
def test_dying_at_any_write_into_a_bucket_breaks_nothing(
    when: str, size: str, tmp_path: Path, death: Death, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writing(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*arguments: Any, **options: Any) -> Any:
            if when == "before" or death.writes >= death.at:
                death.tick()
                return real(*arguments, **options)
            done = real(*arguments, **options)
            death.tick()
            return done

        return write

    (tmp_path / "template").mkdir()
    published_before(ObjectStore("template", FolderBucket(tmp_path / "template")))
    changed = {name: writing(getattr(obstore, name)) for name in ("put", "copy", "delete")}
    kept = {name: getattr(obstore, name) for name in ("get", "head", "list_with_delimiter")}
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 0 if size == "large" else 1 << 20)
    monkeypatch.setattr(object_store, "obstore", SimpleNamespace(**changed, **kept))

    def make(at: int) -> Store:
        folder = shutil.copytree(tmp_path / "template", tmp_path / f"bucket-{at}")
        return ObjectStore(str(folder), FolderBucket(folder))  # a process that hasn't tried this store yet

    # Small: two to try the server, two objects, the manifest, and tidying up. Large: objects in three steps each.
    assert die_at_every_write(make, lambda at, _: death.reset(at), death) >= (10 if size == "large" else 5)
