"""Switch one rule off, to show that it is this rule that stops a mutant and no other.

A rule is named as a build names it: `rvu.totals_add_up` for whatever reports a finding (a rule of the contract, or a
function that holds tables against each other), `parity.refuse_unexplained` for a function that raises.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pfsetl.checks.check import Finding, Report
from pfsetl.parsing.identity import Identity

# name as `Verdict.by` has it: where the build looks it up, and what a build without it has in its place
FUNCTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "identity.held": ("pfsetl.parsing.identity.held", lambda *_, **__: Identity((), ())),
    "parity.refuse_lost_rows": ("pfsetl.parsing.parity.refuse_lost_rows", lambda *_, **__: None),
    "parity.refuse_unexplained": ("pfsetl.parsing.parity.refuse_unexplained", lambda *_, **__: None),
    "values._refuse_bad": ("pfsetl.parsing.values._refuse_bad", lambda *_, **__: None),
}


@contextmanager
def without(rule: str) -> Iterator[None]:
    """Run what follows as if one rule weren't there; raises LookupError where it never was."""
    if rule in FUNCTIONS:
        place, nothing = FUNCTIONS[rule]
        module, _, name = place.rpartition(".")
        if not hasattr(importlib.import_module(module), name):
            raise LookupError(f"{rule}: {place} isn't there any more.")
        with patch(place, nothing):
            yield
        return
    met: set[str] = set()

    def others(report: Report, severities: tuple[str, ...]) -> tuple[Finding, ...]:
        met.update(f"{f.table}.{f.check}" for f in report.findings)
        found = (f for f in report.findings if f.violations and f.severity in severities)
        return tuple(f for f in found if f"{f.table}.{f.check}" != rule)

    with (
        patch.object(Report, "errors", property(lambda report: others(report, ("error",)))),
        patch.object(Report, "warnings", property(lambda report: others(report, ("warn",)))),
    ):
        yield
    if met and rule not in met:
        raise LookupError(f"{rule}: no such rule was run. There are {', '.join(sorted(met))}.")
