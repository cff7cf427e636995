"""No file takes more than a gigabyte, or ends the process: the worst that the bounds let through is built in one."""

import random
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import PfsetlError
from pfsetl.parsing import bounds
from pfsetl.pricing import claim_file
from pfsetl.source import archive
from pfsetl.storage.folder import LocalStore
from tests import forks
from tests import synthetic as s
from tests.fault.test_bounds import book, shown_often
from tests.synthetic import Members
from tools import bench_rates

LABEL, RVUS, CAPS = "RVU25A", "PPRRVU2025_JAN.txt", "OPPSCAP_JAN.csv"
MOST = 1 << 30
ADDRESSES = 3 << 30
ALONE = 48 << 20  # what Python and a reader of claims have in a process that imports nothing else


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let polars take a thread for each processor, as it does unless it's told otherwise: each takes memory."""
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)


def in_memory(what: str) -> int:
    """Return the bytes that this process has now (VmRSS) or had at most (VmHWM), by the kernel's own account."""
    # NOTE: what getrusage tells of a child starts with what its parent had.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024


def building(connection: Connection, path: Path, store: Path, bounded: bool) -> None:
    """Build a sample of RVU25A, with or without bounds; send what came of it, and the bytes used."""
    if not bounded:
        for place in (bounds, archive):
            for name in [name for name in vars(place) if name.startswith("MAX_") and name != "MAX_COLUMNS"]:
                setattr(place, name, 1 << 60)
        for name in ("lines", "cells"):  # of a member, which the functions have as what is usual
            object.__setattr__(bounds.USUAL, name, 1 << 60)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    try:
        pfsetl.build(LABEL, store=LocalStore(store), archive=path, sample=True)
        said = "published"
    except PfsetlError as error:
        said = str(error)
    connection.send((said, in_memory("VmHWM")))


def outcome(function: Callable[..., None], *arguments: object) -> tuple[int | None, str, int]:
    """Run a function in a process of its own; return its code, what it said and the bytes used."""
    process, connection = forks.started(function, *arguments)
    try:
        said, used = connection.recv() if connection.poll(120) else ("", 0)
    except EOFError:
        said, used = "", 0
    process.join(30)
    process.kill()
    return process.exitcode, said, used


def built(path: Path, store: Path, *, bounded: bool = True) -> tuple[int | None, str, int]:
    """Build in a process of its own, which may take 3 GB of addresses; return code, message and bytes used."""
    return outcome(building, path, store, bounded)


def line_ends() -> Members:
    return s.release(LABEL) | {RVUS: b"a\n" * (14 << 20)}


def widest_table() -> Members:
    lines = bounds.MAX_CELLS // bounds.MAX_COLUMNS - 1
    return s.release(LABEL) | {CAPS: (b"1," * 63 + b"1\n") * lines}


def most_lines() -> Members:
    made = random.Random(1)
    lines = [made.randbytes(60).hex() for _ in range(100)]
    return s.release(LABEL) | {RVUS: "\n".join(lines * 1_999).encode()}


def one_cell_of_megabytes() -> Members:
    return s.release(LABEL) | {CAPS: b'"' + (b"a,b" * 20_000 + b"\n") * 400 + b'",1\n'}


def open_quote() -> Members:
    return s.release(LABEL) | {CAPS: s.release(LABEL)[CAPS] + b'"' + b"a,b\n" * 190_000}


def quotes() -> Members:
    return s.release(LABEL) | {CAPS: (b'""' * 40_000 + b"\n") * 200}


def stray_cell() -> Members:
    return instead(book({"A1": "x", "XFD1048576": "stray"}))


def room_in_every_sheet(sheets: int = 8) -> Members:
    return instead(book({"A1": "x", "BL60000": "stray"}, sheets=sheets))


def one_text_in_every_cell() -> Members:
    return instead(shown_often("x" * 32_000, 40_000))


def instead(workbook: bytes) -> Members:
    return {name: data for name, data in s.release(LABEL).items() if name != RVUS} | {"PPRRVU2025_JAN.xlsx": workbook}


CASES = (
    line_ends, widest_table, most_lines, one_cell_of_megabytes, open_quote, quotes, stray_cell, room_in_every_sheet,
    one_text_in_every_cell,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda made: made.__name__)
def test_it_is_refused_within_a_gigabyte(case, tmp_path: Path) -> None:
    code, said, peak = built(s.write_zip(tmp_path / "RVU25A.zip", case()), tmp_path / "store")
    assert code == 0, "the process ended"
    assert ".zip/" in said, said
    assert "Unexpected" not in said
    assert len(said) < 5_000
    assert 0 < peak < MOST, f"{peak:,} bytes"


@pytest.mark.parametrize("case", [stray_cell, one_text_in_every_cell], ids=lambda m: m.__name__)
def test_without_the_bounds_it_takes_more_or_ends_the_process(case, tmp_path: Path) -> None:
    """The control."""
    code, said, peak = built(s.write_zip(tmp_path / "RVU25A.zip", case()), tmp_path / "store", bounded=False)
    assert code != 0 or peak > MOST or "out of memory" in said


def test_without_the_bounds_each_of_eight_sheets_takes_an_eighth_of_it(tmp_path: Path) -> None:
    """The control of room in every sheet, of which one takes as long to read as the next."""
    path = s.write_zip(tmp_path / "RVU25A.zip", room_in_every_sheet(1))
    refused, read = (built(path, tmp_path / "store", bounded=bounded)[2] for bounded in (True, False))
    assert read - refused > MOST / 8


def test_a_release_as_cms_posts_it_takes_a_part_of_that(release_path, tmp_path: Path) -> None:
    code, said, peak = built(release_path("RVU25A"), tmp_path / "store")
    assert (code, said) == (0, "published")
    assert peak < MOST
    assert archive.MAX_TOTAL_BYTES < MOST


# --- claim files ------------------------------------------------------------------------------------------------


def reading(connection: Connection, path: Path, bounded: bool) -> None:
    """Read a file of claim lines, with or without bounds; send what was said, and the bytes used."""
    if not bounded:
        setattr(claim_file, "MOST_BYTES", 1 << 60)  # noqa: B010
        setattr(claim_file, "_refuse_many", lambda path, text: None)  # noqa: B010
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    said, at_start = "", in_memory("VmRSS")
    try:
        claim_file.read_claim_lines(path)
    except PfsetlError as error:
        said = str(error)
    connection.send((said, in_memory("VmHWM") - at_start + ALONE))


CLAIMS = {
    "line ends": lambda: b"\n" * (30 << 20),
    "line ends under a header": lambda: b"hcpcs,date\n" + b",\n" * (10 << 20),
    "one line of commas": lambda: b"hcpcs,date\n" + b"," * (30 << 20),
    "objects": lambda: b"[" + b"{}," * (10 << 20) + b"{}]",
    "more bytes than are read": lambda: b"[" + b" " * (40 << 20) + b"]",
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_file_is_refused_within_a_gigabyte(case: str, tmp_path: Path) -> None:
    path = tmp_path / "claim"
    path.write_bytes(CLAIMS[case]())
    code, said, peak = outcome(reading, path, True)
    assert (code, len(said) < 500) == (0, True)
    assert "claim" in said
    assert 0 < peak < MOST, f"{peak:,} bytes"


def test_without_the_bounds_a_claim_file_takes_more(tmp_path: Path) -> None:
    """The control."""
    path = tmp_path / "claim"
    path.write_bytes(b"\n" * (7 << 20))
    code, _, peak = outcome(reading, path, False)
    assert code != 0 or peak > MOST


# --- payers' rates ----------------------------------------------------------------------------------------------

# In a process of Python's own, as a user starts one, because of how little it may take.
PEAK = """
_, kib, _ = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")).split()
print(int(kib) * 1024)
"""
BENCHMARK = """
import sys
from pathlib import Path
from pfsetl.cli import main
if sys.argv[1] == "kept":
    from pfsetl.payers import contracts, in_network_columns, spool
    contracts.PART = in_network_columns.PART = spool.PART = 1 << 30
try:
    main(["benchmark", *sys.argv[2:]])
except SystemExit as ended:
    print(ended.code)
"""
MOST_OF_RATES = 300_000_000  # bytes, of a file of any size
MORE_OF_RATES = 40_000_000  # of a file that is three times as large


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An in-network file of 20 megabytes, and one of 60 that has the same rates four times."""
    folder = tmp_path_factory.mktemp("in-network")
    small, large = folder / "small.json", folder / "large.json"
    bench_rates.write(small, 20, [f"G{number:04}" for number in range(101, 500)])
    groups, start, rates = small.read_bytes().partition(b'"in_network": [')
    large.write_bytes(groups + start + b", ".join([rates.removesuffix(b"]}")] * 4) + b"]}")
    assert 2.8 < large.stat().st_size / small.stat().st_size < 3.2
    return {"small": small, "large": large}


@pytest.fixture(scope="module")
def compared(demo: Path, files: dict[str, Path]):
    """Compare one of these files in a process of its own; return the bytes that it used."""

    @cache
    def compare(size: str, how: str = "") -> int:
        path = files[size]
        out = path.with_name(f"{size}{how}.parquet")
        command: list[str | Path] = [sys.executable, "-c", BENCHMARK + PEAK, how, path, out]
        command += ["--date", "2026-02-01", "-o", demo]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert out.is_file(), done.stdout + done.stderr
        return int(done.stdout.splitlines()[-1])

    return compare


def test_a_large_file_of_rates_takes_no_more_than_a_small_one(compared) -> None:
    peak = compared("large")
    assert peak < MOST_OF_RATES, f"{peak:,} bytes"
    assert peak < compared("small") + MORE_OF_RATES, f"{peak:,} bytes"


def test_a_file_of_rates_whose_parts_are_kept_takes_more(compared) -> None:
    """The control."""
    assert compared("large", "kept") > compared("small") + MORE_OF_RATES
