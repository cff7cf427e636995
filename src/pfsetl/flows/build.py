"""Build one release as a Prefect flow: `python -m pfsetl.flows.build RVU26A --output output`.

Without PREFECT_API_URL it runs on Prefect's embedded server. PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL=INFO shows
Prefect's own log; the server keeps it in any case.
"""

import re
import sys
from collections.abc import Sequence
from typing import Annotated, TypedDict

from cyclopts import Parameter
from prefect import flow

from pfsetl.cli.options import DEFAULT_OUTPUT, AcceptDifferences, AcceptLoss, Cache, Offline, Output, Sample, accepted
from pfsetl.declared import registry
from pfsetl.flows import events
from pfsetl.flows.command import RetryDelays, run_command, run_flow
from pfsetl.flows.ending import LOOK, ends_plainly
from pfsetl.flows.parameters import Acceptance, Delays, Given, Label, Place, refuse_relative
from pfsetl.flows.releases import commit
from pfsetl.flows.report import Result, show_published
from pfsetl.flows.tasks import RETRY_DELAYS, Found, fetch_archive, kept_in, patient, stage_release
from pfsetl.pipeline.request import refuse_unknown
from pfsetl.publication import version
from pfsetl.publication.runs import recorded
from pfsetl.source.fetch import newest_cached
from pfsetl.source.opening import open_cache
from pfsetl.storage.opening import open_store


class Built(TypedDict):
    """What a run did: the version that holds the release, whether it is a new one, and the rows of each table."""

    release: str
    version: int
    published: bool
    rows: dict[str, int]


@flow(name="build-release", flow_run_name="build {release}", persist_result=False, timeout_seconds=LOOK)
@ends_plainly(LOOK)
def build_release(
    release: Label,
    output: Place = "output",
    archive: Given | None = None,
    cache: Given | None = None,
    url: Given | None = None,
    offline: bool = False,
    sample: bool = False,
    accept: list[Acceptance] | None = None,
    retry_delays: Delays = RETRY_DELAYS,
) -> Built:
    """Publish one CMS release into a store, fetching its zip when no archive is given.

    A source that may deliver at another time is tried again after each of `retry_delays`; every other PfsetlError
    fails the run at once. `url` replaces the address in `schemas/releases.csv`; `offline` takes the newest archive of
    the cache and asks nobody. `sample` and `accept` (`loss`, `differences`) are those of `pfsetl.build`.
    """
    refuse_relative(output)
    refuse_unknown(accept or ())
    label = registry.find_or_infer(release).label
    store, place = open_store(output), open_cache(cache, output)
    with recorded(store, "build", release=label, archive=archive) as run:
        base = version.open_version(store)
        with events.refusal(label, base.number, output):
            if archive is not None:
                found = Found(archive)
            elif offline:
                kept = newest_cached(registry.find_or_infer(label), place)
                found = kept_in(place, kept)
            else:
                found = patient(fetch_archive, retry_delays)(label, str(place), url, run.id)
            staged = stage_release(label, found, output, run.id, sample, tuple(accept or ()))
            run.steps += staged.steps
            result = Result(base, unchanged=[] if staged.release else [label])
            commit(result, [staged.release] if staged.release else [], output, run)
        if label in result.failed:
            raise result.failed[label]
        now, published = result.version, bool(result.published)
        key = f"published-{re.sub('[^a-z0-9]+', '-', label.lower())}"
        show_published(key, now, label, f"{_phrase(label, now.number, published)} of {output}.")
        rows = {r.table: r.rows for r in now.resources if r.release == label}
        return {"release": label, "version": now.number, "published": published, "rows": rows}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; return 0, or the exit code of the error, whose message goes to stderr."""
    return run_command(command, arguments)


def command(
    release: Annotated[str, Parameter(help="Such as RVU26A.")],
    /,
    *,
    archive: Annotated[
        str | None, Parameter(help="CMS's zip or a folder of its members; without it, the zip is fetched.")
    ] = None,
    output: Output = DEFAULT_OUTPUT,
    cache: Cache = None,
    url: Annotated[
        str | None, Parameter(help="Fetch the zip from this address at cms.gov (or PFSETL_CMS_URL).")
    ] = None,
    offline: Offline = False,
    sample: Sample = False,
    accept_loss: AcceptLoss = False,
    accept_differences: AcceptDifferences = False,
    retry_delays: RetryDelays = RETRY_DELAYS,
) -> int:
    """Build one CMS release as a Prefect flow."""

    def sentence(done: Built) -> str:
        phrase = _phrase(done["release"], done["version"], done["published"])
        return f"{phrase} of {output}: {len(done['rows'])} tables, {sum(done['rows'].values()):,} rows"

    parameters = {
        "release": release,
        "archive": archive,
        "output": output,
        "cache": cache,
        "url": url,
        "offline": offline,
        "sample": sample,
        "accept": accepted(loss=accept_loss, differences=accept_differences) or None,
        "retry_delays": retry_delays,
    }
    return run_flow(build_release, parameters, sentence)


def _phrase(release: str, number: int, published: bool) -> str:
    return f"{release} {'published as' if published else 'unchanged in'} version {number}"


if __name__ == "__main__":
    sys.exit(main())
