"""Files that CMS publishes beside the releases, as a store has them: ZIP codes to localities, edits and so on.

They belong to no release and change by their own rhythm, so no version holds them. Each loaded file stays as its
own object, with the day it holds from and its sha256; a price says which one it used.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pfsetl.declared import contracts, declarations
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.document import read_json
from pfsetl.errors import StoreError, UsageError
from pfsetl.remedies import command
from pfsetl.source.address import where
from pfsetl.storage.scanning import scan_files
from pfsetl.storage.store import Store


@dataclass(frozen=True, slots=True)
class Companion:
    """One loaded file: its kind, the day from which it holds, where it came from, and its object in the store.

    A `sample` is a deliberate part; `lost` says what was missing when it was loaded all the same. `sha256` is that of
    CMS's file, `content` that of the object, "" where an older pfsetl loaded it. `parts` are name and sha256 of each
    file where there were several, and `sha256` then that of theirs, a line each; `notices` say what was odd about them.
    Of several files with one first day, that of the highest `turn` holds: it was loaded last.
    """

    kind: str
    effective_from: date
    file: str
    sha256: str
    rows: int
    path: str
    sample: bool = False
    lost: tuple[str, ...] = ()
    content: str = ""
    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    turn: int = 0

    def frame(self, store: Store) -> pl.DataFrame:
        """Return its rows; `line` is the line in CMS's file.

        Raises StoreError where they can't be read, or aren't those that were loaded.
        """
        return rows(store, self)


def rows(store: Store, one: Companion, needed: str = "") -> pl.DataFrame:
    """Return the rows of a loaded file; raises StoreError, with what they're `needed` for, where it isn't intact."""
    place = f"{store}/{one.path}"
    try:
        data = store.get(one.path)
        if one.content and hashlib.sha256(data).hexdigest() != one.content:
            raise StoreError("its bytes aren't those that were loaded")
        return pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, StoreError) as error:
        said = str(error).splitlines()[0].removeprefix(f"{place}: ").partition(". ")[0]
        raise StoreError(f"{place}: can't be read ({said}){needed}. {load_again(store, one)}") from error


def find(store: Store, kind: str, day: date) -> Companion | None:
    """Return the file of a kind that holds on a day: the latest that had begun, else the first to begin later."""
    return holding(loaded(store, kind), day)


def holding(files: Iterable[Companion], day: date) -> Companion | None:
    """Return which of the files of a kind holds on a day: the latest that had begun, else the first to begin later."""
    known = each_day(files)
    begun = [c for c in known if c.effective_from <= day]
    return begun[-1] if begun else known[0] if known else None


def each_day(files: Iterable[Companion]) -> list[Companion]:
    """Return of the files of a kind the one that holds from each first day on, in the order of days."""
    return list({c.effective_from: c for c in in_turn(files)}.values())


def in_turn(files: Iterable[Companion]) -> list[Companion]:
    """Return files in the order of their first days, and those of one day in the order in which they were loaded."""
    return sorted(files, key=lambda c: (c.effective_from, c.turn, c.sha256))


def scan(store: Store, kind: str, day: date | None = None) -> pl.LazyFrame:
    """Return the rows of the file that holds on a day, or of all loaded files, with the first day each one holds.

    Of files with the same first day it's the one that prices use. Raises UsageError where none is loaded.
    """
    files = used(store, kind, day)
    return pl.concat(
        scan_files(store, c.path).select(pl.lit(c.effective_from).alias("effective_from"), pl.all()) for c in files
    )


def used(store: Store, kind: str, day: date | None = None) -> list[Companion]:
    """Return the file that holds on a day, or every file that holds on any; raises UsageError where none is loaded."""
    each = each_day(loaded(store, kind))
    if not each:
        made_of = contracts.companions().tables[kind].members
        (row,) = (row for row in declarations.rows(COMPANIONS) if row.companion in made_of)
        raise UsageError(
            f"{kind}: no such file of CMS's is loaded in {store}. Load it: {command(f'load {row.example}', store)}."
        )
    one = find(store, kind, day) if day else None
    return [one] if one else each


def in_part(store: Store, kinds: Iterable[str], day: date) -> tuple[str, ...]:
    """Return the kinds of which the file that holds on a day is a sample, or lacks something and says so."""
    files = {kind: find(store, kind, day) for kind in kinds}
    return tuple(sorted(kind for kind, file in files.items() if file and (file.sample or file.lost)))


def said(store: Store) -> tuple[str, ...]:
    """Return in words what is loaded of each kind."""
    return tuple(_said(kind, loaded(store, kind)) for kind in contracts.companions().tables)


def _said(kind: str, files: list[Companion]) -> str:
    holds = each_day(files)
    told = (
        f"from {c.effective_from} {c.file} ({c.rows:,} rows{', a sample' if c.sample else ''}"
        f"{'' if c in holds else f'; sha256 {c.sha256[:8]}, replaced by a later one of that day'})"
        for c in in_turn(files)
    )
    return f"{kind}: {'; '.join(told) or f'none is loaded{_posted(kind)}'}"


def _posted(kind: str) -> str:
    """Say where CMS posts the files that a table is made of."""
    made_of = contracts.companions().tables[kind].members
    pages = [where(row.page) for row in declarations.rows(COMPANIONS) if row.companion in made_of]
    return "".join(f"; CMS posts it at {page}" for page in pages if page)


def loaded(store: Store, kind: str) -> list[Companion]:
    """Return every loaded file of a kind."""
    names = [n for n in store.names(f"companions/{kind}") if n.endswith(".json")]
    return [read(store, name) for name in names]


def made_of(table: str) -> str:
    """Return the kind of file that a table is made of; that of one which the contract doesn't have is its name."""
    known = contracts.companions().tables
    (kind,) = known[table].members if table in known else (table,)
    return kind


def load_again(store: Store, one: Companion) -> str:
    """Return what to do about a table, or its record, that isn't what was loaded."""
    if f"{one.path.removesuffix('.parquet')}.json" not in store.names(f"companions/{one.kind}"):
        return f"Remove it, and load {one.file} again."
    unload = command(f"unload {made_of(one.kind)} {one.effective_from} --sha256 {one.sha256[:16]}", store)
    return f"Take it back ({unload}), and load {one.file} again."


def _counts(*values: object) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def read(store: Store, name: str) -> Companion:
    """Return what the record of a loaded file says; raises StoreError when it isn't one, or names another's file."""
    try:
        record: dict[str, Any] = read_json(store.get(name))
        lists = {name: tuple(record.get(name, ())) for name in ("lost", "parts", "notices")}
        found = Companion(**{**record, **lists, "effective_from": date.fromisoformat(record["effective_from"])})
        texts: tuple[Any, ...] = (found.kind, found.file, found.sha256, found.path, found.content)
        texts += (*found.lost, *found.parts, *found.notices)
        if not all(isinstance(text, str) for text in texts) or not _counts(found.rows, found.turn):
            raise ValueError("a field of another type")
        # NOTE: the record's own name says which file it is of; a path in it is never followed elsewhere.
        if found.path != f"{name.removesuffix('.json')}.parquet" or found.kind != name.split("/")[1]:
            raise ValueError("its file isn't the one beside it")
        if not name.endswith(f"/{found.effective_from}-{found.sha256[:16]}.json"):
            raise ValueError("its name isn't that of its day and file")
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = str(error).rstrip(".")
        raise StoreError(
            f"{store}/{name}: not a readable record ({said}). Remove it and load the file again."
        ) from error
