"""A folder that creates objects once, complete or not at all, and never changes them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pfsetl.errors import StoreError, UsageError
from pfsetl.publication.runs import recorded
from pfsetl.publication.version import open_version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.opening import open_store


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    opened = open_store(tmp_path / "new" / "store")
    assert isinstance(opened, LocalStore)
    return opened


def test_an_object_comes_back_as_it_went(store: LocalStore) -> None:
    assert store.put_new("a/b", b"bytes") is True
    assert store.get("a/b") == b"bytes"


def test_a_file_can_become_an_object(store: LocalStore, tmp_path: Path) -> None:
    with store.scratch() as temporary:
        temporary.write_bytes(b"bytes")
        store.put_new("a/b", temporary)
    assert store.get("a/b") == b"bytes"


def test_a_taken_name_stays_as_it_is(store: LocalStore) -> None:
    store.put_new("a", b"one")
    assert store.put_new("a", b"two") is False
    assert store.get("a") == b"one"


def test_nothing_temporary_is_left(store: LocalStore) -> None:
    store.put_new("a", b"one")
    store.put_new("a", b"two")
    assert list((store.root / "tmp").iterdir()) == []


def test_scratch_is_removed_after_a_crash(store: LocalStore) -> None:
    with pytest.raises(ZeroDivisionError), store.scratch() as temporary:
        raise ZeroDivisionError
    assert not temporary.exists()


def test_names_are_sorted_and_of_one_folder(store: LocalStore) -> None:
    for name in ("v/2", "v/1", "v/deep/3", "w/4"):
        store.put_new(name, b"x")
    assert store.names("v") == ["v/1", "v/2"]


def test_a_folder_that_is_not_there_has_no_names(store: LocalStore) -> None:
    assert store.names("v") == []


def test_existence(store: LocalStore) -> None:
    store.put_new("a", b"x")
    assert (store.exists("a"), store.exists("b")) == (True, False)


def test_a_missing_object_is_an_error_of_the_store(store: LocalStore) -> None:
    with pytest.raises(StoreError, match=r"nothing: No such file or directory\. Check the path"):
        store.get("nothing")


def test_a_store_inside_a_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"what was published before is untouched"):
        LocalStore(tmp_path / "file").put_new("a", b"x")


def test_latest_never_goes_back(store: LocalStore) -> None:
    store.put_new("objects/x", b"x")
    store.put_new("versions/000002.json", b"{}")
    store.show_tree(2, {"rvu/R.parquet": "objects/x"})
    store.show_tree(1, {"rvu/R.parquet": "objects/x"})
    assert (store.root / "latest").resolve().name == "000002"


@pytest.mark.parametrize(
    "look", [LocalStore.exists, LocalStore.size, LocalStore.age, LocalStore.freshen, LocalStore.names]
)
def test_what_the_disk_cant_say_is_an_error_of_the_store(
    store: LocalStore, look: Callable[[LocalStore, str], object]
) -> None:
    store.put_new("objects/rvu/a.parquet", b"x")
    with pytest.raises(StoreError, match=r"File name too long\. Check the path"):
        look(store, f"objects/rvu/{'x' * 300}")


def test_a_tree_costs_no_space(store: LocalStore) -> None:
    store.put_new("objects/x", b"x")
    store.show_tree(1, {"rvu/R.parquet": "objects/x"})
    assert (store.root / "tree/000001/rvu/R.parquet").samefile(store.root / "objects/x")


@pytest.mark.parametrize("address", ["", " ", None])
def test_an_empty_address_is_no_store(address: str) -> None:
    with pytest.raises(UsageError, match="address is empty"):
        open_version(address)


@pytest.mark.parametrize("to", ["unmounted", "store"], ids=["nowhere", "to itself"])
def test_a_link_that_leads_nowhere_is_no_empty_store(tmp_path: Path, to: str) -> None:
    (tmp_path / "store").symlink_to(to)
    with pytest.raises(StoreError, match=rf"a link to {to}, where nothing is\. Is its disk mounted\?"):
        open_store(tmp_path / "store")


@pytest.mark.parametrize("ask", ["size", "age"])
def test_an_object_that_is_removed_while_it_is_looked_at_is_not_there(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    # A prune beside it removes the file after it was seen.
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    assert getattr(store, ask)("objects/rvu/gone.parquet") is None


@pytest.mark.parametrize("wrong", ["tree/9", "tree/000009", "../elsewhere", "tree/000001", "nowhere"])
def test_a_latest_that_shows_no_version_of_this_store_is_mended(store: LocalStore, wrong: str) -> None:
    store.put_new("objects/x", b"x")
    store.put_new("versions/000002.json", b"{}")
    (store.root / "tree/000009").mkdir(parents=True)
    (store.root / "latest").symlink_to(wrong)
    store.show_tree(2, {"rvu/R.parquet": "objects/x"})
    assert str((store.root / "latest").readlink()) == "tree/000002"


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_a_name_taken_by_something_else_than_a_file_is_an_error(store: LocalStore, kind: str) -> None:
    store.put_new("versions/000001.json", b"{}")
    place = store.root / "versions/000002.json"
    place.mkdir() if kind == "folder" else place.symlink_to("nothing")
    with pytest.raises(StoreError, match=r"000002\.json: a folder or a link, .* Move it away"):
        store.put_new("versions/000002.json", b"{}")


@pytest.mark.parametrize("linked", ["tree", "tree/000002"])
def test_what_a_link_in_the_place_of_a_tree_leads_to_is_no_layout_of_this_store(
    store: LocalStore, tmp_path: Path, linked: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "000002").mkdir(parents=True)
    store.put_new("versions/000002.json", b"{}")
    (store.root / "tree").mkdir() if linked != "tree" else None
    (store.root / linked).symlink_to(elsewhere if linked == "tree" else elsewhere / "000002")
    assert store.trees() == []


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/hostname", "linked/outside", "a\n/../x"])
def test_no_name_leads_out_of_the_store(store: LocalStore, tmp_path: Path, name: str) -> None:
    store.put_new("a/b", b"x")
    (tmp_path / "outside").write_text("x")
    (store.root / "linked").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="leads out of the store"):
        store.get(name)


def test_a_folder_whose_name_is_no_text_is_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    code, _, told = run("versions", "--output", place / "store")
    assert (code, "caf\\udce9/store: not a name in UTF-8. Rename it" in told) == (2, True)
    monkeypatch.chdir(place)
    code, _, told = run("versions", "--output", "store")  # as the working folder is named
    assert (code, "not a name in UTF-8. Rename it" in told) == (2, True)


@pytest.mark.parametrize("command", [("repair",), ("prune", "--keep", "1"), ("withdraw", "RVU26A", "--why", "a draft")])
def test_a_store_that_is_not_there_is_said_so_and_not_made(command: tuple[str, ...], tmp_path: Path, run: Any) -> None:
    code, _, told = run(*command, "--output", tmp_path / "slip")
    assert (code, "nothing is published there" in told, (tmp_path / "slip").exists()) == (2, True, False)


def test_verify_says_that_a_store_has_no_version(tmp_path: Path, run: Any) -> None:
    with recorded(LocalStore(tmp_path / "store"), "build"):
        pass
    code, out, _ = run("verify", "--output", tmp_path / "store")
    assert (code, out.splitlines()[-1]) == (0, "no version is published there yet")
