"""Files of what stands beside a code in the newest release: related codes, modifiers, limits of units, edit pairs.

Each comes from a table of its own; the page says which of them a version or its store doesn't have.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import polars as pl

from pfsetl.declared import calendar
from pfsetl.publication import companions
from pfsetl.publication.version import Version
from pfsetl.site.files import by_prefix, encoded
from pfsetl.tables.exact import scaled

Found = Iterator[tuple[str, Any]]  # a code, and what is said of it


def _relations(version: Version, label: str) -> Found:
    table = version.scan("code_relation", label).sort("hcpcs", "relation", "rank", "other").collect()
    kinds = table.select("hcpcs", "relation", "other").group_by("hcpcs", "relation", maintain_order=True).agg("other")
    for hcpcs, rows in groupby(kinds.iter_rows(), key=itemgetter(0)):
        yield hcpcs, {relation: others for _, relation, others in rows}


def _limits(version: Version, label: str) -> Found:
    for hcpcs, units, indicator, rationale in (
        version.scan("mue", label)
        .select("hcpcs", "most_units", "indicator", "rationale")
        .sort("hcpcs")
        .collect()
        .rows()
    ):
        yield hcpcs, [units, indicator, rationale]


def _kinds(version: Version, label: str) -> Found:
    named = version.scan("rbcs", label).filter("latest").sort("hcpcs")
    yield from ((row[0], list(row[1:])) for row in named.select("hcpcs", *_NAMES).collect().iter_rows())


def _additions(version: Version, label: str) -> Found:
    day = calendar.formula_day(version.release(label))
    rows = version.scan("add_on", label).filter(
        pl.col("valid_from") <= day, *(pl.col(end).is_null() | (pl.col(end) >= day) for end in _ENDS)
    )
    pairs = rows.select("add_on", "primary").unique().sort("add_on", "primary").collect().rows()
    found: dict[str, dict[str, list[str]]] = {}
    for add_on, primary in pairs:
        found.setdefault(add_on, {}).setdefault("primary", []).append(primary)
        found.setdefault(primary, {}).setdefault("add_on", []).append(add_on)
    yield from sorted(found.items())


def _telehealth(version: Version, label: str) -> Found:
    rows = version.scan("telehealth", label).sort("hcpcs").select("hcpcs", "status", "audio_only")
    yield from ((row[0], list(row[1:])) for row in rows.collect().iter_rows())


def _modifiers(version: Version, label: str) -> Found:
    """Each modifier that is decided by the code: if it goes with it, by which indicator, and what is paid or why not.

    Both settings stand together: `[modifier, name, applies, indicator, value, documentation, cents or reason, the same
    in a facility]`, of the participant that continues everyone.
    """
    names = dict(version.scan("modifier").select("modifier", "name").collect().rows())
    rows = version.scan("code_modifier", label).collect()
    first = next(one for one in ("all", "non_qp", *rows["participant"]) if one in set(rows["participant"]))
    said = pl.coalesce(pl.col("reason"), scaled("payment").cast(pl.String))
    wide = (
        rows.filter(participant=first)
        .with_columns(said=said)
        .sort("hcpcs", "modifier", "setting", descending=[False, False, True])
        .group_by("hcpcs", "modifier", maintain_order=True)
        .agg(pl.col("applies", "indicator", "indicator_value", "documentation_required").first(), "said")
    )
    for hcpcs, each in groupby(wide.iter_rows(), key=itemgetter(0)):
        listed = [
            [modifier, names.get(modifier) or "", applies, indicator or "", value or "", documented, *said]
            for _, modifier, applies, indicator, value, documented, said in each
        ]
        yield hcpcs, listed


PAIRS = "ptp"
_NAMES = ("category_name", "subcategory_name", "family_name")
_ENDS = ("valid_to", "add_on_to", "primary_to")
TABLES: Mapping[str, Callable[[Version, str], Found]] = {
    "code_relation": _relations,
    "mue": _limits,
    "rbcs": _kinds,
    "add_on": _additions,
    "telehealth": _telehealth,
    "code_modifier": _modifiers,
}


def lacks(version: Version) -> list[str]:
    """Return which of these tables neither the version nor its store has."""
    return [table for table in (*TABLES, PAIRS) if not _has(version, table)]


def first_days(version: Version, label: str) -> dict[str, str]:
    """Return of each of these files the first day of the one that is used, where one is loaded."""
    day = calendar.formula_day(version.release(label))
    files = {kind: companions.find(version.store, kind, day) for kind in (*TABLES, PAIRS)}
    return {kind: str(file.effective_from) for kind, file in files.items() if file}


def in_part(version: Version, label: str) -> list[str]:
    """Return which of the files beside the release are loaded just in part, so that what they don't say may be so."""
    day = calendar.formula_day(version.release(label))
    return list(companions.in_part(version.store, (*TABLES, PAIRS), day))


def on_telehealth_list(version: Version, label: str) -> list[str]:
    """Return the codes on Medicare's telehealth list, where it's loaded: a page says it of a code before all else."""
    return [code for code, _ in _telehealth(version, label)] if _has(version, "telehealth") else []


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
