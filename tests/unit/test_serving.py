"""What `serve` shows when something newer has come into the store since it was started."""

import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

import polars as pl
import pytest

import pfsetl
from pfsetl.loading import load as loading
from pfsetl.site import serving
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


@pytest.fixture
def port(store: LocalStore) -> Iterator[int]:
    """Return the port at which the pages of the store are served."""
    with serving.server(pfsetl.open(store), 0) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_parquet_file_is_read_where_it_is_served_part_by_part(store: LocalStore, port: int) -> None:
    one = next(r for r in pfsetl.open(store).resources if r.table == "payment_locality")
    served = pl.scan_parquet(f"http://{serving.LOOPBACK}:{port}/parquet/{one.path}").collect()
    assert served.equals(pl.read_parquet(store.root / one.path))


def test_a_file_of_which_several_parts_are_asked_for_is_read_once(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, name = Made(pfsetl.open(store), print, None), pfsetl.open(store).resources[0].path
    whole = store.get(name)
    read: list[str] = []

    def counted(_: LocalStore, asked: str) -> bytes:
        read.append(asked)
        return whole

    monkeypatch.setattr(LocalStore, "get", counted)
    assert [made.get(f"parquet/{name}") for _ in range(3)] == [whole] * 3
    assert read == [name]


@pytest.mark.parametrize(
    ("asked", "status", "within", "part"),
    [
        ("bytes=0-3", 206, "bytes 0-3/{size}", slice(0, 4)),
        ("bytes=4-", 206, "bytes 4-{last}/{size}", slice(4, None)),
        ("bytes=-8", 206, "bytes {from_end}-{last}/{size}", slice(-8, None)),
        ("bytes=0-999999999", 206, "bytes 0-{last}/{size}", slice(None)),
        ("bytes=999999999-", 416, "bytes */{size}", slice(0, 0)),
        ("rows=0-3", 200, None, slice(None)),
        ("bytes=0-3,8-9", 200, None, slice(None)),
    ],
)
def test_a_part_is_answered_as_http_has_it(
    store: LocalStore, port: int, asked: str, status: int, within: str | None, part: slice
) -> None:
    """RFC 9110 section 14: of several parts, and of other units than bytes, the whole may be the answer."""
    path = pfsetl.open(store).resources[0].path
    whole = (store.root / path).read_bytes()
    connection = HTTPConnection(serving.LOOPBACK, port)
    connection.request("GET", f"/parquet/{path}", headers={"Range": asked})
    got = connection.getresponse()
    told = within and within.format(size=len(whole), last=len(whole) - 1, from_end=len(whole) - 8)
    assert (got.status, got.getheader("Content-Range"), got.read()) == (status, told, whole[part])


def answer(port: int, path: str) -> tuple[int, str | None, str]:
    """Ask for a path; return status, kind and content of the answer."""
    connection = HTTPConnection(serving.LOOPBACK, port)
    connection.request("GET", path)
    got = connection.getresponse()
    return got.status, got.getheader("Content-Type"), got.read().decode()


def test_an_address_of_no_file_is_told_as_text_so_that_nothing_in_it_runs(port: int) -> None:
    path = "/%3Cscript%3Ealert(1)%3C/script%3E.html"
    assert answer(port, path)[:2] == (404, "text/plain; charset=utf-8")


def test_a_file_that_is_gone_from_the_store_is_told_by_its_name(
    store: LocalStore, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    name = pfsetl.open(store).resources[0].path
    (store.root / name).unlink()
    status, _, said = answer(port, f"/parquet/{name}")
    assert (status, name in said, capfd.readouterr().err) == (500, True, "")


def test_what_is_shown_stays_where_the_store_can_not_be_read_any_more(store: LocalStore) -> None:
    shown = Shown(store)
    newest = store.root / "versions" / "000001.json"
    newest.chmod(0o644)
    newest.write_text("{")
    said = shown.asked()
    assert len(said) == 1
    assert "000001.json: not a readable manifest" in said[0]
    assert "stays" in said[0]
