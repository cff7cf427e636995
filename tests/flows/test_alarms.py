"""Somebody is told: every event arrives at a real server, and every automation fires, to a webhook of the test.

Told once and looked at from all sides: a backfill that publishes one release and refuses another, the same with a
changed archive, a release that vanished, too long a time without a look, and the kill of a worker and its run in the
middle of a look. It takes three minutes, because the shortest heartbeat of Prefect's runs is 30 seconds.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import synthetic as s
from tests.cms_pages import FILES
from tests.flows.postings import post_index
from tests.flows.processes import ROOT, Orchestra, cms_process, eventually, orchestra

pytestmark = pytest.mark.slow
RUN_SECONDS = 150.0
FIRE_SECONDS = 150.0  # of an automation: its own time, and the server's rounds every 5 to 15 seconds
NAMES = ["a run failed", "no look at CMS", "a run died", "no worker"]
# The block, and then the command twice and once with a block that is none, for the price of one start of Prefect.
AUTOMATIONS = """
import contextlib, io, json, sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from pfsetl.flows.automations import main
webhook = {"subject": "{{subject}}", "text": "{{body}}"}
block = CustomWebhookNotificationBlock(name="ops", url=sys.argv[1], json_data=webhook)
block.save("ops")
def told(block):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--within-days", "0.0004", "--heartbeat-seconds", "45", "--block", block])
    return [code, out.getvalue(), err.getvalue()]
print(json.dumps([told(name) for name in ("custom-webhook/ops", "custom-webhook/ops", "slack-webhook/none")]))
"""
VANISHED = "import sys; from pfsetl.flows import events; events.vanished(['RVU24A'], 2, sys.argv[1])"


@dataclass
class Hook:
    """A webhook, and what it was told."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Story:
    prefect: Orchestra
    hook: Hook
    output: str
    made: list[tuple[int, str, str]]  # of each command, its exit code, output and errors
    automations: list[dict[str, Any]]
    failed: str = ""
    killed: str = ""

    def events(self, what: str) -> list[dict[str, Any]]:
        """Return the events of a kind, when the server has one."""
        asked = {"filter": {"event": {"name": [f"pfsetl.release.{what}"]}}, "limit": 50}
        return eventually(f"event {what}", lambda: self.prefect.post("events/filter", asked)["events"], 30)

    def told(self, part: str) -> dict[str, Any]:
        """Return what the webhook was told under a subject that holds this."""

        def look() -> dict[str, Any] | None:
            return next((one for one in self.hook.told if part in one["subject"]), None)

        try:
            return eventually(f"told: {part}", look, FIRE_SECONDS, pause=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}; told were {self.hook.told}\n{self.prefect.tails()}") from None


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    seen = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield seen
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def story(hook: Hook, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("alarms")
    output, archives = str(folder / "store"), folder / "archives"
    archives.mkdir()
    s.write_zip(archives / "RVU25A.zip", s.release("RVU25A"))
    (archives / "RVU25B.zip").write_bytes(b"PK\x03\x04 not really")
    telling = ("EVENT_PERSISTER", "FOREMAN", "TRIGGERS")
    with cms_process(folder / "cms", prepared) as cms, orchestra(folder, prepared, cms.url, *telling) as prefect:
        prefect.environment |= {"PREFECT_WORKER_HEARTBEAT_SECONDS": "5", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
        made = json.loads(python(prefect, "-c", AUTOMATIONS, hook.url).splitlines()[-1])
        told = Story(prefect, hook, output, made, prefect.post("automations/filter", {}))
        prefect.start_workers("only")

        where = {"archives": str(archives), "output": output, "sample": True}
        backfill: dict[str, Any] = {"releases": "RVU25A,RVU25B", **where}
        told.failed = prefect.run("backfill/backfill", **backfill)
        assert prefect.finished(told.failed, RUN_SECONDS)[0] == "FAILED"
        codes = [s.changed(s.VISIT, work="1.50") if row is s.VISIT else row for row in s.CODES]
        s.write_zip(archives / "RVU25A.zip", s.release("RVU25A", codes))
        again = prefect.run("backfill/backfill", **backfill | {"releases": "RVU25A"})
        assert prefect.finished(again, RUN_SECONDS)[0] == "COMPLETED"
        python(prefect, "-c", VANISHED, output)

        post_index(cms, until=str(folder / "never"))
        told.killed = prefect.run("watch/watch", output=output, cache=str(folder / "cache"))
        eventually("the watch looks", lambda: cms.asked(FILES), RUN_SECONDS, prefect.started)
        prefect.worker_of(told.killed).kill()
        prefect.kill_run(told.killed)
        yield told


def python(prefect: Orchestra, *command: str) -> str:
    """Run Python where the server is to be found; return what it printed."""
    done = subprocess.run(
        [prefect.python, *command],
        cwd=ROOT,
        env=prefect.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_command_makes_the_automations(story: Story) -> None:
    assert story.made[0][1].splitlines() == [f"made  pfsetl: {name}" for name in NAMES]


def test_the_command_again_updates_them(story: Story) -> None:
    assert story.made[1][1].splitlines() == [f"updated  pfsetl: {name}" for name in NAMES]
    assert sorted(one["name"] for one in story.automations) == sorted(f"pfsetl: {name}" for name in NAMES)


@pytest.mark.parametrize(
    ("what", "label", "version"),
    [("published", "RVU25A", 1), ("revised", "RVU25A", 2), ("refused", "RVU25B", 1), ("vanished", "RVU24A", 2)],
)
def test_an_event_of_a_release_arrives(story: Story, what: str, label: str, version: int) -> None:
    [event] = story.events(what)
    assert event["resource"]["prefect.resource.id"] == f"pfsetl.release.{label}"
    assert {"label": label, "version": version, "store": story.output}.items() <= event["payload"].items()


def test_an_event_names_the_run_that_it_comes_from(story: Story) -> None:
    [event] = story.events("refused")
    assert f"prefect.flow-run.{story.failed}" in {one["prefect.resource.id"] for one in event["related"]}
    assert "RVU25B.zip" in event["payload"]["why"]


def test_a_failed_run_is_told_with_its_message(story: Story) -> None:
    told = story.told("backfill RVU25A,RVU25B Failed")
    assert told["text"].startswith("RVU25B: ")
    assert story.failed in told["text"]


def test_too_long_a_time_without_a_look_is_told(story: Story) -> None:
    assert "No run of watch completed within" in story.told("no look at CMS")["text"]


def test_a_pool_without_a_worker_is_told(story: Story) -> None:
    assert story.told("no worker of pfsetl")


def test_a_run_that_died_is_marked_crashed_and_told(story: Story) -> None:
    told = story.told("Crashed")
    assert "No sign of life" in told["text"]
    assert story.killed in told["text"]
    assert story.prefect.state(story.killed)[0] == "CRASHED"


def test_a_block_that_is_none_is_refused(story: Story) -> None:
    code, _, told = story.made[2]
    assert (code != 0, "slack-webhook/none: no such block" in told) == (True, True)
