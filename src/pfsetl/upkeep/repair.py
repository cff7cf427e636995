"""Mend what can be mended from what a store still holds, set aside what doesn't belong, and say what remains.

Nothing is deleted: a file that is taken out of the way goes to `quarantine/`, under its own name.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from pfsetl.errors import StoreError
from pfsetl.publication import catalog, catalog_writing, chain, manifest, rehash, version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store, version_of
from pfsetl.upkeep import layout
from pfsetl.upkeep.verify import Proof, verify


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did, a sentence a file, and what verify still finds."""

    done: tuple[str, ...]
    left: Proof


def repair(store: Store) -> Repair:
    """Mend objects from copies in trees, schemas from the contract, trees and `latest` from objects, and the chain.

    A schema is written again only where its hash in the manifest is that of what the contract makes of its table.
    A version whose manifest is gone is recorded as lost, so that builds go on; its number doesn't come again.
    """
    _refuse_without_versions(store)
    done = _misplaced(store) if isinstance(store, LocalStore) else []
    done += _chain(store)
    if isinstance(store, LocalStore):
        for number in version.numbers(store):
            try:
                at = version.open_version(store, number)
                done += _objects(store, at) + _schemas(store, at)
            except StoreError:
                continue  # told by verify
        done += _trees(store)
    done += _catalog(store)
    return Repair(tuple(done), verify(store))


def _refuse_without_versions(store: Store) -> None:
    """Raise StoreError where versions were published and no manifest is there: that's one loss, not one a version."""
    published = chain.read(store).published
    if published and not version.numbers(store):
        raise StoreError(
            f"{store}/versions: no manifest is there, though at least {len(published)} were published, so nothing "
            "says which files belong together. Restore the folder from a copy, or build into another store. Nothing "
            "was changed."
        )


def _misplaced(store: LocalStore) -> list[str]:
    """Set aside files that stand where a folder belongs, folders where a file does, and links to folders of objects.

    What stands in the place of `versions` or `chain` is left to a person: it may be all that says which versions were.
    """
    found = [store.root / name for name, _ in layout.misplaced(store) if name not in ("versions", "chain")]
    folders = [store.root / "objects", *sorted((store.root / "objects").glob("*"))]
    links = [place for place in folders if place.is_symlink()]
    return [_set_aside(store, place) for place in dict.fromkeys([*links, *found]) if os.path.lexists(place)]


def _chain(store: Store) -> list[str]:
    done: list[str] = []
    known, there = chain.read(store), version.numbers(store)
    if isinstance(store, LocalStore):
        done += [_set_aside(store, store.root / name) for name in known.unreadable]
    for number in sorted(set(known.published) - set(there) - set(known.pruned) - set(known.lost)):
        chain.record(store, number, known.published[number], chain.LOST)
        done.append(f"{manifest.name(number)}: recorded as lost; a copy put back in its place is taken again")
    for number in there:
        if number not in known.published:
            try:
                at = version.open_version(store, number)
            except StoreError:
                continue
            if at.manifest.pfsetl.parent_sha256 is not UNSET:
                chain.record(store, number, at.sha256)
                done.append(f"chain/{number:06d}.json: written")
    return done


def _objects(store: LocalStore, at: version.Version) -> list[str]:
    """Restore objects that are gone or damaged from any tree that still has their bytes."""
    done = []
    for r in at.resources:
        place = store.root / r.path
        if place.parent.is_symlink() or (_is_there(store, r.path) and layout.has_bytes(place, r.hash)):
            continue
        for tree in sorted((store.root / "tree").glob("[0-9]*")):
            copy = tree / manifest.shown_path(r)
            if copy.is_file() and not copy.is_symlink() and layout.has_bytes(copy, r.hash):
                if os.path.lexists(place):
                    done.append(_set_aside(store, place))
                place.parent.mkdir(parents=True, exist_ok=True)
                os.link(copy, place)
                done.append(f"{r.path}: restored from {copy.relative_to(store.root)}")
                break
    return done


def _is_there(store: LocalStore, name: str) -> bool:
    """Return whether a file is there, and within the store: a link that leads out of it is never followed."""
    try:
        return store.exists(name)
    except StoreError:
        return False


def _schemas(store: LocalStore, at: version.Version) -> list[str]:
    """Write schemas that are gone or damaged again, where the contract still makes them as they were."""
    done = []
    for r in {r.schema: r for r in at.resources}.values():
        place, name = store.root / r.schema, r.schema
        if place.parent.is_symlink():
            continue
        if _is_there(store, name) and rehash.is_of(rehash.sha256(store.chunks(name)), rehash.schema_hash(r)):
            continue
        data = rehash.schema_from_contract(r)
        if data is None:
            continue
        done += [_set_aside(store, place)] if os.path.lexists(place) else []
        store.put_new(name, data)
        done.append(f"{name}: written again from the contract")
    return done


def _catalog(store: Store) -> list[str]:
    """Write the catalogue anew where it doesn't say what the manifests say."""
    opened: dict[int, catalog.Summary] = {}
    published = chain.read(store).published
    for number in version.numbers(store):
        try:
            at = version.load(store, number)
        except StoreError:
            return []  # told by verify
        if published.get(number, at.sha256) != at.sha256:
            return []  # a manifest that isn't the one that was published makes no catalogue
        opened[number] = catalog.summary(at)
    if not opened or not list(catalog.problems(store, opened)):
        return []
    catalog_writing.renew(store)
    return [f"{catalog.NAME}: written anew from the manifests"]


def _trees(store: LocalStore) -> list[str]:
    """Lay out every version again whose objects are there; what isn't a version's file is set aside."""
    done = []
    there = version.numbers(store)
    folder, latest = store.root / "tree", store.root / "latest"
    if folder.is_symlink():
        done.append(_set_aside(store, folder))
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    done += [_set_aside(store, e) for e in entries if version_of(e.name) not in there or e.is_symlink()]
    if (latest.is_symlink() or latest.exists()) and (
        not latest.is_symlink() or str(latest.readlink()) != f"tree/{max(there, default=0):06d}"
    ):
        done.append(_set_aside(store, latest))
    for number in there:
        try:
            at = version.open_version(store, number)
        except StoreError:
            continue
        mine = folder / f"{number:06d}"
        bad = [name for name, _ in layout.tree(store, at)]
        links = [p for p in mine.rglob("*") if p.is_symlink()]
        if not bad and not links and (number != there[-1] or latest.is_symlink()):
            continue
        places = [place for name in bad if (place := store.root / name) != mine or not place.is_dir()]
        done += [_set_aside(store, place) for place in dict.fromkeys([*places, *links]) if os.path.lexists(place)]
        shown = {manifest.shown_path(r): r.path for r in at.resources if store.exists(r.path)}
        store.show_tree(number, shown)
        done.append(f"tree/{number:06d}: laid out again")
    return done


def _set_aside(store: LocalStore, place: Path) -> str:
    """Move a file, folder or link into the quarantine; return the sentence that says so.

    Raises StoreError where a link on the way to it, or to the quarantine, leads out of the store.
    """
    name = str(place.relative_to(store.root))
    if place.parent != store.root:
        store.uri(str(place.parent.relative_to(store.root)))
    target = Path(store.uri(f"{layout.QUARANTINE}/{name}.{secrets.token_hex(3)}"))
    target.parent.mkdir(parents=True, exist_ok=True)
    place.rename(target)
    return f"{name}: moved to {target.relative_to(store.root)}"
