"""Look at CMS and publish what is new, as a Prefect flow: `python -m pfsetl.flows.watch --output output`.

Does nothing, and says so, when nothing is. Without PREFECT_API_URL it runs on Prefect's embedded server.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypedDict

from cyclopts import Parameter
from prefect import flow

from pfsetl.cli.options import DEFAULT_OUTPUT, Output
from pfsetl.cli.options import Cache as CacheOption
from pfsetl.errors import PfsetlError, SourceBusy, SourceUnavailable
from pfsetl.flows import events
from pfsetl.flows.command import Concurrency, RetryDelays, TaskRunner, run_command, run_flow
from pfsetl.flows.ending import LOOK, ends_plainly
from pfsetl.flows.parameters import AtOnce, Delays, Given, Place, Runner, Year, refuse_relative
from pfsetl.flows.releases import Asked, publish_all
from pfsetl.flows.releases import task_runner as runner_of
from pfsetl.flows.report import Result, show_failed_look, show_look, why
from pfsetl.flows.tasks import RETRY_DELAYS, discover_postings, fetch_archive, kept_in, patient
from pfsetl.publication import runs, version
from pfsetl.publication.runs import recorded, step
from pfsetl.publication.version import Version
from pfsetl.source import cache as archives
from pfsetl.source import discover, fetch
from pfsetl.source.cache import Cache, at_hand, rows
from pfsetl.source.discover import Posting
from pfsetl.source.opening import open_cache
from pfsetl.storage.opening import open_store
from pfsetl.watching import alarms, looks, plan
from pfsetl.watching.looks import Look


class Watched(TypedDict):
    """What a run did, and what it saw at CMS: how many releases in each state, and by name what there is to tell.

    `asked` says what came of asking for the recent archives again, `holes` are posted releases that are a backfill's
    business, `acknowledged` the alarms that somebody knows of.
    """

    version: int
    published: list[str]
    unchanged: list[str]
    failed: dict[str, str]
    seen: dict[str, int]
    new: list[str]
    due: list[str]
    asked: dict[str, str]
    holes: list[str]
    vanished: list[str]
    acknowledged: list[str]


def _name() -> str:
    return f"watch {datetime.now(UTC):%Y-%m-%d}"


@flow(name="watch", flow_run_name=_name, persist_result=False, timeout_seconds=LOOK)
@ends_plainly(LOOK)
def watch(
    output: Place = "output",
    cache: Given | None = None,
    since: Year | None = None,
    task_runner: Runner = "threads",
    concurrency: AtOnce = 2,
    retry_delays: Delays = RETRY_DELAYS,
    today: date | None = None,
) -> Watched:
    """Fetch and publish, as one version, what is posted at CMS and the store lacks, and say what needs a person.

    Releases and pages of the year `since` and later are looked at, default last year. The archives of the release in
    force and of the newest four are asked for again. Fails in the end, after publishing what it can, for a release that
    failed or vanished, and when the release in force isn't published, unless that is acknowledged
    (`schemas/watch/known_problems.csv`). `today` is the day it goes by, default the clock's.
    """
    refuse_relative(output)
    day = today or datetime.now(UTC).date()
    first = day.year - 1 if since is None else since
    place, store = open_cache(cache, output), open_store(output)
    runner = runner_of(task_runner, concurrency)
    with recorded(store, "watch", since=first) as run:
        record = runs.last_look(store)
        earlier = record["look"] if record else None
        postings = _postings(place, first, retry_delays, earlier)
        base = version.open_version(store)
        asked, brought, gone = _ask_again(plan.again(postings, rows(place), base, day), place, run.id, base)
        todo = plan.plan(postings, rows(place), base, since=first, brought=brought)
        wanted: dict[str, Asked] = {
            label: kept_in(place, row) if at_hand(place, row) else row.url for label, row in todo.publish.items()
        }
        result = publish_all(
            wanted | todo.fetch,
            output=output,
            cache=str(place),
            runner=runner,
            retry_delays=retry_delays,
            run=run,
        )
        result.failed = {**gone, **todo.failed, **result.failed}
        look = looks.look(
            day,
            postings,
            todo,
            asked,
            store=store,
            published=alarms.whole(result.version.releases),
            failed={label: why(error) for label, error in result.failed.items()},
            earlier=earlier,
            brought=brought,
        )
        run.look = look.as_record()
        vanished = {a.release for a in look.alarms if a.problem == "vanished"}
        known = earlier["vanished"] if earlier else ()
        events.vanished(sorted(vanished.difference(known)), result.version.number, output)
        show_look(result, look)
        at_source = all(isinstance(result.failed.get(a.release), SourceUnavailable) for a in look.alarms)
        alarms.raise_if_any(look.alarms, at_source=at_source)
        return _watched(result, todo.seen, look)


def _postings(
    place: Cache, since: int, retry_delays: Sequence[float], earlier: Mapping[str, Any] | None
) -> list[Posting]:
    """Return what CMS lists now; where that can't be read, the artifact says so beside what the `earlier` look saw."""
    try:
        with step("discover"):
            return patient(discover_postings, retry_delays)(str(place), since)
    except PfsetlError as error:
        show_failed_look(error, earlier)
        raise


def _watched(result: Result, seen: dict[str, int], look: Look) -> Watched:
    outcome = result.outcome()
    return {
        "version": outcome["version"],
        "published": outcome["published"],
        "unchanged": outcome["unchanged"],
        "failed": outcome["failed"],
        "seen": seen,
        "new": list(look.new),
        "due": list(look.due),
        "asked": dict(look.asked),
        "holes": list(look.holes),
        "vanished": list(look.vanished),
        "acknowledged": [f"{a.alarm.release} {a.alarm.problem}" for a in look.acknowledged],
    }


def _ask_again(
    wanted: Mapping[str, str], place: Cache, run: str, base: Version
) -> tuple[dict[str, str], set[str], dict[str, Exception]]:
    """Ask for other bytes of these archives; return what came of it, the labels with new ones, and what is gone.

    A busy server fails nothing for a week: the bytes of before are there, and the next look asks again. After that, and
    where the zip isn't at its address any more, no look could notice a correction, so that fails. One that waits for
    being published is asked for however long that takes: it may have been refused, and replaced since.
    """
    kept = rows(place)
    told: dict[str, str] = {}
    brought: set[str] = set()
    gone: dict[str, Exception] = {}
    for label, url in wanted.items():
        if not plan.is_waiting(label, kept, base) and fetch.rests(place, label, datetime.now(UTC)):
            told[label] = f"not asked: the server gives no validators, so once in {fetch.RESTS.days} days"
            continue
        before = {row.sha256 for row in kept if row.label == label}
        if told:
            time.sleep(discover.PAUSE)
        try:
            fetch_archive(label, str(place), url, run)
        except SourceUnavailable as error:
            told[label] = f"couldn't be asked: {error}"
            if not isinstance(error, SourceBusy):
                gone[label] = error
            elif fetch.is_unanswered(place, label, datetime.now(UTC)):
                gone[label] = SourceUnavailable(f"{error} No look had an answer in {fetch.RESTS.days} days.")
            continue
        now = archives.newest(place, label)
        fresh = now is not None and now.sha256 not in before
        told[label] = (
            "other bytes than before" if fresh and before else "fetched to compare" if fresh else "the same bytes"
        )
        brought |= {label} if fresh else set()
    return told, brought, gone


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the flow from the command line; return 0, or the exit code of the error, whose message goes to stderr."""
    return run_command(command, arguments)


def command(
    *,
    output: Output = DEFAULT_OUTPUT,
    cache: CacheOption = None,
    since: Annotated[
        int | None, Parameter(help="Read the pages of known releases from this year on; default last year.")
    ] = None,
    today: Annotated[date | None, Parameter(help="Treat this day (2026-05-01) as today.")] = None,
    task_runner: TaskRunner = "threads",
    concurrency: Concurrency = 2,
    retry_delays: RetryDelays = RETRY_DELAYS,
) -> int:
    """Publish what is new at CMS as a Prefect flow."""
    parameters = {
        "output": output,
        "cache": cache,
        "since": since,
        "today": today,
        "task_runner": task_runner,
        "concurrency": concurrency,
        "retry_delays": retry_delays,
    }
    return run_flow(watch, parameters, _sentence)


def _sentence(done: Watched) -> str:
    listed = ", ".join(f"{count} {state}" for state, count in sorted(done["seen"].items()))
    lines = [f"nothing new at CMS ({listed}); version {done['version']} stays"]
    if done["published"]:
        lines = [f"{', '.join(done['published'])} published as version {done['version']} ({listed})"]
    if done["vanished"]:
        lines.append(f"not listed any more: {', '.join(done['vanished'])}")
    if done["holes"]:
        lines.append(f"posted and not in the store, for a backfill: {', '.join(done['holes'])}")
    lines += [f"acknowledged: {said}" for said in done["acknowledged"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
