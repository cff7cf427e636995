"""What follows from values that were recomputed and don't agree: stop the build, or say so."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from pfsetl.checks.check import Finding
from pfsetl.declared import calendar, corrections
from pfsetl.declared.records.bounds import ThresholdRow
from pfsetl.declared.registry import Release

EXAMPLES = 5
PLACE = ["state", "locality"]
INDICES = ("work_gpci", "pe_gpci", "mp_gpci")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a member agrees with the others: `compared` values, `agree` of them, examples of those that don't."""

    member: str
    what: str
    compared: int
    agree: int
    examples: tuple[str, ...] = ()
    explained: str | None = None


Judged = tuple[Agreement, list[Finding]]


def judged(
    told: Agreement, release: Release, check: str, said: str, remedy: str, crossed: ThresholdRow | None
) -> Judged:
    """Turn an agreement into a finding: an error where a threshold that stops builds is crossed, else a warning.

    `differs` in `schemas/corrections.csv` explains values that CMS itself published so; `stale` a whole member that
    CMS computed from another release's figures, which then is published with a warning.
    """
    reasons = _reasons(release, told.member)
    stops = crossed is not None and stopping(crossed, release, told.member)
    severity = "error" if stops else "warn"
    reason = None if severity == "error" else next(iter(reasons.values()), None)
    more = f"; {remedy}" if severity == "error" else f" (CMS: {reason})" if reason else ""
    wrong = told.compared - told.agree
    finding = Finding(told.member, check, severity, said + more, wrong, told.examples)
    return replace(told, explained=reason if wrong else None), [finding]


def stopping(threshold: ThresholdRow, release: Release, member: str) -> bool:
    """Return whether crossing a threshold stops the build of a release; never where CMS's own member is `stale`."""
    first = threshold.stops_from
    return first is not None and calendar.formula_day(release) >= first and "stale" not in _reasons(release, member)


def _reasons(release: Release, member: str) -> dict[str, str]:
    return {
        action: row.what
        for action in ("differs", "stale")
        for row in reversed(corrections.of(action, release.label))
        if fnmatchcase(member, row.member)
    }
