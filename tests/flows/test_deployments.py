"""The deployments and the operators' page name what there is."""

import asyncio
import inspect
import re
from collections import Counter
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from pfsetl.errors import UsageError
from tests.flows.called import flows

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "flows" / "prefect.yaml").read_text())["deployments"]
PAGE = (ROOT / "docs" / "operations.md").read_text()


# Prefect is imported by tests that need it: not in every worker that collects tests.


@pytest.fixture
def parameters() -> ModuleType:
    return flows("parameters")


@pytest.fixture
def refused() -> type[Exception]:
    """The error of a flow that can't take a parameter."""
    from prefect.exceptions import ParameterTypeError

    return ParameterTypeError


def flow_of(deployment: dict[str, Any]) -> Any:
    path, name = deployment["entrypoint"].split(":")
    return getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_a_deployment_names_a_flow_and_parameters_that_it_has(deployment: dict[str, Any]) -> None:
    assert set(deployment["parameters"]) <= set(inspect.signature(flow_of(deployment).fn).parameters)


def test_the_page_runs_deployments_with_parameters_that_their_flows_have() -> None:
    flows = {f"{flow_of(d).name}/{d['name']}": flow_of(d) for d in DEPLOYMENTS}
    commands = re.findall(r"^prefect deployment run (\S+)(.*)$", PAGE, re.M)
    assert {name for name, _ in commands} == set(flows)
    for name, options in commands:
        assert set(re.findall(r"-p (\w+)=", options)) <= set(inspect.signature(flows[name].fn).parameters)


def test_watch_looks_each_day_and_twice_while_cms_posts_the_final_rule() -> None:
    from prefect.server.schemas.schedules import CronSchedule

    [watch] = [d for d in DEPLOYMENTS if d["name"] == "watch"]
    first = datetime(2027, 1, 1, tzinfo=ZoneInfo("America/New_York"))
    looks: Counter[date] = Counter()
    for schedule in watch["schedules"]:
        due = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
        looks.update(at.date() for at in asyncio.run(due.get_dates(n=370, start=first)) if at.year == first.year)
    days = [first.date() + timedelta(days=n) for n in range(365)]
    assert [looks[day] for day in days] == [2 if day.month in (11, 12, 1) else 1 for day in days]


def test_a_second_look_is_cancelled_not_piled_up() -> None:
    [watch] = [d for d in DEPLOYMENTS if d["name"] == "watch"]
    assert watch["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_no_flow_may_run_for_ever(deployment: dict[str, Any]) -> None:
    assert flow_of(deployment).timeout_seconds > 0


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_every_deployment_publishes_where_the_operator_said(deployment: dict[str, Any]) -> None:
    assert deployment["parameters"]["output"] == "{{ pfsetl_output }}"


@pytest.mark.parametrize("where", ["/srv/mpfs", "s3://bucket/mpfs"])
def test_an_absolute_output_is_deployed(parameters: ModuleType, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", where)
    assert parameters.deployed_output() == {"pfsetl_output": where}


def test_the_output_may_be_a_variable_of_prefect(parameters: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PFSETL_OUTPUT", raising=False)
    monkeypatch.setattr("prefect.variables.Variable.get", {"pfsetl_output": "/srv/mpfs"}.get)
    assert parameters.deployed_output() == {"pfsetl_output": "/srv/mpfs"}


@pytest.mark.parametrize("where", ["", "output"])
def test_an_output_that_is_unset_or_relative_is_not_deployed(
    parameters: ModuleType, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("PFSETL_OUTPUT", where)
    monkeypatch.setattr("prefect.variables.Variable.get", {}.get)
    with pytest.raises(SystemExit, match="Set PFSETL_OUTPUT to an absolute folder"):
        parameters.deployed_output()


@pytest.mark.parametrize(
    ("image", "output", "told"),
    [("", "s3://bucket/mpfs", "Set PFSETL_IMAGE"), ("pfsetl:1", "/srv/mpfs", "would end with the container")],
)
def test_containers_are_deployed_only_with_an_image_and_a_bucket(
    parameters: ModuleType, monkeypatch: pytest.MonkeyPatch, image: str, output: str, told: str
) -> None:
    monkeypatch.setenv("PFSETL_IMAGE", image)
    monkeypatch.setenv("PFSETL_OUTPUT", output)
    with pytest.raises(SystemExit, match=told):
        parameters.deployed_image()


def test_a_deployments_run_refuses_a_relative_output(parameters: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters.refuse_relative("output")  # of a command, not of a deployment
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "one")
    parameters.refuse_relative("/srv/mpfs")
    with pytest.raises(UsageError, match="output output: a deployment needs an absolute path"):
        parameters.refuse_relative("output")


@pytest.mark.parametrize("good", ["2009..2026", "2025", "2024,RVU25A", "RVU26A, rvu24ar", "PRREV05D", "RVU10C_PCT0"])
def test_the_pattern_of_releases_takes_years_and_labels(backfill: Any, good: str) -> None:
    assert backfill.validate_parameters({"releases": good})["releases"] == good


@pytest.mark.parametrize("bad", ["2009-2026", "", "RVU", "2009...2026", "RVU26A;RVU26B"])
def test_the_pattern_of_releases_takes_nothing_else(backfill: Any, refused: type[Exception], bad: str) -> None:
    with pytest.raises(refused, match="releases"):
        backfill.validate_parameters({"releases": bad})


@pytest.mark.parametrize("name", ["archives", "cache"])
def test_an_empty_path_does_not_stand_for_one_left_out(backfill: Any, refused: type[Exception], name: str) -> None:
    assert backfill.validate_parameters({"releases": "2025", name: None})[name] is None
    with pytest.raises(refused, match=name):
        backfill.validate_parameters({"releases": "2025", name: ""})
