"""Write docs/coverage.md: which releases were read from which real files, in which layouts, and which never.

Usage: python tools/write_coverage.py FOLDER_OF_CMS_ARCHIVES
"""

import sys
from pathlib import Path

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.declared.records.shapes import SHAPES
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read, read_others
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.source.archive import open_archive

PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"
HEAD = """\
# What was read, and what never was

`python tools/write_coverage.py FOLDER` writes this page from the archives in a folder: every file of each was
read and typed, in the layouts named. A release that isn't listed as read was never seen by this project: it builds
when its files have a declared shape, and is refused with a comparison to the nearest one when they don't. The
2003-2008 and 2010 archives are such; from CMS's documents the wide text layout (W206) probably holds for 2007, 2008
and 2010, but nobody here has checked it.

| release | rows | files read | layouts |
|---|---|---|---|
"""
BESIDE = """\

## Files beside the releases

What is known of each layout, by `schemas/layouts/shapes.csv`. One of which no file of CMS's was at hand is read as CMS
documents it, and was tested with files made in that layout: a file that differs is refused with a comparison, never
read wrong.

| kind | layout | of | known from |
|---|---|---|---|
"""


PAYERS = """\

## Files of payers' rates

| file | versions | known from |
|---|---|---|
| in-network (Transparency in Coverage) | 2.0 | CMS's schema and its three examples (CMSgov/price-transparency-guide) |
| in-network | 1.x | CMS's schema; tested with files made by it, no payer's file was at hand |
| hospital JSON, and tall CSV | 3.0 | CMS's schema and two examples (CMSgov/hospital-price-transparency) |
| hospital wide CSV | 3.0 | CMS's data dictionary; tested with files made by it |
| hospital JSON and CSV | 2.x | CMS's data dictionary; tested with files made by it |
"""


def beside() -> str:
    """Return which kinds of companions there are, in which layouts, and where each is known from."""
    kinds = {row.companion: None for row in declarations.rows(COMPANIONS)}
    shapes = [row for kind in kinds for row in declarations.rows(SHAPES) if row.member == kind]
    lines = (f"| {row.member} | {row.layout} | {row.valid_for} | {row.source} |" for row in shapes)
    return BESIDE + "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    archives = find_archives(folder, "2003..2099").archives
    lines = []
    for label, path in archives.items():
        archive = open_archive(path)
        believed, others = read(archive), read_others(archive, all_formats=True)
        parsed = [parse(raw) for raw in (*believed, *others)]
        rows = sum(p.frame.height for p in parsed[: len(believed)] if p.raw.member == "pprrvu")
        layouts = sorted({f"{p.raw.layout} ({p.raw.format})" for p in parsed})
        lines.append(f"| {label} | {rows:,} | {len(parsed)} | {', '.join(layouts)} |")
        print(label)
    never = [label for label in registry.releases() if label not in archives]
    unread = f"\nNever read ({len(never)} of {len(registry.releases())} known labels): {', '.join(never)}.\n"
    PAGE.write_text(HEAD + "\n".join(lines) + "\n" + unread + beside() + PAYERS, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
