"""A flow as a command: its result in a sentence, its failure in a message, and a server where none is named."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import prefect
from cyclopts import App, CycloptsError, Parameter
from prefect import tags
from prefect.exceptions import ParameterTypeError
from prefect.flows import Flow
from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_API_URL, temporary_settings

from pfsetl.cli.terminal import plain
from pfsetl.errors import PfsetlError, UsageError
from pfsetl.flows.ending import own_error

HINT = "--help says what each can be."
TAG = "pfsetl"  # of each run, so that automations find those without a deployment too

RetryDelays = Annotated[
    tuple[float, ...], Parameter(negative="", consume_multiple=True, help="Seconds between attempts.")
]
TaskRunner = Annotated[str, Parameter(help="threads, dask, or a Dask scheduler's address.")]
Concurrency = Annotated[int, Parameter(help="Releases worked on at once.")]


def run_command(command: Callable[..., int], arguments: Sequence[str] | None) -> int:
    """Run a module's command on these arguments, default those of the process; return its exit code.

    Arguments that can't be right return 2, and the message goes to stderr.
    """
    module = Path(command.__code__.co_filename).stem  # whose own name is __main__ while it runs
    app = App(name=f"python -m pfsetl.flows.{module}", version_flags=(), result_action="return_value")
    app.default(command)
    try:
        return app(arguments, exit_on_error=False, print_error=False) or 0
    except CycloptsError as error:
        sys.stderr.write(f"{error}\n{HINT}\n")
        return 2


def run_flow(flow: Flow[..., Any], parameters: Mapping[str, Any], sentence: Callable[[Any], str]) -> int:
    """Run a flow and print its result; return 0, or the exit code of its error, whose message goes to stderr."""
    # Prefect would print a failure of the task and of the flow, each with a traceback; the server keeps both.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    setup_logging()
    try:
        flow.validate_parameters(dict(parameters))
        with unwinding(), server(), tags(TAG), own_error():
            done = flow(**parameters)
    except PfsetlError as error:
        sys.stderr.write(f"{plain(str(error))}\n")
        return error.exit_code
    except ParameterTypeError as error:
        sys.stderr.write(f"{error}\n{HINT}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # NOTE: Prefect's server or Dask's scheduler is out of reach, or something unexpected; the next run goes on.
        what = str(error).strip().splitlines()
        sys.stderr.write(
            f"{type(error).__name__}: {what[0].rstrip('.') if what else 'no message'}. If Prefect's server or a Dask "
            "scheduler is out of reach, check PREFECT_API_URL and --task-runner; run again, it does what is missing. "
            "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL=ERROR shows where it happened.\n"
        )
        return 1
    sys.stdout.write(f"{sentence(done)}\n")
    return 0


@contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM end the block as SystemExit does, so that what was started in it ends too.

    By default Python ends at once, as Prefect does after its own handler, and the embedded server stays for good.
    """

    def unwind(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # of a caller's program, which has its own handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def server() -> Iterator[None]:
    """Start Prefect's embedded server when no other is named, where the processes that a task runner starts find it."""
    if PREFECT_API_URL.value():
        yield
        return
    try:
        # The one that Prefect itself would start, and stops when this process ends. Prefect promises nothing about it.
        from prefect.server.api.server import SubprocessASGIServer
    except ImportError:
        raise UsageError(
            f"Prefect {prefect.__version__} has no embedded server where pfsetl knows it. Start one with "
            "'prefect server start', set PREFECT_API_URL to its address (http://127.0.0.1:4200/api), and try again."
        ) from None
    embedded = SubprocessASGIServer()
    embedded.start()
    os.environ["PREFECT_API_URL"] = embedded.api_url
    with temporary_settings({PREFECT_API_URL: embedded.api_url}):
        yield
