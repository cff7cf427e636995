"""Whether a store is what its builds made: every file, the chain of versions, and what readers that glob read."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication import catalog, chain, manifest, objects, over_releases, registered, rehash, version
from pfsetl.publication.digest import rows_digest
from pfsetl.publication.manifest import Resource
from pfsetl.publication.staging import content_of
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.upkeep import layout, unversioned
from pfsetl.upkeep.unversioned import without_place


@dataclass(slots=True)
class Proof:
    """What a verify found: files that were looked at, problems by file with their remedy, and what is worth telling.

    `newest` is the number and sha256 of the newest manifest: whoever keeps it elsewhere can hold the whole chain to it.
    """

    versions: list[int]
    newest: tuple[int, str] = (0, "")
    files: set[str] = field(default_factory=set)
    bad: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def verify(store: Store, at: int | None = None, *, deep: bool = False) -> Proof:
    """Look at every file of a store, or of one version; `deep` counts and digests the rows of each table again.

    Nothing is changed. Without `at`, the chain, Iceberg tables, companions, records, `latest` and trees are looked
    at too.
    """
    numbers = version.numbers(store) if at is None else [at]
    proof, seen = Proof(numbers), _Seen()
    trees = store if at is None and isinstance(store, LocalStore) else None
    opened = _opened(proof, store, numbers, seen, trees, deep=deep)
    for name, problem in rehash.verified((at.store, at.resources) for at in opened):
        _add(proof, name, problem)
    hashes = seen.hashes
    if hashes:
        proof.newest = (max(hashes), hashes[max(hashes)])
    for name, problem in seen.contradictions.items():
        _add(proof, name, problem)
    _rows(proof, store, seen.tables)
    if at is None:
        _chain(proof, store, seen)
        _catalog(proof, store, seen)
        for name, problem, harmless in registered.problems(store, hashes):
            _add(proof, name, problem, harmless=harmless)
        for name, problem, harmless in unversioned.problems(store, max(hashes, default=0)):
            _add(proof, name, problem, harmless=harmless)
        if trees:
            for name, problem in layout.wrong(trees, seen.trees, set(numbers)):
                _add(proof, name, problem)
        _unreferenced(proof, store)
    return proof


@dataclass(slots=True)
class _Seen:
    """What is kept of manifests that were looked at one at a time, so that memory doesn't grow with their number.

    Of a store it's what its files have to be, the chain, and problems: of manifests by name, of trees in their order.
    """

    hashes: dict[int, str] = field(default_factory=dict)
    links: dict[int, chain.Link] = field(default_factory=dict)
    contradictions: dict[str, str] = field(default_factory=dict)
    tables: dict[tuple[str, int, str], tuple[str, str]] = field(default_factory=dict)
    trees: list[tuple[str, str]] = field(default_factory=list)
    listed: dict[int, catalog.Summary] = field(default_factory=dict)


def _opened(
    proof: Proof, store: Store, numbers: Iterable[int], seen: _Seen, trees: LocalStore | None, *, deep: bool
) -> Iterator[Version]:
    """Yield each version whose manifest can be read, once all is taken down that later steps ask of it."""
    for number in numbers:
        name = manifest.name(number)
        proof.files.add(name)
        try:
            data = store.get(name)
            seen.hashes[number] = rehash.sha256([data])
            at = version.of_bytes(store, number, data)
        except StoreError as error:
            _add(proof, name, without_place(error, store, name))
            continue
        seen.links[number] = chain.link(at.manifest)
        seen.listed[number] = catalog.summary(at)
        for problem in _of_manifest(proof, at):
            seen.contradictions.setdefault(name, problem)
        if deep:
            seen.tables |= {(r.path, r.rows, r.digest): (r.table, manifest.to_build(r)) for r in at.resources}
        if trees:
            seen.trees += layout.tree(trees, at)
        yield at


def _add(proof: Proof, name: str, problem: str, *, harmless: bool = False) -> None:
    if harmless:
        proof.notes.setdefault(name, problem)
        return
    proof.files.add(name)
    if problem:
        proof.bad.setdefault(name, problem)


def _chain(proof: Proof, store: Store, seen: _Seen) -> None:
    try:
        breaks = list(chain.breaks(store, seen.hashes, seen.links))
    except StoreError as error:
        breaks = [chain.Break(chain.FOLDER, without_place(error, store, chain.FOLDER))]
    for found in breaks:
        _add(proof, found.file, found.problem, harmless=found.harmless)


def _catalog(proof: Proof, store: Store, seen: _Seen) -> None:
    try:
        published = chain.read(store).published
    except StoreError:  # told with the chain
        published = {}
    told = {n: said for n, said in seen.listed.items() if published.get(n, seen.hashes[n]) == seen.hashes[n]}
    for name, problem, harmless in catalog.problems(store, told) if len(told) == len(proof.versions) else ():
        if harmless:
            proof.notes[name] = problem
        else:
            _add(proof, name, f"{problem}; {command('repair', store)} makes it anew")


def _of_manifest(proof: Proof, at: Version) -> Iterator[str]:
    """Hold a manifest against itself: yield what contradicts the rest, and note what it's made without."""
    tables: dict[str, list[Resource]] = {label: [] for label in at.releases}
    for r in at.resources:
        if r.release in tables and not over_releases.is_over_releases(r):
            tables[r.release].append(r)
    for label, entry in at.releases.items():
        if content_of(tables[label], entry) != entry.content:
            yield f"the content of {label} isn't that of its tables; restore it from a copy"
    for r in (r for r in at.resources if r.path not in objects.names(r.table, r.release, r.digest)):
        yield f"{r.path} isn't the name of its rows; restore the manifest from a copy"
    for r in at.resources:
        if r.release == manifest.ALL:
            held = manifest.releases_of(r).keys()
            if strange := sorted(held - at.releases.keys()):
                yield f"{r.path} holds {strange[0]}, which has no record; restore the manifest from a copy"
            if lacking := sorted(at.releases.keys() - held if held else ()):
                proof.notes[r.path] = (
                    f"without {', '.join(lacking)}, which lack what it's made of; build them again to add them"
                )


def _rows(proof: Proof, store: Store, tables: Mapping[tuple[str, int, str], tuple[str, str]]) -> None:
    """Count and digest the rows of every object once; one table is in memory at a time.

    `tables` are by path, rows and digest the name of each table and what to build to have it again.
    """
    for (path, rows, digest), (table, remedy) in tables.items():
        if path in proof.bad:
            continue
        known = contracts.find_table(table)
        try:
            frame = pl.read_parquet(io.BytesIO(store.get(path)))
            if frame.height != rows:
                _add(
                    proof, path, f"{frame.height:,} rows, the manifest says {rows:,}; restore the manifest from a copy"
                )
            elif known is None:
                proof.notes[path] = "a table this pfsetl doesn't know; its rows weren't digested"
            elif rows_digest(contracts.conform(frame, known)) != digest:
                _add(proof, path, f"its rows aren't those of its digest; move it away and build {remedy} again")
        except ContractError:
            proof.notes[path] = "of another version of the contract; its rows were counted, not digested"
        except (pl.exceptions.PolarsError, OSError):
            _add(proof, path, f"not Parquet that can be read; move it away and build {remedy} again")


def _unreferenced(proof: Proof, store: Store) -> None:
    """Note files that no version names; where a manifest is gone or can't be read, nobody can say which those are."""
    if any(name.startswith("versions/") for name in proof.bad):
        return
    tables = sorted(
        {*contracts.load().tables, *(name.split("/")[1] for name in proof.files if name.startswith("objects/"))}
    )
    tidy = command(f"prune --keep {max(len(proof.versions), 1)} --yes", store)  # removes no version
    for folder in ("schemas", *(f"objects/{table}" for table in tables)):
        for name in _names(proof, store, folder):
            if name not in proof.files:
                proof.notes[name] = f"no version names it; {tidy} removes it once it's a day old"


def _names(proof: Proof, store: Store, folder: str) -> list[str]:
    try:
        return store.names(folder)
    except StoreError as error:
        _add(proof, folder, without_place(error, store, folder))
        return []
