"""Remove the versions that are no longer needed, and what only they need."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from pfsetl.declared import contracts
from pfsetl.document import read_json
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import catalog_writing, chain, manifest, pins, rehash, version
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

GRACE_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a prune removes: manifests by number, trees by number, staging records, objects with their bytes.

    `waiting` are objects that no kept version needs either, but which are too young, or staged and not yet
    committed; a later prune takes them. `recent` are kept because they were the newest not long ago, `pinned` for
    tags of Iceberg tables alone.
    """

    kept: tuple[int, ...]
    versions: tuple[int, ...]
    trees: tuple[int, ...]
    records: tuple[str, ...]
    objects: Mapping[str, int]
    waiting: Mapping[str, int]
    pinned: tuple[int, ...] = ()
    recent: tuple[int, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes of the removed objects."""
        return sum(self.objects.values())


def plan_prune(store: Store, keep: int, *, grace: float = GRACE_SECONDS) -> Pruning:
    """Return what a prune that keeps the newest `keep` versions would remove; nothing is touched.

    Kept are also versions that were the newest less than `grace` seconds ago: someone may be reading them, or may be
    about to publish under the number after them. So are versions that are pinned, objects younger than that, and
    those that a backfill staged and can still take over. Raises UsageError for less than one version, StoreError when
    a kept manifest can't be read.
    """
    if keep < 1:
        raise UsageError(f"--keep {keep}: the newest version always stays. Give 1 or more.")
    there = version.numbers(store)
    chain.refuse_missing(store, there)
    pinned = pins.pinned(store)
    gone: list[int] = []
    held: list[int] = []
    older = [*pairwise(there[: 1 - keep or None])]
    for number, following in older:
        if (store.age(manifest.name(following)) or 0.0) <= grace:
            break
        (held if number in pinned else gone).append(number)
    kept = [number for number in there if number not in gone]
    needed, tables, newest = _needed(store, kept)
    records, staged = _staged(store, newest, grace) if newest else ((), frozenset[str]())
    spare = {name: store.size(name) or 0 for name in _objects(store, tables, gone) if name not in needed}
    waiting = {name: size for name, size in spare.items() if name in staged or (store.age(name) or 0.0) <= grace}
    return Pruning(
        tuple(kept),
        tuple(gone),
        # NOTE: also the trees of manifests that an interrupted prune has removed; one above the newest is being made.
        tuple(n for n in store.trees() if kept and n < kept[-1] and n not in kept),
        records,
        {name: size for name, size in spare.items() if name not in waiting},
        waiting,
        tuple(held),
        tuple(number for number, _ in older[len(gone) + len(held) :]),
    )


def prune(store: Store, plan: Pruning, *, grace: float = GRACE_SECONDS) -> Pruning:
    """Carry out a plan; return what was removed, which is less where something came into use since the plan was made.

    Manifests go first, the oldest first, then trees, then objects: wherever it stops, every manifest that is left
    has all its objects. What it left over, the next prune finds. The newest manifest stays, so no number comes again.
    """
    pinned = pins.pinned(store)
    versions = tuple(number for number in plan.versions if number not in pinned and _removed(store, number))
    trees = tuple(number for number in plan.trees if number not in pinned)
    for number in trees:
        store.hide_tree(number)
    for name in plan.records:
        store.delete(name)
    needed, _, newest = _needed(store, version.numbers(store))
    needed |= _staged(store, newest, grace)[1] if newest else frozenset[str]()
    removed = {}
    for name, size in plan.objects.items():
        if name not in needed and (store.age(name) or 0.0) > grace:
            store.delete(name)
            removed[name] = size
    catalog_writing.forget(store)
    later = {name: size for name, size in plan.objects.items() if name not in removed}
    held = tuple(sorted({*plan.pinned, *plan.versions} - {*versions}))
    kept = tuple(sorted({*plan.kept, *held}))
    return Pruning(kept, versions, trees, plan.records, removed, {**plan.waiting, **later}, held, plan.recent)


def _removed(store: Store, number: int) -> bool:
    """Remove a manifest, and return whether it was there; one that another prune took meanwhile isn't."""
    try:
        sha256 = rehash.sha256(store.chunks(manifest.name(number)))
    except StoreError:
        if _is_pruned(store, number):
            return False
        raise
    chain.record(store, number, sha256, chain.PRUNED)
    store.delete(manifest.name(number))
    return True


def _is_pruned(store: Store, number: int) -> bool:
    return not store.exists(manifest.name(number)) and number in chain.read(store, number).pruned


def _needed(store: Store, kept: Iterable[int]) -> tuple[set[str], set[str], Version | None]:
    """Return the objects and schemas that some versions name, their tables, and the last version; one is held.

    A version that another prune removes meanwhile needs nothing any more.
    """
    names: set[str] = set()
    tables: set[str] = set()
    at = None
    for number in kept:
        try:
            at = version.load(store, number)
        except StoreError:
            if _is_pruned(store, number):
                continue
            raise
        names |= {name for r in at.resources for name in (r.path, r.schema)}
        tables |= {r.table for r in at.resources}
    return names, tables, at


def _objects(store: Store, needed: set[str], gone: Iterable[int]) -> list[str]:
    """Return the names of all objects and schemas in the store, and of what killed writers left in a bucket.

    `needed` are the tables of the versions that are kept.
    """
    tables = contracts.load().tables.keys() | needed
    for number in gone:
        with suppress(StoreError):  # a manifest that can't be read can go too
            tables |= {r.table for r in version.load(store, number).resources}
    folders = ["schemas", "tmp", *(f"objects/{table}" for table in sorted(tables))]
    return [name for folder in folders for name in store.names(folder)]


def _staged(store: Store, newest: Version, grace: float) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the staging records that no backfill can take over any more, and the objects that the others name.

    A record is of use while its release still has the content it was staged upon, the last part of its name.
    """
    spent: list[str] = []
    objects: set[str] = set()
    for name in store.names("staged"):
        parts = name.split("/")[-1].removesuffix(".json").split("-")
        label, before = parts[0], parts[-1]
        now = newest.releases[label].content if label in newest.releases else "nothing"
        if now[:16] != before and (store.age(name) or 0.0) > grace:
            spent.append(name)
            continue
        with suppress(ValueError, KeyError, TypeError):  # a backfill counts an unreadable record as none
            objects |= {str(r[field]) for r in read_json(store.get(name))["resources"] for field in ("path", "schema")}
    return tuple(spent), frozenset(objects)
