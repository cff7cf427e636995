"""No file takes more than a gigabyte, or ends the process: the worst that the bounds let through is built in one."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from pfsetl.cli import main
from pfsetl.parsing import bounds
from pfsetl.source import archive
from tests import synthetic as s
from tests.fault.test_bounds import book, shown_often
from tests.synthetic import Members
from tools import bench_rates

LABEL, RVUS, CAPS = "RVU25A", "PPRRVU2025_JAN.txt", "OPPSCAP_JAN.csv"
MOST = 1 << 30
# What getrusage tells of a child starts with what its parent had, so the kernel's own account is asked.
PEAK = """
_, kib, _ = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")).split()
print(int(kib) * 1024)
"""
BUILD = """
import resource, sys
from pathlib import Path
import pfsetl
from pfsetl.errors import PfsetlError
from pfsetl.parsing import bounds, grid
from pfsetl.storage.folder import LocalStore
from pfsetl.source import archive
if sys.argv[3] == "without":
    for place in (bounds, archive):
        for name in [name for name in vars(place) if name.startswith("MAX_") and name != "MAX_COLUMNS"]:
            setattr(place, name, 1 << 60)
    for name in ("lines", "cells"):  # of a member, which the functions have as what is usual
        object.__setattr__(bounds.USUAL, name, 1 << 60)
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[4]),) * 2)
try:
    pfsetl.build("RVU25A", store=LocalStore(Path(sys.argv[2])), archive=Path(sys.argv[1]), sample=True)
    print("published")
except PfsetlError as error:
    print(error)
"""


def built(path: Path, store: Path, *, bounded: bool = True) -> tuple[int, str, int]:
    """Build in a process of its own, which may take 8 GB of addresses; return code, message and bytes used."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD + PEAK, path, store, "with" if bounded else "without", str(8 << 30)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    *said, peak = done.stdout.splitlines() or ["0"]
    return done.returncode, "\n".join(said), int(peak)


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


def room_in_every_sheet() -> Members:
    return instead(book({"A1": "x", "BL60000": "stray"}, sheets=8))


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


@pytest.mark.parametrize("case", [stray_cell, room_in_every_sheet, one_text_in_every_cell], ids=lambda m: m.__name__)
def test_without_the_bounds_it_takes_more_or_ends_the_process(case, tmp_path: Path) -> None:
    """The control."""
    code, said, peak = built(s.write_zip(tmp_path / "RVU25A.zip", case()), tmp_path / "store", bounded=False)
    assert code != 0 or peak > MOST or "out of memory" in said


def test_a_release_as_cms_posts_it_takes_a_part_of_that(release_path, tmp_path: Path) -> None:
    code, said, peak = built(release_path("RVU25A"), tmp_path / "store")
    assert (code, said) == (0, "published")
    assert peak < MOST
    assert archive.MAX_TOTAL_BYTES < MOST


# --- claim files ------------------------------------------------------------------------------------------------

CLAIM = """
import resource, sys
from pathlib import Path
from pfsetl.errors import PfsetlError
from pfsetl.pricing import claim_file
if sys.argv[2] == "without":
    claim_file.MOST_BYTES, claim_file._refuse_many = 1 << 60, lambda path, text: None
resource.setrlimit(resource.RLIMIT_AS, (8 << 30,) * 2)
try:
    claim_file.read_claim_lines(Path(sys.argv[1]))
except PfsetlError as error:
    print(error)
"""
CLAIMS = {
    "line ends": lambda: b"\n" * (30 << 20),
    "line ends under a header": lambda: b"hcpcs,date\n" + b",\n" * (10 << 20),
    "one line of commas": lambda: b"hcpcs,date\n" + b"," * (30 << 20),
    "objects": lambda: b"[" + b"{}," * (10 << 20) + b"{}]",
    "more bytes than are read": lambda: b"[" + b" " * (40 << 20) + b"]",
}


def read_as_claim(path: Path, how: str = "with") -> tuple[int, str, int]:
    command = [sys.executable, "-c", CLAIM + PEAK, str(path), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    *said, peak = done.stdout.splitlines() or ["0"]
    return done.returncode, "\n".join(said), int(peak)


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_file_is_refused_within_a_gigabyte(case: str, tmp_path: Path) -> None:
    path = tmp_path / "claim"
    path.write_bytes(CLAIMS[case]())
    code, said, peak = read_as_claim(path)
    assert (code, len(said) < 500) == (0, True)
    assert "claim" in said
    assert 0 < peak < MOST, f"{peak:,} bytes"


def test_without_the_bounds_a_claim_file_takes_more(tmp_path: Path) -> None:
    """The control."""
    path = tmp_path / "claim"
    path.write_bytes(b"\n" * (7 << 20))
    code, _, peak = read_as_claim(path, "without")
    assert code != 0 or peak > MOST


# --- payers' rates ----------------------------------------------------------------------------------------------

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
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled sample, published."""
    output = tmp_path_factory.mktemp("rates") / "store"
    main(["demo", "--output", str(output)])
    return output


@pytest.fixture(scope="module")
def compared(sample: Path, tmp_path_factory: pytest.TempPathFactory):
    """Compare an in-network file of so many megabytes in a process of its own; return the bytes that it used."""
    folder = tmp_path_factory.mktemp("in-network")
    codes = [f"G{number:04}" for number in range(101, 500)]

    def compare(megabytes: int, how: str = "") -> int:
        path = folder / f"{megabytes}.json"
        if not path.exists():
            bench_rates.write(path, megabytes, codes)
        out = folder / f"{megabytes}{how}.parquet"
        command: list[str | Path] = [sys.executable, "-c", BENCHMARK + PEAK, how, path, out]
        command += ["--date", "2026-02-01", "-o", sample]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert out.is_file(), done.stdout + done.stderr
        return int(done.stdout.splitlines()[-1])

    return compare


def test_a_large_file_of_rates_takes_no_more_than_a_small_one(compared) -> None:
    peak = compared(60)
    assert peak < MOST_OF_RATES, f"{peak:,} bytes"
    assert peak < compared(20) + MORE_OF_RATES, f"{peak:,} bytes"


def test_a_file_of_rates_whose_parts_are_kept_takes_more(compared) -> None:
    """The control."""
    assert compared(60, "kept") > compared(20) + MORE_OF_RATES
