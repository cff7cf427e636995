"""What a code is called: CMS's public words for Level II codes, and licensed text from a store of its own."""

from collections.abc import Mapping

import polars as pl

from pfsetl.declared import contracts
from pfsetl.errors import UsageError
from pfsetl.parsing.parse import LICENSED
from pfsetl.publication.published import labels_in_order
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.tables.descriptors import TABLE


def public(version: Version) -> dict[str, str]:
    """Return the public text of each code that has one, of the last release that says it."""
    if not any(one.table == "code_profile" for one in version.resources):
        return {}
    rows = version.scan("code_profile")
    if "text" not in rows.collect_schema():
        return {}
    return _last(rows.select("release", "hcpcs", "text"), version)


def licensed(version: Version) -> dict[str, str]:
    """Return CMS's descriptor of each code; raises UsageError for a store that holds none."""
    if version.classification == contracts.PUBLIC:
        made = command("build RVU26A --with-descriptors --descriptors-output STORE", "output")
        raise UsageError(f"{version.store}: no store of descriptors. With a licence, {made} makes one.")
    rows = version.scan(TABLE).filter(pl.col("modifier") == "").select("release", "hcpcs", text=LICENSED)
    return _last(rows, version)


def _last(rows: pl.LazyFrame, version: Version) -> dict[str, str]:
    found: dict[str, str] = {}
    for label in labels_in_order(version):
        each = (
            rows.filter(pl.col("release") == label, pl.col("text").is_not_null())
            .select("hcpcs", "text")
            .unique("hcpcs")
        )
        found.update(each.collect().iter_rows())
    return found


def together(version: Version, descriptors: Version | None) -> Mapping[str, str]:
    """Return the texts that a site may show: the public ones, and the licensed ones where a store of them is named."""
    return public(version) | (licensed(descriptors) if descriptors else {})
