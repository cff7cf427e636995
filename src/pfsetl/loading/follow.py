"""What follows from a file loaded beside the releases: the tables made of it, published anew."""

from dataclasses import dataclass

from pfsetl.declared import contracts
from pfsetl.publication import over_releases, publish, version
from pfsetl.publication.manifest import ALL
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Followed:
    """What a loaded file led to: the newest version, and the tables and releases that are other ones in it, if any.

    `lacking` are releases without a table that is made of the file, since an older pfsetl published them.
    """

    version: Version
    tables: tuple[str, ...]
    releases: tuple[str, ...]
    lacking: tuple[str, ...]


def follow(store: Store, kind: str) -> Followed | None:
    """Publish what follows from the loaded files of a kind; None where nothing can.

    Nothing can where no table is made of the kind, and where no release or only licensed text is published. A version
    that lacks other tables gets them too, and they're named among the others.
    """
    contract, base = contracts.load(), version.open_version(store)
    made = [name for name, how in over_releases.makers(contract).items() if kind in how.companions]
    if not made or not base.releases or base.classification != contract.classification:
        return None
    committed = publish.commit(store, [], base, contract)
    before = {r.path for r in base.resources}
    other = [r for r in committed.resources if r.path not in before]
    tables, releases = ({getattr(r, name) for r in other} for name in ("table", "release"))
    there = {(r.table, r.release) for r in committed.resources}
    lacking = [label for label in committed.releases if any(there.isdisjoint({(n, label), (n, ALL)}) for n in made)]
    return Followed(committed, tuple(sorted(tables)), tuple(sorted(releases)), tuple(lacking))
