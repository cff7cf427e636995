"""What pfsetl's own processes tell the allocators."""

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
frugal.give_memory_back()
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


def heaps(target: Path, **set_by_hand: str) -> int:
    """Return how many heaps glibc has once eight threads have allocated something at once."""
    unset = {name: value for name, value in os.environ.items() if name not in frugal.SETTINGS}
    subprocess.run([sys.executable, "-c", HEAPS, str(target)], check=True, env=unset | set_by_hand)
    return target.read_text().count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told.xml") == 2


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has no such heaps")
def test_whoever_asks_for_more_heaps_gets_them(tmp_path: Path) -> None:
    assert heaps(tmp_path / "told.xml", MALLOC_ARENA_MAX="5") == 5


def test_a_number_of_heaps_that_is_none_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in frugal.SETTINGS:
        monkeypatch.setenv(name, "many")
    frugal.give_memory_back()
    assert {os.environ[name] for name in frugal.SETTINGS} == {"many"}
