"""The version after the newest: its manifest, and the one write that makes it visible, by a build or by a person."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache

from msgspec import UNSET

from pfsetl.declared.contracts import Contract
from pfsetl.errors import StoreError
from pfsetl.publication import catalog, catalog_writing, chain, manifest, runs
from pfsetl.publication.json_records import Later, encoded
from pfsetl.publication.manifest import About, ContractName, Manifest, Resource, Withdrawal
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


def number_after(newest: Version, tried: int = 0) -> int:
    """Return the number of the version after the newest; `tried` is one that was taken before it.

    Raises StoreError for a number that no manifest can have, or that is taken by what isn't listed as one.
    """
    store = newest.store
    number = chain.follow(store, newest)
    name = manifest.name(number)
    if number == tried:
        raise StoreError(f"{store}/{name}: this name belongs to a manifest, and something else has it. Move it away.")
    if manifest.number_of(name) is None:
        raise StoreError(
            f"{store}/{name}: beyond the last version a store can have. Export the newest into a new store."
        )
    return number


def refuse_vanished(store: Store, resources: Sequence[Resource]) -> None:
    """Raise StoreError when objects that a manifest is about to name are gone, as after a prune beside a build."""
    names = sorted({name for r in resources for name in (r.path, r.schema)})
    with ThreadPoolExecutor(min(len(names), 16) or 1) as pool:
        gone = [name for name, there in zip(names, pool.map(store.exists, names), strict=True) if not there]
    if gone:
        raise StoreError(
            f"{store}/{gone[0]}: missing, with {len(gone) - 1} more. Nothing was published. Was the store pruned "
            "meanwhile? Run the command again; a build writes the file anew."
        )


@cache
def _software() -> Mapping[str, str]:
    from importlib.metadata import version as installed

    return {name: installed(name) for name in ("pfsetl", "polars")}


def manifest_of(
    newest: Version,
    number: int,
    releases: Mapping[str, ReleaseRecord],
    resources: Sequence[Resource],
    contract: Contract,
    withdrawn: Mapping[str, Withdrawal] | Later,
) -> Manifest:
    """Return the manifest of the version after the newest, with these releases and files, without its changes."""
    about = About(
        format=manifest.format_of(resources, withdrawn),
        parent=newest.number,
        parent_sha256=newest.sha256,
        contract=ContractName(id=contract.id, version=contract.version),
        classification=contract.classification,
        members={name: tuple(table.members) for name, table in contract.tables.items()},
        software=dict(_software()),
        releases=dict(releases),
        withdrawn=withdrawn,
        run=runs.current(),
    )
    return Manifest(
        profile="https://datapackage.org/profiles/2.0/datapackage.json",
        name="pfsetl",
        title=contract.title,
        description=contract.usage,
        version=str(number),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        sources=({"title": "CMS, PFS Relative Value Files", "path": "https://www.cms.gov"},),
        resources=tuple(sorted(resources, key=lambda r: (r.table, r.release))),
        pfsetl=about,
    )


def without(newest: Version, releases: Iterable[str]) -> Mapping[str, Withdrawal] | Later:
    """Return what is known of withdrawn releases that a version after `newest`, which holds these, doesn't hold."""
    kept = {label: told for label, told in (newest.manifest.pfsetl.withdrawn or {}).items() if label not in releases}
    return kept or UNSET


def published(store: Store, number: int, content: Manifest) -> Version | None:
    """Publish a manifest under its number, and return the version; None where the number is taken."""
    document = encoded(content)
    if not store.put_new(manifest.name(number), document):
        return None
    sha256 = hashlib.sha256(document).hexdigest()
    chain.record(store, number, sha256)
    return shown(Version(store, number, content, sha256))


def shown(committed: Version) -> Version:
    """Lay out a committed version for readers that glob, put it into the catalogue, and return it."""
    if committed.number:
        files = {manifest.shown_path(r): r.path for r in committed.resources}
        try:
            committed.store.show_tree(committed.number, files)
            catalog_writing.keep(committed)
        except StoreError as error:
            raise StoreError(
                f"{error} Version {committed.number} is published all the same; only its tree for readers that glob, "
                f"or {catalog.NAME}, isn't there. Run the command again to write it."
            ) from error
    return committed
