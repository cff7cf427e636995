"""Functions run each in a process of its own, forked from one that has imported this code and did nothing else.

Such a process has its memory, its limits and its end to itself, without the second of processor time in which Python
starts and imports polars. Its environment is the one it is given.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "pandas",
        "pyarrow.parquet",
        "pfsetl.cli",
        "pfsetl.pipeline.build",
        "pfsetl.pricing.claim_file",
        "tests.publisher",
        "pytest",
    ]
)


def started(function: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """Start a process that runs a function of a module with a connection and these arguments; return both."""
    here, there = _FORKS.Pipe()
    process = _FORKS.Process(target=_run, args=({**os.environ}, function, there, arguments))
    process.start()
    there.close()
    return process, here


def _run(environment: Mapping[str, str], function: Callable[..., None], connection: Connection, arguments: Any) -> None:
    os.environ.clear()
    os.environ.update(environment)
    function(connection, *arguments)
