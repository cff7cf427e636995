"""Write the table of a file beside the releases with its record; one that is there has to be what the file holds."""

import hashlib
import io
import json
from dataclasses import asdict, dataclass

import polars as pl

from pfsetl.declared.contracts import Table
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication.companions import Companion, in_turn, load_again, loaded, read
from pfsetl.remedies import command
from pfsetl.storage.store import Store
from pfsetl.tables import companions as tables

ROWS_OF_A_GROUP = 1 << 16  # of a file: what is read to find one code


@dataclass(frozen=True, slots=True)
class Kept:
    """What was loaded, and whether it's new to the store."""

    companion: Companion
    new: bool


def write(store: Store, one: Companion, frame: pl.DataFrame, table: Table) -> Kept:
    """Write a table and its record, unless they are there."""
    buffer = io.BytesIO()
    # NOTE: in a stream, so that what stands for a text becomes that text in one group of rows at a time.
    tables.as_promised(frame.lazy(), table).sink_parquet(
        buffer, compression="zstd", row_group_size=ROWS_OF_A_GROUP, maintain_order=True
    )
    data = buffer.getvalue()
    if not store.put_new(one.path, data):
        data = _there(store, one, data)
    told = {
        field: value
        for field, value in (asdict(one) | {"content": hashlib.sha256(data).hexdigest()}).items()
        if value or field not in ("sample", "lost", "parts", "notices", "turn")
    }
    record, name = json.dumps(told, indent=1, default=str) + "\n", f"{one.path.removesuffix('.parquet')}.json"
    if store.put_new(name, record.encode()):
        return Kept(Companion(**(asdict(one) | {"content": told["content"]})), new=True)
    there = read(store, name)
    if (there.rows, there.content or told["content"]) != (one.rows, told["content"]):
        raise _other_than_loaded(store, one)
    later = [c for c in loaded(store, one.kind) if c.effective_from == one.effective_from and c.turn > there.turn]
    if later:
        holds = in_turn(later)[-1]
        unload = command(f"unload {one.kind} {one.effective_from} --sha256 {holds.sha256[:8]}", store)
        raise UsageError(
            f"{one.file}: loaded already, and {holds.file} after it, which holds. Take that back: {unload}."
        )
    if (there.sample, bool(there.lost)) > (one.sample, bool(one.lost)):
        unload = command(f"unload {one.kind} {one.effective_from} --sha256 {one.sha256[:8]}", store)
        was = "a sample" if there.sample else "one that lacks something"
        raise UsageError(f"{one.file}: loaded already as {was}. Take that back first ({unload}), then load it again.")
    return Kept(there, new=False)


def _there(store: Store, one: Companion, data: bytes) -> bytes:
    """Return the table that is there already; raises StoreError for one with other rows than the file."""
    there = store.get(one.path)
    try:
        same = there == data or pl.read_parquet(there).equals(pl.read_parquet(data))
    except pl.exceptions.PolarsError:
        same = False
    if not same:
        raise _other_than_loaded(store, one)
    return there


def _other_than_loaded(store: Store, one: Companion) -> StoreError:
    return StoreError(f"{store}/{one.path}: not what {one.file} holds. {load_again(store, one)}")
