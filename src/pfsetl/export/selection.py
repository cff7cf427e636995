"""Which rows of which tables are wanted, told by table, release, code and a condition."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.near import beside, did_you_mean
from pfsetl.publication.version import Version

_QUERY = re.compile(r"\b(?:select|from|with|values|table|union|read_\w+|scan_\w+)\b", re.I)
_SUCH_AS = "Give one such as \"status = 'A' AND work_rvu > 1\"; codes are text in quotes, days are DATE '2026-01-01'."


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen rows by table, and the tables that were left out, each with the reason."""

    tables: Mapping[str, pl.LazyFrame]
    left_out: Mapping[str, str]


def select(
    at: Version,
    tables: Iterable[str] = (),
    releases: Iterable[str] = (),
    codes: Iterable[str] = (),
    where: str | None = None,
) -> Selection:
    """Return the rows of a version that are asked for; without `tables`, those of all its tables.

    `where` is a condition in SQL over the columns of each chosen table. A table that isn't asked for by name and has
    no column for what is asked is left out, and said to be. Raises UsageError for a table, release, code or
    column that isn't there.
    """
    wanted = list(tables)
    releases, codes = [at.release(one).label for one in releases], [one.strip().upper() for one in codes]
    known = sorted({r.table for r in at.resources} | {c.kind for c in at.companions})
    for table in wanted:
        if table not in known:
            there = f"There are {', '.join(known) or 'none'}."
            raise UsageError(f"{table}: no such table in version {at.number}.{did_you_mean(table, known)} {there}")
    chosen: dict[str, pl.LazyFrame] = {}
    left_out: dict[str, str] = {}
    for table in wanted or sorted({r.table for r in at.resources}):
        rows = at.scan(table)
        lacking = _lacking(rows, releases, codes, where)
        if lacking and wanted:
            raise UsageError(f"{table}: {lacking}.")
        if lacking:
            left_out[table] = lacking
            continue
        _refuse_unfit(table, rows, where)
        chosen[table] = _filtered(rows, releases, codes, where)
    if not chosen:
        raise UsageError("no table has the columns that are asked for; with --table NAME it's said which it lacks.")
    _refuse_unknown_codes(at, codes)
    return Selection(chosen, left_out)


def without_rows(at: Version, chosen: Selection, releases: Iterable[str], codes: Iterable[str]) -> list[str]:
    """Say which of the codes asked for are in none of the releases asked for, and which chosen tables are empty."""
    labels, asked = ([one.strip().upper() for one in given] for given in (releases, codes))
    said = []
    if labels and asked and any(r.table == "rvu" for r in at.resources):
        there = set(_filtered(at.scan("rvu"), labels, asked, None).select("hcpcs").collect()["hcpcs"])
        if gone := [code for code in dict.fromkeys(asked) if code not in there]:
            said.append(f"not in {' or '.join(dict.fromkeys(labels))}: {', '.join(gone)}")
    if empty := [name for name, rows in chosen.tables.items() if rows.head(1).collect().is_empty()]:
        said.append(f"empty, as no row fits: {', '.join(empty)}")
    return said


def _lacking(rows: pl.LazyFrame, releases: list[str], codes: list[str], where: str | None) -> str:
    """Return what a table has no column for, "" where it has them all."""
    columns = rows.collect_schema().names()
    if codes and "hcpcs" not in columns:
        return "has no codes to choose by --code"
    if releases and "release" not in columns:
        return "has no releases to choose by --release"
    asked = _condition(where).meta.root_names() if where else []
    if strange := sorted(set(asked) - set(columns)):
        return f"has no column {', '.join(strange)}, which --where names"
    return ""


def _condition(where: str) -> pl.Expr:
    """Return a condition over the columns of a row; a query inside of it could read any file, so there may be none."""
    plain = re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "''", where)
    if found := _QUERY.search(plain):
        raise UsageError(f"--where {where!r}: {found[0]} isn't allowed in a condition. 'sql' takes whole queries.")
    try:
        return pl.sql_expr(where)
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"--where {where!r}: not a condition in SQL ({error}). {_SUCH_AS}") from error


def _refuse_unfit(table: str, rows: pl.LazyFrame, where: str | None) -> None:
    """Raise UsageError for a condition that holds a column against what it never is, such as a day against a text."""
    if where is None:
        return
    try:
        rows.collect_schema().to_frame().lazy().filter(_condition(where)).collect()
    except pl.exceptions.PolarsError as error:
        said = str(error).partition("\n")[0]
        raise UsageError(f"{table}: --where {where!r} doesn't fit its columns ({said}). {_SUCH_AS}") from error


def _filtered(rows: pl.LazyFrame, releases: list[str], codes: list[str], where: str | None) -> pl.LazyFrame:
    if releases:
        rows = rows.filter(pl.col("release").is_in(releases))
    if codes:
        rows = rows.filter(pl.col("hcpcs").is_in(codes))
    return rows.filter(_condition(where)) if where else rows


def _refuse_unknown_codes(at: Version, codes: list[str]) -> None:
    if not codes or not any(r.table == "rvu" for r in at.resources):
        return
    there = at.scan("rvu").select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"].to_list()
    for code in codes:
        if code not in there:
            near = f" Near it are {', '.join(found)}." if (found := beside(code, there)) else ""
            raise UsageError(f"{code}: in no release of version {at.number}.{near}")
