"""A cache in a bucket that several hosts share: one list, one numbering, and copies that prove themselves."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from pfsetl.declared import registry
from pfsetl.errors import SourceBusy, SourceUnavailable, UsageError
from pfsetl.source import cache, fetch
from pfsetl.source.archive_list import Fetched
from pfsetl.source.discover import cached_addresses
from pfsetl.source.opening import open_cache
from pfsetl.source.shared_cache import Shared
from pfsetl.source.web import Manners
from pfsetl.storage.bucket import ObjectStore
from tests import synthetic as s
from tests.cms_server import Answer, Cms

URL = "https://www.cms.gov/files/zip/rvu26a.zip"
RELEASE = registry.find("RVU26A")
ZIP = "/files/zip/rvu26a-updated-12-29-2025.zip"
QUICK = Manners(attempts=3, first_wait=0.01, longest_wait=1.0, connect=2.0, silence=2.0, total=5.0)
FIRST, SECOND, THIRD = (s.zipped({"PPRRVU2026_Jan.csv": random.Random(n).randbytes(5_000)}) for n in (1, 2, 3))


@pytest.fixture
def bucket() -> ObjectStore:
    return ObjectStore("memory://", MemoryStore())


@pytest.fixture
def hosts(bucket: ObjectStore, tmp_path: Path) -> tuple[Shared, Shared]:
    """The cache as two hosts see it."""
    return Shared(bucket, tmp_path / "a"), Shared(bucket, tmp_path / "b")


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms({ZIP: [Answer(FIRST, etag='"1"')]}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        yield server


def keep(host: Shared, content: bytes, label: str = "RVU26A") -> Fetched:
    """Keep bytes that were asked for just now."""
    known = cache.newest(host, label)
    part = host.folder / "part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(content)
    return cache.keep(host, label, part, URL, known)


def fetched(host: Shared) -> Fetched:
    return fetch.fetch(RELEASE, host, manners=QUICK)


# --- one list ----------------------------------------------------------------------------------------------------


def test_a_new_cache_is_empty(hosts: tuple[Shared, Shared]) -> None:
    assert cache.rows(hosts[0]) == []
    assert cache.newest(hosts[0], "RVU26A") is None


def test_hosts_number_revisions_together(hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    got = [keep(a, b"one"), keep(b, b"other", "RVU26B"), keep(b, b"two"), keep(a, b"three")]
    assert [(x.label, x.revision) for x in got] == [("RVU26A", 1), ("RVU26B", 1), ("RVU26A", 2), ("RVU26A", 3)]
    assert [(r.label, r.revision, r.sha256) for r in cache.rows(b)] == [(x.label, x.revision, x.sha256) for x in got]


def test_what_another_host_fetched_adds_nothing(hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    first, second = keep(a, b"one"), keep(b, b"one")
    assert (first.revision, first.fresh, second.revision, second.fresh) == (1, True, 1, False)
    assert len(cache.rows(a)) == 1


def test_a_return_to_older_bytes_is_a_revision_of_its_own(hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    assert [keep(a, b"one").revision, keep(b, b"two").revision, keep(a, b"one").revision] == [1, 2, 3]


def test_bytes_that_another_host_was_ahead_of_are_asked_for_again(hosts: tuple[Shared, Shared]) -> None:
    """An answer that was on its way while another host noted a later one mustn't become the newest."""
    a, b = hosts
    before = keep(a, b"one")
    keep(b, b"two")
    part = a.folder / "part"
    part.write_bytes(b"stale")
    with pytest.raises(SourceBusy, match="another host fetched RVU26A meanwhile"):
        cache.keep(a, "RVU26A", part, URL, replace(before, fresh=False))
    assert [r.revision for r in cache.rows(a)] == [1, 2]


def test_a_fetch_that_was_overtaken_asks_once_more(
    cms: Cms, hosts: tuple[Shared, Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hosts
    fetched(a)
    cms.answer_with(ZIP, Answer(SECOND, etag='"2"'), Answer(THIRD, etag='"3"'))
    keeping = cache.keep

    def overtaken(*arguments: Any) -> Fetched:
        monkeypatch.setattr(cache, "keep", keeping)
        keep(b, THIRD)  # while the answer of the first request was on its way
        return keeping(*arguments)

    monkeypatch.setattr(cache, "keep", overtaken)
    got = fetched(a)
    assert (got.revision, got.path.read_bytes()) == (2, THIRD)
    assert len(cache.rows(a)) == 2


def test_a_list_that_was_written_to_is_refused_with_its_place(
    bucket: ObjectStore, hosts: tuple[Shared, Shared]
) -> None:
    bucket.put("record/000001.csv", b"label,revision\nRVU26A,1\n")
    with pytest.raises(SourceUnavailable, match=r"memory:///record/000001\.csv, line 1"):
        cache.rows(hosts[0])


# --- kills -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["zips/", "record/"])
def test_a_kill_while_bytes_or_line_are_written_loses_nothing(
    bucket: ObjectStore, hosts: tuple[Shared, Shared], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    a, b = hosts
    keep(a, b"one")

    def killed(_self: object, which: str, _content: object) -> bool:
        if which.startswith(name):
            raise KeyboardInterrupt
        return True

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "put_new" if name == "record/" else "put", killed)
        with pytest.raises(KeyboardInterrupt):
            keep(a, b"two")
    assert [r.revision for r in cache.rows(b)] == [1]
    assert keep(b, b"two").revision == 2
    assert all(cache.at_hand(a, row) for row in cache.rows(a))


# --- copies ------------------------------------------------------------------------------------------------------


def test_a_host_that_never_fetched_has_the_bytes(hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    keep(a, b"one")
    held, said = cache.usable(b, "RVU26A")
    assert held is not None
    assert (held.path.read_bytes(), held.path.is_relative_to(b.folder), said) == (b"one", True, [])


def test_a_copy_that_was_changed_is_brought_again(hosts: tuple[Shared, Shared]) -> None:
    a, _ = hosts
    row = keep(a, b"one")
    row.path.chmod(0o644)
    row.path.write_bytes(b"onf")
    assert cache.at_hand(a, row)
    assert row.path.read_bytes() == b"one"


@pytest.mark.parametrize("damaged", [b"onf", b"on", None], ids=["another byte", "cut", "gone"])
def test_damage_in_the_bucket_is_seen_by_a_host_without_a_copy(
    bucket: ObjectStore, hosts: tuple[Shared, Shared], damaged: bytes | None
) -> None:
    a, b = hosts
    row = keep(a, b"one")
    name = f"zips/RVU26A-{row.sha256}.zip"
    bucket.delete(name) if damaged is None else bucket.put(name, damaged)
    held, said = cache.usable(b, "RVU26A")
    assert held is None
    assert said == [f"memory:///{name}: damaged or gone, so the cache's archive of RVU26A isn't used"]
    assert not list((b.folder / "archives").iterdir())


def test_damage_in_the_bucket_is_mended_by_fetching_again(
    cms: Cms, bucket: ObjectStore, hosts: tuple[Shared, Shared]
) -> None:
    a, b = hosts
    row = fetched(a)
    bucket.put(f"zips/RVU26A-{row.sha256}.zip", b"damaged")
    assert fetched(b).revision == 1
    assert bucket.get(f"zips/RVU26A-{row.sha256}.zip") == FIRST


# --- what CMS is asked -------------------------------------------------------------------------------------------


def test_a_host_that_never_fetched_asks_with_the_validators_of_the_other(
    cms: Cms, hosts: tuple[Shared, Shared]
) -> None:
    a, b = hosts
    first, second = fetched(a), fetched(b)
    assert [r.headers.get("if-none-match") for r in cms.requests] == [None, '"1"']
    assert (second.revision, second.fresh, second.path.read_bytes()) == (first.revision, False, FIRST)


def test_a_repost_that_one_host_fetched_is_unchanged_for_the_other(cms: Cms, hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    fetched(a)
    cms.answer_with(ZIP, Answer(SECOND, etag='"2"'))
    assert (fetched(b).revision, fetched(a).revision) == (2, 2)
    assert [r.headers.get("if-none-match") for r in cms.requests] == [None, '"1"', '"2"']


def test_hosts_share_when_a_server_without_validators_was_asked(cms: Cms, hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    cms.answer_with(ZIP, Answer(FIRST))
    fetched(a)
    assert fetch.rests(b, "RVU26A", datetime.now(UTC))


def test_hosts_share_the_addresses_that_were_asked(cms: Cms, hosts: tuple[Shared, Shared]) -> None:
    a, b = hosts
    fetched(a)
    assert cached_addresses(b) == {"RVU26A": {cms.url + ZIP}}


# --- which cache -------------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("PFSETL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_the_cache_of_a_folder_is_the_users_own(at_home: Path) -> None:
    assert open_cache(None, "output") == open_cache() == at_home / "pfsetl"


def test_the_cache_of_a_bucket_is_beside_the_store(at_home: Path) -> None:
    opened = open_cache(None, "s3://bucket/mpfs/")
    assert str(opened) == "s3://bucket/mpfs/archives"
    assert cache.folder_of(opened) == at_home / "pfsetl" / "copies"


def test_a_named_cache_comes_first_then_the_environments(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_CACHE", "s3://evidence")
    assert [str(open_cache(x, "s3://bucket/mpfs")) for x in (None, "s3://other/x", "zips")] == [
        "s3://evidence",
        "s3://other/x",
        "zips",
    ]


@pytest.mark.parametrize("address", ["gs://bucket/x", "file:///srv/cache", "s3://"])
def test_an_address_of_another_kind_is_refused(at_home: Path, address: str) -> None:
    with pytest.raises(UsageError, match="s3://bucket/prefix"):
        open_cache(address)


def test_fetch_keeps_archives_where_build_looks_for_them(
    cms: Cms, bucket: ObjectStore, at_home: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    monkeypatch.setattr(
        "pfsetl.source.opening.open_store", lambda address: {"s3://bucket/mpfs/archives": bucket}[address]
    )
    monkeypatch.setenv("PFSETL_OUTPUT", "s3://bucket/mpfs")
    assert run("fetch", "RVU26A")[0] == 0
    assert cache.newest(Shared(bucket, at_home), "RVU26A") is not None
