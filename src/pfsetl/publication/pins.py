"""Versions that tags of Iceberg tables need: a prune keeps them until they're given up.

A pin is an object of its own, `pins/000007-iceberg`, created and removed and never changed, so that two programs that
pin at the same time can't lose each other's.
"""

import re

from pfsetl.storage.store import Store

FOLDER = "pins"
_NAME = re.compile(r"pins/([0-9]{6})-iceberg")


def pin(store: Store, number: int) -> None:
    """Keep a version from being pruned; nothing happens where it's pinned already."""
    store.put_new(name(number), f"Iceberg tables have a tag of version {number}, so no prune takes it.\n".encode())


def unpin(store: Store, number: int) -> None:
    """Give a version up; nothing happens where it isn't pinned."""
    store.delete(name(number))


def pinned(store: Store) -> set[int]:
    """Return the pinned versions."""
    return {int(named[1]) for file in store.names(FOLDER) if (named := _NAME.fullmatch(file))}


def strangers(store: Store) -> list[str]:
    """Return the files among the pins that are none, which keep nothing."""
    return [file for file in store.names(FOLDER) if not _NAME.fullmatch(file)]


def name(number: int) -> str:
    """Return the object name of a version's pin."""
    return f"{FOLDER}/{number:06d}-iceberg"
