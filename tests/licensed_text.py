"""Finds text in published Parquet that could be a descriptor. CMS's descriptors are written in mixed case.

A text column has no lower-case letters unless it stands here, with what it may hold instead and why that can't be a
descriptor. Free text of CMS's that is published is place names, and its words for its own codes: those are told by the
code that they stand beside, a letter but D and four digits, and never by what they look like.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from pfsetl import Version
from pfsetl.declared import declarations

Found = tuple[str, str, str]
WORD = r"[a-z][a-z0-9_]*"  # names that this project gives: one word, all in lower case
SNAKE_CASE_WORDS = (
    "participant", "measure", "column", "table", "member", "change", "kind", "certainty", "relation", "population",
    "event", "standing", "not_compared", "previous_participant", "category", "effect", "setting", "indicator",
)  # fmt: skip
OWN_CODES = ("code_text.text", "code_profile.text")  # columns of words for CMS's own codes
OWN_CODE = r"^[ABCE-V]\d{4}$"


def _declared(files: str, *columns: str) -> str:
    rows = [pl.read_csv(file, infer_schema=False) for file in sorted(declarations.folder().glob(files))]
    return "|".join(re.escape(value) for one in rows for name in columns for value in one[name].drop_nulls().unique())


_HEADINGS = _declared("sections.csv", "section", "subsection")  # of CPT's own table of contents, by number range
_RULES = _declared("reductions.csv", "source")
MAY_HAVE_LOWER_CASE = dict.fromkeys(SNAKE_CASE_WORDS, WORD) | {
    "payment_national.reason": WORD,
    "payment_locality.reason": WORD,
    "code_modifier.reason": WORD,
    "code_history.reason": WORD,
    "rejects.reason": rf"repeats line \d+|{WORD} isn't text of the form .*",
    "release_changes.old": rf"true|false|{_HEADINGS}",  # cells of rvu as text
    "release_changes.new": rf"true|false|{_HEADINGS}",
    "code_values.code": rf"{WORD}|as printed|by the quarter rule",
    "code_values.title": _declared("words/titles.csv", "title"),  # this project's own words
    "code_values.source": _declared("words/titles.csv", "source"),
    "code_values.meaning": "|".join((_declared("words/values.csv", "meaning"), _declared("codes/*.csv", "meaning"))),
    "modifier.name": _declared("modifiers.csv", "name"),
    "modifier.note": _declared("modifiers.csv", "note"),
    "modifier.source": rf"(?:(?:; )?(?:{_RULES}))+|{_declared('modifiers.csv', 'source')}",
    "section": rf"(?:{_HEADINGS})(?:: (?:{_HEADINGS}))?|HCPCS Level II [A-Z]",
    "parent_section": _HEADINGS,
    "subsection": _HEADINGS,
    "locality_name": ".*",  # place names as CMS prints them, from GPCI files
    "counties": ".*",  # the same, from LOCCO files
    "fee_schedule_area": ".*",
    "file": r".*\.(?:csv|txt|xlsx)",  # names of CMS's files
    "archive_name": r"[^ ]*(?:\.zip)?",
    "archive_sha256": "[0-9a-f]{64}",
    "url": r"https?://\S+",
    "note": _declared("releases.csv", "note"),  # this project's own words
    "code_profile.missing": r"[a-z_]+(?:, [a-z_]+)*",  # kinds of files
    "source": _declared("conversion_factors.csv", "source"),
}


def lower_case(values: Iterable[Found]) -> list[Found]:
    """Return the values with a lower-case letter where none may be."""
    return [found for found in values if re.search("[a-z]", found[2]) and not _may(found)]


def occurring(values: Iterable[Found], descriptors: Iterable[str]) -> list[Found]:
    """Return the values that are a descriptor, or have one of some length in them; headings are told by their list."""
    known, found = set(descriptors), list(values)
    long = pl.Series([descriptor for descriptor in known if len(descriptor) > 7], dtype=pl.String)
    told = pl.Series([value for _, _, value in found], dtype=pl.String).unique()
    having = known.union(told.filter(told.str.contains_any(long.implode())))
    headings = re.compile(str(MAY_HAVE_LOWER_CASE["section"]))
    return [f for f in found if f[2] in having and not headings.fullmatch(f[2])]


def texts(version: Version, release: str | None = None) -> Iterator[Found]:
    """Yield every distinct text of every string column of every Parquet file: table, column, value."""
    for resource in version.resources:
        if release in (None, resource.release):
            yield from texts_of(resource.table, Path(version.store.uri(resource.path)))


def texts_of(table: str, path: Path) -> Iterator[Found]:
    """Yield every distinct text of every string column of one Parquet file, without words for CMS's codes."""
    scanned = pl.scan_parquet(path)
    schema = scanned.collect_schema()
    asked = {column: pl.col(column) for column, dtype in schema.items() if dtype == pl.String}
    for column in asked.keys() & {name.removeprefix(f"{table}.") for name in OWN_CODES}:
        if "hcpcs" in schema:
            asked[column] = asked[column].filter(pl.col("hcpcs").str.contains(OWN_CODE).not_())
    found = scanned.select(texts.drop_nulls().unique().implode() for texts in asked.values()).collect()
    for column in found.columns:
        yield from ((table, column, value) for value in found[column].item())


def _may(found: Found) -> bool:
    table, column, value = found
    pattern = MAY_HAVE_LOWER_CASE.get(f"{table}.{column}") or MAY_HAVE_LOWER_CASE.get(column)
    return pattern is not None and re.fullmatch(pattern, value, re.DOTALL) is not None
