"""Bring and publish several releases in one run: each fetched and staged beside the others, all committed at once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from pfsetl.errors import ChecksFailed, UsageError
from pfsetl.flows import events
from pfsetl.flows.report import Result, progress
from pfsetl.flows.tasks import Found, fetch_archive, patient, publish_releases, stage_release
from pfsetl.pipeline.request import refuse_unknown
from pfsetl.publication import next_version, version
from pfsetl.publication.runs import Run, TimedStep
from pfsetl.publication.staging import StagedRelease
from pfsetl.remedies import installing
from pfsetl.storage.opening import open_store

Asked = Found | str | None  # an archive on disk, an address to fetch from, or None: fetch from the declared address


def publish_all(
    asked: Mapping[str, Asked],
    *,
    output: str,
    cache: str,
    runner: TaskRunner[Any],
    retry_delays: Sequence[float],
    run: Run,
    sample: bool = False,
    accept: Collection[str] = (),
) -> Result:
    """Fetch what isn't on disk, stage every release on the task runner, and publish all that succeed as one version.

    `sample` and `accept` are those of `build`.
    """
    refuse_unknown(accept)
    how = {"sample": sample, "accept": tuple(accept)}
    result = Result(version.open_version(open_store(output)))
    staged: list[StagedRelease] = []
    if asked:
        with runner, progress(f"{run.command}-progress", len(asked)) as advance:
            for label, futures in _submitted(asked, output, cache, runner, retry_delays, run.id, how).items():
                try:
                    done = futures[0].result() and futures[-1].result()
                except Exception as error:
                    result.failed[label] = error
                    run.steps.append(TimedStep("fetch or stage", label, outcome="failed"))
                else:
                    run.steps += done.steps
                    if done.release is None:
                        result.unchanged.append(label)
                    else:
                        staged.append(done.release)
                advance(label)
    commit(result, staged, output, run)
    return result


def commit(result: Result, staged: list[StagedRelease], output: str, run: Run) -> None:
    """Publish what was staged as one version, and say what became of each release: to result, run and listeners."""
    store = open_store(output)
    if staged:
        published = publish_releases(staged, output, result.version.number, run.id)
        run.steps += published.steps
        result.failed |= {label: ChecksFailed(reason) for label, reason in published.left_out.items()}
        result.version = version.open_version(store, published.version)
        made = [one for one in staged if one.release not in published.left_out]
        if result.version.run == run.id:
            result.published = made
        else:  # another run published the same meanwhile
            result.unchanged += [one.release for one in made]
    else:  # another run may have published them meanwhile, and one that was killed left a version without its tree
        result.version = next_version.shown(version.newest(store, result.version))
    run.version, run.outcome = result.version.number, result.word()
    events.published(result.published, result.version.number, output)
    events.refused(result.failed, result.version.number, output)


def task_runner(name: str, concurrency: int) -> TaskRunner[Any]:
    """Return the task runner of a name: `threads`, `dask`, or the address of a Dask scheduler (tcp://...).

    `concurrency` releases are worked on at once; a scheduler's workers decide that themselves.
    """
    if concurrency < 1:
        raise UsageError(f"concurrency {concurrency}: not a number of releases. Give 1 or more.")
    if name == "threads":
        return ThreadPoolTaskRunner(max_workers=concurrency)
    if name != "dask" and "://" not in name:
        raise UsageError(
            f"{name}: no such task runner. There are threads, dask, and a Dask scheduler's tcp:// address."
        )
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise UsageError(f"task runner {name}: needs the extra dask. {installing('dask')}.") from None
    if name != "dask":
        return DaskTaskRunner(address=name)
    local = {"n_workers": concurrency, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=local)


def _submitted(
    asked: Mapping[str, Asked],
    output: str,
    cache: str,
    runner: TaskRunner[Any],
    delays: Sequence[float],
    run: str,
    how: Mapping[str, Any],
) -> dict[str, list[PrefectFuture[Any]]]:
    futures: dict[str, list[PrefectFuture[Any]]] = {}
    fetch = patient(fetch_archive, delays)
    for label, archive in asked.items():
        mine: list[PrefectFuture[Any]] = []
        source: Found | PrefectFuture[Found]
        if isinstance(archive, Found):
            source = archive
        else:
            mine.append(runner.submit(fetch, {"label": label, "cache": cache, "url": archive, "run": run}))
            source = mine[0]
        given = {"label": label, "archive": source, "output": output, "run": run, **how}
        mine.append(runner.submit(stage_release, given))
        futures[label] = mine
    return futures
