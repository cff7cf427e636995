"""The records of the declarations: what every file of `schemas/` may hold, beside what tells its rows apart."""

from functools import cache
from typing import Any

from pfsetl.declared.records.sheet import Sheet
from pfsetl.errors import ContractError


def sheet(name: str) -> Sheet[Any]:
    """Return what is said of a file, e.g. `layouts/pprrvu.csv`; raises ContractError for one that has no record."""
    from pfsetl.declared.records import services, shapes

    if name in _single():
        return _single()[name]
    if name.startswith("codes/"):
        return services.code_sheet(name)
    if name.startswith("layouts/"):
        return shapes.layout_sheet(name)
    raise ContractError(f"{name}: no record says what its rows hold. Add one to pfsetl.declared.records.")


@cache
def _single() -> dict[str, Sheet[Any]]:
    from pfsetl.declared.records import (
        archives,
        bounds,
        calendar,
        modifiers,
        places,
        rates,
        rules,
        same_day,
        services,
        shapes,
        words,
    )

    modules = (archives, bounds, calendar, modifiers, places, rates, rules, same_day, services, shapes, words)
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Sheet))
    return {one.name: one for one in found}
