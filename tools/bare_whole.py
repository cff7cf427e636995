"""What somebody writes in polars who wants every table of RVU25A, once, and has no other release.

Nothing is checked, compared, digested or said, and of each file one format is read. Two tables of a build aren't made:
`releases`, one row, which says where the bytes came from, and `release_changes`, which has no rows in a first release.
What is declared (sections, modifiers, rules, words) is read from `schemas/` as it stands there.
"""

from pathlib import Path

from tools import bare_bins, bare_codes, bare_modifiers, bare_release, bare_source, bare_words

PARTS = (bare_release, bare_bins, bare_source, bare_modifiers, bare_codes, bare_words)
TABLES = tuple(name for part in PARTS for name in part.TABLES)


def by_polars(archive: Path, folder: Path) -> None:
    """Write the tables, each as one Parquet file."""
    lines = bare_source.read(archive)
    made = bare_release.tables(lines.rvu, lines.gpci, folder)
    bare_bins.tables(made, folder)
    text = bare_source.tables(lines, folder)
    modifiers = bare_modifiers.tables(made, folder)
    bare_codes.tables(made, text, modifiers, folder)
    bare_words.tables(folder)
