"""Register the versions of a store as Iceberg tables: one table a table, one snapshot and tag a version.

Order: pins, then the files of snapshots, then each table's metadata, then `iceberg/tables.json`. Wherever it stops,
every table that a reader finds is whole, and the next run goes on.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pfsetl.declared import contracts
from pfsetl.errors import StoreError, UsageError
from pfsetl.iceberg import table
from pfsetl.iceberg.columns import Readings
from pfsetl.iceberg.store_io import StoreIO
from pfsetl.iceberg.table import Growing
from pfsetl.publication import catalog_writing, pins, registered, version
from pfsetl.publication.json_records import encoded
from pfsetl.publication.registered import Registered
from pfsetl.remedies import nothing_published
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.upkeep.prune import GRACE_SECONDS

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Registration:
    """The tables by name with the address of their metadata, the versions that have a tag, and what was done."""

    base: str
    tables: Mapping[str, str]
    versions: tuple[int, ...]
    added: tuple[int, ...]
    given_up: tuple[int, ...]
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    base_before: str | None


def register(
    store: Store,
    base: str | None = None,
    *,
    keep: int | None = None,
    again: bool = False,
) -> Registration:
    """Register what isn't yet; `base` is the address under which readers find the store, by default where it is.

    Without `keep`, versions that have a tag keep it and later ones get one; with it, the newest `keep` versions have
    tags and the others lose theirs. Raises UsageError for an address that none can be, and where the store was moved
    and `base` isn't given; StoreError where a version or a file of one can't be read.
    """
    if keep is not None and keep < 1:
        raise UsageError(f"--keep {keep}: the newest version always has its tag. Give 1 or more; --remove removes all.")
    for _ in range(ATTEMPTS):
        if (done := _registered(store, base, keep, again)) is not None:
            return done
    raise StoreError(f"{store}/{registered.NAMESPACE}: other runs keep writing there. Run it again when they're done.")


def remove(store: Store) -> tuple[str, ...]:
    """Remove the tables and give all versions up; return the names of what was removed. Published files stay."""
    removed = [registered.NAME] if store.exists(registered.NAME) else []
    known = {*contracts.load().tables, *contracts.descriptors().tables}
    for name in sorted(known | _names(store, _before(store)[0])):
        removed += store.names(registered.folder(name))
    removed += [pins.name(number) for number in sorted(pins.pinned(store))]
    for name in removed:
        store.delete(name)
    catalog_writing.refresh(store)
    return tuple(removed)


def _registered(store: Store, given: str | None, keep: int | None, again: bool) -> Registration | None:
    """Register once; None where another run wrote the same table meanwhile."""
    before, notes = _before(store)
    base = _base(store, given, before)
    io = StoreIO(store, base)
    found = {name: table.find(io, name) for name in sorted(_names(store, before))}
    there = version.numbers(store)  # NOTE: after the tables, so that no version of theirs is taken for pruned
    if not there:
        raise UsageError(nothing_published(store))
    tagged = {*(before.versions if before else ()), *(n for f in found.values() for n in f.versions)}
    wanted = there[-keep:] if keep else [n for n in there if n in tagged or n > max(tagged, default=0)]
    _pin(store, wanted)
    tables = {name: table.grown(io, name, one, wanted, anew=again) for name, one in found.items()}
    _add(io, tables, wanted)
    changed = [name for name, grown in tables.items() if grown.changed and grown.snapshots]
    for name in changed:
        if not tables[name].commit():
            return None
    told = _tell(io, before, [name for name, grown in tables.items() if grown.snapshots])
    _unpin(store, {*there} - {*wanted} if keep else set())
    _tidy(io, {name: grown for name, grown in tables.items() if name in changed or not grown.snapshots})
    notes += [
        f"{name}: its metadata wasn't as pfsetl wrote it, and was made anew" for name in changed if tables[name].mended
    ]
    return Registration(
        base=base,
        base_before=before.base if before and before.base != base else None,
        tables={name: io.address(one.metadata) for name, one in told.tables.items()},
        versions=told.versions,
        added=tuple(n for n in wanted if n not in tagged),
        given_up=tuple(sorted(tagged - set(wanted))),
        changed=tuple(changed),
        notes=tuple(notes),
    )


def _add(io: StoreIO, tables: dict[str, Growing], wanted: Sequence[int]) -> None:
    """Add the versions that tables lack, the oldest first, each manifest read once."""
    readings = Readings(io.store)
    for place, number in enumerate(wanted):
        if all(number in grown.made_of for grown in tables.values()):
            continue
        at = version.load(io.store, number)
        for name in sorted({r.table for r in at.resources} - tables.keys()):  # new since the last run
            tables[name] = Growing(io, name, table.find(io, name), made_of=list(wanted[:place]))
        for grown in tables.values():
            if number not in grown.made_of:
                grown.add(at, readings)


def _before(store: Store) -> tuple[Registered | None, list[str]]:
    """Return what was registered, and what to say where that can't be read."""
    try:
        return registered.read(store), []
    except StoreError:
        return None, [f"{registered.NAME} wasn't as pfsetl wrote it, and was made anew"]


def _names(store: Store, before: Registered | None) -> set[str]:
    """Return the tables that were registered, or that a first run begins with."""
    return {*before.tables} if before else {r.table for r in version.open_version(store).resources}


def _base(store: Store, given: str | None, before: Registered | None) -> str:
    """Return the address that the tables are made for."""
    own = f"file://{store.root.absolute()}" if isinstance(store, LocalStore) else str(store)
    if given is None:
        if before and before.base != own and before.base.partition(":")[0] == own.partition(":")[0]:
            raise UsageError(
                f"the Iceberg tables were made for {before.base}, and the store is at {own}. Iceberg's addresses are "
                f"absolute: make them again for the new place with --base {own}, or name {before.base} if it's read "
                "there. Nothing was changed."
            )
        return before.base if before else _followed(own, f"{store}")
    base = (f"file://{given}" if given.startswith("/") else given).rstrip("/")
    scheme, separator, place = base.partition("://")
    if not separator or not scheme or not place or (scheme == "file" and not place.startswith("/")):
        raise UsageError(
            f"--base {given}: not an absolute address. Give the one under which readers find the store, such as {own} "
            "or s3://bucket/prefix."
        )
    return _followed(base, f"--base {given}")


def _followed(base: str, said: str) -> str:
    """Return an address; raises UsageError where readers would take a character of it for something else."""
    if bad := sorted({c for c in base if c in "%?#*[]{}" or not c.isprintable()}):
        raise UsageError(
            f"{said}: has {' '.join(bad)}, which Iceberg readers misread in addresses. Name a place without."
        )
    return base


def _pin(store: Store, wanted: Iterable[int]) -> None:
    for number in sorted({*wanted} - pins.pinned(store)):
        pins.pin(store, number)
    if gone := sorted(set(wanted) - set(version.numbers(store))):
        raise StoreError(f"{store}: version {gone[0]} was pruned meanwhile. Run it again. Nothing was registered.")


def _unpin(store: Store, given_up: Iterable[int]) -> None:
    """Remove the pins of versions that are given up or gone; one that another run has pinned meanwhile stays."""
    pinned = pins.pinned(store)  # NOTE: before the numbers, because a version is there before it's pinned
    for number in pinned & {*given_up} | pinned - {*version.numbers(store)}:
        pins.unpin(store, number)


def _tell(io: StoreIO, before: Registered | None, names: Sequence[str]) -> Registered:
    """Write what is registered, from what the newest metadata of each table says; look again, as others may write."""
    while True:
        newest = {name: table.newest_metadata(io.store, name) for name in names}
        data = {name: io.store.get(file) for name, file in newest.items()}
        told = Registered(
            format=registered.FORMAT,
            base=io.base,
            versions=tuple(sorted({n for content in data.values() for n in table.versions_in(content)})),
            tables={
                name: registered.Table(metadata=file, sha256=hashlib.sha256(data[name]).hexdigest())
                for name, file in newest.items()
            },
        )
        if told != before:
            io.store.put(registered.NAME, encoded(told))
        if newest == {name: table.newest_metadata(io.store, name) for name in names}:
            catalog_writing.refresh(io.store)
            return told


def _tidy(io: StoreIO, tables: Mapping[str, Growing]) -> None:
    """Remove what no metadata names any more, once it's a day old, and tables of which no version has a tag."""
    for name, grown in tables.items():
        if not grown.snapshots:
            for file in grown.found.names:
                io.store.delete(file)
            continue
        for file in table.leftovers(io, name):
            if (io.store.age(file) or 0.0) > GRACE_SECONDS:
                io.store.delete(file)
