"""A test run that is killed leaves no process behind, not even children of children in groups of their own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import leash
from tests.flows.processes import FOREIGN

RUN = """
import subprocess, sys
from tests import leash
leash.hold()
child = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid, flush=True)"
subprocess.run([sys.executable, "-c", child], start_new_session=True)
subprocess.run(["sleep", "600"])
"""


def runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="needs /proc")
def test_what_a_killed_run_started_ends_with_it() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, env=environment, text=True) as run:
        assert run.stdout is not None
        orphan = Path("/proc", run.stdout.readline().strip())
        assert runs(orphan)
        run.kill()
    until = time.monotonic() + 20
    while runs(orphan):
        assert time.monotonic() < until, "it still runs"
        time.sleep(0.05)


def test_servers_that_start_without_our_settings_bear_the_mark_all_the_same() -> None:
    assert not leash.MARK.startswith(FOREIGN)
