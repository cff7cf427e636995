"""One process that has imported Prefect, its server and pfsetl, of which the processes of Prefect are forks.

Started by Python, a server or a command of Prefect imports for two to five seconds of processor time, and a run by a
worker does it twice. `start` gives a program that takes `-m MODULE` and `-c CODE` as Python does. What it starts has
its environment, folder, files and largest size of a file, gets its signals, and neither outlives the other. It takes
the program for Python, so that what it starts is a fork too. Linux only.
"""

import ctypes
import gc
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import types
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from typing import Any

from tests import forked

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = (
    "prefect.cli.deploy",
    "prefect.cli.deployment",
    "prefect.cli.server",
    "prefect.cli.work_pool",
    "prefect.cli.worker",
    "prefect.engine",
    "prefect.flow_engine",
    "prefect.runner._workspace_supervisor",
    "prefect.server.api.server",
    "prefect.workers.process",
    "tests.cms_server",
    "uvicorn.__main__",
)
DIE_WITH_PARENT, NAME = 1, 15  # of prctl(2): PR_SET_PDEATHSIG, PR_SET_NAME


def start(folder: Path, **environment: str) -> Path:
    """Start an origin; return the program that asks it for processes, which lies in the folder."""
    name = f"origin-{token_hex(8)}"
    text = (ROOT / "tests" / "flows" / "stand_in.py").read_text()
    program = folder / "python"
    constants = f"SOCKET, PYTHON = {name!r}, {sys.executable!r}"
    program.write_text(f"#!{sys.executable} -IS\n" + text.replace('SOCKET, PYTHON = "", ""', constants))
    program.chmod(0o755)
    log = folder / "origin.log"
    with log.open("wb") as told:
        origin = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.origin", name],
            cwd=ROOT,
            env={**os.environ, **environment, "PREFECT_HOME": str(folder / "home")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
            start_new_session=True,
        )
    assert origin.stdout is not None
    assert origin.stdout.readline() == b"ready\n", log.read_text()
    return program


def serve(name: str) -> None:
    """Fork a process for each program that asks for one, until this one is ended."""
    for module in IMPORTED:
        import_module(module)
    import_module("prefect.server.api.server").create_app()  # of which all servers keep what pydantic made for it
    forked.import_all()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{name}")
    listener.listen(32)
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    print("ready", flush=True)
    children: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    selector.register(woken, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                link, _ = listener.accept()
                asked, files = _asked(link)
                if not (pid := os.fork()):
                    selector.close()
                    for opened in (listener, woken, waker, link, *children.values()):
                        opened.close()
                    return _become(asked, files)
                for file in files:
                    os.close(file)
                children[pid] = link
                selector.register(link, selectors.EVENT_READ, pid)
            elif key.fileobj is woken:
                woken.recv(4096)
                while children and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                    link = children.pop(ended[0])
                    if link.fileno() in selector.get_map():
                        selector.unregister(link)
                    _tell(link, os.waitstatus_to_exitcode(ended[1]))
            elif key.data in children:
                _pass_on(children[key.data], key.data, selector)


def _asked(link: socket.socket) -> tuple[dict[str, Any], list[int]]:
    size, files, _, _ = socket.recv_fds(link, 4, 3)
    with link.makefile("rb") as message:
        return json.loads(message.read(int.from_bytes(size, "big"))), files


def _pass_on(link: socket.socket, pid: int, selector: selectors.BaseSelector) -> None:
    """Send a process the signals that its program got; when that was killed, kill it."""
    signals = link.recv(16)
    for number in signals or [signal.SIGKILL]:
        os.kill(pid, number)
    if not signals:
        selector.unregister(link)


def _tell(link: socket.socket, code: int) -> None:
    """Tell a program, if it's still there, how its process ended."""
    with suppress(BrokenPipeError):
        link.sendall(code.to_bytes(4, "big", signed=True))
    link.close()


def _become(asked: dict[str, Any], files: list[int]) -> None:
    """Be the process that a program asked for."""
    os.setsid()
    system = ctypes.CDLL(None)
    system.prctl(DIE_WITH_PARENT, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    own = {str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    os.environ.clear()
    os.environ.update(asked["environment"])
    if home := os.environ.get("PREFECT_HOME"):
        process_of(asked["program"], Path(home)).write_text(str(os.getpid()))
    os.chdir(asked["folder"])
    resource.setrlimit(resource.RLIMIT_FSIZE, asked["largest_file"])
    given = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:] = [asked["folder"], *given, *(folder for folder in sys.path if folder not in own)]
    sys.executable = asked["python"]
    how, what, *arguments = asked["arguments"]
    system.prctl(NAME, " ".join([what.rpartition(".")[2], *arguments]).encode())  # of which `ps` shows 15 bytes
    sys.argv[:] = [how if how == "-c" else what, *arguments]
    _read_settings()
    if how == "-c":
        sys.modules["__main__"] = main = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(main))
    else:
        warnings.filterwarnings("ignore", ".* found in sys.modules", RuntimeWarning)
        runpy.run_module(what, run_name="__main__", alter_sys=True)


def process_of(program: int, home: Path) -> Path:
    """Return the file that names the process of a program that lives in a PREFECT_HOME."""
    return home / f"process-of-{program}"


def _read_settings() -> None:
    """Let Prefect read its settings in this environment, as it did in the origin's when it was imported."""
    from prefect.context import refresh_global_settings_context
    from prefect.logging import configuration

    refresh_global_settings_context()
    # What logs are like was read by the origin, for a tenth of a second, and is read again where it's another.
    if any(name.startswith("PREFECT_") and "LOGGING" in name for name in os.environ):
        configuration.PROCESS_LOGGING_CONFIG.clear()  # else it would only change levels
        configuration.setup_logging()


if __name__ == "__main__":
    serve(sys.argv[1])
