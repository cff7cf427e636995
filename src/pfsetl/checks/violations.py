"""How many rows break the contract's rules, and which: the rules are SQL that counts them.

Rules that ask each row alone are counted together in one look at their table; all others are queries of their own,
which are run in one go.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache

import polars as pl

from pfsetl.declared import calendar, contracts, declarations, registry
from pfsetl.declared.contracts import Rule

Frames = Mapping[str, pl.DataFrame]

_OF_EACH_ROW = re.compile(r"SELECT\s+COUNT\(\*\)\s+FROM\s+(\w+)\s+WHERE\s+(.+)", re.I | re.S)
_LIST = re.compile(r"\b(?:code|listed|current)_\w+")
_LISTED = re.compile(r"\bEXISTS \(SELECT 1 FROM ((?:code|listed|current)_\w+) WHERE code = \w+\.(\w+)\)")


def counted(asked: Sequence[Rule], frames: Frames, release: str) -> list[tuple[int, pl.LazyFrame | None]]:
    """Return for each rule how many rows break it, and these rows where there are any and the rule is about rows.

    `frames` are all tables that rules may name; beside them they may name CMS's code lists (`code_status`, ...), and
    those of the first day of the release (`current_pctc`, ...).
    """
    named = {name for rule in asked for name in _LIST.findall(rule.query)}
    frames = {**_lists(named - frames.keys(), release), **frames}
    alone = {rule: each for rule in asked if (each := _of_each_row(_with_codes(rule.query, frames)))}
    counts: dict[Rule, int] = {}
    for table in {table for table, _ in alone.values()}:
        breaks = {rule: condition for rule, (of, condition) in alone.items() if of == table}
        sums = frames[table].select(condition.sum().alias(str(n)) for n, condition in enumerate(breaks.values()))
        counts |= zip(breaks, sums.row(0), strict=True)
    others = [rule for rule in asked if rule not in counts]
    if not others and not any(counts.values()):
        return [(0, None)] * len(asked)
    context = pl.SQLContext(frames={name: frames[name] for name in frames.keys() & _words(asked)})
    found = pl.collect_all([context.execute(rule.query) for rule in others])
    counts |= {rule: int(count.item()) for rule, count in zip(others, found, strict=True)}
    return [(counts[rule], _listing(rule, context) if counts[rule] else None) for rule in asked]


def _words(asked: Sequence[Rule]) -> set[str]:
    return {word for rule in asked for word in re.findall(r"\w+", rule.query)}


@cache
def _of_each_row(query: str) -> tuple[str, pl.Expr] | None:
    """Return the table of a rule that asks each row alone, and what it asks; None of a rule that asks more."""
    found = _OF_EACH_ROW.fullmatch(query)
    try:
        condition = pl.sql_expr(found[2]) if found else None
    except pl.exceptions.SQLInterfaceError:  # a subquery, a group or an order
        return None
    if not found or condition is None or not (named := condition.meta.root_names()) or found[1] in named:
        return None
    return found[1], condition


def _with_codes(query: str, frames: Frames) -> str:
    """Return a rule with the codes of CMS's lists written out where it asks whether a column's code is among them."""

    def among(look: re.Match[str]) -> str:
        codes = ", ".join("'{}'".format(code.replace("'", "''")) for code in frames[look[1]]["code"].drop_nulls())
        return f"COALESCE({look[2]} IN ({codes}), FALSE)" if codes else "FALSE"

    return _LISTED.sub(among, query) if " WHERE code = " in query else query


def _listing(rule: Rule, context: pl.SQLContext[pl.LazyFrame]) -> pl.LazyFrame | None:
    """Return the rows that a rule counts, None of one that doesn't count rows."""
    listing, replaced = re.subn(r"^\s*SELECT COUNT\(\*\)[^,]*?\sFROM\s", "SELECT * FROM ", rule.query, flags=re.I)
    return context.execute(listing) if replaced else None


def _lists(named: Collection[str], release: str) -> dict[str, pl.DataFrame]:
    """Return CMS's code lists that rules name: whole, or as they are on the first day of a release."""
    known, tables = declarations.code_lists(), contracts.load().tables
    whole = {("listed_" if f"code_{name}" in tables else "code_") + name: codes for name, codes in known.items()}
    lists = {name: codes for name, codes in whole.items() if name in named}
    current = [one for one in known if f"current_{one}" in named]
    if not current:  # so that nobody needs to know the days of a release that another's declarations built
        return lists
    holding = _on(calendar.formula_day(registry.find_or_infer(release)))
    return lists | {f"current_{one}": holding[one] for one in current}


@cache
def _on(day: date) -> Frames:
    """Return CMS's code lists as they are on a day."""
    first, last = pl.col("valid_from"), pl.col("valid_to")
    holds = ((first == "") | (first <= day.isoformat())) & ((last == "") | (last >= day.isoformat()))
    return {name: codes.filter(holds) for name, codes in declarations.code_lists().items()}
