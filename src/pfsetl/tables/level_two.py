"""CMS's own words for its own codes, HCPCS Level II without dental codes: the only text of a code that is public.

Words for CPT codes are the AMA's, those for D codes the ADA's; they're never in a public table
(docs/decisions/0020-descriptors.md).
"""

from collections.abc import Sequence

import polars as pl

from pfsetl.declared import registry
from pfsetl.declared.contracts import Table
from pfsetl.declared.registry import Release
from pfsetl.parsing.parse import LICENSED, Parsed

# NOTE: four digits, and never told by the text itself: 0001F, 0075T and 0001U are CPT codes, D0120 is the ADA's.
OWN_CODE = r"^[ABCE-V][0-9]{4}$"


def code_text(parsed: Sequence[Parsed], release: Release, table: Table) -> pl.DataFrame:
    """Return CMS's words for each of its own codes that has any, one row a code: those of the whole service."""
    asked = [p for p in parsed if p.raw.member in table.members and LICENSED in p.frame.columns]
    asked.sort(key=lambda p: (not registry.is_everyone(p.raw.participant), p.raw.participant))
    parts = [
        p.frame.filter(pl.col("hcpcs").str.contains(OWN_CODE))
        .select("hcpcs", "modifier", text=pl.col(LICENSED).str.strip_chars())
        .filter(pl.col("text") != "")
        .sort("hcpcs", "modifier")
        for p in asked
    ]
    if not parts:
        return table.empty()
    said = pl.concat(parts).unique("hcpcs", keep="first", maintain_order=True)
    return said.select(pl.lit(release.label).alias("release"), "hcpcs", "text").sort(table.key)
