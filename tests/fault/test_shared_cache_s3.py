"""The cache in a bucket of a real S3 server: hosts that race, are killed, or lose answers, number archives once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import StoreError
from pfsetl.source import cache
from pfsetl.source.opening import open_cache
from tests import synthetic as s
from tests.cms_server import Answer, Cms
from tests.s3_server import KEY, SECRET, Proxy, Server, heedless, once

Run = Callable[..., tuple[int, str, str]]
LABEL = "RVU26A"
ZIP = "/files/zip/rvu26a-updated-12-29-2025.zip"
URL = "https://www.cms.gov/rvu26a.zip"
KEEP = """
import sys
from pathlib import Path
from pfsetl.source.opening import open_cache
from pfsetl.errors import SourceBusy
from pfsetl.source import cache
place = open_cache(sys.argv[1])
part = cache.folder_of(place) / "part"
part.parent.mkdir(parents=True)
for content in sys.argv[3:]:
    while True:
        known = cache.newest(place, sys.argv[2])
        part.write_bytes(content.encode())
        try:
            print(cache.keep(place, sys.argv[2], part, "https://www.cms.gov/", known).revision, flush=True)
            break
        except SourceBusy:
            pass
"""


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms({ZIP: [Answer(s.zipped(s.release(LABEL)), etag='"1"')]}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go to another host: one with a cache folder of its own."""
    monkeypatch.delenv("PFSETL_CACHE", raising=False)
    return lambda name: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))


def keeping(host: Path, address: str, label: str, *contents: str, **environment: str) -> "subprocess.Popen[str]":
    """A host that keeps one content after another, as a process."""
    known = {**os.environ, "XDG_CACHE_HOME": str(host), **environment}
    command = [sys.executable, "-c", KEEP, address, label, *contents]
    return subprocess.Popen(command, env=known, stdout=subprocess.PIPE, text=True)


def revisions(address: str) -> list[tuple[str, int]]:
    return [(row.label, row.revision) for row in cache.rows(open_cache(address))]


def test_hosts_that_write_at_once_lose_nothing_and_share_one_numbering(bucket: str, tmp_path: Path) -> None:
    contents = {n: [f"{n} {i}" for i in range(6)] for n in range(3)}
    started = [keeping(tmp_path / str(n), bucket, LABEL, *contents[n]) for n in contents]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    assert revisions(bucket) == [(LABEL, n) for n in range(1, 19)]
    assert len({row.sha256 for row in cache.rows(open_cache(bucket))}) == 18


def test_hosts_that_bring_the_same_bytes_at_once_make_one_revision(bucket: str, tmp_path: Path) -> None:
    started = [keeping(tmp_path / str(n), bucket, LABEL, "the same") for n in range(4)]
    assert [process.communicate(timeout=120)[0].strip() for process in started] == ["1"] * 4
    assert revisions(bucket) == [(LABEL, 1)]


def test_a_host_that_is_killed_before_its_line_leaves_the_number_to_the_next(
    s3: Server, bucket: str, tmp_path: Path
) -> None:
    with Proxy(s3, once("stall", "PUT", "record/")) as proxy:
        killed = keeping(tmp_path / "a", bucket, LABEL, "one", AWS_ENDPOINT_URL=proxy.server.endpoint)
        assert proxy.stalled.wait(60)
        killed.kill()
        killed.wait(10)
    assert revisions(bucket) == []
    assert keeping(tmp_path / "b", bucket, LABEL, "one", "two").wait(60) == 0
    assert revisions(bucket) == [(LABEL, 1), (LABEL, 2)]


def test_a_line_whose_answer_was_lost_is_written_once(s3: Server, bucket: str, tmp_path: Path) -> None:
    with Proxy(s3, once("answer lost", "PUT", "record/")) as proxy:
        kept = keeping(tmp_path / "a", bucket, LABEL, "one", AWS_ENDPOINT_URL=proxy.server.endpoint)
        assert kept.wait(120) == 0
    assert revisions(bucket) == [(LABEL, 1)]


def test_a_server_that_ignores_conditions_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on: Callable[[str], None]
) -> None:
    on("a")
    part = tmp_path / "part"
    part.write_bytes(b"one")
    with heedless() as there:
        for name, value in {**there.environment, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(StoreError, match="ignores conditions"):
            cache.keep(open_cache("s3://heedless/cache"), LABEL, part, URL)


# --- the command line --------------------------------------------------------------------------------------------


def test_a_build_into_a_bucket_keeps_its_archive_there(
    cms: Cms, bucket: str, run: Run, on: Callable[[str], None]
) -> None:
    on("a")
    code, _, told = run("build", LABEL, "--sample", "--output", bucket)
    assert code == 0, told
    assert revisions(f"{bucket}/archives") == [(LABEL, 1)]
    assert pfsetl.open(bucket).number == 1
    assert run("verify", "--deep", "--output", bucket)[0] == 0


def test_another_host_builds_offline_what_the_first_fetched(
    cms: Cms, bucket: str, run: Run, on: Callable[[str], None]
) -> None:
    on("a")
    code, out, told = run("fetch", LABEL, "--cache", f"{bucket}/archives", "--json")
    assert code == 0, told
    [fetched] = json.loads(out)
    assert fetched["kept"] == f"{bucket}/archives/zips/{LABEL}-{fetched['sha256']}.zip"
    on("b")
    code, _, told = run("build", LABEL, "--sample", "--offline", "--output", bucket)
    assert code == 0, told
    assert pfsetl.open(bucket).releases[LABEL].archive.sha256 == fetched["sha256"]


def test_a_host_without_the_archive_says_where_there_is_none(bucket: str, run: Run, on: Callable[[str], None]) -> None:
    on("a")
    code, _, told = run("build", LABEL, "--offline", "--output", bucket)
    assert code == 3
    assert f"{bucket}/archives: no archive of {LABEL}. Fetch it once without --offline." in told


def test_a_copy_that_cant_be_written_names_the_folder(
    cms: Cms, bucket: str, run: Run, on: Callable[[str], None], tmp_path: Path
) -> None:
    on("a")
    (tmp_path / "a").write_text("a file, where the folder should be")
    code, _, told = run("fetch", LABEL, "--cache", bucket)
    assert code == 3
    assert "XDG_CACHE_HOME names another place" in told
