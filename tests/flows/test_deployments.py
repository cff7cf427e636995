"""The deployments and the operators' page name what there is."""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule

ROOT = Path(__file__).resolve().parents[2]
DEPLOYMENTS = yaml.safe_load((ROOT / "flows" / "prefect.yaml").read_text())["deployments"]
PAGE = (ROOT / "docs" / "operations.md").read_text()


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


def test_watch_is_due_when_cms_posts() -> None:
    [watch] = [d for d in DEPLOYMENTS if d["name"] == "watch"]
    crons = [CronSchedule(cron=s["cron"], timezone=s["timezone"]).cron.split() for s in watch["schedules"]]
    months = {int(month) for cron in crons for month in cron[3].split(",")}
    assert months == set(range(1, 13))
    assert {s["timezone"] for s in watch["schedules"]} == {"America/New_York"}
