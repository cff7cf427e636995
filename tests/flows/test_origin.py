"""What an origin forks is to its caller what Python starts: else faults of the flows could be the tests' own."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.processes import eventually

Start = Callable[..., "subprocess.Popen[str]"]
WAITS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


@pytest.fixture
def start(prepared: Path, tmp_path: Path) -> Start:
    """Start Python code by the program that stands in for Python."""

    def started(code: str, **environment: str) -> "subprocess.Popen[str]":
        command = [str(prepared / "python"), "-c", code]
        asked = {**os.environ, **environment}
        return subprocess.Popen(command, cwd=tmp_path, env=asked, stdout=subprocess.PIPE, text=True)

    return started


def said(process: "subprocess.Popen[str]") -> list[str]:
    return process.communicate(timeout=30)[0].split()


def test_the_program_ends_with_the_code_of_its_process(start: Start) -> None:
    assert start("raise SystemExit(7)").wait(30) == 7


def test_the_process_has_the_programs_folder_and_settings_of_prefect(start: Start, tmp_path: Path) -> None:
    code = "import os; from prefect.settings import PREFECT_API_URL as url; print(os.getcwd(), url.value())"
    assert said(start(code, PREFECT_API_URL="http://a/api")) == [str(tmp_path), "http://a/api"]


def test_the_process_may_write_no_larger_files_than_the_program(prepared: Path, tmp_path: Path) -> None:
    code = "with open('file', 'wb') as file: file.write(bytes(3000))"
    limited = f'ulimit -f 2 && exec {prepared / "python"} -c "{code}"'
    done = subprocess.run(["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "File too large" in done.stderr) == (1, True)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_that_ends_the_program_ends_its_process(start: Start, sent: signal.Signals) -> None:
    process = start(WAITS)
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.send_signal(sent)
    assert process.wait(30) == -sent
    eventually(f"process {pid} ends", lambda: not Path(f"/proc/{pid}").exists(), 30)


def test_a_process_that_is_killed_ends_its_program(start: Start) -> None:
    process = start(WAITS)
    assert process.stdout is not None
    os.kill(int(process.stdout.readline()), signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL


def test_what_the_process_starts_as_python_is_forked_too(start: Start) -> None:
    inner = "import sys; print('prefect' in sys.modules)"
    assert said(start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])")) == ["True"]
