"""What pfsetl says reaches the logs of Prefect's runs, and an error that is meant for the user comes without traceback.

Prefect's setting for the first, PREFECT_LOGGING_EXTRA_LOGGERS, is read too early in a process that a worker or Dask
started, and leaves the level at WARNING.
"""

import logging

from prefect.logging.configuration import ensure_logging_setup

from pfsetl.errors import PfsetlError
from pfsetl.publication.runs import IN_WORDS, LOG


def bring() -> None:
    """Send pfsetl's lines, two a step, to the server with Prefect's own; doing it twice changes nothing."""
    ensure_logging_setup()
    LOG.setLevel(logging.INFO)
    IN_WORDS.setLevel(logging.INFO)
    for handler in logging.getLogger("prefect.extra").handlers:
        LOG.addHandler(handler)
        handler.addFilter(plainly)  # Prefect's loggers of flow and task runs share the handler


def plainly(record: logging.LogRecord) -> bool:
    """Replace the traceback of a PfsetlError by its message; return whether the line is worth keeping."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, PfsetlError):
        record.msg, record.args, record.exc_info, record.exc_text = str(error), (), None, None
    # NOTE: said of every task with a time limit; what it warns of is why a run has one too (decision 32).
    return not (record.name == "prefect.task_runs" and "the task is running in a worker thread" in str(record.msg))
