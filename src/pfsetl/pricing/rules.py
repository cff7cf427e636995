"""The rows of the rules on claim lines, by rule and day: factors, dates and sources of `schemas/reductions.csv`."""

from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache

from pfsetl.declared import declarations
from pfsetl.declared.records.rules import REDUCTIONS, ReductionRow
from pfsetl.declared.records.same_day import GROUPS
from pfsetl.declared.records.services import IMAGING, NO_COINSURANCE


@cache
def reductions() -> tuple[ReductionRow, ...]:
    """Return every row of `schemas/reductions.csv`, those of a higher priority first."""
    return tuple(sorted(declarations.rows(REDUCTIONS), key=lambda row: -row.priority))


@cache
def _by_rule() -> Mapping[str, tuple[ReductionRow, ...]]:
    rules = dict.fromkeys(row.rule for row in reductions())
    return {rule: tuple(row for row in reductions() if row.rule == rule) for rule in rules}


def rule_names() -> tuple[str, ...]:
    """Return the names of the rules that have rows."""
    return tuple(_by_rule())


@lru_cache(maxsize=100_000)
def rules_of(rule: str, day: date) -> tuple[ReductionRow, ...]:
    """Return the rows of a rule that are in force on a day, those of a higher priority first."""
    return tuple(r for r in _by_rule().get(rule, ()) if (r.from_ or date.min) <= day <= (r.to or date.max))


def has_rule(modifier: str, day: date) -> bool:
    """Return whether a rule in force on a day names a modifier."""
    return any(modifier in row.modifier for rule in _by_rule() for row in rules_of(rule, day))


@lru_cache(maxsize=20_000)
def therapy_share(day: date, *, facility: bool) -> tuple[int, int] | None:
    """Return the share of practice expense paid for a second and later therapy unit, None before the rule began.

    >>> therapy_share(date(2020, 7, 1), facility=False)
    (50, 100)
    """
    found = next((rule for rule in rules_of("therapy", day) if rule.setting in (None, setting_of(facility))), None)
    return (found.numerator, found.denominator) if found else None


def practitioners() -> tuple[str, ...]:
    """Return the kinds of practitioner that a line can name."""
    return tuple(dict.fromkeys(row.indicator for row in reductions() if row.rule == "practitioner" and row.indicator))


def setting_of(facility: bool) -> str:
    """Return the setting as the rules name it."""
    return "facility" if facility else "nonfacility"


@cache
def imaging_of(hcpcs: str) -> str | None:
    """Return what kind of imaging a code is by `schemas/imaging_services.csv`, None where it names the code nowhere.

    >>> imaging_of("71250"), imaging_of("G0279"), imaging_of("99213")
    ('ct', 'x_ray', None)
    """
    return next((row.kind for row in declarations.rows(IMAGING) if row.first <= hcpcs <= row.last), None)


@lru_cache(maxsize=10_000)
def coinsurance_kind(hcpcs: str, day: date) -> str | None:
    """Return by which kind a code has coinsurance of its own on a day, None where it has that of all services.

    >>> coinsurance_kind("G0101", date(2025, 3, 3)), coinsurance_kind("G0101", date(2010, 3, 3))
    ('preventive', None)
    """
    for kind, first, last, begins, ends in coinsurance_kinds():
        if first <= hcpcs <= last and (begins or date.min) <= day <= (ends or date.max):
            return kind
    return None


@cache
def coinsurance_kinds() -> tuple[tuple[str, str, str, date | None, date | None], ...]:
    """Return the ranges of codes with coinsurance of their own: kind, first and last code, first and last day.

    `preventive` is `schemas/no_coinsurance.csv`, `mental_health` that group of `schemas/service_groups.csv`.
    """
    preventive = (("preventive", row.first, row.last, row.from_, row.to) for row in declarations.rows(NO_COINSURANCE))
    limited = (row for row in declarations.rows(GROUPS) if row.group == "mental_health")
    return *preventive, *((row.group, row.first, row.last, None, None) for row in limited)
