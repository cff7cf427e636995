"""Whatever happens to a download: the archive comes whole, or nothing is kept and one message says why."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pfsetl.declared import registry
from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.source import fetch as fetching
from pfsetl.source.archive_list import Fetched
from pfsetl.source.cache import is_intact, rows
from pfsetl.source.fetch import fetch
from pfsetl.source.web import Manners
from tests import synthetic as s
from tests.cms_server import Answer, Cms

ROOT = Path(__file__).resolve().parents[2]
RELEASE = registry.find("RVU26A")
ZIP = "/files/zip/rvu26a-updated-12-29-2025.zip"
QUICK = Manners(attempts=3, first_wait=0.01, longest_wait=1.0, connect=2.0, silence=2.0, total=5.0)
FIRST = s.zipped({"PPRRVU2026_Jan.csv": random.Random(1).randbytes(300_000)})
SECOND = s.zipped({"PPRRVU2026_Jan.csv": random.Random(2).randbytes(300_000)})
CUT = 100_000
FETCH = """
import sys
from pathlib import Path
from pfsetl.declared import registry
from pfsetl.source.fetch import fetch
got = fetch(registry.find("RVU26A"), Path(sys.argv[1]))
print(got.revision, got.fresh, got.path)
"""
KEEP = """
import sys
from pathlib import Path
from pfsetl.source.cache import keep
part = Path(sys.argv[1]) / f"part-{sys.argv[2]}"
for i in range(10**6):
    part.write_bytes(f"{sys.argv[2]} {i}".encode())
    print(keep(part.parent, "RVU26A", part, "https://www.cms.gov/").sha256, flush=True)
"""


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms() as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        yield server


def fetched(folder: Path, cms: Cms, *answers: Answer, manners: Manners = QUICK) -> Fetched:
    cms.answer_with(ZIP, *answers)
    return fetch(RELEASE, folder, manners=manners)


def refusal(folder: Path, cms: Cms, *answers: Answer, manners: Manners = QUICK) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as caught:
        fetched(folder, cms, *answers, manners=manners)
    assert rows(folder) == []
    assert not list(folder.glob("archives/*"))
    return caught.value


def is_final(error: SourceUnavailable, folder: Path, cms: Cms) -> bool:
    """Asked once, and nothing unfinished left to go on from."""
    return not isinstance(error, SourceBusy) and len(cms.requests) == 1 and not list(folder.glob("unfinished/*"))


def python(script: str, *arguments: str | Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=pipe, stderr=pipe, text=True)


# --- connections that break -------------------------------------------------------------------------------------


def test_a_cut_download_is_resumed_where_it_broke_off(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), Answer(FIRST, etag='"1"'))
    assert got.path.read_bytes() == FIRST
    first, second = cms.requests
    assert "range" not in first.headers
    assert (second.headers["range"], second.headers["if-range"]) == (f"bytes={CUT}-", '"1"')
    assert not list(tmp_path.glob("unfinished/*"))


def test_a_connection_that_is_reset_is_no_end(cms: Cms, tmp_path: Path) -> None:
    reset = Answer(FIRST, etag='"1"', cut=CUT, reset=True)
    assert fetched(tmp_path, cms, reset, Answer(FIRST, etag='"1"')).path.read_bytes() == FIRST
    assert len(cms.requests) == 2


def test_it_is_resumed_by_its_date_too(cms: Cms, tmp_path: Path) -> None:
    when = "Mon, 29 Dec 2025 15:00:00 GMT"
    got = fetched(tmp_path, cms, Answer(FIRST, modified=when, cut=CUT), Answer(FIRST, modified=when))
    assert got.path.read_bytes() == FIRST
    assert cms.requests[1].headers["if-range"] == when


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_it_starts_again_where_the_server_cant_tell_one_file_from_another(
    cms: Cms, tmp_path: Path, etag: str | None
) -> None:
    got = fetched(tmp_path, cms, Answer(FIRST, etag=etag, cut=CUT), Answer(SECOND, etag=etag))
    assert got.path.read_bytes() == SECOND
    assert "range" not in cms.requests[1].headers


def test_it_starts_again_where_the_server_ignores_ranges(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), Answer(FIRST, etag='"1"', ranges=False))
    assert got.path.read_bytes() == FIRST


def test_it_starts_again_when_the_file_changed_meanwhile(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), Answer(SECOND, etag='"2"'))
    assert got.path.read_bytes() == SECOND


def test_it_starts_again_when_the_file_is_shorter_now(cms: Cms, tmp_path: Path) -> None:
    short = s.zipped({"a.csv": b"1"})
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), Answer(short, etag='"1"'))
    assert got.path.read_bytes() == short


def test_it_starts_again_when_another_part_is_sent_than_asked_for(cms: Cms, tmp_path: Path) -> None:
    wrong = Answer(FIRST, etag='"1"', headers={"Content-Range": f"bytes 5-{len(FIRST) - 1}/{len(FIRST)}"})
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), wrong, Answer(FIRST, etag='"1"'))
    assert got.path.read_bytes() == FIRST
    assert "range" not in cms.requests[2].headers


def test_pieces_of_two_files_are_never_taken_for_one(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), Answer(SECOND, etag='"1"'))  # a server that lies
    assert got.path.read_bytes() == SECOND
    assert len(cms.requests) == 3


def test_a_server_that_always_cuts_is_given_up(cms: Cms, tmp_path: Path) -> None:
    error = refusal(tmp_path, cms, Answer(FIRST, cut=CUT))
    assert isinstance(error, SourceBusy)
    assert "Try again later" in str(error)
    assert len(cms.requests) == 3


def test_what_arrived_before_it_was_given_up_is_used_by_the_next_run(cms: Cms, tmp_path: Path) -> None:
    refusal(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), manners=replace(QUICK, attempts=1))
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"'))
    assert got.path.read_bytes() == FIRST
    assert cms.requests[1].headers["range"] == f"bytes={CUT}-"


def test_what_arrived_from_another_address_isnt(cms: Cms, tmp_path: Path) -> None:
    refusal(tmp_path, cms, Answer(FIRST, etag='"1"', cut=CUT), manners=replace(QUICK, attempts=1))
    cms.answer_with("/b.zip", Answer(SECOND, etag='"1"'))
    assert fetch(RELEASE, tmp_path, url=cms.url + "/b.zip", manners=QUICK).path.read_bytes() == SECOND
    assert "range" not in cms.requests[1].headers


# --- servers that are slow --------------------------------------------------------------------------------------


def test_a_slow_drip_ends_at_the_time_limit(cms: Cms, tmp_path: Path) -> None:
    started = time.monotonic()
    error = refusal(tmp_path, cms, Answer(FIRST, pause=0.05, piece=100), manners=replace(QUICK, total=1.0))
    assert 0.9 <= time.monotonic() - started < 2.5
    assert isinstance(error, SourceBusy)
    assert "still arriving at the time limit" in str(error)


def test_a_server_that_falls_silent_is_asked_again_for_the_rest(cms: Cms, tmp_path: Path) -> None:
    silent = Answer(FIRST, etag='"1"', pause=30, piece=CUT)
    got = fetched(tmp_path, cms, silent, Answer(FIRST, etag='"1"'), manners=replace(QUICK, silence=0.3))
    assert got.path.read_bytes() == FIRST
    assert cms.requests[1].headers["range"] == f"bytes={CUT}-"


# --- bodies that aren't the archive -----------------------------------------------------------------------------


def test_a_length_that_never_arrives_isnt_believed(cms: Cms, tmp_path: Path) -> None:
    error = refusal(tmp_path, cms, Answer(FIRST, length=len(FIRST) + 100))
    assert isinstance(error, SourceBusy)


def test_a_length_that_is_too_short_leaves_no_archive(cms: Cms, tmp_path: Path) -> None:
    error = refusal(tmp_path, cms, Answer(FIRST, length=len(FIRST) - 100))
    assert "not a complete zip" in str(error)
    assert is_final(error, tmp_path, cms)


def flipped() -> bytes:
    data = bytearray(FIRST)
    data[len(data) // 2] ^= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (FIRST[:200_000], "not a complete zip"),
        (flipped(), "damaged inside the zip"),
        (s.zipped({"../a.csv": b"1"}), "leaves the archive"),
        (b"PK\x05\x06" + b"\0" * 18, "not a zip"),
        (b"", "not a zip"),
        (b"%PDF-1.7", "not a zip"),
    ],
    ids=["truncated", "damaged", "unsafe", "empty zip", "empty", "pdf"],
)
def test_what_isnt_a_sound_zip_is_refused_at_once(cms: Cms, tmp_path: Path, body: bytes, found: str) -> None:
    error = refusal(tmp_path, cms, Answer(body, etag='"1"'))
    assert found in str(error)
    assert cms.url + ZIP in str(error)
    assert "--archive" in str(error)
    assert is_final(error, tmp_path, cms)


def test_the_sound_one_beside_them_is_taken(cms: Cms, tmp_path: Path) -> None:
    assert fetched(tmp_path, cms, Answer(s.zipped({"a.csv": b"1"}))).fresh


@pytest.mark.parametrize("said", [True, False], ids=["said before", "without a length"])
def test_more_than_any_archive_has_is_refused(
    cms: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bool
) -> None:
    monkeypatch.setattr(fetching, "MAX_ARCHIVE_BYTES", 200_000)
    headers = {} if said else {"Content-Length": None, "Connection": "close"}
    error = refusal(tmp_path, cms, Answer(FIRST, headers=headers))
    assert (f"{len(FIRST):,} bytes, more than 200,000." if said else "more than 200,000 bytes.") in str(error)
    assert is_final(error, tmp_path, cms)


def test_a_bad_answer_leaves_what_was_fetched_before(cms: Cms, tmp_path: Path) -> None:
    first = fetched(tmp_path, cms, Answer(FIRST))
    with pytest.raises(SourceUnavailable):
        fetched(tmp_path, cms, Answer(FIRST[:200_000]))
    assert rows(tmp_path) == [replace(first, fresh=False)]
    assert is_intact(first)


# --- processes that die, or work at once ------------------------------------------------------------------------


def test_a_killed_process_is_followed_by_one_that_goes_on(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(FIRST, etag='"1"', pause=0.1, piece=20_000))
    part = tmp_path / "unfinished" / "RVU26A.zip"
    with python(FETCH, tmp_path) as victim:
        until = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size >= 40_000):
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(10)
    arrived = part.stat().st_size
    assert 40_000 <= arrived < len(FIRST)
    assert rows(tmp_path) == []
    got = fetched(tmp_path, cms, Answer(FIRST, etag='"1"'))
    assert got.path.read_bytes() == FIRST
    assert cms.requests[1].headers["range"] == f"bytes={arrived}-"


def test_two_processes_fetch_the_same_label_one_after_the_other(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(FIRST, etag='"1"', pause=0.1, piece=50_000))
    running = [python(FETCH, tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=30) for process in running]
    [row] = rows(tmp_path)
    assert sorted(out for out, _ in said) == [f"1 False {row.path}\n", f"1 True {row.path}\n"]
    assert [r.headers.get("if-none-match") for r in cms.requests] == [None, '"1"']
    assert row.path.read_bytes() == FIRST


def test_kills_at_any_moment_lose_and_tear_nothing(tmp_path: Path) -> None:
    reported = []
    for turn in range(4):
        with python(KEEP, tmp_path, str(turn)) as victim:
            assert victim.stdout is not None
            reported += [victim.stdout.readline().strip() for _ in range(3)]
            time.sleep(0.013 * turn)
            victim.kill()
            reported += [line.strip() for line in victim.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    found = rows(tmp_path)
    assert [r.sha256 for r in found if r.sha256 in set(reported)] == reported
    assert [r.revision for r in found] == list(range(1, len(found) + 1))
    assert all(map(is_intact, found))


# --- disks that refuse ------------------------------------------------------------------------------------------

# As a disk of so many bytes would, but for the number of the error. The memory of the process isn't touched.
FULL = f"""
import resource, sys
sys.dont_write_bytecode = True
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
{FETCH}"""


def test_a_full_disk_is_named_and_leaves_nothing_torn(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(FIRST, etag='"1"'))
    _, err = python(FULL, tmp_path).communicate(timeout=30)
    message = err.strip().splitlines()[-1]
    assert message.startswith("pfsetl.errors.SourceUnavailable: ")
    assert "File too large" in message
    assert "free space" in message
    assert rows(tmp_path) == []
    assert not list(tmp_path.glob("unfinished/*"))
    assert not list(tmp_path.glob("archives/*"))
    assert fetched(tmp_path, cms, Answer(FIRST, etag='"1"')).path.read_bytes() == FIRST


def test_a_small_file_passes_the_same_limit(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(s.zipped({"a.csv": b"1"})))
    out, err = python(FULL, tmp_path).communicate(timeout=30)
    assert (out[:6], err) == ("1 True", "")


def test_a_read_only_cache_is_named_and_still_serves_offline(
    cms: Cms, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("read-only")
    got = fetched(folder, cms, Answer(FIRST))
    monkeypatch.chdir(folder)  # the folders above it may be closed to others
    places = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    modes = [p.stat().st_mode for p in places]
    me = os.geteuid()
    for place in places:
        place.chmod(0o555)
    (folder / "locks" / "RVU26A.lock").chmod(0o444)
    if me == 0:
        os.seteuid(65534)  # permissions don't stop root
    try:
        with pytest.raises(SourceUnavailable, match=r"Permission denied.*PFSETL_CACHE"):
            fetch(RELEASE, Path(), manners=QUICK)
        assert fetching.newest_cached(RELEASE, Path()).sha256 == got.sha256
    finally:
        os.seteuid(me)
        for place, mode in zip(places, modes, strict=True):
            place.chmod(mode)
    assert len(cms.requests) == 1


# --- the server itself ------------------------------------------------------------------------------------------


def test_the_server_runs_as_a_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(FIRST)
    (tmp_path / "b.zip").write_bytes(SECOND)
    routes, log = tmp_path / "routes.json", tmp_path / "log.jsonl"
    busy = {"status": 503, "times": 2}
    routes.write_text(json.dumps({ZIP: [busy, {"file": str(tmp_path / "a.zip"), "etag": '"1"'}]}))
    command = [sys.executable, "-m", "tests.cms_server", str(routes), "--log", str(log)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            monkeypatch.setenv("PFSETL_CMS_URL", server.stdout.readline().strip())
            assert fetch(RELEASE, tmp_path / "cache", manners=QUICK).path.read_bytes() == FIRST
            routes.write_text(json.dumps({ZIP: [{"file": str(tmp_path / "b.zip"), "etag": '"2"'}]}))
            assert fetch(RELEASE, tmp_path / "cache", manners=QUICK).revision == 2
        finally:
            server.terminate()
    assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == [ZIP] * 4
