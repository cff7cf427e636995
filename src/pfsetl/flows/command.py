"""A flow as a command: its result in a sentence, its failure in a message, and a server where none is named."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import prefect
from prefect import tags
from prefect.exceptions import ParameterTypeError
from prefect.flows import Flow
from prefect.logging.configuration import setup_logging
from prefect.settings import PREFECT_API_URL, temporary_settings

from pfsetl.errors import PfsetlError, UsageError
from pfsetl.pipeline.request import ACCEPTABLE

CACHE = (
    "where fetched zips are kept: a folder, or s3://bucket/prefix; default PFSETL_CACHE, else archives/ in a store "
    "that is a bucket, else the user's cache folder"
)
TAG = "pfsetl"  # of each run, so that automations find those without a deployment too


def run_flow(flow: Flow[..., Any], parameters: Mapping[str, Any], sentence: Callable[[Any], str]) -> int:
    """Run a flow and print its result; return 0, or the exit code of its error, whose message goes to stderr."""
    # Prefect would print a failure of the task and of the flow, each with a traceback; the server keeps both.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    setup_logging()
    try:
        flow.validate_parameters(dict(parameters))
        with server(), tags(TAG):
            done = flow(**parameters)
    except PfsetlError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except ParameterTypeError as error:
        sys.stderr.write(f"{error}\n--help says what each can be.\n")
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


def add_exceptions(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is published although a check would hold it."""
    parser.add_argument(
        "--sample",
        action="store_true",
        help="a deliberate part, marked as one; needn't be complete",
    )
    for word, what in ACCEPTABLE.items():
        text = f"publish {what}"
        parser.add_argument(f"--accept-{word}", dest="accept", action="append_const", const=word, help=text)


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
