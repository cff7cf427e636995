"""What pfsetl's own processes tell the allocators, and numpy."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from pfsetl import frugal

HEAPS = """
import ctypes, sys, threading
from pfsetl import frugal
frugal.be_frugal()
libc, meet = ctypes.CDLL(None), threading.Barrier(8)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
def allocate():
    libc.malloc(10_000)
    meet.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
told = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
"""

THREADS = """
import os
from pfsetl import frugal
frugal.be_frugal()
import numpy
print(len(os.listdir("/proc/self/task")))
"""
OF_TESTS = ("OPENBLAS_NUM_THREADS",)  # what tests/conftest.py has set


def unset() -> dict[str, str]:
    """Return this environment without what may be set of all this."""
    return {name: value for name, value in os.environ.items() if name not in (*frugal.SETTINGS, *OF_TESTS)}


def heaps(target: Path, **set_by_hand: str) -> int:
    """Return how many heaps glibc has once eight threads have allocated something at once."""
    subprocess.run([sys.executable, "-c", HEAPS, str(target)], check=True, env=unset() | set_by_hand)
    return target.read_text().count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told.xml") == 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_whoever_asks_for_more_heaps_gets_them(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told.xml", MALLOC_ARENA_MAX="5") == 5


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="this system doesn't list a process's threads")
def test_numpy_starts_no_thread() -> None:
    started = subprocess.run([sys.executable, "-c", THREADS], check=True, env=unset(), capture_output=True, text=True)
    assert started.stdout.split() == ["1"]


def test_a_number_of_heaps_that_is_none_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in frugal.SETTINGS:
        monkeypatch.setenv(name, "many")
    frugal.be_frugal()
    assert {os.environ[name] for name in frugal.SETTINGS} == {"many"}
