"""What a run tells an operator, as the server of Prefect has it: the log of its steps, and why it failed or was
refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import synthetic as s
from tests.flows.processes import Orchestra

RUN_SECONDS = 150.0  # of one run, which takes 10


@pytest.fixture(scope="module")
def prefect(processes: Orchestra) -> Orchestra:
    processes.start_what_is_down("first")
    return processes


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    for label in ("RVU25A", "RVU26A"):
        s.write_zip(folder / f"{label}.zip", s.release(label))
    return folder


@pytest.fixture(scope="module")
def log(prefect: Orchestra, archives: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a backfill by a worker logged."""
    output = tmp_path_factory.mktemp("store")
    where: dict[str, Any] = {"archives": str(archives), "output": str(output)}
    run = prefect.run("backfill/backfill", releases="RVU25A,RVU26A", sample=True, **where)
    assert prefect.finished(run, RUN_SECONDS)[0] == "COMPLETED"
    return prefect.log_of(run).splitlines()


def test_the_server_has_a_line_of_json_for_each_step(log: list[str]) -> None:
    steps = [json.loads(line) for line in log if line.startswith("{")]
    assert {(one["step"], one["release"]) for one in steps} >= {
        (step, label) for step in ("read", "derive and check") for label in ("RVU25A", "RVU26A")
    }
    assert len({one["run"] for one in steps}) == 1


def test_the_server_has_the_same_steps_in_words(log: list[str]) -> None:
    steps = [json.loads(line) for line in log if line.startswith("{")]
    assert steps
    for step in steps:
        what = f"{step['step']} {step['release']}" if step["release"] else step["step"]
        counted = f" {step['rows']:,} rows" if step["rows"] is not None else " "
        assert [line for line in log if line.startswith(f"{what}:{counted}")], what


def test_the_server_refuses_a_wrong_parameter_before_a_worker_starts(prefect: Orchestra) -> None:
    known = prefect.get("deployments/name/backfill/backfill")
    for wrong in ({"task_runner": "thread"}, {"concurrency": 0}, {"releases": "2009-2026"}):
        asked = {"parameters": {"releases": "2025", **wrong}, "state": {"type": "SCHEDULED"}}
        answer = requests.post(f"{prefect.api}/deployments/{known['id']}/create_flow_run", json=asked, timeout=60)
        assert answer.status_code == requests.codes.conflict, (wrong, answer.text)
        assert str(next(iter(wrong.values()))) in answer.text


def test_prefect_deploy_refuses_a_relative_output(prefect: Orchestra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prefect.environment, "PFSETL_OUTPUT", "output")
    with pytest.raises(AssertionError, match="Set PFSETL_OUTPUT to an absolute folder") as refused:
        prefect.prefect("deploy", "--all", "--prefect-file", "flows/prefect.yaml")
    assert "Traceback" not in str(refused.value)


def test_a_failed_run_starts_with_its_message_and_has_no_traceback(prefect: Orchestra, tmp_path: Path) -> None:
    (tmp_path / "RVU25A.zip").write_bytes(b"PK\x03\x04 not really")
    run = prefect.run("backfill/backfill", releases="RVU25A", archives=str(tmp_path), output=str(tmp_path / "output"))
    state, message = prefect.finished(run, RUN_SECONDS)
    assert (state, message.partition(":")[0]) == ("FAILED", "RVU25A")
    said = prefect.log_of(run)
    assert ("RVU25A.zip" in said, "Traceback" in said) == (True, False)
