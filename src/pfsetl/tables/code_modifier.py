"""The table `code_modifier`: which modifiers go with a code, by which indicator, and what each makes of its payment.

The factors are the rows of `schemas/reductions.csv` that are in force on the release's first day. A modifier stands
alone here, on one unit of the code's whole service by a physician, with the documentation that some ask for; a price of
such a line is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from typing import NamedTuple

import polars as pl

from pfsetl.declared import calendar, contracts, declarations
from pfsetl.declared.records.rules import DOCUMENTED, PACKAGE, REDUCTIONS, ReductionRow
from pfsetl.declared.records.services import IMAGING
from pfsetl.declared.registry import Release
from pfsetl.tables.derive import SETTINGS
from pfsetl.tables.exact import dollars, scaled
from pfsetl.tables.key_order import in_words
from pfsetl.tables.modifier_effect import Effect, Rules, effect

OWN_ROWS = {"26": "_26", "TC": "_tc", "53": "_53"}  # modifiers with rows of their own in `rvu`
# The indicator that each rule on a line alone goes by; that on equipment goes by the kind of imaging.
INDICATORS = {
    "bilateral": "bilateral", "assistant_surgeon": "assistant_surgeon", "co_surgeons": "co_surgeons",
    "team_surgery": "team_surgery", "global_split": "global_days", "return_to_operating_room": "global_days",
    "therapy_assistant": "multiple_procedure", "technical_equipment": "_imaging",
}  # fmt: skip
FOR_SOME = ("therapy_assistant", "technical_equipment")  # rules that say nothing of the codes that they aren't for
_CODED = (
    "pctc", "global_days", "multiple_procedure", "bilateral", "assistant_surgeon", "co_surgeons", "team_surgery",
    "imaging_family",
)  # fmt: skip
_NO_TEXT = pl.lit(None, dtype=pl.String)
_OF_HOW = {
    "modifier": pl.String, "indicator": pl.String, "indicator_value": pl.String, "documentation_required": pl.Boolean,
    "certainty": pl.String,
}  # fmt: skip


class How(NamedTuple):
    """What rows of one modifier share: what decides, how sure that is, and whether the need has to be documented."""

    modifier: str
    indicator: str | None
    indicator_value: str | None
    documentation_required: bool
    certainty: str


Part = tuple[How, pl.LazyFrame]  # of lines by their number


def code_modifier(tables: Mapping[str, pl.DataFrame], release: Release) -> dict[str, pl.DataFrame]:
    """Make the rows of every code with a national payment: by its own rows, and by the rules in force.

    Text is a number in a list of words here, as it is where the table is written: it repeats in hundreds of thousands
    of rows.
    """
    import numpy as np

    day = calendar.formula_day(release)
    lines = _lines(tables["rvu"], tables["payment_national"])
    parts = [*_by_rows(lines), *_by_rules(lines, _in_force(day), day)]
    if not parts:
        return {"code_modifier": contracts.load().tables["code_modifier"].empty()}
    plans = {id(plan): plan for _, plan in parts}  # modifiers that do the same share theirs
    made = dict(zip(plans, pl.collect_all(plans.values()), strict=True))
    found = [made[id(plan)] for _, plan in parts]
    rows = pl.concat(found, rechunk=True)
    of_line = in_words(lines.select("hcpcs", "participant", "setting", "_whole"))
    of_how = in_words(pl.DataFrame([how for how, _ in parts], schema=_OF_HOW, orient="row"))
    which = pl.Series(np.repeat(np.arange(len(found), dtype=np.uint32), [part.height for part in found]))
    rows = rows.hstack(of_line.select(pl.all().gather(rows["_line"]))).hstack(of_how.select(pl.all().gather(which)))
    rows = rows.select(
        pl.exclude("_line", "_cents", "_whole", "reason"),
        release=pl.lit(release.label).cast(pl.Enum([release.label])),
        payment=dollars(pl.col("_cents")),
        payment_change=dollars(pl.col("_cents") - pl.col("_whole")),
        reason=in_words(rows.select("reason")).to_series(),
    )
    return {"code_modifier": rows}


def _in_force(day: date) -> Rules:
    """Return the rows of each rule that are in force on a day, those of a higher priority first."""
    found: dict[str, list[ReductionRow]] = {}
    for row in sorted(declarations.rows_on(REDUCTIONS, day), key=lambda row: -row.priority):
        found.setdefault(row.rule, []).append(row)
    return {rule: tuple(rows) for rule, rows in found.items()}


def _lines(rvu: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Return each code with a payment in both settings: cents of its rows, and the indicators of the whole service."""
    key = ["participant", "hcpcs"]
    paid = [scaled(f"{s}_{kind}").alias(f"{kind}_{s}") for s in SETTINGS for kind in ("payment", "amount")]
    rows = payments.select(*key, "modifier", "reason", *paid)
    priced = rows.filter(pl.col("reason").is_null()).select(key).unique()
    indicators = rvu.filter(pl.col("modifier") == "").select(*key, *_CODED, *map(scaled, PACKAGE))
    whole = rows.filter(pl.col("modifier") == "").drop("modifier").join(priced, on=key, how="semi")
    lines = whole.join(indicators, on=key, how="left")
    for modifier, name in OWN_ROWS.items():
        own = rows.filter(pl.col("modifier") == modifier).drop("modifier").with_columns(there=pl.lit(value=True))
        lines = lines.join(own.rename({c: f"{c}{name}" for c in own.columns if c not in key}), on=key, how="left")
    by_setting = []
    for setting in SETTINGS:
        here = {"_whole": f"payment_{setting}", "_tc_amount": f"amount_{setting}_tc"}
        here |= {name: f"payment_{setting}{name}" for name in OWN_ROWS.values()}
        by_setting.append(
            lines.select(
                *key, *_CODED, *PACKAGE, pl.lit(setting).alias("setting"), "reason",
                *(pl.col(f"{what}{name}") for name in OWN_ROWS.values() for what in ("reason", "there")),
                **here,
            )
        )  # fmt: skip
    return pl.concat(by_setting).with_row_index("_line")


def _by_rows(lines: pl.DataFrame) -> Iterator[Part]:
    """Yield the rows of the modifiers that have rows of their own; of 53, the few codes that have one."""
    for modifier, name in OWN_ROWS.items():
        there = pl.col(f"there{name}").is_not_null()
        reason = pl.when(there).then(f"reason{name}").otherwise(pl.lit("no_row"))
        own = Effect(there, pl.col(name), reason)
        if modifier == "53":
            if (some := lines.filter(there)).height:
                yield How(modifier, None, None, False, "certain"), _rows(some.lazy(), own)
            continue
        for value, alike in _by_value(lines, "pctc"):
            yield How(modifier, "pctc", value, False, "certain"), _rows(alike, own)


def _by_rules(lines: pl.DataFrame, rules: Rules, day: date) -> Iterator[Part]:
    """Yield the rows of each modifier that a rule names, for each value of the indicator that the rule goes by."""
    lines = lines.drop(f"{what}{name}" for name in OWN_ROWS.values() for what in ("reason", "there"))
    for rule, indicator in INDICATORS.items():
        if rule not in rules:
            continue
        some = _imaged(lines) if rule == "technical_equipment" else lines
        named = sorted({modifier for row in rules[rule] for modifier in row.modifier})
        said = None if indicator.startswith("_") else indicator
        for value, alike in _by_value(some, indicator):
            made: dict[tuple[ReductionRow, ...], pl.LazyFrame] = {}  # modifiers with the same rows do the same
            for modifier in named:
                own = tuple(row for row in rules[rule] if modifier in row.modifier)
                row = next((row for row in own if row.indicator in ("", value)), None)
                if row is None and rule in FOR_SOME:
                    continue
                because = own if row else ()
                if because not in made:
                    made[because] = _by_rule(alike, rule, row, own, rules, day)
                documentation = bool(row and row.outcome == DOCUMENTED)
                certainty = row.certainty if row else "certain"
                yield How(modifier, said, value if said else None, documentation, certainty), made[because]


def _by_rule(
    some: pl.LazyFrame, rule: str, row: ReductionRow | None, own: Sequence[ReductionRow], rules: Rules, day: date
) -> pl.LazyFrame:
    """Return the rows of a modifier, of codes with one value of the indicator that its rule goes by."""
    by = effect(rule, row, own, rules, day)
    # NOTE: a line that has no payment has none with any modifier, for its own reason.
    unpaid = pl.col("reason").is_not_null()
    reason = pl.when(unpaid).then("reason").otherwise(by.reason)
    return _rows(some, Effect(by.applies, by.cents, reason))


def _imaged(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of imaging, with its kind as a column."""
    return lines.with_columns(_imaging=_kind()).filter(pl.col("_imaging").is_not_null())


@cache
def _kind() -> pl.Expr:
    """Return the kind of imaging of a code, by `schemas/imaging_services.csv`, null where it's none."""
    kind = _NO_TEXT
    for row in reversed(declarations.rows(IMAGING)):
        kind = (
            pl.when(pl.col("hcpcs").is_between(pl.lit(row.first), pl.lit(row.last)))
            .then(pl.lit(row.kind))
            .otherwise(kind)
        )
    return kind


def _by_value(lines: pl.DataFrame, indicator: str) -> Iterator[tuple[str | None, pl.LazyFrame]]:
    """Yield each value of an indicator with its lines."""
    held, plan = pl.col(indicator), lines.lazy()
    for value in lines[indicator].unique(maintain_order=True):
        yield value, plan.filter(held.is_null() if value is None else held == value)


def _rows(lines: pl.LazyFrame, by: Effect) -> pl.LazyFrame:
    return lines.select(
        "_line",
        applies=by.applies,
        _cents=pl.when(by.reason.is_null()).then(by.cents),
        reason=by.reason.cast(pl.Categorical),
    )
