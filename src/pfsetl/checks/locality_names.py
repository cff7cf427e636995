"""Names of localities, of their areas and of their counties, held against those that CMS has printed before.

In a release of one format nothing else says how a place is called (`schemas/localities.csv`, releases 2009 to 2026).
"""

import re
from collections.abc import Mapping
from functools import cache

import polars as pl

from pfsetl.checks.check import Finding
from pfsetl.checks.judgement import EXAMPLES, PLACE
from pfsetl.declared import declarations
from pfsetl.declared.records.places import LOCALITIES

CUT_FROM = 28  # characters; the shortest that a text file of 2009 to 2026 cuts has 30

Names = Mapping[tuple[str, str], tuple[str, ...]]


def unknown_names(tables: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Say which names differ from all that CMS printed for the same locality; capitals and spaces don't count."""
    known = _known_names()
    return [
        _unknown(table, column, tables[table], names) for (table, column), names in known.items() if table in tables
    ]


def _unknown(table: str, column: str, rows: pl.DataFrame, names: Names) -> Finding:
    named = rows.select(*PLACE, column).sort(PLACE).rows() if (rows[column] != "").any() else []
    unknown = [
        f"{state}/{locality}: {name}"
        for state, locality, name in named
        if (state, locality) in names and not _is_one_of(_folded(name), names[state, locality])
    ]
    return Finding(
        table, f"{column}_known", "warn",
        f"`{column}` isn't what CMS printed for the locality in any release known (localities.csv)",
        len(unknown), tuple(unknown[:EXAMPLES]),
    )  # fmt: skip


def _is_one_of(name: str, known: tuple[str, ...]) -> bool:
    # NOTE: text files cut a long name at the width of its column.
    return name in known or (len(name) >= CUT_FROM and any(one.startswith(name) for one in known))


@cache
def _known_names() -> Mapping[tuple[str, str], Names]:
    known: dict[tuple[str, str], dict[tuple[str, str], tuple[str, ...]]] = {}
    for row in declarations.rows(LOCALITIES):
        names = known.setdefault((row.table, row.column), {})
        place = row.state, row.locality
        names[place] = (*names.get(place, ()), _folded(row.name))
    return known


def _folded(name: str | None) -> str:
    """Return a name in capitals without needless spaces; a state behind it (`Napa, CA`) is left off."""
    bare = re.sub(r",\s*([A-Z]{2})?$", "", (name or "").strip().upper())
    return re.sub(r"\s*([^A-Z0-9\s])\s*", r"\1", " ".join(bare.split()))
