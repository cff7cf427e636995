"""A run ends with its message, and one that hangs is ended."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pfsetl.errors import SourceUnavailable

HANGS = """
import os, threading, time
from pfsetl.flows import ending
ending.GRACE = 0.2
def hang():
    thread = threading.Thread(target=time.sleep, args=[60])
    thread.start()
    thread.join()
ending.ends_plainly(0.3)(hang)()
"""


@pytest.fixture
def ends_plainly() -> Callable[[float], Any]:
    from pfsetl.flows.ending import ends_plainly  # NOTE: not in every worker that collects tests

    return ends_plainly


def test_a_failure_is_a_state_with_the_message_and_the_error(ends_plainly: Callable[[float], Any]) -> None:
    def refuse() -> Any:
        raise SourceUnavailable("RVU26B: not there")

    state = ends_plainly(1)(refuse)()
    assert (state.name, state.message, type(state.data)) == ("Failed", "RVU26B: not there", SourceUnavailable)


def test_a_fault_of_the_software_keeps_its_traceback(ends_plainly: Callable[[float], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        ends_plainly(1)(lambda: 1 / 0)()


def test_a_workers_run_that_waits_for_its_threads_for_ever_is_ended(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "one")
    command = [str(prepared / "python"), "-c", HANGS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=45, check=False)
    assert (done.returncode, "the run hung" in done.stderr) == (1, True), done.stderr


def test_releases_that_failed_together_do_not_ask_again_together() -> None:
    from pfsetl.flows.tasks import fetch_archive, patient

    again = patient(fetch_archive, (10.0, 60.0))
    assert (again.retries, again.retry_delay_seconds) == (2, [10.0, 60.0])
    assert again.retry_jitter_factor
