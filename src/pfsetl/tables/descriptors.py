"""The descriptors of a release as a table of its own, which the public contract doesn't have."""

from collections.abc import Sequence

import polars as pl

from pfsetl.declared import contracts
from pfsetl.declared.registry import Release
from pfsetl.parsing.parse import LICENSED, Parsed

TABLE = "descriptor"


def descriptor(parsed: Sequence[Parsed], release: Release) -> pl.DataFrame:
    """Return what CMS calls each service, one row per row of `rvu`, in key order; null where it is blank."""
    table = contracts.descriptors().tables[TABLE]
    parts = [
        p.frame.select(
            "hcpcs", "modifier", LICENSED, release=pl.lit(release.label), participant=pl.lit(p.raw.participant)
        )
        for p in parsed
        if LICENSED in p.frame.columns and p.raw.member in table.members
    ]
    return pl.concat([table.empty(), *(part.select(table.schema.names()) for part in parts)]).sort(table.key)
