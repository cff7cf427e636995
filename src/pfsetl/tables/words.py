"""The tables of words, which follow from what is declared alone: coded values in words, and the modifiers."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, get_args

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.calendar import FACTORS
from pfsetl.declared.records.modifiers import MODIFIERS, ModifierRow
from pfsetl.declared.records.rules import REDUCTIONS, ReductionRow
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.records.sheet import Certainty
from pfsetl.declared.records.words import TITLES, WORDS
from pfsetl.errors import ContractError

Tables = Mapping[str, pl.DataFrame]
BY_RULES = f"schemas/{REDUCTIONS.name}"  # the source of a modifier of which the rules that name it have one
_DAYS = {"valid_from": pl.Date, "valid_to": pl.Date}
_VALUES = dict.fromkeys(("column", "code", "meaning", "title", "source"), pl.String) | _DAYS
_MODIFIERS = dict.fromkeys(("modifier", "name", "category", "effect", "note", "source", "certainty"), pl.String) | _DAYS


def code_values(_before: Tables | None, _now: Tables) -> pl.DataFrame:
    """Return every coded value of the published tables in words, with the days on which releases can have it.

    CMS's own lists are `schemas/codes/`, all others `schemas/words/values.csv`. The reason of a status that the latter
    has no words for has those of the status.
    """
    return _code_values()


@cache
def _code_values() -> pl.DataFrame:
    titles = {row.column: row for row in declarations.rows(TITLES)}
    listed, start = list(_listed()), beginning()
    if untitled := sorted({column for column, *_ in listed} - titles.keys()):
        raise ContractError(
            f"{', '.join(untitled)}: values in words without a title. Add a row for each to "
            f"{declarations.named('words/titles.csv')}."
        )
    rows = [
        {
            "column": column,
            "code": code,
            "valid_from": first or start,
            "valid_to": last,
            "title": titles[column].title,
            "meaning": meaning,
            "source": titles[column].source,
        }
        for column, code, meaning, first, last in listed
    ]
    return pl.DataFrame(rows, schema=_VALUES)


def beginning() -> date:
    """Return the first day of the fee schedule, from which on a value counts that is declared without a first day."""
    return min(row.from_ for row in declarations.rows(FACTORS) if row.from_)


def modifier(_before: Tables | None, _now: Tables) -> pl.DataFrame:
    """Return the modifiers of `schemas/modifiers.csv`.

    One that is there by `schemas/reductions.csv` has the sources of the rules that name it, and is as sure as they are.
    """
    return _modifiers()


@cache
def _modifiers() -> pl.DataFrame:
    rules: dict[str, list[ReductionRow]] = {}
    for rule in declarations.rows(REDUCTIONS):
        for name in rule.modifier:
            rules.setdefault(name, []).append(rule)
    named = (
        (row, rules.get(row.modifier, []) if row.source == BY_RULES else []) for row in declarations.rows(MODIFIERS)
    )
    return pl.DataFrame([_modifier(row, by) for row, by in named], schema=_MODIFIERS)


def _modifier(row: ModifierRow, rules: list[ReductionRow]) -> dict[str, Any]:
    return {
        "modifier": row.modifier,
        "name": row.name or None,
        "category": row.kind,
        "effect": row.effect,
        "valid_from": row.from_,
        "valid_to": row.to,
        "note": row.note or None,
        "source": "; ".join(dict.fromkeys(rule.source for rule in rules)) or row.source or None,
        "certainty": max((row.certainty, *(rule.certainty for rule in rules)), key=get_args(Certainty).index),
    }


def _listed() -> Iterator[tuple[str, str, str, date | None, date | None]]:
    """Yield column, code, meaning, first and last day of every value."""
    for column, values in declarations.code_lists().items():
        for row in values.iter_rows(named=True):
            yield column, row["code"], row["meaning"], _day(row["valid_from"]), _day(row["valid_to"])
    words = declarations.rows(WORDS)
    for word in words:
        yield word.column, word.code, word.meaning, word.valid_from, word.valid_to
    told = {word.code for word in words if word.column == "reason"}
    reasons = {row.reason: row for row in declarations.rows(STATUS) if row.reason and row.reason not in told}
    for reason, status in reasons.items():
        yield "reason", reason, status.meaning, status.valid_from, status.valid_to


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
