"""Measure the flows against the plain pipeline, on Prefect's embedded server.

Usage: python -m tools.bench_flows [FOLDER_OF_CMS_ARCHIVES]      default $PFSETL_CMS or ../shared/cms
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ["PREFECT_LOGGING_LEVEL"] = os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"

import pfsetl
from pfsetl.declared import registry
from pfsetl.flows import backfill as backfill_flow
from pfsetl.flows import build as build_flow
from pfsetl.flows import watch as watch_flow
from pfsetl.flows.command import server
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.pipeline.backfill import backfill
from pfsetl.source import discover
from tests import cms_pages
from tests.cms_server import Answer, Cms

RELEASE = "RVU25A"
ROUNDS = 5


def seconds(work: Callable[[], object], store: Path | None = None) -> float:
    """Return how long something takes, into an empty store if one is named."""
    if store:
        shutil.rmtree(store, ignore_errors=True)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def overhead(archive: Path, folder: Path) -> None:
    """Compare the flow of one build with the plain build, in turn."""
    store = folder / "one"

    def plain() -> object:
        return pfsetl.build(RELEASE, store=pfsetl.open_store(store), archive=archive)

    def flow() -> object:
        return build_flow.build_release(RELEASE, output=str(store), archive=str(archive))

    pairs = [(seconds(plain, store), seconds(flow, store)) for _ in range(ROUNDS + 1)][1:]
    more = statistics.median(f - p for p, f in pairs)
    ratio = statistics.median(f / p for p, f in pairs)
    print(f"{RELEASE}: {ROUNDS} rounds, plain build and flow in turn, on a running server")
    print(f"plain    {statistics.median(p for p, _ in pairs):.2f} s (median)")
    print(f"flow     {statistics.median(f for _, f in pairs):.2f} s: {more:.2f} s more, ratio {ratio:.2f}")


def engines(folder: Path, temporary: Path) -> None:
    """Backfill every archive by the plain loop, through threads and through Dask."""
    archives = find_archives(folder, "2003..2099").archives
    store = temporary / "all"

    def flow(task_runner: str) -> object:
        return backfill_flow.backfill("2003..2099", output=str(store), archives=str(folder), task_runner=task_runner)

    plain = seconds(lambda: backfill(archives, store=pfsetl.open_store(store)), store)
    print(f"\nbackfill of {len(archives)} releases, {os.cpu_count()} cores, two releases at once in the flows")
    print(f"loop     {plain:.2f} s: pfsetl.backfill, one after another")
    for task_runner in ("threads", "dask"):
        taken = seconds(partial(flow, task_runner), store)
        print(f"{task_runner:8} {taken:.2f} s, ratio to the loop {taken / plain:.2f}")
    again = seconds(lambda: flow("threads"))
    print(f"again    {again:.2f} s when nothing is missing")


def quiet_watch(temporary: Path) -> None:
    """Watch a server with CMS's index and pages, none of which is new."""
    known = [r for r in registry.releases().values() if r.page]
    routes = {
        r.page: [_html(cms_pages.release(r.label, [(r.zip_path, r.label)]))] for r in known if r.page and r.zip_path
    }
    rows = [cms_pages.Row(r.label, str(r.year), r.page) for r in known]
    with Cms({**routes, cms_pages.FILES: [_html(cms_pages.index(rows))]}) as cms:
        os.environ["PFSETL_CMS_URL"] = cms.url
        taken = seconds(lambda: watch_flow.watch(output=str(temporary / "none"), cache=str(temporary / "cache")))
        pauses = (len(cms.requests) - 1) * discover.PAUSE
    print(
        f"\nwatch    {taken:.2f} s when nothing is new, {pauses:.0f} s of it pauses between {len(cms.requests)} pages"
    )


def _html(text: str) -> Answer:
    return Answer(text.encode(), type="text/html")


def main(folder: Path) -> None:
    archive = folder / f"{RELEASE}.zip"
    if not archive.is_file():
        sys.exit(f"{archive}: not there. Give the folder of CMS's zips: python -m tools.bench_flows FOLDER")
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["PREFECT_HOME"] = temporary
        started = time.perf_counter()
        with server():
            print(f"server   {time.perf_counter() - started:.2f} s for the embedded server to start\n")
            overhead(archive, Path(temporary))
            engines(folder, Path(temporary))
            quiet_watch(Path(temporary))


if __name__ == "__main__":
    default = os.environ.get("PFSETL_CMS") or Path(__file__).parents[1].parent / "shared" / "cms"
    main(Path(sys.argv[1] if len(sys.argv) > 1 else default))
