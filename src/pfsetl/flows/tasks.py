"""The tasks of every flow: fetch an archive, stage a release, publish what is staged. Frames never leave a task.

A store is passed by its address and a release by its label, so that each task can run in another process.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.concurrency.sync import concurrency
from prefect.runtime import task_run
from prefect.tasks import Task

from pfsetl.declared import registry
from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.flows import logs
from pfsetl.flows.ending import DISCOVER, FETCH, PUBLISH, STAGE
from pfsetl.pipeline.archive_folder import other_bytes
from pfsetl.pipeline.request import Request
from pfsetl.pipeline.side_by_side import publish_staged
from pfsetl.pipeline.stage import stage_missing
from pfsetl.publication import version
from pfsetl.publication.runs import TimedStep, part_of, step
from pfsetl.publication.staging import StagedRelease
from pfsetl.source import discover as discovering
from pfsetl.source import fetch as fetching
from pfsetl.source import web
from pfsetl.source.archive_list import Fetched
from pfsetl.source.cache import Cache, at_hand, rows
from pfsetl.source.discover import Posting
from pfsetl.source.opening import open_cache
from pfsetl.source.shared_cache import Shared
from pfsetl.storage.opening import open_store

logs.bring()  # here, because every process that does a flow's work imports its tasks

LOG = logging.getLogger("pfsetl.flows")

CMS = "cms"  # the tag of the tasks that talk to CMS, and the concurrency limit that they keep to where there is one
P = ParamSpec("P")
R = TypeVar("R")

LEASE_SECONDS = 60.0  # so long a killed run keeps its place under the limit
RETRY_DELAYS = (10.0, 60.0)  # seconds before the second and the third attempt to reach CMS, on average
JITTER = 0.5  # so that releases that failed together don't ask again together


@dataclass(frozen=True, slots=True)
class Found:
    """An archive on disk, the address it came from, None when it was given, and how long that took.

    `cache` is the address of the bucket that keeps it under `sha256`, where a process on another host finds it.
    """

    path: str
    url: str | None = None
    steps: tuple[TimedStep, ...] = ()
    cache: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging a release left to be published, None when it is published already, and how long each step took."""

    release: StagedRelease | None
    steps: tuple[TimedStep, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """The version that holds what was staged, why releases were left out of it, and how long it took."""

    version: int
    left_out: dict[str, str]
    steps: tuple[TimedStep, ...]


def _is_busy(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    return isinstance(state.data, SourceBusy)


def _publish_name() -> str:
    staged: Sequence[StagedRelease] = task_run.parameters["staged"]
    names = [f"{one.release} revision {one.record.revision}" for one in staged[:3]]
    return f"publish {', '.join(names)}" + (f" and {len(staged) - 3} more" if len(staged) > 3 else "")


@task(
    task_run_name="discover",
    tags=[CMS],
    retry_condition_fn=_is_busy,
    timeout_seconds=DISCOVER,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def discover_postings(cache: str, since: int) -> list[Posting]:
    """Return what CMS lists now, held against the declared releases and the cache."""
    cached = discovering.cached_addresses(open_cache(cache))
    with concurrency(CMS, lease_duration=LEASE_SECONDS):
        return discovering.discover(discovering.politely(web.get_text), registry.releases(), cached, since=since)


@task(
    task_run_name="fetch {label}",
    tags=[CMS],
    retry_condition_fn=_is_busy,
    timeout_seconds=FETCH,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def fetch_archive(label: str, cache: str, url: str | None, run: str) -> Found:
    """Bring what CMS offers of a release into the cache; return its path there and the address it came from."""
    place = open_cache(cache)
    with concurrency(CMS, lease_duration=LEASE_SECONDS), part_of(run) as steps, step("fetch", label) as done:
        fetched = fetching.fetch(registry.find_or_infer(label), place, url=url)
        done.bytes = fetched.bytes if fetched.fresh else 0
    return kept_in(place, fetched, tuple(steps))


@task(task_run_name="stage {label}", timeout_seconds=STAGE, cache_policy=NO_CACHE, persist_result=False)
def stage_release(
    label: str, archive: Found, output: str, run: str, sample: bool = False, accept: Collection[str] = ()
) -> Staged:
    """Read, derive, check and write a release, unless the newest version holds it; nothing becomes visible yet."""
    store, path = open_store(output), _on_this_host(label, archive)
    for text in [] if sample else other_bytes({label: path}):
        LOG.warning("%s", text)
    with part_of(run) as steps:
        base = version.open_version(store)
        made = stage_missing(Request(label, path, archive.url, sample=sample, accept=accept), base)
    return Staged(made, (*archive.steps, *steps))


@task(task_run_name=_publish_name, timeout_seconds=PUBLISH, cache_policy=NO_CACHE, persist_result=False)
def publish_releases(staged: list[StagedRelease], output: str, base: int, run: str) -> Published:
    """Make staged releases visible as one version; `base` is the number of the version the run began on."""
    store = open_store(output)
    began_on = version.open_version(store, base) if base else version.empty(store)
    with part_of(run) as steps:
        committed, left_out = publish_staged(staged, began_on)
    return Published(committed.number, left_out, tuple(steps))


def kept_in(cache: Cache, kept: Fetched, steps: tuple[TimedStep, ...] = ()) -> Found:
    """Return an archive of a cache as the tasks pass it on."""
    shared = str(cache) if isinstance(cache, Shared) else None
    return Found(str(kept.path), kept.url, steps, shared, kept.sha256)


def _on_this_host(label: str, archive: Found) -> Path:
    """Return the path of an archive, downloaded to this host first when it is kept in a bucket."""
    if archive.cache is None:
        return Path(archive.path)
    place = open_cache(archive.cache)
    for row in rows(place):
        if (row.label, row.sha256) == (label, archive.sha256) and at_hand(place, row):
            return row.path
    raise SourceUnavailable(f"{place}: its archive of {label} is gone or damaged. Run it again to fetch it anew.")


def patient(task_: Task[P, R], delays: Sequence[float]) -> Task[P, R]:
    """Return a network task that is tried again after about each of these pauses when its source was busy."""
    return task_.with_options(retries=len(delays), retry_delay_seconds=list(delays), retry_jitter_factor=JITTER)
