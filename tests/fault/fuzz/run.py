"""Judge many mutants, in processes of their own: one that hangs or dies is a result, and the next goes on.

A mutant is named `ARCHIVE:FORMATS:SEED:NUMBER`, e.g. `RVU26A:csv:1:17`, which is all that it takes to make it again.
"""

import json
import os
import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from typing import Any

from tests.fault.fuzz import columns
from tests.fault.fuzz.controls import without
from tests.fault.fuzz.judge import judge, unmutated
from tests.fault.fuzz.mutations import mutant
from tests.fault.fuzz.originals import reduced

SECONDS = 60  # a build takes one
READY_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Result:
    """A mutant, what was done, and what became of it; `megabytes` is the most its process has taken so far."""

    name: str
    kind: str
    file: str
    member: str
    field: str
    told: str
    outcome: str
    by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: int = 0
    moved: float = 0.0
    said: str = ""
    seconds: float = 0.0
    megabytes: int = 0

    @property
    def archive(self) -> str:
        """The archive that was mutated."""
        return self.name.split(":")[0]

    @property
    def formats(self) -> str:
        """The formats that the archive was reduced to."""
        return self.name.split(":")[1]

    @property
    def seed(self) -> str:
        """The seed, which tells how the mutant was drawn."""
        return self.name.split(":")[2]

    @property
    def undecidable(self) -> str | None:
        """Why nothing can tell, for a silent mutant that is of a declared kind."""
        return (
            columns.undecidable(self.kind, self.formats, self.columns, self.rows, self.moved, part="/" in self.archive)
            if self.outcome == "silent"
            else None
        )

    @property
    def forbidden(self) -> bool:
        """Whether this must not happen."""
        if self.outcome in ("crashed", "hung", "died"):
            return True
        if self.outcome != "silent" or self.undecidable:
            return False
        return columns.is_money(self.columns) or bool(columns.FORBIDDEN_KINDS.fullmatch(self.kind))


def result(name: str, rule_off: str = "") -> Result:
    """Make one mutant and judge it, here and now."""
    archive, formats, seed, number = name.split(":")
    source = reduced(archive, formats)
    made = mutant(source, seed, int(number))
    unmutated(archive, formats)
    started = time.perf_counter()
    with without(rule_off) if rule_off else nullcontext():
        verdict = judge(source, made)
    seconds = round(time.perf_counter() - started, 3)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Result(
        name, made.kind, made.file, made.member, made.field, made.told, verdict.outcome, verdict.by, verdict.columns,
        verdict.rows, verdict.moved, verdict.told, seconds, most,
    )  # fmt: skip


def loaded(line: str) -> Result:
    """Return a result that was saved as a line of JSON."""
    fields: dict[str, Any] = json.loads(line)
    return Result(**fields | {"by": tuple(fields["by"]), "columns": tuple(fields["columns"])})


def results(names: Sequence[str], workers: int, say: Callable[[Result], None]) -> list[Result]:
    """Judge every mutant named, in order of their names; `say` hears of each as it comes."""
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        todo.put(name)
    found: list[Result] = []

    def work() -> None:
        process = _started()
        while True:
            try:
                name = todo.get_nowait()
            except queue.Empty:
                break
            one, process = _asked(process, name)
            found.append(one)
            say(one)
        _ended(process)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = {name: i for i, name in enumerate(names)}
    return sorted(found, key=lambda r: order[r.name])


Process = subprocess.Popen[str]


def _started() -> Process:
    command = [sys.executable, "-m", "tests.fault.fuzz.run"]
    # NOTE: one thread each, because the processes share the machine
    alone = os.environ | {"POLARS_MAX_THREADS": "1"}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=alone)
    if _answer(process, READY_SECONDS)[0] != "ready":
        raise RuntimeError("A worker didn't start.")
    return process


def _asked(process: Process, name: str) -> tuple[Result, Process]:
    assert process.stdin is not None
    process.stdin.write(name + "\n")
    process.stdin.flush()
    answer, late = _answer(process, SECONDS)
    if answer:
        return loaded(answer), process
    code = _ended(process)
    archive, formats, seed, number = name.split(":")
    made = mutant(reduced(archive, formats), seed, int(number))
    told = f"no answer in {SECONDS} s" if late else f"the process ended with {code}"
    lost = Result(name, made.kind, made.file, made.member, made.field, made.told, "hung" if late else "died", said=told)
    return lost, _started()


def _ended(process: Process) -> int:
    process.kill()
    code = process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
    return code


def _answer(process: Process, seconds: float) -> tuple[str, bool]:
    """Return the next line, "" when the process has ended, and whether it was ended for being late."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    assert process.stdout is not None
    line = process.stdout.readline()
    timer.cancel()
    return line.strip(), late.is_set()


def names(sources: Sequence[tuple[str, int]], seed: int | str) -> Iterator[str]:
    """Name the mutants of each source, so many of each."""
    for source, count in sources:
        yield from (f"{source}:{seed}:{number}" for number in range(count))


def _serve() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(result(line.strip()))), flush=True)


if __name__ == "__main__":
    _serve()
