"""What a run tells an operator, as the server of Prefect has it: the log of its steps."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import synthetic as s
from tests.flows.processes import Orchestra, orchestra

RUN_SECONDS = 150.0  # of one run, which takes 10
NO_CMS = "http://127.0.0.1:9"  # nothing here asks CMS


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestra]:
    with orchestra(tmp_path_factory.mktemp("told"), NO_CMS) as started:
        started.start_workers("only")
        yield started


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    for label in ("RVU25A", "RVU26A"):
        s.write_zip(folder / f"{label}.zip", s.whole(label))
    return folder


@pytest.fixture(scope="module")
def log(prefect: Orchestra, archives: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a backfill by a worker logged."""
    output = tmp_path_factory.mktemp("store")
    run = prefect.run("backfill/backfill", releases="RVU25A,RVU26A", archives=str(archives), output=str(output))
    assert prefect.finished(run, RUN_SECONDS)[0] == "COMPLETED"
    return prefect.said(run).splitlines()


def test_the_server_has_a_line_of_json_for_each_step(log: list[str]) -> None:
    steps = [json.loads(line) for line in log if line.startswith("{")]
    assert {(one["step"], one["release"]) for one in steps} >= {
        (step, label) for step in ("read", "derive and check") for label in ("RVU25A", "RVU26A")
    }
    assert len({one["run"] for one in steps}) == 1


def test_the_server_has_the_same_steps_in_words(log: list[str]) -> None:
    for step in (json.loads(line) for line in log if line.startswith("{")):
        what = f"{step['step']} {step['release']}" if step["release"] else step["step"]
        counted = f" {step['rows']:,} rows" if step["rows"] is not None else " "
        assert [line for line in log if line.startswith(f"{what}:{counted}")], what
