"""A flow as a command: what a user reads, and the exit code, when it can't run; and what a deployment may be given."""

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import ModuleType
from typing import Any

import pytest

from pfsetl.errors import SourceUnavailable
from tests.flows.called import flows


@pytest.fixture
def command() -> ModuleType:
    return flows("command")


@contextmanager
def at(server: str | None) -> Iterator[None]:
    """Let this be the address of Prefect's server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: server}):
        yield


def ended(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    """Return the exit code of a flow that raises this."""

    def failing() -> None:
        raise error

    failing.validate_parameters = dict  # type: ignore[attr-defined]
    command = flows("command")
    monkeypatch.setattr(command, "server", nullcontext)
    monkeypatch.setattr(command, "setup_logging", lambda: None)
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    return int(command.run_flow(failing, {}, str))


def test_a_server_out_of_reach_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, RuntimeError("Failed to reach API at http://127.0.0.1:1/api/\nmore")) == 1
    told = capsys.readouterr().err
    assert told.startswith("RuntimeError: Failed to reach API at http://127.0.0.1:1/api/. ")
    assert ("PREFECT_API_URL" in told, told.count("\n")) == (True, 1)


def test_an_interrupted_run_ends_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""


def test_a_run_that_sigterm_ends_takes_the_embedded_server_with_it(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `timeout` and systemd send it; Prefect hands it on to the handler that was there before its own."""
    stopped: list[bool] = []

    @contextmanager
    def server() -> Iterator[None]:
        try:
            yield
        finally:
            stopped.append(True)

    def terminated() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    terminated.validate_parameters = dict  # type: ignore[attr-defined]
    monkeypatch.setattr(command, "server", server)
    monkeypatch.setattr(command, "setup_logging", lambda: None)
    monkeypatch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    before = signal.getsignal(signal.SIGTERM)
    kept = signal.signal(signal.SIGTERM, lambda *_: None)  # so that a test that fails doesn't end all
    try:
        with pytest.raises(SystemExit) as ended_by:
            command.run_flow(terminated, {}, str)
    finally:
        signal.signal(signal.SIGTERM, kept)
    assert (ended_by.value.code, stopped, signal.getsignal(signal.SIGTERM)) == (143, [True], before)


def test_a_flow_runs_in_any_thread_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(ended, monkeypatch, SourceUnavailable("not there")).result() == 3


def test_an_error_of_pfsetl_keeps_its_message_and_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, SourceUnavailable("not there")) == 3
    assert capsys.readouterr().err == "not there\n"


def test_a_name_in_a_message_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monkeypatch, SourceUnavailable("RVU25A.zip/\x1b[2Jx.csv: not there")) == 3
    assert capsys.readouterr().err == "RVU25A.zip/\\x1b[2Jx.csv: not there\n"


def test_a_prefect_without_the_embedded_server_is_told_what_to_do(
    command: ModuleType, backfill: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "prefect.server.api.server", None)
    with at(None):
        assert command.run_flow(backfill, {"releases": "2025"}, str) == 2
    assert "set PREFECT_API_URL to its address" in capsys.readouterr().err


def test_what_a_parameter_cannot_be_is_a_request_that_cannot_be_right(
    command: ModuleType, backfill: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run_flow(backfill, {"releases": "2025", "concurrency": 0}, str) == 2
    told = capsys.readouterr().err
    assert ("concurrency: Input should be greater than or equal to 1" in told, "--help" in told) == (True, True)


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("build", [], "RELEASE"),
        ("build", ["RVU26A", "--retry-delays", "soon"], '"soon"'),
        ("watch", ["--today", "tomorrow"], '"tomorrow"'),
        ("watch", ["--sinse", "2025"], "--sinse"),
        ("automations", [], "--block"),
    ],
)
def test_arguments_that_cannot_be_right_are_told_before_anything_runs(
    module: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flows(module).main(arguments) == 2
    told = capsys.readouterr()
    assert (told.out, message in told.err, "--help" in told.err) == ("", True, True)


@pytest.mark.parametrize("given", [["0.1", "2"], []], ids=["two", "none"])
def test_retry_delays_are_as_many_as_are_given(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def remember(flow: object, parameters: dict[str, Any], sentence: object) -> int:
        asked.update(parameters)
        return 0

    monkeypatch.setattr("pfsetl.flows.watch.run_flow", remember)
    assert flows("watch").main(["--retry-delays", *given, "--since", "2025"]) == 0
    assert (asked["retry_delays"], asked["since"]) == (tuple(map(float, given)), 2025)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--heartbeat-seconds", "180"), "healthy ones would count as dead"),
        (("--within-days", "0.0001"), "too short"),
    ],
)
def test_automations_that_would_cry_wolf_are_refused(
    options: tuple[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with at("http://127.0.0.1:9/api"):
        assert flows("automations").main(["--block", "slack-webhook/ops", *options]) == 2
    assert message in capsys.readouterr().err


def test_automations_need_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with at(None):
        assert flows("automations").main(["--block", "slack-webhook/ops"]) == 2
    assert "PREFECT_API_URL isn't set" in capsys.readouterr().err


@pytest.mark.parametrize("releases", [2025, [2024, "RVU25A"], "2009..2026"])
def test_a_year_may_be_given_as_a_number(backfill: Any, releases: Any) -> None:
    """`prefect deployment run backfill/backfill -p releases=2025` reads 2025 as JSON."""
    assert backfill.validate_parameters({"releases": releases})["releases"] == releases
