"""Names of localities, of their areas and of their counties, held against those that CMS has printed before.

In a release of one format nothing else says how a place is called (`schemas/localities.csv`, releases 2009 to 2026).
"""

from collections.abc import Mapping

import polars as pl

from pfsetl.declared import declarations
from pfsetl.tables.check import Finding
from pfsetl.tables.judgement import EXAMPLES, PLACE

CUT_FROM = 25  # letters and digits; the shortest that a text file of 2009 to 2026 cuts has 26


def unknown_names(tables: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """Say which names differ from all that CMS printed for the same locality; letters and digits are compared."""
    declared = pl.DataFrame(declarations.rows("localities.csv"))
    return [
        _unknown(table, column, tables[table], names)
        for (table, column), names in declared.group_by("table", "column", maintain_order=True)
        if table in tables
    ]


def _unknown(table: str, column: str, rows: pl.DataFrame, names: pl.DataFrame) -> Finding:
    known = names.group_by(PLACE).agg(known=pl.concat_str(pl.lit("|"), _folded("name")).str.join())
    placed = rows.filter((pl.col(column) != "").any()).join(known, on=PLACE)
    # NOTE: text files cut a long name at the width of its column.
    cut = _folded(column).str.len_chars() >= CUT_FROM
    whole = pl.concat_str(pl.lit("|"), _folded(column), pl.when(cut).then(pl.lit("")).otherwise(pl.lit("|")))
    unknown = placed.filter(~pl.concat_str("known", pl.lit("|")).str.contains(whole, literal=True))
    examples = unknown.sort(PLACE).head(EXAMPLES).select(*PLACE, column).rows()
    return Finding(
        table, f"{column}_known", "warn",
        f"`{column}` isn't what CMS printed for the locality in any release known (schemas/localities.csv)",
        unknown.height, tuple(f"{state}/{locality}: {name}" for state, locality, name in examples),
    )  # fmt: skip


def _folded(column: str) -> pl.Expr:
    """Letters and digits in capitals; a state behind the name (`Napa, CA`) is left off."""
    bare = pl.col(column).str.strip_chars().str.to_uppercase().str.replace(r",\s*[A-Z]{2}$", "")
    return bare.str.replace_all(r"[^A-Z0-9]", "")
