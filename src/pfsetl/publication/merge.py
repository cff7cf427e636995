"""The rows of a table that is made at commit: those of one release, or those of all releases merged into one file."""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from pfsetl.checks.check import check
from pfsetl.declared.contracts import Contract, Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication import companions, manifest
from pfsetl.publication.companions import Companion
from pfsetl.publication.manifest import Resource
from pfsetl.publication.parquet import Parts
from pfsetl.remedies import command
from pfsetl.storage.store import Store
from pfsetl.tables import columns
from pfsetl.tables.key_order import in_order, parts_in_order, small

Tables = Mapping[str, pl.DataFrame]
Before = Mapping[str, str | None]
_NAMED = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.I)


@dataclass(frozen=True, slots=True)
class Made:
    """How the rows of a table come about that is made at commit.

    `by` makes those of a release, of its own tables and those of the release before it, if any; `of` are the tables
    that it reads. With `in_force` a release that prices no day follows none, and none follows it. `companions` are the
    kinds of files beside the releases that `by` reads too, under their names among the tables of the release, with the
    first day each one holds: the file that holds on the release's first day, absent where none is loaded. `declared`
    are files of declarations that `by` reads, so that other rows in them make the table anew.

    `finish` gets the rows of all releases, and which release each one follows, in CMS's order: it fills the columns
    that depend on other releases and that `by` leaves out, and has to return the rows in their order. `by` then gets no
    release before, unless the table is `paired`. A table of what is declared alone has neither `of` nor `finish`.

    Of a table in `only`, just these columns are read.

    Raise `rule` when the same tables make other rows or the table gets other columns, so that every version to come has
    the new ones.
    """

    by: Callable[[Tables | None, Tables], pl.DataFrame]
    of: tuple[str, ...]
    rule: str
    in_force: bool = False
    companions: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    finish: Callable[[pl.DataFrame, Before], pl.DataFrame] | None = None
    paired: bool = False
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def looks_back(self) -> bool:
        """Whether `by` gets the release before."""
        return self.finish is None or self.paired


@dataclass(frozen=True, slots=True)
class Making:
    """One table that is made for a version: how, of which files, and each release against which one before."""

    store: Store
    contract: Contract
    table: Table
    how: Made
    sources: Mapping[str, Mapping[str, Resource]]
    beside: Mapping[str, Mapping[str, Companion]]
    before: Before
    read: dict[str, pl.DataFrame] = field(default_factory=dict)  # companions, which many releases share
    held: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)  # tables of the releases read last


def declared(one: Making) -> pl.DataFrame:
    """Return the rows of a table of what is declared alone."""
    return columns.shaped(one.how.by(None, {}), one.table)


def rows(one: Making, label: str) -> pl.DataFrame:
    """Return the rows of one release, which the contract's rules of the table hold for."""
    frame, now = _made(one, label)
    return refuse_broken(one, label, columns.shaped(frame, one.table), now)


def refuse_broken(one: Making, label: str, frame: pl.DataFrame, beside: Tables, day_of: str = "") -> pl.DataFrame:
    """Return rows that the contract's rules of the table hold for, or raise ChecksFailed.

    CMS's lists in those rules are those of the first day of the release, or of another one, `day_of`.
    """
    contract = replace(one.contract, tables={**one.contract.tables, one.table.name: one.table})
    report = check(day_of or label, {one.table.name: frame}, contract, beside)
    replace(report, release=label).accepting(()).raise_if_bad()
    return frame


def merged(one: Making, kept: Resource | None, of: Iterable[str]) -> Parts:
    """Return the rows of all releases, in order: those that are as before from the file of before, others made anew.

    A file of before that isn't there, or isn't what its manifest says, gives none: all are made anew.
    """
    wanted = dict(entry.split(" ", 1) for entry in of)
    same = {label for label, key in manifest.releases_of(kept).items() if wanted.get(label) == key} if kept else set()
    parts: list[pl.DataFrame] = []
    if kept and same:
        try:
            there = _read(one.store, kept)
        except StoreError:
            same = set()
        else:
            if there.schema == one.table.schema:
                parts = [there.filter(pl.col("release").is_in(same))]
            else:
                same = set()
    new = [label for label in wanted if label not in same]
    if one.how.finish is None:
        smalls = [*map(small, parts), *(small(rows(one, label)) for label in new)]
        one.held.clear()
        return parts_in_order(smalls, one.table)
    return _finished(one, parts, new)


def _finished(one: Making, parts: list[pl.DataFrame], new: list[str]) -> pl.DataFrame:
    """Return the rows of all releases with the columns that depend on other releases; `parts` have those of before.

    Every rule is asked of the releases that are new, and those that look at this table alone also of releases whose
    rows of before got other values.
    """
    assert one.how.finish is not None
    made = [_made(one, label)[0] for label in new]
    one.held.clear()
    later = [c for c in one.table.schema if made and c not in made[0].columns]
    given = [c for c in one.table.schema if c not in later]
    typed = [columns.typed(frame, {c: one.table.schema[c] for c in given}) for frame in made]
    merged_ = in_order(pl.concat([*(p.select(given) for p in parts), *typed]), one.table)
    frame = one.how.finish(merged_, one.before)
    if not frame.select(one.table.key).equals(merged_.select(one.table.key)):
        raise ContractError(f"{one.table.name}: finished with other rows, or in another order, than it was made with.")
    frame = columns.typed(frame, one.table.schema)
    for label in new:
        refuse_broken(one, label, frame.filter(pl.col("release") == label), _named(one, label))
    if parts:
        _refuse_changed(one, parts[0], frame.filter(pl.col("release").is_in(new).not_()))
    return frame


def _refuse_changed(one: Making, was: pl.DataFrame, now: pl.DataFrame) -> None:
    """Raise ChecksFailed for rows of before that got values which break a rule that looks at this table alone."""
    differs = [was[c].ne_missing(now[c]) for c in was.columns]
    moved = now.select(pl.any_horizontal(*(s.alias(s.name) for s in differs)) if differs else pl.lit(False))
    alone = tuple(rule for rule in one.table.rules if set(_NAMED.findall(rule.query)) <= {one.table.name})
    asked = replace(one, table=replace(one.table, rules=alone))
    for label in now.filter(moved.to_series())["release"].unique().sort():
        refuse_broken(asked, label, now.filter(pl.col("release") == label), {})


def _made(one: Making, label: str) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Return what `by` makes of a release, and the tables it made it of."""
    before = one.before[label] if one.how.looks_back else None
    for other in one.held.keys() - {label, before}:  # each is read for itself and for the one after it
        del one.held[other]
    earlier = _tables(one, before) if before else None
    now = _tables(one, label)
    frame = one.how.by(earlier, now | {kind: _loaded(one, file) for kind, file in one.beside[label].items()})
    if strange := set(frame["release"].unique()) - {label}:
        raise ContractError(f"{one.table.name}: made for {label}, with rows of {', '.join(sorted(strange))}.")
    return frame, now


def _tables(one: Making, label: str) -> dict[str, pl.DataFrame]:
    """Return the tables of a release, which the one after it asks for too."""
    if label not in one.held:
        sources, only = one.sources[label], one.how.only
        one.held[label] = {name: _read(one.store, r, one.table.name, only.get(name)) for name, r in sources.items()}
    return one.held[label]


def _named(one: Making, label: str) -> dict[str, pl.DataFrame]:
    """Return the tables of a release that the rules name."""
    named = {name for rule in one.table.rules for name in _NAMED.findall(rule.query)}
    return {name: _read(one.store, r, one.table.name) for name, r in one.sources[label].items() if name in named}


def _loaded(one: Making, file: Companion) -> pl.DataFrame:
    """Return the rows of a loaded companion, with its first day; raises StoreError when it isn't what was loaded."""
    if file.path not in one.read:
        frame = companions.rows(one.store, file, f", and {one.table.name} is made of it. Nothing was published")
        one.read[file.path] = frame.select(pl.lit(file.effective_from).alias("effective_from"), pl.all())
    return one.read[file.path]


def _read(store: Store, resource: Resource, of: str = "", only: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rows of a file, of all columns or some.

    Raises StoreError when it can't be read or isn't what its manifest says.
    """
    cause: Exception | None = None
    try:
        data = store.get(resource.path)
        if f"sha256:{hashlib.sha256(data).hexdigest()}" == resource.hash:
            return pl.read_parquet(io.BytesIO(data), columns=list(only) if only else None)
        said = "its bytes aren't those of its manifest"
    except (pl.exceptions.PolarsError, StoreError) as error:
        said, cause = str(error).splitlines()[0].rstrip("."), error
    raise StoreError(
        f"{store}/{resource.path}: can't be read ({said}), but {of} of another release needs it. Nothing was "
        f"published. {command('verify', store)} says what is wrong with it; build {resource.release} again first."
    ) from cause
