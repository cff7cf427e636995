"""Build one release as a Prefect flow: `python -m flows.build RVU26A --output output`.

Without PREFECT_API_URL it runs on Prefect's embedded server. PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL=INFO shows
Prefect's own log; the server keeps it in any case.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

# Prefect reads its settings when it is imported. Its default of 20 seconds is too short for the first start of the
# embedded server, and the two others would report the run to Prefect's makers.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging.configuration import setup_logging
from prefect.tasks import Task

import pfsetl
from pfsetl.declared import registry
from pfsetl.errors import PfsetlError, SourceBusy
from pfsetl.source.cache import cache_folder
from pfsetl.source.fetch import fetch

RETRY_DELAYS = (10.0, 60.0)  # seconds before the second and the third attempt to reach CMS


class Outcome(TypedDict):
    """What a run did: the version that holds the release, whether it is a new one, and the rows of each table."""

    release: str
    version: int
    published: bool
    rows: dict[str, int]


def _is_busy(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, SourceBusy)


@task(task_run_name="fetch {label}", retry_condition_fn=_is_busy, cache_policy=NO_CACHE, persist_result=False)
def fetch_archive(label: str, cache: str, url: str | None = None) -> tuple[str, str]:
    """Bring what CMS offers of a release into the cache; return its path there and the address it came from."""
    fetched = fetch(registry.find_or_infer(label), Path(cache), url=url)
    return str(fetched.path), fetched.url


@task(task_run_name="publish {label}", cache_policy=NO_CACHE, persist_result=False)
def publish_release(label: str, archive: str, output: str, url: str | None = None) -> Outcome:
    """Run the pipeline on an archive and leave a table artifact of what the version holds of the release."""
    built = pfsetl.build(label, store=pfsetl.open_store(output), archive=Path(archive), url=url)
    files = [r for r in built.version.resources if r["release"] == built.release]
    create_table_artifact(
        key=f"published-{re.sub('[^a-z0-9]+', '-', built.release.lower())}",
        table=[
            {"table": r["table"], "rows": r["rows"], "bytes": r["bytes"], "sha256": r["hash"].partition(":")[2][:12]}
            for r in files
        ],
        description=f"{_sentence(built.release, built.version.number, built.published)} of {output}.",
    )
    rows = {r["table"]: r["rows"] for r in files}
    return {"release": built.release, "version": built.version.number, "published": built.published, "rows": rows}


@flow(name="build-release", flow_run_name="build {release}", persist_result=False)
def build_release(
    release: str,
    output: str = "output",
    archive: str | None = None,
    cache: str | None = None,
    url: str | None = None,
    retry_delays: tuple[float, ...] = RETRY_DELAYS,
) -> Outcome:
    """Publish one CMS release into a store, fetching its zip when no archive is given.

    A source that may deliver at another time is tried again after each of `retry_delays`; every other PfsetlError
    fails the run at once. `url` replaces the address in `schemas/releases.csv`.
    """
    known = registry.find_or_infer(release)
    if archive is not None:
        return publish_release(known.label, archive, output)
    patient = fetch_archive.with_options(retries=len(retry_delays), retry_delay_seconds=list(retry_delays))
    path, found_at = patient(known.label, cache or str(cache_folder()), url)
    return publish_release(known.label, path, output, found_at)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; return 0, or the exit code of the error, whose message goes to stderr."""
    options = _parser().parse_args(arguments)
    # Prefect would print a failure of the task and of the flow, each with a traceback; the server keeps both.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    setup_logging()
    try:
        outcome = build_release(**vars(options))
    except PfsetlError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    done = _sentence(outcome["release"], outcome["version"], outcome["published"])
    rows = outcome["rows"]
    sys.stdout.write(f"{done} of {options.output}: {len(rows)} tables, {sum(rows.values()):,} rows\n")
    return 0


def _sentence(release: str, version: int, published: bool) -> str:
    return f"{release} {'published as' if published else 'unchanged in'} version {version}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m flows.build", description="Build one CMS release as a Prefect flow.")
    parser.add_argument("release", help="such as RVU26A")
    parser.add_argument("--archive", help="CMS's zip or a folder of its members; without it, the zip is fetched")
    parser.add_argument("--output", default="output", help="the store to publish into")
    parser.add_argument("--cache", help="where fetched zips are kept")
    parser.add_argument("--url", help="fetch the zip from this address at cms.gov (or PFSETL_CMS_URL)")
    parser.add_argument("--retry-delays", type=float, nargs="*", default=RETRY_DELAYS, help="seconds between attempts")
    return parser


if __name__ == "__main__":
    sys.exit(main())
