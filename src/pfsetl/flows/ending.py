"""How a run ends: within its time, and when it fails, with the message of the error and nothing before it."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from prefect.exceptions import FailedRun
from prefect.runtime import deployment
from prefect.states import Failed

from pfsetl.errors import PfsetlError

P = ParamSpec("P")
R = TypeVar("R")

# Seconds, each far more than the work takes: the web gives up on a download after 600; a release is staged in 5 to 15;
# a look is some ten requests, one a second, and few releases; 14 releases of a backfill took 205 on a busy machine.
FETCH, STAGE, PUBLISH, DISCOVER = 900, 1_800, 1_800, 900
LOOK, MANY = 3_600, 6 * 3_600
GRACE = 60.0  # after that much more, the process of a run that hangs is ended

_refusals: ContextVar[list[PfsetlError] | None] = ContextVar("refusals", default=None)


def ends_plainly(within: float) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a flow's function return what Prefect shows as `Failed` with the message of a PfsetlError.

    A caller in Python still gets the error itself, in `own_error` always. `within` is the flow's `timeout_seconds`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def plain(*arguments: P.args, **options: P.kwargs) -> R:
            with ended_after(within + GRACE):
                try:
                    return function(*arguments, **options)
                except PfsetlError as error:
                    _note(error)
                    return cast(R, Failed(message=str(error), data=error))

        return plain

    return decorate


def _note(error: PfsetlError) -> None:
    # NOTE: a function of its own, because a flow is pickled for Dask, which a ContextVar can't be.
    if (refusals := _refusals.get()) is not None:
        refusals.append(error)


@contextmanager
def own_error() -> Iterator[None]:
    """Raise the error that a flow called in here ended with, also where Prefect has only its message left.

    Prefect's client sends a state again when the server's answer was lost. The server then answers with the state that
    it keeps, which has no error in it, and Prefect raises FailedRun.
    """
    refusals: list[PfsetlError] = []
    token = _refusals.set(refusals)
    try:
        yield
    except FailedRun as failed:
        raise (refusals[-1] if refusals else failed) from None
    finally:
        _refusals.reset(token)


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """End this process after so long, if a worker started it for this run; the worker then reports a crash.

    Prefect's own time limit interrupts the flow, but not a thread of it that waits for a disk or a network, and the
    flow waits for its threads.
    """
    watchdog = threading.Timer(seconds, _end, [seconds])
    watchdog.daemon = True
    if deployment.id:
        watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _end(seconds: float) -> None:
    sys.stderr.write(f"the run hung: it was still at work after {seconds:,.0f} s, and is ended. Run it again.\n")
    sys.stderr.flush()
    os._exit(1)
