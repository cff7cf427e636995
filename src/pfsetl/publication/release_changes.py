"""The table `release_changes` of a version: each release against the nearest earlier one that the version holds.

It follows from the releases of a version alone, so the order in which they were built doesn't matter. That's why it
is made when a version is committed, not when a release is staged, and isn't part of a release's identity.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import polars as pl

from pfsetl.declared import registry
from pfsetl.errors import StoreError
from pfsetl.publication.manifest import Resource
from pfsetl.publication.parquet import is_uniform
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.remedies import command
from pfsetl.storage.store import Store
from pfsetl.tables import row_changes

TABLE = "release_changes"
RULE = "1"  # raise it when the same two releases make other rows, so that every version to come has the new ones

Put = Callable[[str, pl.DataFrame], Resource]


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
    put: Put,
    made: dict[tuple[str, ...], Resource],
    again: Iterable[str] = (),
) -> list[Resource]:
    """Return the resources of a version with the `release_changes` of every release that has `rvu`.

    What was made of the same two tables before is taken over, from the version or from `made`, which is filled with
    what is made here; of the releases in `again` only when the object is still there. `put` stores a frame and
    returns its resource.
    """
    tables = {r.release: r for r in resources if r.table == "rvu"}
    there = {r.release: r for r in resources if r.table == TABLE}
    before_it = predecessors({label: records[label] for label in tables})
    result = [r for r in resources if r.table != TABLE]
    for label in sorted(tables):
        before = before_it[label]
        of = (RULE, tables[label].digest, tables[before].digest if before else "")
        kept = there.get(label)
        if kept and kept.of == of and (label not in again or _is_as_written(store, kept)):
            result.append(kept)
            continue
        if of not in made:
            old = _read(store, tables[before]) if before else None
            resource = put(label, row_changes.release_changes(old, _read(store, tables[label])))
            made[of] = msgspec.structs.replace(resource, of=of)
        result.append(made[of])
    return result


def _is_as_written(store: Store, resource: Resource) -> bool:
    """Whether a file is there, and as this pfsetl writes files: docs/decisions/0026."""
    return store.exists(resource.path) and is_uniform(store.get(resource.path))


def _read(store: Store, resource: Resource) -> pl.DataFrame:
    try:
        return pl.read_parquet(io.BytesIO(store.get(resource.path)))
    except (pl.exceptions.PolarsError, StoreError) as error:
        raise StoreError(
            f"{store}/{resource.path}: can't be read, but the changes to another release need it. Nothing was "
            f"published. {command('verify', store)} says what is wrong with it; build "
            f"{resource.release} again first."
        ) from error
