"""Which columns of the published tables hold coded values, and which of their values have no words in `code_values`."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pfsetl import Version
from pfsetl.declared import contracts

FREE = {
    "release", "hcpcs", "section", "subsection", "parent_section", "max_hcpcs", "endoscopic_base", "previous_release",
    "previous_participant", "first_release", "last_release", "appeared_when_gone",
    "supersedes", "state", "locality", "counties", "mac", "macs", "locality_name", "fee_schedule_area", "file", "table",
    "member", "column", "code", "other", "old", "new", "text", "title", "meaning", "name", "note", "source",
    "archive_name", "archive_sha256", "url", "never_effective", "mue_rationale", "rbcs_id", "rbcs_category",
    "rbcs_subcategory", "rbcs_family", "missing", "indicator", "indicator_value",
}  # fmt: skip  # names, participants, codes of services and places, free text, and the values themselves
YES_OR_NO = {
    "has_parts", "add_on", "anesthesia", "endoscopy", "global_surgery", "imaging", "incident_to", "laboratory",
    "maternity", "radiology", "reporting_only", "supply", "test_or_radiology", "therapy", "timed", "paid",
    "in_nonfacility", "in_facility", "applies", "documentation_required",
}  # fmt: skip  # the column's name says it all
OWN_TABLE = (
    "modifier.modifier",
    "code_modifier.modifier",
)  # all other modifiers than those with rows of their own have words there
FREE_HERE = (
    "rejects.reason",  # a sentence with a line's number
    "source_lines.participant",  # empty for a table that doesn't tell them apart
)


def coded(table: contracts.Table) -> list[str]:
    """Columns of a table that hold coded values: text or yes and no, and not free."""
    whole = [f"{table.name}.{column.name}" for column in table.columns]
    return [
        column.name
        for column, name in zip(table.columns, whole, strict=True)
        if column.dtype in (pl.String, pl.Boolean)
        and column.name not in FREE | YES_OR_NO
        and name not in (*OWN_TABLE, *FREE_HERE)
    ]


def unsaid(version: Version, release: str, day: date) -> Iterator[str]:
    """Yield the values in the tables of a release that have no words on its first day, as table.column=value."""
    words = version.scan("code_values").filter(
        pl.col("valid_from") <= day, pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)
    )
    known = set(words.select("column", "code").collect().rows())
    there = {r.table for r in version.resources if r.release in (release, "all")}
    for name, table in contracts.load().tables.items():
        for column in coded(table) if name in there else ():
            values = version.scan(name, release).select(pl.col(column).drop_nulls().unique().cast(pl.String)).collect()
            yield from (f"{name}.{column}={v}" for v in values[column].sort() if (column, v) not in known)
