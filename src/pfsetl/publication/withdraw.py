"""Withdraw: publish a version without a release that should never have been published, and say so in it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from pfsetl.declared import contracts
from pfsetl.errors import Conflict, UsageError
from pfsetl.publication import diff, manifest, next_version, over_releases, version
from pfsetl.publication.manifest import Withdrawal
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The version without the release, and the one before, which still holds it."""

    version: Version
    before: int


def withdraw(store: Store, release: str, why: str) -> Withdrawn:
    """Publish the newest version without a release; what is made of several releases is made without it.

    The manifest says which archive was withdrawn and why, in every version until the release is published again, and
    a build of the same archive is refused. Earlier versions stay as they are. Raises UsageError for a release that
    isn't there or is the only one, and for no reason; Conflict when another version was published meanwhile.
    """
    newest = version.open_version(store)
    label = release.strip().upper()
    if label not in newest.releases:
        there = ", ".join(newest.releases) or "nothing"
        raise UsageError(f"{label}: not in version {newest.number} of {store}, which holds {there}.")
    if len(newest.releases) == 1:
        raise UsageError(f"{label}: the only release of {store}. A version holds at least one; publish another first.")
    if not why.strip():
        raise UsageError("--why: say why, for those who read the release until now.")
    number = next_version.number_after(newest)
    done = next_version.published(store, number, _without(newest, label, why.strip(), number))
    if done is None:
        raise Conflict(
            f"{store}: version {number} was published meanwhile. Look at it ({command('versions', store)}), then "
            "withdraw again."
        )
    return Withdrawn(done, newest.number)


def _without(newest: Version, label: str, why: str, number: int) -> manifest.Manifest:
    """Return the manifest of the version after the newest, without a release."""
    store, contract = newest.store, contracts.load()
    now, record = datetime.now(UTC).isoformat(timespec="seconds"), newest.releases[label]
    records = {name: told for name, told in newest.releases.items() if name != label}
    kept = [r for r in newest.resources if r.release != label]
    resources = over_releases.completed(store, kept, records, contract, {})
    next_version.refuse_vanished(store, resources)
    told = Withdrawal(version=newest.number, on=now, content=record.archive.content, why=why)
    withdrawn = {**(newest.manifest.pfsetl.withdrawn or {}), label: told}
    content = next_version.manifest_of(newest, number, records, resources, contract, withdrawn)
    changes = diff.replaced(newest, Version(store, number, content), [label])
    return manifest.about(content, changes=changes)
