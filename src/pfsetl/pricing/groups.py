"""Groups of services that rules name: rows of `schemas/service_groups.csv`."""

from functools import cache, lru_cache

from pfsetl.declared import declarations
from pfsetl.declared.records.same_day import GROUPS
from pfsetl.pricing.lines import Line


def members(group: str) -> str:
    """Return the ranges of a group in words."""
    return ", ".join(first if first == last else f"{first} to {last}" for _, first, last in _ranges(group))


def in_group(group: str, line: Line) -> bool:
    """Return whether a line's service is of a group of `schemas/service_groups.csv`."""
    return _is_in(group, line.hcpcs, line.global_days or "", line.multiple_procedure or "")


@lru_cache(65_536)
def _is_in(group: str, hcpcs: str, global_days: str, multiple_procedure: str) -> bool:
    told = {"hcpcs": hcpcs, "global_days": global_days, "multiple_procedure": multiple_procedure}
    return any(first <= told[field] <= last for field, first, last in _ranges(group))


@cache
def _ranges(group: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((row.field, row.first, row.last) for row in declarations.rows(GROUPS) if row.group == group)
