"""Go back: publish the content of an earlier version again, as the next one."""

from datetime import UTC, datetime

import msgspec

from pfsetl.errors import Conflict, StoreError
from pfsetl.publication import diff, manifest, next_version, runs, version
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.store import Store


def rollback(store: Store, number: int) -> Version:
    """Publish the content of an earlier version as the next one; return the newest when it has that content already.

    Releases published after `number` are left out of the new version; the versions that hold them stay. Raises
    UsageError for an unknown number, StoreError when a file of that version isn't what its manifest says, Conflict
    when another version was published meanwhile.
    """
    wanted, newest = version.open_version(store, number), version.open_version(store)
    if _content(wanted) == _content(newest):
        return newest
    for resource in wanted.resources:
        store.freshen(resource.schema)
        store.freshen(resource.path)
    damaged = next(((name, problem) for name, problem in wanted.verify() if problem), None)
    if damaged:
        raise StoreError(
            f"{store}/{damaged[0]}: {damaged[1]}. Version {number} can't be published again with it; "
            f"{command(f'verify --at {number}', store)} lists every such file."
        )
    next_version.refuse_vanished(store, wanted.resources)
    after = next_version.number_after(newest)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    content = msgspec.structs.replace(wanted.manifest, version=str(after), created=created)
    bound = {"parent": newest.number, "parent_sha256": newest.sha256, "run": runs.current()}
    withdrawn = next_version.without(newest, wanted.releases)
    form = manifest.format_of(wanted.resources, withdrawn)
    content = manifest.about(content, **bound, rolled_back_to=number, withdrawn=withdrawn, format=form)
    differing = {
        label
        for label in newest.releases.keys() | wanted.releases.keys()
        if newest.releases.get(label) != wanted.releases.get(label)
    }
    content = manifest.about(content, changes=diff.replaced(newest, Version(store, after, content), differing))
    done = next_version.published(store, after, content)
    if done is None:
        raise Conflict(
            f"{store}: version {after} was published while version {number} was looked at; a rollback would drop "
            "what is new in it. Look at it, then roll back again."
        )
    return done


def _content(at: Version) -> tuple[set[tuple[str, str, str]], dict[str, str]]:
    """Return what makes two versions equal: the rows of every table, and each release's own identity."""
    rows = {(r.table, r.release, r.digest) for r in at.resources}
    return rows, {label: record.content for label, record in at.releases.items()}
