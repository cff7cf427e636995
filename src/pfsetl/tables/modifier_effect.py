"""What a modifier does to the payment of a line by one rule of `schemas/reductions.csv`, as expressions.

They are of lines with `_whole`, `_26`, `_tc` and `_tc_amount` in cents and the indicators of `rvu` (`code_modifier`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.rules import COMPONENTS, DOCUMENTED, PACKAGE, ReductionRow
from pfsetl.declared.records.services import NO_COINSURANCE
from pfsetl.tables.exact import share_of

# Outcomes of a modifier that goes with a code all the same; with all others it doesn't.
GOES = (DOCUMENTED, "by_report", "carrier_priced", "preoperative_paid_with_54")
_NO_TEXT, _NO_CENTS = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Int64)
Rules = Mapping[str, tuple[ReductionRow, ...]]


class Effect(NamedTuple):
    """What a modifier does to a line: whether it goes with the code, cents with it, and why there are none."""

    applies: pl.Expr
    cents: pl.Expr
    reason: pl.Expr


def effect(rule: str, row: ReductionRow | None, own: Sequence[ReductionRow], rules: Rules, day: date) -> Effect:
    """Return what a modifier does by a rule to lines that `row` is of, None where it's of none that `own` are."""
    whole, yes, no = pl.col("_whole"), pl.lit(value=True), pl.lit(value=False)
    if rule == "return_to_operating_room" and row is None:
        return Effect(no, whole, _NO_TEXT)
    if row is None:
        return Effect(no, _NO_CENTS, pl.lit(f"{rule}_not_applicable"))
    if rule in ("global_split", "return_to_operating_room") and (rule == "global_split" or row.part):
        packaged = pl.any_horizontal(pl.col(part).fill_null(0) != 0 for part in PACKAGE)
        parts = [part.part for part in own if part.indicator in ("", row.indicator) and part.part]
        percent = pl.sum_horizontal(pl.col(part).fill_null(0) for part in parts) if parts else _NO_CENTS
        reason = pl.when(packaged).then(pl.lit(row.outcome, dtype=pl.String)).otherwise(pl.lit("no_global_package"))
        paid = pl.when(reason.is_null()).then(share_of(whole, percent, pl.lit(100)))
        return Effect(packaged, paid, reason)
    if row.outcome and row.outcome != DOCUMENTED:
        return Effect(pl.lit(row.outcome in GOES), _NO_CENTS, pl.lit(row.outcome))
    share = pl.lit(row.numerator), pl.lit(row.denominator)
    if rule == "technical_equipment":
        part = _technical(rules)
        less = part - share_of(part, *share)
        reason = pl.when(part.is_null()).then(pl.lit("technical_part_not_known"))
        return Effect(yes, pl.when(part.is_not_null()).then(pl.max_horizontal(whole - less, 0)), reason)
    if rule == "therapy_assistant":
        medicare = _medicare(rules, day)
        return Effect(yes, whole - medicare + share_of(medicare, *share), _NO_TEXT)
    if rule == "bilateral":
        cents, reason = _second_side(share_of(whole, *share), row, rules)
        return Effect(pl.lit(row.numerator != row.denominator), cents, reason)
    return Effect(yes, share_of(whole, *share), _NO_TEXT)


def _second_side(cents: pl.Expr, sides: ReductionRow, rules: Rules) -> tuple[pl.Expr, pl.Expr]:
    """Reduce the technical and the professional part of the second side, where each side is a service of its own.

    A part that isn't known leaves the line without payment.
    """
    if sides.numerator % sides.denominator or sides.numerator == sides.denominator:
        return cents, _NO_TEXT
    more = sides.numerator // sides.denominator - 1
    outside = [row.indicator for row in rules.get("not_a_family", ())]
    in_family = pl.col("imaging_family").is_in(outside).fill_null(value=False).not_()
    less, lost = [], [_NO_TEXT]
    for rule in COMPONENTS:
        for row in rules.get(rule, ()):
            touched = (pl.col("multiple_procedure") == row.indicator).fill_null(value=False)
            touched = touched & in_family if rule == "imaging" else touched
            part = _technical(rules) if row.part == "technical" else _professional(rules)
            full = part
            if row.part == "technical":  # reduced before the imaging cap, where that lowers it
                full = pl.when((part != 0) & (pl.col("_tc_amount") != pl.col("_tc"))).then("_tc_amount").otherwise(part)
            reduced = share_of(more * full, pl.lit(row.numerator), pl.lit(row.denominator))
            less.append(pl.when(touched & (part != 0)).then(pl.max_horizontal(more * part - reduced, 0)))
            lost.append(pl.when(touched & part.is_null()).then(pl.lit(f"{row.part}_part_not_known")))
    reason = pl.coalesce(reversed(lost))
    # NOTE: none of them is below 0, so that taking them off one by one, never below 0, comes to the same.
    after = pl.max_horizontal(cents - pl.sum_horizontal(less), 0) if less else cents
    return pl.when(reason.is_null() & cents.is_not_null()).then(after), reason


def _technical(rules: Rules) -> pl.Expr:
    return _part("technical", "_tc", rules)


def _professional(rules: Rules) -> pl.Expr:
    return _part("professional", "_26", rules)


def _part(part: str, name: str, rules: Rules) -> pl.Expr:
    """Return cents of a part of the whole service: all or nothing of a code that is one part alone, else its row's."""
    alone = {row.indicator: row.part for row in rules.get("part", ()) if not row.modifier}
    all_of = pl.col("pctc").is_in([value for value, its in alone.items() if its == part]).fill_null(value=False)
    none_of = pl.col("pctc").is_in([value for value, its in alone.items() if its != part]).fill_null(value=False)
    return pl.when(all_of).then("_whole").when(none_of).then(pl.lit(0, dtype=pl.Int64)).otherwise(pl.col(name))


def _medicare(rules: Rules, day: date) -> pl.Expr:
    """Return the cents that Medicare pays of the whole service, the rest being the patient's."""
    preventive = pl.any_horizontal(
        pl.lit(value=False),
        *(
            pl.col("hcpcs").is_between(pl.lit(r.first), pl.lit(r.last))
            for r in declarations.rows_on(NO_COINSURANCE, day)
        ),
    )
    rows = [row for row in rules.get("coinsurance", ()) if not row.modifier]
    usual = next(row for row in rows if not row.indicator)
    found = share_of(pl.col("_whole"), pl.lit(usual.numerator), pl.lit(usual.denominator))
    for row in rows:
        if row.indicator == "preventive" and row.priority > usual.priority:
            own = share_of(pl.col("_whole"), pl.lit(row.numerator), pl.lit(row.denominator))
            found = pl.when(preventive).then(own).otherwise(found)
    return found
