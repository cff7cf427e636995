"""CMS's files that are loaded beside the releases, as they are during one request: by kind, day and key."""

from collections.abc import Callable
from datetime import date
from functools import cache, lru_cache
from typing import Any

import polars as pl

from pfsetl.publication import companions
from pfsetl.publication.companions import Companion
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store

Loaded = Callable[[str, date], Companion | None]


def of_store(store: Store) -> Loaded:
    """Return a function that tells which file of a kind holds on a day; a store's files are listed once."""
    files = cache(lambda kind: companions.loaded(store, kind))
    return lambda kind, day: companions.holding(files(kind), day)


def row_of(version: Version, companion: Companion, key: str, value: str) -> dict[str, Any] | None:
    """Return the row of a loaded file whose key has a value, None where it has none."""
    frame, places = _indexed(version, companion, key)
    return frame.row(places[value], named=True) if value in places else None


@lru_cache(maxsize=4)
def _indexed(version: Version, companion: Companion, key: str) -> tuple[pl.DataFrame, dict[str, int]]:
    frame = companion.frame(version.store)
    return frame, {value: at for at, value in enumerate(frame[key])}
