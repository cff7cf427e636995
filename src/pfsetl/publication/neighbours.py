"""The releases beside another in a store, before it and after it, and what moved between them."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.publication.publish import StagedRelease
from pfsetl.publication.store import Store
from pfsetl.tables.check import Finding
from pfsetl.tables.drift import Neighbour, drift

QUARTERS = 8  # farther away a release says little about another
_TABLES = ("gpci", "conversion_factor")
_COLUMNS = {
    "gpci": ["state", "locality", "work_gpci", "pe_gpci", "mp_gpci"],
    "conversion_factor": ["participant", "conversion_factor"],
}


def moved(
    release: Release,
    tables: Mapping[str, pl.DataFrame],
    store: Store,
    records: Mapping[str, Mapping[str, Any]],
    resources: Iterable[Mapping[str, Any]],
) -> list[Finding]:
    """Hold a release against the nearest one before and after it among these records; samples are left out.

    A neighbor that can't be read is a warning: a damaged file must not keep a sound release from being published.
    """
    place = {label: at for at, label in enumerate(registry.releases())}

    def order(label: str, year: int, quarter: int) -> tuple[int, int, int, str]:
        return year, quarter, place.get(label, len(place)), label

    here = order(release.label, release.year, release.quarter)
    others = {
        order(label, r["year"], r["quarter"]): label
        for label, r in records.items()
        if not r["sample"]
        and label != release.label
        and abs(4 * (r["year"] - release.year) + r["quarter"] - release.quarter) <= QUARTERS
    }
    before, after = (o for o in others if o < here), (o for o in others if o > here)
    sides = {"before": others.get(max(before, default=here)), "after": others.get(min(after, default=here))}
    paths = {(str(r["release"]), str(r["table"])): str(r["path"]) for r in resources}
    near, unread = [], []
    for side, label in sides.items():
        if label is None:
            continue
        try:
            gpci, factors = (_read(store, paths[label, name], name) for name in _TABLES)
            near.append(Neighbour(side, label, records[label]["year"], gpci, factors))
        except (KeyError, StoreError, pl.exceptions.PolarsError, OSError) as error:
            said = f"{label} can't be read, so what moved since isn't known: {str(error).splitlines()[0]}"
            unread.append(Finding("gpci", f"indices_unchanged_{side}", "warn", said, 1))
    return drift(tables, release, near) + unread


def held_against(
    one: StagedRelease,
    store: Store,
    records: Mapping[str, Mapping[str, Any]],
    resources: Iterable[Mapping[str, Any]],
) -> StagedRelease:
    """Return a staged release whose record says what moved against its neighbors, now that all of them are known."""
    if one.record["sample"]:
        return one
    release = registry.find_or_infer(one.release)
    paths = {str(r["table"]): str(r["path"]) for r in one.resources}
    tables = {name: _read(store, paths[name], name) for name in _TABLES}
    found = moved(release, tables, store, records, resources)
    names = {f"{f.table}.{f.check}": f.violations for f in found}
    kept = [w for w in one.record["warnings"] if f"{w['table']}.{w['check']}" not in names]
    warnings = kept + [asdict(f) for f in found if f.violations]
    return replace(one, record=one.record | {"checks": one.record["checks"] | names, "warnings": warnings})


def _read(store: Store, path: str, table: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(store.get(path)), columns=_COLUMNS[table])
