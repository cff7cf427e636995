"""The archive cache: what it records, what it never loses, and what it does with a damaged record."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.source import cache
from pfsetl.source.archive_list import Fetched
from pfsetl.source.cache import alone, is_intact, keep, newest, rows

URL = "https://www.cms.gov/files/zip/rvu26a,b.zip"
Keep = Callable[..., Fetched]


@pytest.fixture
def kept(tmp_path: Path) -> Keep:
    """Keep some bytes as a label's in `tmp_path`."""

    def keeping(content: bytes, label: str = "RVU26A", url: str = URL) -> Fetched:
        part = tmp_path / "part"
        part.write_bytes(content)
        return keep(tmp_path, label, part, url)

    return keeping


def lock(folder: Path) -> Path:
    return folder / "releases.lock.csv"


def test_a_cache_that_isnt_there_is_empty(tmp_path: Path) -> None:
    assert rows(tmp_path / "none") == []
    assert newest(tmp_path / "none", "RVU26A") is None


def test_the_record_is_a_csv_of_six_columns(tmp_path: Path, kept: Keep) -> None:
    when = f"{kept(b'one').retrieved_at:%Y-%m-%dT%H:%M:%SZ}"
    digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # sha256 of "one"
    assert lock(tmp_path).read_text() == (
        f'label,revision,sha256,bytes,url,retrieved_at\nRVU26A,1,{digest},3,"{URL}",{when}\n'
    )
    assert (tmp_path / "archives" / f"RVU26A-{digest}.zip").read_bytes() == b"one"


def test_revisions_are_counted_by_label(tmp_path: Path, kept: Keep) -> None:
    got = [kept(b"one"), kept(b"other", "RVU26B"), kept(b"two"), kept(b"one", "RVU26AR")]
    assert [(x.label, x.revision) for x in got] == [("RVU26A", 1), ("RVU26B", 1), ("RVU26A", 2), ("RVU26AR", 1)]
    assert rows(tmp_path) == [replace(x, fresh=False) for x in got]
    assert newest(tmp_path, "RVU26A") == replace(got[2], fresh=False)


def test_the_same_bytes_again_add_nothing(tmp_path: Path, kept: Keep) -> None:
    first = kept(b"one")
    before = lock(tmp_path).read_bytes()
    assert kept(b"one", url="https://www.cms.gov/other.zip") == replace(first, fresh=False)
    assert lock(tmp_path).read_bytes() == before


def test_a_return_to_older_bytes_is_a_revision_of_its_own(tmp_path: Path, kept: Keep) -> None:
    first, _, third = kept(b"one"), kept(b"two"), kept(b"one")
    assert (third.revision, third.sha256, third.fresh) == (3, first.sha256, True)
    assert newest(tmp_path, "RVU26A") == replace(third, fresh=False)


def test_a_backfill_from_the_cache_takes_the_newest_of_each_label(tmp_path: Path, kept: Keep) -> None:
    kept(b"one")
    two, other = kept(b"two"), kept(b"other", "RVU25D")
    assert find_archives(tmp_path, "2025..2026").archives == {"RVU25D": other.path, "RVU26A": two.path}


def test_an_archive_cant_be_written_to(kept: Keep) -> None:
    assert kept(b"one").path.stat().st_mode & 0o222 == 0


def test_a_damaged_or_lost_archive_is_seen(kept: Keep) -> None:
    got = kept(b"one")
    assert is_intact(got)
    got.path.chmod(0o644)
    got.path.write_bytes(b"onf")
    assert not is_intact(got)
    got.path.unlink()
    assert not is_intact(got)


def test_a_line_that_was_cut_short_is_no_line_and_goes_with_the_next_write(tmp_path: Path, kept: Keep) -> None:
    first = kept(b"one")
    whole = lock(tmp_path).read_text()
    for torn in ("RVU26A,2,9f", 'RVU26A,2,"', f"RVU26A,2,{'0' * 64},3,{URL},2026-01-0"):
        lock(tmp_path).write_text(whole + torn)
        assert rows(tmp_path) == [replace(first, fresh=False)]
    assert kept(b"two").revision == 2
    assert len(lock(tmp_path).read_text().splitlines()) == 3


def test_a_last_line_without_its_line_end_counts(tmp_path: Path, kept: Keep) -> None:
    kept(b"one")
    lock(tmp_path).write_text(lock(tmp_path).read_text().rstrip("\n"))
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "RVU26A,1",
        "../../x,1,{0},3,u,2026-01-01T00:00:00Z",
        "RVU26A,one,{0},3,u,today",
        "RVU26A,2,{0},3,u,2026-02-30T00:00:00Z",
    ],
)
def test_any_other_damage_is_refused_with_its_place(tmp_path: Path, kept: Keep, line: str) -> None:
    kept(b"one")
    with lock(tmp_path).open("a") as stream:
        stream.write(line.format("0" * 64) + "\n")
    before = lock(tmp_path).read_bytes()
    with pytest.raises(SourceUnavailable, match=r"releases\.lock\.csv, line 3"):
        kept(b"two")
    assert lock(tmp_path).read_bytes() == before


def test_a_record_that_no_csv_reader_takes_is_refused_with_its_place(tmp_path: Path, kept: Keep) -> None:
    kept(b"one")
    with lock(tmp_path).open("a") as stream:
        stream.write("x" * 200_000 + "\n")
    with pytest.raises(SourceUnavailable, match=r"releases\.lock\.csv: .*Restore it"):
        rows(tmp_path)


def test_an_archive_that_cant_be_read_is_refused_with_its_place(kept: Keep) -> None:
    path = kept(b"one").path
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceUnavailable, match=f"{path}: .*PFSETL_CACHE"):
        is_intact(replace(kept(b"two"), path=path))


def test_an_archive_whose_line_was_never_written_is_taken_up(tmp_path: Path, kept: Keep) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / f"RVU26A-{digest}.zip").write_bytes(b"one")  # a kill came in between
    assert kept(b"one").revision == 1


def test_a_failed_write_of_the_record_leaves_the_old_one(
    tmp_path: Path, kept: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(b"one")
    before = lock(tmp_path).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "sync", lambda folder: None)  # of the archive's folder, which comes before
        patch.setattr("pfsetl.source.cache.os.fsync", full)
        with pytest.raises(SourceUnavailable, match="No space left on device"):
            kept(b"two")
    assert lock(tmp_path).read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"archives", "locks", "releases.lock.csv"}
    assert kept(b"two").revision == 2


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from pfsetl.source.cache import keep
folder, me = Path(sys.argv[1]), sys.argv[2]
for i in range(20):
    part = folder / f"part-{me}"
    part.write_bytes(f"{me} {i}".encode())
    keep(folder, "RVU26A", part, "https://www.cms.gov/")
"""
    started = [subprocess.Popen([sys.executable, "-c", script, tmp_path, str(n)]) for n in range(3)]
    assert [p.wait(30) for p in started] == [0, 0, 0]
    found = rows(tmp_path)
    assert [r.revision for r in found] == list(range(1, 61))
    assert len({r.sha256 for r in found}) == 60
    assert all(map(is_intact, found))


def test_a_reader_never_sees_half_a_record(tmp_path: Path, kept: Keep) -> None:
    kept(b"0")
    counts, done = [], threading.Event()

    def read() -> None:
        while not done.is_set():
            counts.append(len(rows(tmp_path)))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 40):
        kept(str(i).encode())
    done.set()
    reader.join()
    assert counts == sorted(counts)
    assert counts[0] >= 1


def test_waiting_for_another_is_bounded(tmp_path: Path) -> None:
    held = alone(tmp_path, "RVU26A", 1)
    refused = pytest.raises(SourceBusy, match=r"RVU26A\.lock: another process")
    with held, refused, alone(tmp_path, "RVU26A", 0.2):
        pass


def test_labels_dont_wait_for_each_other(tmp_path: Path) -> None:
    with alone(tmp_path, "RVU26A", 1), alone(tmp_path, "RVU26B", 0):
        pass


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom pfsetl.source.cache import alone\n"
        "with alone(Path(sys.argv[1]), 'RVU26A', 1):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SourceBusy), alone(tmp_path, "RVU26A", 0.1):
            pass
        holder.kill()
        holder.wait(10)
        with alone(tmp_path, "RVU26A", 1):
            pass
