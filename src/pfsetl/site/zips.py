"""Files of ZIP codes: the locality of each, in every ZIP file that is loaded beside the releases."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from pfsetl.publication import companions
from pfsetl.publication.version import Version
from pfsetl.site.files import encoded

TABLE = "zip_locality"


def zip_files(version: Version) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    """Yield (what is told of a ZIP file, JSON by first digit): `{"places": {"CA/18": "9000190002"}, "split": "94941"}`.

    ZIP codes are five digits each, one after the other; those in `split` lie in several localities.
    """
    if not companions.loaded(version.store, TABLE):
        return
    for file in companions.used(version.store, TABLE):
        rows = file.frame(version.store).sort("zip").with_columns(digit=pl.col("zip").str.head(1))
        parts = rows.partition_by("digit", as_dict=True, maintain_order=True)
        told = {"from": str(file.effective_from), "name": file.file, "sample": file.sample}
        yield told, {str(digit): _content(part) for (digit,), part in parts.items()}


def _content(rows: pl.DataFrame) -> bytes:
    placed = rows.group_by("state", "locality").agg(pl.col("zip").str.join("")).sort("state", "locality")
    places = {f"{state}/{locality}": zips for state, locality, zips in placed.iter_rows()}
    return encoded({"places": places, "split": "".join(rows.filter("plus_four")["zip"])})
