"""Ends what a test run started, also when the run itself is killed: servers, workers, builds and their children.

Every process that tests start has a mark of its run in its environment. A process beside the run waits for the end of
a pipe that only the run holds, and then ends by their ids the processes that bear the mark. Linux only, by `/proc`.
"""

import os
import secrets
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

MARK = "PYTEST_LEASH"
_MARK_BEFORE = os.environ.get(MARK)  # in a worker of pytest-xdist, that of the whole run
_held: list[subprocess.Popen[bytes]] = []


def hold() -> None:
    """Mark this run, and start the process that ends what it leaves; without `/proc` nothing is done."""
    if not Path("/proc/self/environ").is_file():
        return
    os.environ[MARK] = mark = secrets.token_hex(16)
    command = [sys.executable, __file__, mark]
    # NOTE: its pipe stays open on purpose; the kernel closes it however this process ends.
    _held.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))


def of_the_whole_run() -> dict[str, str]:
    """Return the mark of a process that several workers of pytest-xdist use, as a variable of the environment."""
    return {MARK: _MARK_BEFORE or os.environ[MARK]}


def marked(mark: str) -> list[int]:
    """Return the processes that bear the mark, but for this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.stdin.buffer.read()
    while left := marked(sys.argv[1]):
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
