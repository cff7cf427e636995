"""Publish many releases at once, as a Prefect flow: `python -m pfsetl.flows.backfill 2009..2026 --archives zips/`.

Run again, it does only what is missing. Without PREFECT_API_URL it runs on Prefect's embedded server.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from prefect import flow
from prefect.runtime import flow_run

from pfsetl.cli.options import DEFAULT_OUTPUT, AcceptDifferences, AcceptLoss, Output, Sample, Strict, accepted
from pfsetl.cli.options import Cache as CacheOption
from pfsetl.flows.command import Concurrency, RetryDelays, TaskRunner, run_command, run_flow
from pfsetl.flows.ending import MANY, ends_plainly
from pfsetl.flows.parameters import Acceptance, AtOnce, Delays, Given, Place, Runner, Wanted, Year, refuse_relative
from pfsetl.flows.releases import Asked, publish_all
from pfsetl.flows.releases import task_runner as runner_of
from pfsetl.flows.report import LOG, Outcome, raise_if_failed, show_backfill
from pfsetl.flows.tasks import RETRY_DELAYS, Found, kept_in
from pfsetl.pipeline.archive_folder import InFolder, absent, find_archives, refuse_incomplete
from pfsetl.pipeline.backfill import find_releases
from pfsetl.publication.runs import recorded
from pfsetl.source.cache import Cache, usable
from pfsetl.source.opening import open_cache
from pfsetl.storage.opening import open_store


def _name() -> str:
    return f"backfill {_wanted(flow_run.parameters['releases'])}"


@flow(name="backfill", flow_run_name=_name, persist_result=False, timeout_seconds=MANY)
@ends_plainly(MANY)
def backfill(
    releases: Wanted | Year | list[Wanted | Year],
    output: Place = "output",
    cache: Given | None = None,
    archives: Given | None = None,
    task_runner: Runner = "threads",
    concurrency: AtOnce = 2,
    sample: bool = False,
    accept: list[Acceptance] | None = None,
    strict: bool = False,
    retry_delays: Delays = RETRY_DELAYS,
) -> Outcome:
    """Publish the wanted releases as one version: from a folder, or from the cache, fetching what it lacks.

    `releases` are a range of years (2009..2026), a year, or labels; `concurrency` of them are worked on at once.
    `sample` and `accept` (`loss`, `differences`) are those of `pfsetl.build`, for every release. Fails in the end when
    a release did, after publishing the others; with `strict` also when a wanted release is absent or a file not used.
    """
    refuse_relative(output)
    wanted, place = _wanted(releases), open_cache(cache, output)
    found = find_archives(Path(archives), wanted) if archives else None
    asked = _in_folder(found) if found else _in_cache(place, wanted)
    lacking = found.absent if found else absent(wanted, asked)
    if lacking:
        LOG.warning("absent: %s", ", ".join(lacking))
    runner = runner_of(task_runner, concurrency)
    with recorded(open_store(output), "backfill", releases=list(asked), task_runner=task_runner) as run:
        result = publish_all(
            asked,
            output=output,
            cache=str(place),
            runner=runner,
            retry_delays=retry_delays,
            run=run,
            sample=sample,
            accept=accept or (),
        )
        result.absent = list(lacking)
        show_backfill(result)
        raise_if_failed(result.failed)
        if strict:
            refuse_incomplete(lacking, found.unused if found else {})
        return result.outcome()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; return 0, or the exit code of the error, whose message goes to stderr."""
    return run_command(command, arguments)


def command(
    releases: Annotated[str, Parameter(help="A range of years (2009..2026), a year, or labels separated by commas.")],
    /,
    *,
    archives: Annotated[
        str | None, Parameter(help="Folder of zips or of folders named after their label; default: CMS.")
    ] = None,
    output: Output = DEFAULT_OUTPUT,
    cache: CacheOption = None,
    task_runner: TaskRunner = "threads",
    concurrency: Concurrency = 2,
    sample: Sample = False,
    accept_loss: AcceptLoss = False,
    accept_differences: AcceptDifferences = False,
    strict: Strict = False,
    retry_delays: RetryDelays = RETRY_DELAYS,
) -> int:
    """Publish many releases as a Prefect flow."""
    parameters = {
        "releases": releases,
        "archives": archives,
        "output": output,
        "cache": cache,
        "task_runner": task_runner,
        "concurrency": concurrency,
        "sample": sample,
        "accept": accepted(loss=accept_loss, differences=accept_differences) or None,
        "strict": strict,
        "retry_delays": retry_delays,
    }
    return run_flow(backfill, parameters, _sentence)


def _wanted(releases: str | int | list[str | int]) -> str:
    # NOTE: Prefect reads a parameter as JSON, so that -p releases=2025 is a number.
    return ",".join(map(str, releases)) if isinstance(releases, list) else str(releases)


def _in_folder(found: InFolder) -> dict[str, Asked]:
    for text in (*found.notices, *(f"not used: {name}: {why}" for name, why in found.unused.items())):
        LOG.warning("%s", text)
    return {label: Found(str(path)) for label, path in found.archives.items()}


def _in_cache(place: Cache, wanted: str) -> dict[str, Asked]:
    """Return the cache's archives of the wanted releases; CMS is asked only for those that it lacks."""
    asked: dict[str, Asked] = {}
    for release in find_releases(wanted):
        held, notices = usable(place, release.label)
        for text in notices:
            LOG.warning("%s", text)
        asked[release.label] = kept_in(place, held) if held else None
    return asked


def _sentence(done: Outcome) -> str:
    return f"version {done['version']}: {len(done['published'])} published, {len(done['unchanged'])} unchanged" + (
        f"; absent: {', '.join(done['absent'])}" if done["absent"] else ""
    )


if __name__ == "__main__":
    sys.exit(main())
