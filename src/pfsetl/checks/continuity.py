"""Rows that a release lacks though the releases beside it have them: CMS takes away what it pays for with a new year.

A row of status A, R or T is gone from one January to the next, and never comes back (14 archives 2009 to 2026, each
beside the next ones). Within a year few are, if any (`schemas/thresholds.csv`). All of it can be accepted as a loss; a
sample is asked nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pfsetl.checks.check import EXAMPLES, WHOLE, Finding
from pfsetl.checks.completeness import payable_statuses, payable_words
from pfsetl.declared import registry
from pfsetl.declared.registry import Release
from pfsetl.plural import count

COLUMNS = ["participant", "hcpcs", "modifier", "status"]
_KEY = ["hcpcs", "modifier"]


@dataclass(frozen=True, slots=True)
class Beside:
    """A published release beside another: its label, its year, and the `COLUMNS` of its `rvu`."""

    label: str
    year: int
    rvu: pl.DataFrame


def gaps(rvu: pl.DataFrame, release: Release, before: Sequence[Beside], after: Beside | None) -> list[Finding]:
    """Hold the rows of a release against the releases before it, the nearest first and two at most, and the one after.

    Only those of everyone are compared: the file of qualifying participants is held against theirs.
    """
    mine = _everyone(rvu)
    if mine.is_empty():
        return []
    found = []
    for near in before[:1]:
        was = _payable(near.rvu)
        then = _payable(after.rvu) if after else was.clear()
        if after:
            both = was.join(then, on=_KEY, how="semi")
            said = f"which {near.label} before it and {after.label} after it have"
            found.append(_gap("between", "error", both, mine, f"this release lacks {{}} {said}"))
        if near.year == release.year:
            most = registry.thresholds()["payable_rows_gone_within_a_year_at_most"].value
            gone = was.join(then, on=_KEY, how="anti")
            said = f"which {near.label} has, of the same year"
            found.append(_gap("within_year", "error", gone, mine, f"this release lacks {{}} {said}", most))
    if len(before) > 1 and (earlier := _payable(before[1].rvu)).height and (was := _everyone(before[0].rvu)).height:
        label, farther = before[0].label, before[1].label
        both = _payable(rvu).join(earlier, on=_KEY, how="semi")
        said = f"{label}, which is published, lacks {{}} which {farther} before it and this release have"
        found.append(_gap("before", "warn", both, was, f"{said}: build {label} again, from CMS's archive"))
    return found


def _gap(name: str, severity: str, expected: pl.DataFrame, there: pl.DataFrame, said: str, most: float = 0) -> Finding:
    """Say which expected rows aren't there; up to `most` of them are a warning."""
    gone = expected.join(there, on=_KEY, how="anti").sort(*_KEY)
    rows = f"{count(gone.height, 'row')} of status {payable_words()}"
    examples = tuple(f"{code} {modifier}".strip() for code, modifier in gone.head(EXAMPLES).select(*_KEY).rows())
    whose = WHOLE if severity == "error" else ""  # what is warned of is another release's loss
    severity = severity if gone.height > most else "warn"
    return Finding("rvu", f"rows_kept_{name}", severity, said.format(rows), gone.height, examples, whose, counted=True)


def _everyone(rvu: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in rvu["participant"].unique() if registry.is_everyone(str(name))]
    return rvu.filter(pl.col("participant").is_in(names)).select(pl.col("hcpcs", "modifier", "status").cast(pl.String))


def _payable(rvu: pl.DataFrame) -> pl.DataFrame:
    return _everyone(rvu).filter(pl.col("status").is_in(payable_statuses()))
