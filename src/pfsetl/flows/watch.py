"""Look at CMS and publish what is new, as a Prefect flow: `python -m pfsetl.flows.watch --output output`.

Does nothing, and says so, when nothing is. Without PREFECT_API_URL it runs on Prefect's embedded server.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from prefect import flow

from pfsetl import watch as watching
from pfsetl.flows.command import run_flow
from pfsetl.flows.ending import LOOK, ends_plainly
from pfsetl.flows.parameters import AtOnce, Delays, Place, Runner, Year, refuse_relative
from pfsetl.flows.releases import Asked, publish_all
from pfsetl.flows.releases import task_runner as runner_of
from pfsetl.flows.report import Result, raise_if_failed, show_changes
from pfsetl.flows.tasks import RETRY_DELAYS, Found, discover_postings, patient
from pfsetl.publication import version
from pfsetl.publication.runs import recorded, step
from pfsetl.publication.store import open_store
from pfsetl.source.cache import cache_folder, is_intact, rows


class Watched(TypedDict):
    """What a run did, and how many releases CMS lists in each state."""

    version: int
    published: list[str]
    unchanged: list[str]
    failed: dict[str, str]
    seen: dict[str, int]


def _name() -> str:
    return f"watch {datetime.now(UTC):%Y-%m-%d}"


@flow(name="watch", flow_run_name=_name, persist_result=False, timeout_seconds=LOOK)
@ends_plainly(LOOK)
def watch(
    output: Place = "output",
    cache: str | None = None,
    since: Year | None = None,
    task_runner: Runner = "threads",
    concurrency: AtOnce = 2,
    retry_delays: Delays = RETRY_DELAYS,
) -> Watched:
    """Fetch and publish, as one version, the releases and re-posted archives that are new at CMS.

    The pages of known releases are read from the year `since` on, default last year. Fails in the end when a release
    did, after publishing the others.
    """
    refuse_relative(output)
    first = datetime.now(UTC).year - 1 if since is None else since
    folder, store, runner = cache or str(cache_folder()), open_store(output), runner_of(task_runner, concurrency)
    with recorded(store, "watch", since=first) as run:
        with step("discover"):
            postings = patient(discover_postings, retry_delays)(folder, first)
        todo = watching.plan(postings, rows(Path(folder)), version.open_version(store), since=first)
        asked: dict[str, Asked] = {
            label: Found(str(row.path), row.url) if is_intact(row) else row.url for label, row in todo.publish.items()
        }
        asked |= todo.fetch
        if asked:
            result = publish_all(
                asked,
                output=output,
                cache=folder,
                runner=runner,
                retry_delays=retry_delays,
                run=run,
                bar="watch-progress",
            )
        else:
            result = Result(version.open_version(store))
            run.version, run.outcome = result.version.number, "unchanged"
        result.failed = {**todo.failed, **result.failed}
        show_changes("watch", result)
        raise_if_failed(result.failed)
        outcome = result.outcome()
        return {
            "version": outcome["version"],
            "published": outcome["published"],
            "unchanged": outcome["unchanged"],
            "failed": outcome["failed"],
            "seen": todo.seen,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; return 0, or the exit code of the error, whose message goes to stderr."""
    options = _parser().parse_args(arguments)
    return run_flow(watch, vars(options), _sentence)


def _sentence(done: Watched) -> str:
    listed = ", ".join(f"{count} {state}" for state, count in sorted(done["seen"].items()))
    if not done["published"]:
        return f"nothing new at CMS ({listed}); version {done['version']} stays"
    return f"{', '.join(done['published'])} published as version {done['version']} ({listed})"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m pfsetl.flows.watch", description="Publish what is new at CMS as a Prefect flow."
    )
    parser.add_argument("--output", default="output", help="the store to publish into")
    parser.add_argument("--cache", help="where fetched zips are kept")
    parser.add_argument(
        "--since", type=int, help="read the pages of known releases from this year on; default last year"
    )
    parser.add_argument("--task-runner", default="threads", help="threads, dask, or a Dask scheduler's address")
    parser.add_argument("--concurrency", type=int, default=2, help="releases worked on at once")
    parser.add_argument("--retry-delays", type=float, nargs="*", default=RETRY_DELAYS, help="seconds between attempts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
