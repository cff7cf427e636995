"""Prefect flows over pfsetl: they add runs, retries and artifacts, and nothing else in pfsetl knows of them.

Prefect reads its settings when it is imported, so they are made here, before any flow is. Its default of 20 seconds is
too short for the first start of the embedded server, and the next two would report the run to Prefect's makers.
"""

import os
import sys
from importlib.util import find_spec

from pfsetl import frugal

if find_spec("prefect") is None:
    from pfsetl.remedies import installing

    LACKING = f"pfsetl.flows: Prefect isn't installed. {installing('flows')}"
    # NOTE: while `python -m` imports the package of a module, "-m" stands there; `flows.build` is a module of its own.
    asked = getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "")
    as_command = sys.argv[:1] == ["-m"] or asked.startswith("flows.")
    raise SystemExit(LACKING) if as_command else ImportError(LACKING)

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
frugal.be_frugal()
