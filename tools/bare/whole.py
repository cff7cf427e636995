"""What somebody writes in polars who wants every table of RVU25A, once, and has no other release.

Nothing is checked, compared, digested or said, and of each file one format is read. Two tables of a build aren't made:
`releases`, one row, which says where the bytes came from, and `release_changes`, which has no rows in a first release.
What is declared (sections, modifiers, rules, words) is read from `schemas/` as it stands there.
"""

from pathlib import Path

from tools.bare import bins, codes, modifiers, release, source, words

PARTS = (release, bins, source, modifiers, codes, words)
TABLES = tuple(name for part in PARTS for name in part.TABLES)


def by_polars(archive: Path, folder: Path) -> None:
    """Write the tables, each as one Parquet file."""
    lines = source.read(archive)
    made = release.tables(lines.rvu, lines.gpci, folder)
    bins.tables(made, folder)
    text = source.tables(lines, folder)
    with_modifiers = modifiers.tables(made, folder)
    codes.tables(made, text, with_modifiers, folder)
    words.tables(folder)
