"""The command line in a process of its own each time, forked from one that has imported all of it and did nothing else.

Such a process reads declarations and environment anew as `python -m pfsetl` does, without the second of processor time
in which that starts Python and imports polars and what a command needs. Where the environment has what Python reads
when it starts, Python is started.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pfsetl

ROOT = Path(__file__).resolve().parents[1]
READ_AT_START = ("PYTHON", "LC_", "LANG", "TZ", "POLARS_", "ARROW_", "MALLOC_")


def command(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run `pfsetl` with these arguments in this environment; return exit code, output, errors."""
    if _at_start(environment) != _at_start(os.environ):
        started = [sys.executable, "-m", "pfsetl", *arguments]
        done = subprocess.run(started, capture_output=True, text=True, check=False, env={**environment})
        return done.returncode, done.stdout, done.stderr
    origin = _origin()
    assert origin.stdin is not None
    assert origin.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        printed = [str(Path(folder, name)) for name in ("out", "err")]
        asked = {"arguments": [*arguments], "environment": {**environment}, "folder": str(Path.cwd()), "to": printed}
        origin.stdin.write(json.dumps(asked) + "\n")
        origin.stdin.flush()
        code = int(origin.stdout.readline())
        out, err = (Path(path).read_text() for path in printed)
    return code, out, err


def _at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


@cache
def _origin() -> "subprocess.Popen[str]":
    started = [sys.executable, "-m", "tests.forked"]
    origin = subprocess.Popen(started, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(origin.communicate)  # which ends it
    return origin


def import_all() -> None:
    """Import all of pfsetl but the flows, which read settings of Prefect when they are imported."""
    for module in pkgutil.walk_packages(pfsetl.__path__, "pfsetl."):
        if not module.name.startswith("pfsetl.flows") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    # NOTE: a fork keeps none of the threads, and polars would wait for those that it calculates with.
    threads = {task.joinpath("comm").read_text().strip() for task in Path("/proc/self/task").iterdir()}
    assert "polars-0" not in threads, "a module calculates when it is imported"


def _serve() -> None:
    import_all()
    gc.freeze()  # which spares each fork a look through all that was imported
    for line in iter(sys.stdin.readline, ""):
        if pid := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        else:
            _become(json.loads(line))
            return


def _become(asked: dict[str, Any]) -> None:
    for number, path in enumerate((os.devnull, *asked["to"])):
        os.dup2(os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    sys.argv = ["pfsetl", *asked["arguments"]]
    runpy.run_module("pfsetl", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
