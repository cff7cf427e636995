"""Commands on the versions of a store."""

from dataclasses import asdict

from pfsetl.cli import holdings, render, render_changes, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, AtLeastOne, Json, Output
from pfsetl.errors import UsageError
from pfsetl.plural import count
from pfsetl.publication import rollback as going_back
from pfsetl.publication import runs as history
from pfsetl.publication import version
from pfsetl.publication import withdraw as taking_out
from pfsetl.publication.published import find_release
from pfsetl.remedies import command, nothing_published
from pfsetl.storage.opening import open_store
from pfsetl.upkeep import prune as pruning


def versions(*, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """List the published versions and the releases each one holds."""
    rows = holdings.versions(open_store(output))
    if json:
        print(render.as_json(rows))
    elif not rows:
        print(nothing_published(output))
    else:
        shown = [row | {"created": render.moment(row["created"])} for row in rows]
        cells = [[", ".join(v) if isinstance(v, list) else v for v in row.values()] for row in shown]
        render.console().print(render.table("", list(rows[0]), cells))


def runs(*, last: AtLeastOne = 20, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """List the runs of a store: when they ran, how they ended, and how long each step took.

    Parameters
    ----------
    last
        How many runs, the newest first.
    """
    records = history.runs(open_store(output), last)
    if json:
        print(render.as_json(records))
    elif not records:
        print(f"{output}: no run is recorded there. Every build and every backfill is recorded.")
    else:
        render_changes.runs(render.console(), records)


def rollback(number: int, *, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """Publish an earlier version again as the newest one; no version is lost.

    Parameters
    ----------
    number
        The version whose content is wanted; 'pfsetl versions' lists them.
    """
    store = open_store(output)
    before = version.open_version(store)
    newest, withdrawn = before.number, before.manifest.pfsetl.withdrawn or {}
    result = going_back.rollback(store, number)
    back = {label: told.why for label, told in withdrawn.items() if label in result.releases}
    if json:
        told = {"version": result.number, "published": result.number > newest, "content_of": number}
        print(render.as_json(told | {"withdrawn_before": back}))
    elif result.number > newest:
        print(f"version {result.number} published: the content of version {number} again")
        for label, why in back.items():
            print(terminal.plain(f"{label} is published again, and was withdrawn: {why}"))
    else:
        print(f"unchanged: version {result.number} has the content of version {number} already")


def withdraw(release: str, *, why: str, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """Publish a version without a release that should never have been published; earlier versions keep it.

    Parameters
    ----------
    release
        A published release, such as RVU26A.
    why
        The reason, for those who read it until now; the manifest keeps it.
    """
    store = open_store(output)
    find_release(version.open_version(store), release)  # a slip in what was asked isn't a run
    with history.recorded(store, "withdraw", release=release, why=why) as run:
        done = taking_out.withdraw(store, release, why)
        run.version, run.outcome = done.version.number, "published"
    label = release.strip().upper()
    if json:
        print(render.as_json({"version": done.version.number, "withdrawn": label, "held_by": done.before, "why": why}))
        return
    print(f"version {done.version.number} published without {label}; version {done.before} still holds it")
    print(f"CMS's next archive of {label} comes in by itself; the same one is refused without --again")


def prune(
    *, keep: int, yes: bool = False, grace: float = 24.0, output: Output = DEFAULT_OUTPUT, json: Json = False
) -> None:
    """Show what removing old versions would free; --yes removes them. The newest always stays, and all of the last day.

    Parameters
    ----------
    keep
        How many of the newest versions stay.
    yes
        Remove what is listed; without it nothing is touched.
    grace
        Hours for which replaced versions, and files that no version needs, are kept.
    """
    store = open_store(output)
    if not grace >= 0:  # neither is "not a number"
        raise UsageError(f"--grace {grace:g}: give hours, 0 or more.")
    plan = pruning.plan_prune(store, keep, grace=3600 * grace)
    if not (plan.kept or plan.objects or plan.waiting):
        raise UsageError(nothing_published(output))
    done = pruning.prune(store, plan, grace=3600 * grace) if yes else plan
    if json:
        print(render.as_json({"removed": yes, "bytes": done.bytes} | asdict(done)))
        return
    for number in done.versions:
        print(f"version {number}")
    for name, size in done.objects.items():
        print(terminal.plain(f"{name}  {size:,}"))
    what = f"{count(len(done.versions), 'version')} and {count(len(done.objects), 'file')} of {done.bytes:,} bytes"
    kept = f"kept are {', '.join(map(str, done.kept)) or 'none'}"
    print(f"removed {what}; {kept}" if yes else f"would remove {what}; {kept}. Nothing was touched; --yes does it.")
    if done.recent:
        print(
            f"kept, since they were the newest less than {grace:g} hours ago: {', '.join(map(str, done.recent))}; "
            "--grace HOURS is how long"
        )
    if done.pinned:
        print(
            f"kept for tags of the Iceberg tables: {', '.join(map(str, done.pinned))}; "
            f"{command(f'iceberg --keep {keep}', store)} gives them up"
        )
    if done.waiting:
        print(
            f"left to a later prune: {count(len(done.waiting), 'file')} of {sum(done.waiting.values()):,} bytes, "
            f"younger than {grace:g} hours, or staged and not yet published"
        )
