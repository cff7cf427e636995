"""What a new revision of a release takes away from the published one."""

from collections.abc import Mapping

import polars as pl

from pfsetl.checks import completeness
from pfsetl.checks.check import WHOLE, Finding
from pfsetl.declared.registry import Release
from pfsetl.errors import StoreError
from pfsetl.publication.version import Version


def lost(release: Release, tables: Mapping[str, pl.DataFrame], base: Version, *, sample: bool) -> list[Finding]:
    """Compare the tables of a release with those that the base version has of it; nothing where it has none.

    Only keys and statuses are read. A whole release takes the place of a sample, and a sample that of a sample; a
    sample over a whole release loses it. A published file that can't be read is a warning: a damaged file must not
    keep a sound one from being published.
    """
    before = base.releases.get(release.label)
    if before is None or before.sample:
        return []
    revision = f"{release.label} revision {before.revision}"
    if sample:
        return [completeness.replaced_by_sample(revision, before.rvu_rows)]
    names = {r.table for r in base.resources if r.release == release.label}
    compared = [name for name in tables if name in names and completeness.columns(name)]
    try:
        was = {name: base.scan(name, release.label).select(completeness.columns(name)).collect() for name in compared}
    except (StoreError, pl.exceptions.PolarsError, OSError) as error:
        said = f"{revision} can't be read, so whether rows of it are gone isn't known: {str(error).splitlines()[0]}"
        return [Finding("rvu", "rows_kept", "warn", said, 1, (), WHOLE, counted=True)]
    return completeness.lost(was, tables, revision)
