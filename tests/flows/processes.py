"""A real Prefect server, workers, the flows' deployments and a fake CMS, each a process of its own on 127.0.0.1.

They are forks of one `origin`, which stands in for Python: what Prefect does is its own, but for how it's imported.
Everything started here lives in one temporary PREFECT_HOME, waits a bounded time for each thing, and is ended by its
process id, also after a failure. What goes wrong is told with the end of that process's own log.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import certifi
import requests

from tests.flows import origin

ROOT = Path(__file__).resolve().parents[2]
PYTHONPATH = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
POOL = "pfsetl"
CMS_LIMIT = "cms"  # the tag of tasks that talk to CMS
START_SECONDS = 180.0  # of the Prefect server: 15 on an idle machine, 60 on one with eight times as much to do
ANSWER_SECONDS = 90.0  # of one request: the server waits for its SQLite's lock for 60
FOREIGN = ("PREFECT_", "PFSETL_", "DO_NOT_TRACK")  # settings that no process here takes over
# A run that finds every place under the limit of CMS taken asks again after this time, by default up to 30 seconds.
SLOT_WAIT = "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS"
# What a server does in rounds all the time, each of which costs; the scheduler would also start runs that no test asked
# for. Those that free places, and keep task runs, are always there.
SERVICES = (
    "CANCELLATION_CLEANUP",
    "CLEANUP_RECONCILER",
    "EVENT_PERSISTER",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "SCHEDULER",
    "TRIGGERS",
)
# Of a server on the database that `prepare` made. A block that is saved registers what it is: nobody needs the other
# fifty, and to see whether they changed takes half the time in which a server starts.
PREPARED = {
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_API_DATABASE_MIGRATE_ON_START": "false",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
}
# The tables as Prefect's models have them. A server would get there in all the steps of its history, in five seconds.
TABLES = """
import asyncio
from prefect.server.database import provide_database_interface
async def make():
    database = provide_database_interface()
    tables = database.Base.metadata
    for table in tables.tables.values():
        table.indexes = {*{index.name: index for index in table.indexes}.values()}  # one of Prefect's is there twice
    async with (await database.engine()).begin() as connection:
        await connection.run_sync(tables.create_all)
asyncio.run(make())
"""
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
TAIL = 2500

T = TypeVar("T")


@dataclass
class Started:
    """A process that was started here, and the file of all it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.name} (exit code {self.process.poll()}), end of {self.log}:\n{text[-TAIL:]}"

    def kill(self) -> None:
        """End it as `kill -9` does, so that it can't tidy up, and see it gone; its children go on."""
        self.process.kill()
        self.process.wait(10)
        see_gone(self.process.pid, self.log.parent / "prefect")

    def end(self, seconds: float = 5.0) -> None:
        """End it and all its group: politely, and after so many seconds without asking."""
        for sent, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, sent)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)


def eventually(
    what: str, look: Callable[[], T | None], seconds: float, watched: Sequence[Started] = (), pause: float = 0.1
) -> T:
    """Return what `look` finds as soon as it finds something; fail with the logs of `watched` after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > until:
            raise AssertionError("\n".join([f"not within {seconds:,.0f} s: {what}", *(s.tail() for s in watched)]))
        time.sleep(pause)


def see_gone(program: int, home: Path) -> None:
    """Wait until the process that stood behind a killed program has ended, which its origin ends a moment later."""
    forked = origin.process_of(program, home).read_text()
    eventually(f"process {forked} ends", lambda: not Path("/proc", forked).exists(), ANSWER_SECONDS)


@dataclass
class Orchestra:
    """The processes that belong together, in one folder: what each of them is run by, and the environment it gets."""

    folder: Path
    python: Path
    environment: dict[str, str]
    port: int
    started: list[Started] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self, name: str, *command: str, **more: str) -> Started:
        """Start a Python module as a process in a group of its own."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as stream:
            process = subprocess.Popen(
                [self.python, *command],
                cwd=ROOT,
                env=self.environment | more,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(Started(name, process, log))
        return self.started[-1]

    def start_server(self) -> Started:
        """Start the Prefect server on this orchestra's port, and wait until it answers."""
        where = ("--host", "127.0.0.1", "--port", str(self.port))
        server = self.start("server", "-m", "prefect", "server", "start", *where, "--no-ui")
        eventually("the Prefect server answers", lambda: self._is_healthy(server), START_SECONDS, [server])
        return server

    def start_workers(self, *names: str) -> list[Started]:
        """Start workers of the pool side by side, one run at a time each, and wait until the server knows them all."""
        workers = []
        for name in names:
            named = ("--pool", POOL, "--type", "process", "--name", name, "--limit", "1")
            workers.append(self.start(name, "-m", "prefect", "worker", "start", *named))

        def are_online() -> bool:
            known = self.post(f"work_pools/{POOL}/workers/filter", {})
            return set(names) <= {w["name"] for w in known if w["status"] == "ONLINE"}

        eventually(f"the workers {', '.join(names)} are online", are_online, START_SECONDS, workers, pause=0.5)
        return workers

    def start_what_is_down(self, *workers: str) -> None:
        """Start the server and those of these workers that aren't running, as an operator's supervisor would."""
        alive = {started.name for started in self.started if started.process.poll() is None}
        if "server" not in alive:
            self.start_server()
        if down := [name for name in workers if name not in alive]:
            self.start_workers(*down)

    @property
    def server(self) -> Started:
        return self._newest("server")

    def worker_of(self, run: str) -> Started:
        """Return the worker that took a run, by what it logged then, which it sends to the server every few seconds."""
        took = eventually(
            f"a worker logs that it takes run {run}",
            lambda: re.search(r"Worker '([^']+)' submitting", self.said(run)),
            ANSWER_SECONDS,
            self.started,
            pause=0.5,
        )
        return self._newest(took[1])

    def prefect(self, *command: str, seconds: float = 120) -> str:
        """Run Prefect's own command line to its end and return what it prints."""
        done = subprocess.run(
            [self.python, "-m", "prefect", "--no-prompt", *command],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"prefect {' '.join(command)}\n{done.stdout[-TAIL:]}{done.stderr[-TAIL:]}"
        return done.stdout

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._ask("POST", path, body)

    def run(self, deployment: str, job: Mapping[str, Any] | None = None, **parameters: Any) -> str:
        """Ask for a run of a deployment, for some worker to take; return the run's id."""
        known = self.get(f"deployments/name/{deployment}")
        asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "job_variables": dict(job or {}),
                 "idempotency_key": str(uuid4())}  # fmt: skip
        return str(self.post(f"deployments/{known['id']}/create_flow_run", asked)["id"])

    def run_with_files_up_to(self, kib: int, deployment: str, **parameters: Any) -> str:
        """Ask for a run whose process can't write a file of more than so many KiB, as on a disk that is full."""
        command = f"bash -c 'ulimit -f {kib} && exec {self.python} -m prefect.engine'"
        return self.run(deployment, {"command": command}, **parameters)

    def state(self, run: str) -> tuple[str, str]:
        """Return the type of a run's state, such as RUNNING, and its message."""
        state = self.get(f"flow_runs/{run}")["state"]
        return state["type"], state["message"] or ""

    def finished(self, run: str, seconds: float) -> tuple[str, str]:
        """Wait for the end of a run; return its last state and message."""

        def look() -> tuple[str, str] | None:
            state = self.state(run)
            return state if state[0] in FINAL else None

        try:
            return eventually(f"run {run} ends", look, seconds, pause=1.5)  # each look costs the server
        except AssertionError as error:
            raise AssertionError(f"{error}, it is {self.state(run)}\n{self.said(run)}\n{self.tails()}") from None

    def said(self, run: str) -> str:
        """Return what the server has so far of what a run logged."""
        query = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
        return "\n".join(line["message"] for line in self.post("logs/filter", query))

    def log_of(self, run: str) -> str:
        """Return the log of a run that has ended, when the server has its last line."""

        def whole() -> str | None:
            said = self.said(run)
            return said if "Finished in state" in said else None

        return eventually(f"the log of run {run} is at the server", whole, ANSWER_SECONDS, self.started, pause=0.5)

    def artifacts(self, key: str) -> list[dict[str, Any]]:
        """Return the artifacts of a key, oldest first."""
        found = self.post("artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
        return sorted(found, key=lambda artifact: artifact["created"])

    def pid(self, run: str) -> int | None:
        """Return the id of the process that a worker started for a run, None as long as it started none."""
        known = self.get(f"flow_runs/{run}")["infrastructure_pid"]
        return int(known.rpartition(":")[2]) if known else None

    def kill_run(self, run: str) -> None:
        """End a run's process as `kill -9` does, and see to it that it does nothing more."""
        pid = self.pid(run)
        assert pid in self.own_processes(), f"{pid}: not a process of this orchestra"
        os.kill(pid, signal.SIGKILL)
        see_gone(pid, Path(self.environment["PREFECT_HOME"]))

    def gone(self, run: str, seconds: float) -> None:
        """Wait until the process of a run has ended, whatever the server knows of it."""
        pid = self.pid(run)
        eventually(f"process {pid} ends", lambda: pid not in self.own_processes(), seconds)

    def tails(self) -> str:
        return "\n".join(started.tail() for started in self.started)

    def own_processes(self) -> set[int]:
        """Return the ids of all processes that live in this PREFECT_HOME, those that workers started among them."""
        mine = f"PREFECT_HOME={self.environment['PREFECT_HOME']}".encode()
        found = set()
        for place in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mine in place.read_bytes().split(b"\0"):
                    found.add(int(place.parent.name))
        return found

    def stop(self) -> None:
        """End everything, workers first so that they start nothing more."""
        for started in reversed(self.started):
            started.end(2.0)
        for pid in self.own_processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _newest(self, name: str) -> Started:
        return next(started for started in reversed(self.started) if started.name == name)

    def _is_healthy(self, server: Started) -> bool:
        assert server.process.poll() is None, server.tail()
        with suppress(requests.RequestException):
            return requests.get(f"{self.api}/health", timeout=2).ok
        return False

    def _ask(self, method: str, path: str, body: Any) -> Any:
        for _ in range(20):
            got = requests.request(method, f"{self.api}/{path}", json=body, timeout=ANSWER_SECONDS)
            if got.status_code != requests.codes.unavailable:  # so the server says that its SQLite was locked
                break
            time.sleep(0.3)
        assert got.ok, f"{method} {path}: {got.status_code} {got.text[:TAIL]}"
        return got.json()


def prepare(folder: Path) -> None:
    """Make a PREFECT_HOME that knows the flows' deployments, in a folder with the program of an origin.

    With the commands that docs/operations.md gives, but for the limit: a request saves starting Prefect once more.
    """
    shutil.rmtree(folder / "prefect", ignore_errors=True)  # of a try that failed
    # Each client of Prefect reads a file of certificates, by default one of 140, also to speak plain HTTP.
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    (folder / "certificate.pem").write_text(first + end)
    operator = _orchestra(folder, folder / "python")
    (folder / "prefect").mkdir()
    subprocess.run([operator.python, "-c", TABLES], cwd=ROOT, env=operator.environment, check=True)
    try:
        operator.start_server()
        operator.prefect("work-pool", "create", POOL, "--type", "process")
        operator.post("v2/concurrency_limits/", {"name": CMS_LIMIT, "limit": 2})
        operator.prefect("deploy", "--all", "--prefect-file", "flows/prefect.yaml")
        operator.server.end(30.0)  # so that all of it is in the file
    finally:
        operator.stop()


@contextmanager
def orchestra(folder: Path, prepared: Path, cms_url: str = "", *services: str) -> Iterator[Orchestra]:
    """Start a Prefect server on a copy of what `prepare` made, with some of `SERVICES`; end everything afterwards.

    All copies have deployments with one and the same default output, so each run has to name its own.
    """
    shutil.copytree(prepared / "prefect", folder / "prefect")
    run = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": str(name in services) for name in SERVICES}
    all_of_it = _orchestra(folder, prepared / "python", PFSETL_CMS_URL=cms_url, **run)
    try:
        all_of_it.start_server()
        yield all_of_it
    finally:
        all_of_it.stop()


def _orchestra(folder: Path, python: Path, **more: str) -> Orchestra:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN) and k.lower() != "http_proxy"}
    port = free_port()
    environment |= {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
        # Kept in memory, as Prefect does by default, the places of killed runs would be taken for ever after a restart.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_WORKER_QUERY_SECONDS": "2",  # every question costs the server, too
        SLOT_WAIT: "1",
        # So often the server looks for workers that are gone, by default each 15 seconds.
        "PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "5",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # else runs that a test didn't ask for
        # A task run is many events. Written one by one, as by default, they are a third of what a server does.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",  # else each client asks for a token first, which is off here
        "PREFECT_API_SSL_CERT_FILE": str(python.with_name("certificate.pem")),
        "PFSETL_OUTPUT": str(folder / "output"),
        "PYTHONPATH": PYTHONPATH,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **PREPARED,
    }
    return Orchestra(folder, python, environment | more, port)


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@dataclass
class CmsProcess:
    """The fake CMS as a process: what it answers is a file, and so is what it was asked."""

    folder: Path
    url: str = ""
    routes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, path: str, *answers: Mapping[str, Any]) -> None:
        """Answer a path with these from now on."""
        self.routes[path] = [dict(a) for a in answers]
        self.write()

    def write(self) -> None:
        new = self.folder / "routes.new"
        new.write_text(json.dumps(self.routes))
        new.replace(self.folder / "routes.json")

    def requests(self) -> list[dict[str, Any]]:
        """Return what was asked so far: path, headers with lower-case names, the time of asking."""
        log = self.folder / "requests.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def asked(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(request["path"] == path for request in self.requests())


@contextmanager
def cms_process(folder: Path, prepared: Path) -> Iterator[CmsProcess]:
    """Start the fake CMS without any page, with the program that is in `prepared`; end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    fake = CmsProcess(folder)
    fake.write()
    log = folder / "cms.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [prepared / "python", "-m", "tests.cms_server", folder / "routes.json", "--log", folder / "requests.jsonl"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Started("cms", process, log)
    try:
        fake.url = eventually("the fake CMS says where it is", lambda: log.read_text().strip(), 20, [server])
        yield fake
    finally:
        server.end()
