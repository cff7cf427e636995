"""Open, read and verify published versions. A version is a manifest: the whole file set, with hashes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from pfsetl.declared import calendar, contracts
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError, UsageError
from pfsetl.publication import chain, companions, copying, digest, rehash
from pfsetl.publication import manifest as manifests
from pfsetl.publication.companions import Companion
from pfsetl.publication.manifest import ALL, About, Manifest, Resource
from pfsetl.publication.release_record import ReleaseRecord, release_of
from pfsetl.remedies import command, first_build
from pfsetl.storage.opening import as_store
from pfsetl.storage.scanning import scan_files
from pfsetl.storage.store import Store

SHOWN = 3  # releases that a version names when it's printed


@dataclass(frozen=True, slots=True)
class Version:
    """One published version: `number` 0 is the empty store. Its manifest is a Data Package descriptor."""

    store: Store
    number: int
    manifest: Manifest = field(hash=False)  # `sha256` stands for it
    sha256: str = ""  # of the manifest's bytes, "" of the empty store

    def __repr__(self) -> str:
        held = sorted(self.releases)
        shown = ", ".join(held) if len(held) <= SHOWN else f"{len(held)} releases, {held[0]} to {held[-1]}"
        return f"<Version {self.number} of {self.store}: {shown or 'nothing published'}>"

    @property
    def releases(self) -> Mapping[str, ReleaseRecord]:
        """The record of every release in this version: archive, members, checks, changes."""
        return self.manifest.pfsetl.releases

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Every file of this version: table, release, path, rows, bytes, hash, digest."""
        return self.manifest.resources

    @property
    def companions(self) -> tuple[Companion, ...]:
        """What is loaded in the store beside its versions: kind, first day, file, sha256, rows of each file."""
        kinds = contracts.companions().tables
        return tuple(one for kind in kinds for one in companions.loaded(self.store, kind))

    @property
    def classification(self) -> str:
        """`restricted` for a store of licensed text, else `public`."""
        return self.manifest.pfsetl.classification or contracts.PUBLIC

    @property
    def created(self) -> str:
        """When the version was committed, UTC."""
        return self.manifest.created

    @property
    def run(self) -> str | None:
        """The id of the run that committed the version, None where it wasn't recorded."""
        return self.manifest.pfsetl.run or None

    def withdrawn(self, label: str) -> str:
        """Return a sentence on the withdrawal of a release, with a blank after it, "" where it wasn't withdrawn."""
        told = (self.manifest.pfsetl.withdrawn or {}).get(label)
        return f"It was withdrawn on {told.on[:10]} after version {told.version}: {told.why}. " if told else ""

    def release(self, label: str) -> Release:
        """Return a release of this version as it's declared, or as it was published where it isn't.

        Its label isn't case sensitive, here and in the other methods. Raises UsageError where the version lacks it.
        """
        held = self._held(label)
        return release_of(held, self.releases[held])

    def files(self, table: str, release: str | None = None) -> list[str]:
        """Return the addresses of a table's Parquet files, of one release or of all.

        A table over all releases, or of what is declared alone, is one file, with all its rows; a companion's are those
        of its loads.
        """
        if table in contracts.companions().tables:
            return [self.store.uri(c.path) for c in companions.used(self.store, table, self._first_day(release))]
        return [self.store.uri(r.path) for r in self._parts(table, release)]

    def files_of(self, release: str) -> list[Resource]:
        """Return the files with rows of one release: its own, and those of tables over all releases."""
        return [r for r in self.resources if r.release in (self._held(release), ALL)]

    def scan(self, table: str, release: str | None = None) -> pl.LazyFrame:
        """Return a table as a LazyFrame, of one release or of all; of what is declared alone it's always the whole.

        Of a companion (`zip_locality`, `mue` and others), which no version holds, it's what is loaded in the
        store: every file, or the one that holds on the first day of the release; `effective_from` is its first day.

        >>> version.scan("rvu", "RVU26A").filter(hcpcs="97761").collect()  # doctest: +SKIP
        """
        if table in contracts.companions().tables:
            return companions.scan(self.store, table, self._first_day(release))
        parts = self._parts(table, release)
        paths = [r.path for r in parts]
        there = {name for folder in {p.rpartition("/")[0] for p in paths} for name in self.store.names(folder)}
        if gone := [self.store.uri(p) for p in paths if p not in there]:
            raise StoreError(
                f"{gone[0]}: missing. {command('verify', self.store)} lists what is; build the release "
                "again to restore it."
            )
        found = scan_files(self.store, *paths)
        if release is not None and any(manifests.releases_of(r) for r in parts):
            return found.filter(pl.col("release") == self._held(release))
        return found

    def verify(self) -> Iterator[tuple[str, str]]:
        """Rehash every file and schema; yield (file, problem), problem "" where it is what the manifest says."""
        yield from rehash.verified([(self.store, self.resources)])

    def export(self, folder: str | Path) -> list[Path]:
        """Copy the version into a new folder as `<table>/<release>.parquet` with its `datapackage.json`.

        Raises StoreError, and leaves nothing, when a file isn't what the manifest says.
        """
        return copying.copied(self.store, self.manifest, Path(folder))

    def table_digest(self, table: str, release: str) -> str:
        """Return the digest of a table's rows as they can be read now."""
        frame, known = self.scan(table, release).collect(), contracts.find_table(table)
        if known is None:
            raise UsageError(f"{table}: a table this pfsetl doesn't know. Upgrade pfsetl to take its digest.")
        return digest.rows_digest(contracts.conform(frame, known))

    def _parts(self, table: str, release: str | None) -> list[Resource]:
        known = sorted({r.table for r in self.resources})
        if table not in known:
            beside = f"Beside the versions: {', '.join(contracts.companions().tables)}."
            beside = beside if self.number else first_build(self.store)
            raise UsageError(
                f"{table}: no such table in version {self.number}. There are {', '.join(known) or 'none'}. "
                + (beside if self.classification == contracts.PUBLIC else "The other tables are in the public store.")
            )
        held = None if release is None else self._held(release)
        return [r for r in self.resources if r.table == table and (held is None or r.release in (held, ALL))]

    def _held(self, release: str) -> str:
        label = str(release).strip().upper()
        if label not in self.releases:
            there = ", ".join(self.releases)
            raise UsageError(f"{release}: not in version {self.number}, which holds {there or 'nothing'}.")
        return label

    def _first_day(self, release: str | None) -> date | None:
        return None if release is None else calendar.formula_day(self.release(release))


def open_version(address: str | Path | Store, number: int | None = None) -> Version:
    """Open a version of a store, the newest by default.

    Raises StoreError for a damaged manifest or one written by a newer pfsetl, and where the newest was published and is
    gone; UsageError for an unknown number.
    """
    store = as_store(address)
    there = numbers(store)
    if number is not None and not isinstance(number, int):
        raise UsageError(f"version {number!r}: give its number as a whole number without quotes, like 2.")
    if number is None:
        chain.refuse_later_gone(store, there[-1] if there else 0)
        return load(store, there[-1]) if there else empty(store)
    if number not in there:
        if not there:
            raise UsageError(f"{store}: no version {number}, nothing is published there. {first_build(store)}")
        raise UsageError(f"{store}: no version {number}. There are {there[0]} to {there[-1]}.")
    return load(store, number)


def load(store: Store, number: int) -> Version:
    """Return a version whose number is known; raises StoreError where its manifest can't be read."""
    return of_bytes(store, number, store.get(manifests.name(number)))


def of_bytes(store: Store, number: int, data: bytes) -> Version:
    """Return the version whose manifest has these bytes; raises StoreError where they aren't one."""
    return Version(store, number, manifests.read(store, number, data), rehash.sha256([data]))


def newest(store: Store, known: Version) -> Version:
    """Return the newest version of a store: `known` itself, unparsed, while its manifest is the newest one.

    Raises StoreError for a damaged manifest or one written by a newer pfsetl.
    """
    there = numbers(store)
    if not there:
        return empty(store)
    data = store.get(manifests.name(there[-1]))
    if (there[-1], rehash.sha256([data])) == (known.number, known.sha256):
        return known
    return of_bytes(store, there[-1], data)


def numbers(store: Store) -> list[int]:
    """Return the numbers of all versions of a store, oldest first; names that no build writes are passed over."""
    found = (manifests.number_of(name) for name in store.names("versions"))
    return sorted(number for number in found if number)


def empty(store: Store) -> Version:
    """Return version 0, which holds nothing."""
    return Version(store, 0, Manifest(created="", resources=(), pfsetl=About(format=manifests.FORMAT, releases={})))
