"""What stands in a store beside its versions: files that were loaded, what a backfill staged, records of runs."""

import io
from collections.abc import Callable, Collection, Iterator
from functools import partial

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import StoreError
from pfsetl.publication import chain, companions, rehash, runs, staging
from pfsetl.publication.companions import Companion
from pfsetl.storage.store import Store

Told = tuple[str, str, bool]


def problems(store: Store, newest: int) -> Iterator[Told]:
    """Yield (file, problem, harmless) of every file beside the versions, problem "" where it's as it was written.

    `newest` is the number of the newest version that is there.
    """
    for kind in contracts.companions().tables:
        yield from _each(store, f"companions/{kind}", partial(_companion, store), ".json")
    yield from _each(store, staging.FOLDER, partial(_staged, store))
    yield from _each(store, "runs", partial(_run, store, newest, _lost(store)), ".json")


def without_place(error: StoreError, store: Store, name: str) -> str:
    """Return what a store's error says, without the place that it's told with."""
    return str(error).removeprefix(f"{store}/{name}: ").rstrip(".")


def _each(store: Store, folder: str, look: Callable[[str], Iterator[Told]], ending: str = "") -> Iterator[Told]:
    try:
        names = store.names(folder)
    except StoreError as error:
        yield folder, without_place(error, store, folder), False
        return
    for name in (name for name in names if name.endswith(ending)):
        yield name, "", False
        try:
            yield from look(name)
        except StoreError as error:
            yield name, without_place(error, store, name), False


def _companion(store: Store, name: str) -> Iterator[Told]:
    one = companions.read(store, name)
    data = store.get(one.path)
    if problem := _of_table(one, data):
        yield one.path, f"{problem}. {companions.load_again(store, one)}", False
    else:
        yield one.path, "", False


def _of_table(one: Companion, data: bytes) -> str:
    """Return what is wrong with the table of a loaded file, "" where nothing is."""
    if one.content and rehash.sha256([data]) != one.content:
        return "not the file that was loaded"
    try:
        rows = pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError):
        return "not Parquet that can be read"
    return "" if rows == one.rows else f"not {one.rows:,} rows, as its record says"


def _staged(store: Store, name: str) -> Iterator[Told]:
    staging.read(store, name)
    yield from ()


def _run(store: Store, newest: int, lost: Collection[int], name: str) -> Iterator[Told]:
    published = runs.read(store, name).get("version")
    if isinstance(published, int) and published in lost:
        yield name, f"names version {published}, which is recorded as lost", True
    elif isinstance(published, int) and published > newest:
        yield name, f"names version {published}, which isn't there; restore its manifest from a copy", False


def _lost(store: Store) -> Collection[int]:
    try:
        return chain.read(store).lost
    except StoreError:  # told with the chain
        return ()
