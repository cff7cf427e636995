"""Unload a file that was loaded beside the releases: one loaded for a wrong day, of a sample, or by mistake."""

from collections.abc import Sequence
from datetime import date

from pfsetl.declared import registry
from pfsetl.errors import UsageError
from pfsetl.near import did_you_mean
from pfsetl.publication.companions import Companion, in_turn, loaded
from pfsetl.storage.store import Store
from pfsetl.tables.companions import tables_of


def unload(store: Store, kind: str, day: date, sha256: str = "") -> list[Companion]:
    """Remove a loaded file of a first day from a store, with every table that was made of it; return those.

    `sha256` is the beginning of its hash, where two files of one day are loaded. What versions published of it stays in
    them. Raises UsageError for a kind that isn't there, a day without a file, and one of several.
    """
    kinds = registry.companion_kinds()
    if kind not in kinds:
        raise UsageError(f"{kind}: no kind of file.{did_you_mean(kind, kinds)} There are {', '.join(sorted(kinds))}.")
    found = _chosen(store, kind, day, sha256)
    beside = [one for table in tables_of(kind)[1:] for one in loaded(store, table.name)]
    gone = [found, *(one for one in beside if (one.effective_from, one.sha256) == (day, found.sha256))]
    for one in reversed(gone):  # the record first: a table without one is taken for none
        store.delete(f"{one.path.removesuffix('.parquet')}.json")
        store.delete(one.path)
    return gone


def _chosen(store: Store, kind: str, day: date, sha256: str) -> Companion:
    known = in_turn(loaded(store, kind))
    fits = [one for one in known if one.effective_from == day and one.sha256.startswith(sha256.lower())]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise UsageError(f"{kind} from {day}: {len(fits)} files are loaded. Choose one by --sha256: {_listed(fits)}.")
    there = f"Loaded are {_listed(known)}." if known else "None is loaded."
    raise UsageError(f"{kind} from {day}{f' with sha256 {sha256}' if sha256 else ''}: no such file in {store}. {there}")


def _listed(files: Sequence[Companion]) -> str:
    return "; ".join(f"{one.effective_from} {one.file} ({one.sha256[:16]})" for one in files)
