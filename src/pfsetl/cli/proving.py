"""Commands that hold a store against what its builds made of it, and mend it."""

from typing import Annotated

from cyclopts import Parameter

from pfsetl.cli import render
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output
from pfsetl.cli.terminal import plain
from pfsetl.errors import ChecksFailed, UsageError
from pfsetl.plural import count
from pfsetl.publication import version
from pfsetl.publication.published import published
from pfsetl.remedies import nothing_published
from pfsetl.storage.opening import open_store
from pfsetl.upkeep import recheck as ruling
from pfsetl.upkeep import repair as mending
from pfsetl.upkeep import verify as proving

LISTED = 10


def verify(
    *,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    deep: Annotated[bool, Parameter(negative="")] = False,
    rules: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Compare every file of a store with the manifests, and these with each other; exit 1 if one differs.

    Parameters
    ----------
    at
        A version number; default all versions, with `latest`, trees, companions and records.
    deep
        Count and digest the rows of every table again.
    rules
        Run today's checks over the published tables too, and name what would be refused now.
    """
    store = open_store(output)
    if at is not None:
        published(version.open_version(store, at))
    proof = proving.verify(store, at, deep=deep)
    if not proof.files:
        raise UsageError(nothing_published(output))
    held = list(ruling.held(version.open_version(store, at))) if rules else []
    refused = {one.release: list(one.refused) for one in held if one.refused}
    notes = [f"{one.release}: {note}" for one in held for note in one.notes]
    if json:
        told = {"versions": proof.versions, "files": len(proof.files), "bad": proof.bad, "notes": proof.notes}
        newest = {"version": proof.newest[0], "sha256": proof.newest[1]}
        ruled = {"rules": {"releases": [one.release for one in held], "refused": refused, "notes": notes}}
        print(render.as_json(told | {"newest": newest} | (ruled if rules else {})))
    else:
        good = len(proof.files) - len(proof.bad)
        what = f"{count(len(proof.files), 'file')} of {count(len(proof.versions), 'version')}"
        print(f"{what}: {good} as published, {len(proof.bad)} not")
        number, sha256 = proof.newest
        print(f"newest is version {number}, sha256 {sha256}" if number else "no version is published there yet")
        said = [f"{name}: {note}" for name, note in proof.notes.items()]
        for line in [*said[:LISTED], *notes]:
            print(plain(f"note: {line}"))
        if len(said) > LISTED:
            print(f"note: {len(said) - LISTED} more of these; --json lists them")
        if rules:
            print(f"{count(len(held), 'release')} held against today's rules: {len(refused)} would be refused now")
    problems = [f"{output}/{name}: {problem}" for name, problem in proof.bad.items()]
    problems += [f"{release}: would be refused now: {line}" for release, lines in refused.items() for line in lines]
    if problems:
        raise ChecksFailed("\n".join(problems))


def repair(*, output: Output = DEFAULT_OUTPUT, json: Json = False) -> None:
    """Repair a store from its own files and say what remains; nothing is deleted, it goes to quarantine/."""
    store = open_store(output)
    done = mending.repair(store)
    if not (done.done or done.left.files):
        raise UsageError(nothing_published(output))
    if json:
        print(render.as_json({"done": done.done, "bad": done.left.bad, "notes": done.left.notes}))
    else:
        for line in done.done:
            print(plain(line))
        left = "1 file still isn't" if len(done.left.bad) == 1 else f"{len(done.left.bad)} files still aren't"
        print(f"{count(len(done.done), 'thing')} mended or set aside; {left} as published")
    if done.left.bad:
        raise ChecksFailed("\n".join(f"{output}/{name}: {problem}" for name, problem in done.left.bad.items()))
