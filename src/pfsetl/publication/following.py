"""What follows from a file loaded beside the releases: the tables made of it, published anew."""

from dataclasses import dataclass

from pfsetl.declared import contracts
from pfsetl.publication import over_releases, publish, version
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Followed:
    """The version that a loaded file led to, and the tables and releases that are other ones in it."""

    version: Version
    tables: tuple[str, ...]
    releases: tuple[str, ...]


def follow(store: Store, kind: str) -> Followed | None:
    """Publish what follows from the loaded files of a kind; None where it's published, or nothing follows.

    Nothing does where no table is made of the kind, and where no release or only licensed text is published.
    """
    contract, base = contracts.load(), version.open_version(store)
    made = [name for name, how in over_releases.makers(contract).items() if kind in how.companions]
    if not made or not base.releases or base.classification != contract.classification:
        return None
    committed = publish.commit(store, [], base, contract)
    before = {r.path for r in base.resources}
    other = [r for r in committed.resources if r.table in made and r.path not in before]
    if not other:
        return None
    tables, releases = ({getattr(r, name) for r in other} for name in ("table", "release"))
    return Followed(committed, tuple(sorted(tables)), tuple(sorted(releases)))
