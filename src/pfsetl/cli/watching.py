"""The command that says whether a store is kept up to date: for cron, probes and monitors, without Prefect."""

from collections.abc import Iterator
from dataclasses import asdict

from pfsetl.cli import render
from pfsetl.cli.options import DEFAULT_OUTPUT, AtLeastNone, Json, Output
from pfsetl.errors import ChecksFailed
from pfsetl.storage.opening import open_store
from pfsetl.watching.status import Status
from pfsetl.watching.status import status as measured

LISTED = 8


def status(*, output: Output = DEFAULT_OUTPUT, max_lag: AtLeastNone | None = None, json: Json = False) -> None:
    """Say how fresh a store is: releases in force and due, the last look at CMS, soundness, disk; exit 1 when stale.

    Parameters
    ----------
    max_lag
        Days that a release may be late, after CMS's usual posting day; default 14.
    """
    found = measured(open_store(output), max_lag=max_lag)
    if json:
        print(render.as_json(asdict(found)))
    else:
        out = render.console()
        for line in _lines(found):
            out.print(line, markup=False)
    if found.stale:
        raise ChecksFailed("\n".join(f"stale: {why}" for why in found.stale))


def _lines(found: Status) -> Iterator[str]:
    yield f"{found.store}: version {found.version}, newest {found.newest or 'nothing'}; today is {found.today}"
    there = "published" if found.in_force_published else "not published"
    yield f"in force today {found.in_force}, {there}; in 14 days {found.in_force_soon}"
    for one in found.due:
        yield f"due and absent: {one.release}, in force from {one.in_force}, posted by {one.posted_by} at the latest"
    if found.holes:
        more = f" and {len(found.holes) - LISTED} more" if len(found.holes) > LISTED else ""
        yield f"never published, for a backfill: {', '.join(found.holes[:LISTED])}{more}"
    yield f"last look at CMS: {found.looked['started'] if found.looked else 'none is recorded'}"
    last = found.last_run or {}
    yield f"last run: {', '.join(str(last[part]) for part in ('command', 'started', 'outcome') if last) or 'none'}"
    yield f"files: {'; '.join(found.problems) or 'all there, of their size'}"
    for kind in found.companions:
        yield f"beside the releases: {kind}"
    if found.disk is not None:
        yield f"disk: {found.disk / 1e9:,.1f} GB free"
    for known in found.acknowledged:
        yield f"acknowledged: {known}"
    yield "stale" if found.stale else "fresh"
