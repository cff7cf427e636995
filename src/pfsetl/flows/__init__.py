"""Prefect flows over pfsetl: they add runs, retries and artifacts, and nothing else in pfsetl knows of them.

Prefect reads its settings when it is imported, so they are made here, before any flow is. Its default of 20 seconds is
too short for the first start of the embedded server, and the next two would report the run to Prefect's makers.

pfsetl's own lines, two a step, go into the logs of its runs. Prefect's setting for that, PREFECT_LOGGING_EXTRA_LOGGERS,
comes too late in a process that a worker or Dask started, and leaves the level at WARNING.
"""

import logging
import os
import sys
from importlib.util import find_spec

if find_spec("prefect") is None:
    LACKING = "pfsetl.flows: Prefect isn't installed. Install it with: pip install 'pfsetl[flows]'"
    # NOTE: while `python -m` imports the package of a module, this is what stands there.
    raise SystemExit(LACKING) if sys.argv[:1] == ["-m"] else ImportError(LACKING)

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect.logging.configuration import ensure_logging_setup

from pfsetl.publication.runs import IN_WORDS, LOG

ensure_logging_setup()
LOG.setLevel(logging.INFO)
IN_WORDS.setLevel(logging.INFO)
for handler in logging.getLogger("prefect.extra").handlers:
    LOG.addHandler(handler)
