"""The tables of a version that are made of several of its releases: each by one function, found here by its name.

They follow from the releases of a version alone, so the order in which those were built doesn't matter. That's why they
are made when a version is committed, not when a release is staged, and aren't part of a release's identity. The
contract says of each what it goes over: a file for each release against the one before, or one file over all releases,
in which only the rows of releases that are new, or follow a new one, are made anew (docs/decisions/0039).
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl
from msgspec import UNSET

from pfsetl.declared import registry
from pfsetl.declared.contracts import ALL_RELEASES, Contract, Table
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication.manifest import ALL, Resource
from pfsetl.publication.parquet import is_uniform
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.remedies import command
from pfsetl.storage.store import Store
from pfsetl.tables import columns, row_changes
from pfsetl.tables.check import check

Tables = Mapping[str, pl.DataFrame]
Put = Callable[[str, str, pl.DataFrame], Resource]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """How the rows of a release come about: `by` of its own tables and those of the release before it, if any.

    `of` are the tables that `by` reads. Raise `rule` when the same tables make other rows or the table gets other
    columns, so that every version to come has the new ones.
    """

    by: Callable[[Tables | None, Tables], pl.DataFrame]
    of: tuple[str, ...]
    rule: str


MADE_BY: Mapping[str, Made] = {"release_changes": Made(row_changes.release_changes, of=("rvu",), rule="1")}


def makers(contract: Contract) -> dict[str, Made]:
    """Return how each table of a contract that goes over several releases is made.

    Raises ContractError for one that nothing makes, or that is made of tables that no release has.
    """
    listed = {name: table.over for name, table in contract.tables.items() if table.over}
    for name, over in listed.items():
        of = MADE_BY[name].of if name in MADE_BY else ()
        strange = [x for x in of if x not in contract.tables or x in listed]
        if strange or not of:
            what = f"is made of {', '.join(strange)}, no table of a release" if of else "nothing makes it"
            raise ContractError(
                f"{name}: goes over {over}, and {what}. Give it a row in MADE_BY of publication/over_releases.py, made "
                "of tables of a release."
            )
    return {name: MADE_BY[name] for name in listed}


def is_over_releases(resource: Resource) -> bool:
    """Whether a file was made of several releases at commit, so that it's no part of the content of its release."""
    return resource.of is not UNSET or resource.table in MADE_BY


def releases_of(resource: Resource) -> dict[str, str]:
    """Return which releases a file over all releases holds, each with the identity of what its rows were made of."""
    of = resource.of if resource.release == ALL and resource.of is not UNSET else ()
    return dict(entry.split(" ", 1) for entry in of)


def predecessors(records: Mapping[str, ReleaseRecord]) -> dict[str, str | None]:
    """Return of each release the nearest earlier one among these, in CMS's order; samples follow samples alone."""
    known = {label: place for place, label in enumerate(registry.releases())}
    order = sorted(records, key=lambda x: (records[x].year, records[x].quarter, known.get(x, len(known)), x))
    found: dict[str, str | None] = {}
    for sample in (False, True):
        alike = [label for label in order if records[label].sample == sample]
        found |= dict(zip(alike, [None, *alike], strict=False))
    return found


def completed(
    store: Store,
    resources: Sequence[Resource],
    records: Mapping[str, ReleaseRecord],
    contract: Contract,
    put: Put,
    made: dict[Key, Resource],
    again: Iterable[str] = (),
) -> list[Resource]:
    """Return the resources of a version with every table that goes over several of its releases.

    What was made of the same tables before is taken over, from the version or from `made`, which is filled with what
    is made here; of the releases in `again` only when the object is still there. `put` stores a frame as a table of a
    release, or of `ALL`, and returns its resource. Raises StoreError for a table that this pfsetl can't make, and
    when a file that is needed isn't what the manifest says; ChecksFailed for rows that break the contract.
    """
    known, again = makers(contract), frozenset(again)
    there = {(r.table, r.release): r for r in resources if is_over_releases(r)}
    if strange := sorted({table for table, _ in there} - known.keys()):
        raise StoreError(
            f"{store}: {', '.join(strange)} goes over several releases, and this pfsetl can't make it for the next "
            "version. Nothing was published. Upgrade pfsetl."
        )
    result = [r for r in resources if not is_over_releases(r)]
    for name, how in known.items():
        sources = _sources(result, how)
        before = predecessors({label: records[label] for label in sources})
        one = _Making(store, contract, contract.tables[name], how, sources, before)
        for place, of in _files(one).items():
            kept = there.get((name, place))
            asked = again if place == ALL else again & {place}
            if kept and kept.of == of and not (asked and not _is_as_written(store, kept)):
                result.append(kept)
                continue
            if (name, *of) not in made:
                frame = _merged(one, kept, of) if place == ALL else _rows(one, place)
                made[name, *of] = msgspec.structs.replace(put(name, place, frame), of=of)
            result.append(made[name, *of])
    return result


@dataclass(frozen=True, slots=True)
class _Making:
    """One table that is made for a version: how, of which files, and each release against which one before."""

    store: Store
    contract: Contract
    table: Table
    how: Made
    sources: Mapping[str, Mapping[str, Resource]]
    before: Mapping[str, str | None]


def _sources(resources: Iterable[Resource], how: Made) -> dict[str, dict[str, Resource]]:
    """Return the files that the rows of each release are made of, of the releases that have them all."""
    found: dict[str, dict[str, Resource]] = {}
    for r in resources:
        if r.table in how.of:
            found.setdefault(r.release, {})[r.table] = r
    return {label: found[label] for label in sorted(found) if found[label].keys() >= set(how.of)}


def _files(one: _Making) -> dict[str, Key]:
    """Return the files of a table, each with what it's made of: one for each release, or one over all."""
    keys = {label: _key(one, label) for label in one.sources}
    if one.table.over != ALL_RELEASES:
        return keys
    return {ALL: tuple(f"{label} {hashlib.sha256(' '.join(of).encode()).hexdigest()}" for label, of in keys.items())}


def _key(one: _Making, label: str) -> Key:
    """Return the rule and the digests of the tables that the rows of a release are made of."""
    sides = (label, one.before[label])
    return one.how.rule, *(one.sources[side][name].digest if side else "" for name in one.how.of for side in sides)


def _merged(one: _Making, kept: Resource | None, of: Key) -> pl.DataFrame:
    """Return the rows of all releases: those that are as before from the file of before, the others made anew.

    A file of before that isn't there, or isn't what its manifest says, gives none: all are made anew.
    """
    wanted = dict(entry.split(" ", 1) for entry in of)
    same = {label for label, key in releases_of(kept).items() if wanted.get(label) == key} if kept else set()
    parts = []
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
    parts += [_rows(one, label) for label in wanted if label not in same]
    return pl.concat(parts).sort(one.table.key)


def _rows(one: _Making, label: str) -> pl.DataFrame:
    """Return the rows of one release, which the contract's rules of the table hold for."""
    before = one.before[label]
    now = {name: _read(one.store, r, one.table.name) for name, r in one.sources[label].items()}
    earlier = {name: _read(one.store, r, one.table.name) for name, r in one.sources[before].items()} if before else None
    frame = columns.shaped(one.how.by(earlier, now), one.table)
    if strange := set(frame["release"].unique()) - {label}:
        raise ContractError(f"{one.table.name}: made for {label}, with rows of {', '.join(sorted(strange))}.")
    check(label, {one.table.name: frame}, one.contract, now).accepting(()).raise_if_bad()
    return frame


def _is_as_written(store: Store, resource: Resource) -> bool:
    """Whether a file is there, and as this pfsetl writes files: docs/decisions/0026."""
    return store.exists(resource.path) and is_uniform(store.get(resource.path))


def _read(store: Store, resource: Resource, of: str = "") -> pl.DataFrame:
    """Return the rows of a file; raises StoreError when it can't be read or isn't what its manifest says."""
    cause: Exception | None = None
    try:
        data = store.get(resource.path)
        if f"sha256:{hashlib.sha256(data).hexdigest()}" == resource.hash:
            return pl.read_parquet(io.BytesIO(data))
        said = "its bytes aren't those of its manifest"
    except (pl.exceptions.PolarsError, StoreError) as error:
        said, cause = str(error).splitlines()[0].rstrip("."), error
    raise StoreError(
        f"{store}/{resource.path}: can't be read ({said}), but {of} of another release needs it. Nothing was "
        f"published. {command('verify', store)} says what is wrong with it; build {resource.release} again first."
    ) from cause
