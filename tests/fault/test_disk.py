"""A disk that is full or read-only, and published files that changed: said clearly, and what was published stays."""

import errno
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication import parquet, version
from pfsetl.storage.folder import LocalStore
from tests import forks
from tests import publisher as p
from tests import synthetic as s
from tests.copied import copied

Run = Callable[..., tuple[int, str, str]]
NOBODY = 65534


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return s.write_zip(tmp_path_factory.mktemp("archives") / "RVU25A.zip", s.release("RVU25A"))


@pytest.fixture(scope="module")
def published(archive: Path) -> Path:
    store = LocalStore(archive.parent / "published")
    pfsetl.build("RVU25A", store=store, archive=archive, sample=True)
    return store.root


def build_with_room_for(connection: Connection, size: int, archive: Path, store: Path) -> None:
    """Build in a process that can't write a file larger than this: for a program the same as a disk that is full."""
    sys.dont_write_bytecode = True  # or compiled modules are cut, too
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        pfsetl.build("RVU25A", store=LocalStore(store), archive=archive, sample=True)
        connection.send("published")
    except PfsetlError as error:
        connection.send(str(error))


@pytest.mark.parametrize("size", [0, 3000, 8000])
def test_a_full_disk_is_said_and_breaks_nothing(size: int, archive: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    before = p.published(store, "RVU24D")
    process, connection = forks.started(build_with_room_for, size, archive, store.root)
    failed = connection.recv()
    process.join()
    assert str(store.root) in failed
    assert "free space" in failed
    assert "untouched" in failed
    assert list((store.root / "tmp").iterdir()) == []
    assert [problem for _, problem in before.verify() if problem] == []
    assert pfsetl.build("RVU25A", store=store, archive=archive, sample=True).version.number == 2


def test_no_space_left_is_said_by_its_name() -> None:
    with pytest.raises(StoreError, match=r"conversion_factor can't be written there: .*No space left on device"):
        parquet.write(p.factor("RVU25A", "1.0000"), p.TABLE, Path("/dev/full"))


@pytest.fixture
def read_only() -> Iterator[LocalStore]:
    """A store that was published into and is now read-only; for the test root isn't root, who may write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        store = LocalStore(Path(name) / "store")
        p.published(store, "RVU24D")
        folders = [Path(name), *(f for f in Path(name).rglob("*") if f.is_dir())]
        for folder in folders:
            folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield store
        finally:
            os.seteuid(user)
            for folder in folders:
                folder.chmod(0o755)


def test_a_read_only_store_is_said(read_only: LocalStore) -> None:
    with pytest.raises(StoreError, match=r"Permission denied\. Check the path, its permissions"):
        p.published(read_only, "RVU25A")


def test_a_read_only_store_is_read(read_only: LocalStore) -> None:
    at = version.open_version(read_only)
    assert p.factors(at) == {"RVU24D": "32.3465"}
    assert [problem for _, problem in at.verify() if problem] == []


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-5] + b"?" + b[-4:], lambda b: b[: len(b) // 2], lambda b: b""],
    ids=["flip", "cut", "empty"],
)
def test_reading_a_damaged_file_says_how_to_find_it(
    damage: Callable[[bytes], bytes], published: Path, tmp_path: Path, run: Run
) -> None:
    store = LocalStore(copied(published, tmp_path / "store"))
    at = version.open_version(store)
    name = next(r.path for r in at.resources if r.table == "rvu")
    (store.root / name).chmod(0o644)
    (store.root / name).write_bytes(damage((store.root / name).read_bytes()))
    code, _, errors = run("code", "G9901", "--output", store)
    assert (code, f"'pfsetl verify --output {store}' names it" in errors) == (1, True)
    code, _, errors = run("verify", "--output", store)
    assert (code, f"{store}/{name}: " in errors and "the manifest says" in errors) == (1, True)


@pytest.mark.parametrize("said", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV])
def test_a_disk_without_hard_links_is_named_as_such(said: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(said, os.strerror(said), source, None, target)

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(StoreError, match=r"no hard links.*another disk, or into a bucket"):
        p.published(LocalStore(tmp_path / "store"), "RVU25A")
    assert not list((tmp_path / "store" / "versions").glob("*"))
    assert not list((tmp_path / "store" / "tmp").iterdir())


def test_files_of_another_user_are_named_where_they_cant_be_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux lets only its owner make a hard link to a read-only file (proc(5), protected_hardlinks)."""
    store = LocalStore(tmp_path / "store")
    store.put_new("objects/x", b"x")

    def no_link(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), source, None, target)

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(StoreError, match="Operation not permitted"):
        store.show_tree(1, {"rvu/R.parquet": "objects/x"})
    monkeypatch.setattr(os, "geteuid", lambda: (store.root / "objects/x").stat().st_uid + 1)
    with pytest.raises(StoreError, match=r"objects/x: belongs to another user.*'chown -R'"):
        store.show_tree(1, {"rvu/R.parquet": "objects/x"})


def test_another_trouble_with_a_link_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source, None, target)

    monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(StoreError, match="No space left on device"):
        LocalStore(tmp_path / "store").put_new("a", b"1")
