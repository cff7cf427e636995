"""What `serve` shows when something newer has come into the store since it was started."""

import shutil
from pathlib import Path

import pytest

import pfsetl
from pfsetl.publication import loading
from pfsetl.site.serving import Made
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests import synthetic as s

pytestmark = pytest.mark.long


class Shown:
    """The pages of a store as they are served, and what was said meanwhile."""

    def __init__(self, store: LocalStore, descriptors: LocalStore | None = None) -> None:
        self.said: list[str] = []
        self.made = Made(pfsetl.open(store), self.said.append, pfsetl.open(descriptors) if descriptors else None)

    def asked(self) -> list[str]:
        """Ask for the page; return what was said of it."""
        self.said.clear()
        assert self.made.get("index.html")
        return self.said

    def has(self, words: str) -> bool:
        return any(words.encode() in data for data in self.made._files.values())


@pytest.fixture
def store(sampled: Path, tmp_path: Path) -> LocalStore:
    found = pfsetl.open_store(shutil.copytree(sampled, tmp_path / "store", symlinks=True))
    assert isinstance(found, LocalStore)
    return found


def build(store: LocalStore, label: str, descriptors: LocalStore | None = None) -> None:
    archive = s.write_zip(store.root.parent / f"{label}.zip", s.release(label))
    pfsetl.build(label, store=store, archive=archive, sample=True, descriptors_store=descriptors)


def test_what_is_as_it_was_is_not_made_again(store: LocalStore) -> None:
    shown = Shown(store)
    files_before = shown.made._files
    assert (shown.asked(), shown.made._files is files_before) == ([], True)


def test_a_newer_version_is_shown(store: LocalStore) -> None:
    shown = Shown(store)
    build(store, "RVU26A")
    assert shown.asked() == ["version 2 is there now"]
    assert (shown.has("RVU26A"), shown.asked()) == (True, [])


def test_a_file_that_was_loaded_meanwhile_is_shown(store: LocalStore) -> None:
    shown = Shown(store)
    code = s.CODES[0]["hcpcs"]
    listed = files.telehealth_rows("Effective January 1, 2025", rows=[(code, "", "Permanent", "Yes", "")])
    (store.root.parent / "telehealth.xlsx").write_bytes(s.workbook(listed))
    loading.load(store, store.root.parent / "telehealth.xlsx", sample=True)
    assert not shown.has('"telehealth":["Permanent"')
    assert shown.asked() == ["the files loaded beside version 1 are others now"]
    assert (shown.has('"telehealth":["Permanent"'), shown.asked()) == (True, [])


def test_newer_descriptors_are_shown(store: LocalStore, tmp_path: Path) -> None:
    texts = pfsetl.open_store(tmp_path / "texts")
    assert isinstance(texts, LocalStore)
    build(store, "RVU26A", texts)
    shown = Shown(store, texts)
    assert shown.asked() == []
    build(store, "RVU25D", texts)
    assert shown.asked() == ["version 3 is there now; the descriptors are newer now"]


def test_descriptors_that_were_taken_away_stay_shown(store: LocalStore, tmp_path: Path) -> None:
    texts = pfsetl.open_store(tmp_path / "texts")
    assert isinstance(texts, LocalStore)
    build(store, "RVU26A", texts)
    shown = Shown(store, texts)
    shutil.rmtree(texts.root)
    assert shown.asked() == []
