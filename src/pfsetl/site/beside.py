"""Files of what stands beside a code in the newest release: related codes, modifiers, limits of units, edit pairs.

Each comes from a table of its own; the page says which of them a version or its store doesn't have.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from pfsetl.publication.version import Version
from pfsetl.site.files import by_prefix, encoded

Found = Iterator[tuple[str, Any]]  # a code, and what is said of it


def _relations(version: Version, label: str) -> Found:
    table = version.scan("code_relation", label).sort("hcpcs", "relation", "rank", "other").collect()
    kinds = table.select("hcpcs", "relation", "other").group_by("hcpcs", "relation", maintain_order=True).agg("other")
    for hcpcs, rows in kinds.group_by("hcpcs", maintain_order=True):
        yield str(hcpcs[0]), {relation: others for _, relation, others in rows.iter_rows()}


def _limits(version: Version, label: str) -> Found:
    for hcpcs, units, indicator, rationale in (
        version.scan("mue", label)
        .select("hcpcs", "most_units", "indicator", "rationale")
        .sort("hcpcs")
        .collect()
        .rows()
    ):
        yield hcpcs, [units, indicator, rationale]


TABLES: Mapping[str, Callable[[Version, str], Found]] = {"code_relation": _relations, "mue": _limits}


def lacks(version: Version) -> list[str]:
    """Return which of these tables neither the version nor its store has."""
    return [table for table in TABLES if not _has(version, table)]


def beside_files(version: Version, label: str, only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON): `{code: {table: what it says}}`, of one code alone if it's named."""
    said: dict[str, dict[str, Any]] = {}
    known = set(version.scan("rvu", label).select(pl.col("hcpcs").unique()).collect()["hcpcs"])
    for table, read in TABLES.items():
        if _has(version, table):
            for code, found in read(version, label):
                if code in known and only in (None, code):
                    said.setdefault(code, {})[table] = found
    texts = {code: encoded(found).decode() for code, found in said.items()}
    for prefix, codes in by_prefix(texts).items() if texts else ():
        inside = ",\n".join(f'"{code}":{texts[code]}' for code in codes)
        yield prefix, f"{{\n{inside}}}\n".encode()


def _has(version: Version, table: str) -> bool:
    companions = {one.kind for one in version.companions}
    return table in companions or any(one.table == table for one in version.resources)
