"""Steps that are done in another thread or process for a run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pfsetl.publication.runs import TimedStep, part_of, recorded, runs, step
from pfsetl.storage.folder import LocalStore


def test_steps_done_apart_join_the_record_once(tmp_path: Path) -> None:
    def work(run: str) -> list[TimedStep]:
        with part_of(run) as steps, step("read", "RVU26A"):
            pass
        return steps

    store = LocalStore(tmp_path)
    with recorded(store, "backfill") as run:
        with ThreadPoolExecutor(1) as pool:
            run.steps += pool.submit(work, run.id).result()
        run.steps += work(run.id)
    [record] = runs(store)
    assert [(s["step"], s["release"]) for s in record["steps"]] == [("read", "RVU26A")] * 2
