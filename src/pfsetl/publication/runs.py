"""What runs did: one structured log line per step, and one record per run beside the manifests.

A step is timed with `with step("read", "RVU26A") as done`; it logs a line of JSON to the logger `pfsetl`, the same in
words to `pfsetl.steps`, which is silent until its level is set to INFO, and joins the record of the run that is open,
if one is. Records are `runs/<start>-<id>.json` in the store, created once.
"""

import contextvars
import json
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.storage.store import Store

LOG = logging.getLogger("pfsetl")
IN_WORDS = logging.getLogger("pfsetl.steps")
IN_WORDS.setLevel(logging.WARNING)  # who reads lines of JSON shouldn't have to sort out others


@dataclass(slots=True)
class TimedStep:
    """One step of a run; `rows` and `bytes` are filled in by what it timed, None where they mean nothing."""

    step: str
    release: str | None = None
    seconds: float = 0.0
    rows: int | None = None
    bytes: int | None = None
    outcome: str = "done"


@dataclass(slots=True)
class Run:
    """One run: what it was asked, its steps, and what came of it; `look` is what a look at CMS saw."""

    id: str
    command: str
    asked: dict[str, Any]
    started: str
    seconds: float = 0.0
    outcome: str = "running"
    version: int | None = None
    error: str | None = None
    steps: list[TimedStep] = field(default_factory=list)
    look: dict[str, Any] | None = None


NAMES = {"id", "command", "outcome", "started", "steps"}  # what every record has
LOOK = {"day", "listed", "lost", "vanished", "alarms"}  # and one of a look, which the next look is held against

_OPEN: contextvars.ContextVar[Run | None] = contextvars.ContextVar("run", default=None)


@contextmanager
def step(name: str, release: str | None = None) -> Iterator[TimedStep]:
    """Time a step, log it as one line, and add it to the open run."""
    done = TimedStep(name, release)
    start = time.perf_counter()
    try:
        yield done
    except BaseException:
        done.outcome = "failed"
        raise
    finally:
        done.seconds = round(time.perf_counter() - start, 4)
        run = _OPEN.get()
        if run is not None:
            run.steps.append(done)
        IN_WORDS.info("%s", sentence(done))
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(json.dumps(({"run": run.id} if run else {}) | asdict(done)))


def sentence(done: TimedStep) -> str:
    """Return a step in words: `read RVU26B: 19,044 rows in 0.2 s`."""
    what = f"{done.step} {done.release}" if done.release else done.step
    counts = [f"{n:,} {unit}" for n, unit in ((done.rows, "rows"), (done.bytes, "bytes")) if n is not None]
    if done.outcome != "done":
        return f"{what}: {done.outcome} after {done.seconds:.1f} s"
    return f"{what}: {', '.join(counts) or 'done'} in {done.seconds:.1f} s"


@contextmanager
def recorded(store: Store, command: str, **asked: Any) -> Iterator[Run]:
    """Record a run in the store when it ends, also when it fails; a run inside another one belongs to that one.

    A record that can't be written doesn't fail the run, and is logged as an error: what it published is published.
    """
    if (outer := _OPEN.get()) is not None:
        yield outer
        return
    now = datetime.now(UTC)
    run = Run(f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}", command, asked, now.isoformat(timespec="seconds"))
    token, start = _OPEN.set(run), time.perf_counter()
    try:
        yield run
        run.outcome = "done" if run.outcome == "running" else run.outcome
    except BaseException as error:
        run.outcome = "failed"
        run.error = _why(error)
        raise
    finally:
        run.seconds = round(time.perf_counter() - start, 4)
        _OPEN.reset(token)
        try:
            store.put_new(f"runs/{run.id}.json", (json.dumps(asdict(run), indent=1, default=str) + "\n").encode())
        except StoreError as error:
            LOG.error("this run isn't in `pfsetl runs`: %s", error)


def _why(error: BaseException) -> str:
    """Return an error's message; one that isn't meant for the user says its kind, and so does a signal."""
    if isinstance(error, PfsetlError):
        return str(error)
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, Exception) else f"it was stopped ({kind})"


def current() -> str | None:
    """Return the id of the run that is open here, None outside of one."""
    run = _OPEN.get()
    return run.id if run else None


@contextmanager
def part_of(run: str) -> Iterator[list[TimedStep]]:
    """Yield the list of the steps done inside, on behalf of the run of this id that another thread or process opened.

    They are logged under its id; adding them to its record is left to the one that opened it.
    """
    apart = Run(run, "", {}, "")
    token = _OPEN.set(apart)
    try:
        yield apart.steps
    finally:
        _OPEN.reset(token)


def runs(store: Store, last: int | None = None) -> list[dict[str, Any]]:
    """Return the records of the runs in a store, newest first."""
    names = [name for name in reversed(store.names("runs")) if name.endswith(".json")]
    return [read(store, name) for name in (names if last is None else names[:last])]


def last_look(store: Store) -> dict[str, Any] | None:
    """Return the newest record of a run that saw CMS's whole index, None when there is none.

    Damaged records are passed over; `verify` names them.
    """
    for name in reversed(store.names("runs")):
        try:
            record = read(store, name)
        except StoreError:
            continue
        if record.get("look"):
            return record
    return None


def last_run(store: Store) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the newest record of a run that can be read, None when there is none, and why newer ones can't."""
    unread: list[str] = []
    for name in reversed(store.names("runs")):
        try:
            return read(store, name), unread
        except StoreError as error:
            unread.append(str(error))
    return None, unread


def read(store: Store, name: str) -> dict[str, Any]:
    """Return one record of a run; raises StoreError when it isn't one."""
    try:
        record = read_json(store.get(name))
        if not isinstance(record, dict) or not record.keys() >= NAMES or not _is_look(record.get("look")):
            raise ValueError("it isn't complete")
        if datetime.fromisoformat(record["started"]).tzinfo is None:
            raise ValueError("its start has no time zone")
    except (PfsetlError, ValueError, TypeError) as error:
        said = str(error).removeprefix(f"{name}: ").rstrip(".")
        raise StoreError(f"{store}/{name}: not a readable run record ({said}). Remove it.") from error
    return record


def _is_look(told: Any) -> bool:
    """Return whether this is None, or what a look says of itself, with its alarms."""
    if told is None:
        return True
    if not isinstance(told, dict) or not told.keys() >= LOOK:
        return False
    alarms = told["alarms"]
    return isinstance(alarms, list) and all(
        isinstance(alarm, dict) and {"release", "problem", "why"} <= alarm.keys() for alarm in alarms
    )
