"""The table `code_modifier`: which modifiers go with a code, by which indicator, and what each makes of its payment.

The factors are the rows of `schemas/reductions.csv` that are in force on the release's first day. A modifier stands
alone here, on one unit of the code's whole service by a physician, with the documentation that some ask for; a price of
such a line is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from pfsetl.declared import calendar, contracts, declarations
from pfsetl.declared.records.rules import REDUCTIONS, ReductionRow
from pfsetl.declared.records.services import IMAGING, NO_COINSURANCE
from pfsetl.declared.registry import Release
from pfsetl.tables.exact import dollars, fraction, scaled
from pfsetl.tables.key_order import in_words

SETTINGS = ("nonfacility", "facility")
DOCUMENTED = "documentation_required"
OWN_ROWS = {"26": "_26", "TC": "_tc", "53": "_53"}  # modifiers with rows of their own in `rvu`
SHARES = ("preoperative", "intraoperative", "postoperative")
# The indicator that each rule on a line alone goes by; that on equipment goes by the kind of imaging.
INDICATORS = {
    "bilateral": "bilateral", "assistant_surgeon": "assistant_surgeon", "co_surgeons": "co_surgeons",
    "team_surgery": "team_surgery", "global_split": "global_days", "return_to_operating_room": "global_days",
    "therapy_assistant": "multiple_procedure", "technical_equipment": "_imaging",
}  # fmt: skip
FOR_SOME = ("therapy_assistant", "technical_equipment")  # rules that say nothing of the codes that they aren't for
COMPONENTS = ("imaging", "cardiovascular", "ophthalmology")  # what reduces the second of two sides that are paid apart
# Outcomes of a modifier that goes with a code all the same; with all others it doesn't.
GOES = (DOCUMENTED, "by_report", "carrier_priced", "preoperative_paid_with_54")
_CODED = (
    "pctc", "global_days", "multiple_procedure", "bilateral", "assistant_surgeon", "co_surgeons", "team_surgery",
    "imaging_family",
)  # fmt: skip
_NO_TEXT, _NO_CENTS = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Int64)
_OF_HOW = {
    "modifier": pl.String, "indicator": pl.String, "indicator_value": pl.String, "documentation_required": pl.Boolean,
    "certainty": pl.String,
}  # fmt: skip
Rules = Mapping[str, tuple[ReductionRow, ...]]


class Effect(NamedTuple):
    """What a modifier does to a line: whether it goes with the code, cents with it, and why there are none."""

    applies: pl.Expr
    cents: pl.Expr
    reason: pl.Expr


class How(NamedTuple):
    """What rows of one modifier share: what decides, how sure that is, and whether the need has to be documented."""

    modifier: str
    indicator: str | None
    indicator_value: str | None
    documentation_required: bool
    certainty: str


Part = tuple[How, pl.DataFrame]  # of lines by their number


def code_modifier(tables: Mapping[str, pl.DataFrame], release: Release) -> dict[str, pl.DataFrame]:
    """Make the rows of every code with a national payment: by its own rows, and by the rules in force.

    Text is a number in a list of words here, as it is where the table is written: it repeats in hundreds of thousands
    of rows.
    """
    day = calendar.formula_day(release)
    lines = _lines(tables["rvu"], tables["payment_national"])
    parts = [*_by_rows(lines), *_by_rules(lines, _in_force(day), day)]
    if not parts:
        return {"code_modifier": contracts.load().tables["code_modifier"].empty()}
    rows = pl.concat((part.with_columns(_how=pl.lit(n, pl.UInt16)) for n, (_, part) in enumerate(parts)), rechunk=True)
    of_line = in_words(lines.select("hcpcs", "participant", "setting", "_whole"))
    of_how = in_words(pl.DataFrame([how for how, _ in parts], schema=_OF_HOW, orient="row"))
    rows = rows.hstack(of_line.select(pl.all().gather(rows["_line"])))
    rows = rows.hstack(of_how.select(pl.all().gather(rows["_how"])))
    rows = rows.select(
        pl.exclude("_line", "_how", "_cents", "_whole", "reason"),
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
    indicators = rvu.filter(pl.col("modifier") == "").select(*key, *_CODED, *map(scaled, SHARES))
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
                *key, *_CODED, *SHARES, pl.lit(setting).alias("setting"), "reason",
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
        effect = Effect(there, pl.col(name), reason)
        if modifier == "53":
            if (some := lines.filter(there)).height:
                yield How(modifier, None, None, False, "certain"), _rows(some, effect)
            continue
        for (value,), alike in lines.partition_by("pctc", as_dict=True).items():
            yield How(modifier, "pctc", value, False, "certain"), _rows(alike, effect)


def _by_rules(lines: pl.DataFrame, rules: Rules, day: date) -> Iterator[Part]:
    """Yield the rows of each modifier that a rule names, for each value of the indicator that the rule goes by."""
    lines = lines.drop(f"{what}{name}" for name in OWN_ROWS.values() for what in ("reason", "there"))
    for rule, indicator in INDICATORS.items():
        if rule not in rules:
            continue
        some = _imaged(lines) if rule == "technical_equipment" else lines
        named = sorted({modifier for row in rules[rule] for modifier in row.modifier})
        said = None if indicator.startswith("_") else indicator
        for (value,), alike in some.partition_by(indicator, as_dict=True).items():
            made: dict[tuple[ReductionRow, ...], pl.DataFrame] = {}  # modifiers with the same rows do the same
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
    some: pl.DataFrame, rule: str, row: ReductionRow | None, own: Sequence[ReductionRow], rules: Rules, day: date
) -> pl.DataFrame:
    """Return the rows of a modifier, of codes with one value of the indicator that its rule goes by."""
    effect = _effect(rule, row, own, rules, day)
    # NOTE: a line that has no payment has none with any modifier, for its own reason.
    unpaid = pl.col("reason").is_not_null()
    reason = pl.when(unpaid).then("reason").otherwise(effect.reason)
    return _rows(some, Effect(effect.applies, effect.cents, reason))


def _effect(rule: str, row: ReductionRow | None, own: Sequence[ReductionRow], rules: Rules, day: date) -> Effect:
    whole, yes, no = pl.col("_whole"), pl.lit(value=True), pl.lit(value=False)
    if rule == "return_to_operating_room" and row is None:
        return Effect(no, whole, _NO_TEXT)
    if row is None:
        return Effect(no, _NO_CENTS, pl.lit(f"{rule}_not_applicable"))
    packaged = pl.any_horizontal(pl.col(part).fill_null(0) != 0 for part in SHARES)
    if rule in ("global_split", "return_to_operating_room") and (rule == "global_split" or row.part):
        parts = [part.part for part in own if part.indicator in ("", row.indicator) and part.part]
        percent = pl.sum_horizontal(pl.col(part).fill_null(0) for part in parts) if parts else _NO_CENTS
        reason = pl.when(packaged).then(pl.lit(row.outcome, dtype=pl.String)).otherwise(pl.lit("no_global_package"))
        paid = pl.when(reason.is_null()).then(fraction(whole, percent, pl.lit(100)))
        return Effect(packaged, paid, reason)
    if row.outcome and row.outcome != DOCUMENTED:
        return Effect(pl.lit(row.outcome in GOES), _NO_CENTS, pl.lit(row.outcome))
    share = pl.lit(row.numerator), pl.lit(row.denominator)
    if rule == "technical_equipment":
        part = _technical(rules)
        less = part - fraction(part, *share)
        reason = pl.when(part.is_null()).then(pl.lit("technical_part_not_known"))
        return Effect(yes, pl.when(part.is_not_null()).then(pl.max_horizontal(whole - less, 0)), reason)
    if rule == "therapy_assistant":
        medicare = _medicare(rules, day)
        return Effect(yes, whole - medicare + fraction(medicare, *share), _NO_TEXT)
    if rule == "bilateral":
        cents, reason = _second_side(fraction(whole, *share), row, rules)
        return Effect(pl.lit(row.numerator != row.denominator), cents, reason)
    return Effect(yes, fraction(whole, *share), _NO_TEXT)


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
                full = pl.when((part != 0) & pl.col("_tc").is_not_null()).then("_tc_amount").otherwise(part)
            reduced = fraction(more * full, pl.lit(row.numerator), pl.lit(row.denominator))
            less.append(pl.when(touched & (part != 0)).then(pl.max_horizontal(more * part - reduced, 0)))
            lost.append(pl.when(touched & part.is_null()).then(pl.lit(f"{row.part}_part_not_known")))
    reason = pl.coalesce(reversed(lost))
    # NOTE: none of them is below 0, so that taking them off one by one, never below 0, comes to the same.
    after = pl.max_horizontal(cents - pl.sum_horizontal(less), 0) if less else cents
    return pl.when(reason.is_null()).then(after), reason


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
    found = fraction(pl.col("_whole"), pl.lit(usual.numerator), pl.lit(usual.denominator))
    for row in rows:
        if row.indicator and row.priority > usual.priority:
            own = fraction(pl.col("_whole"), pl.lit(row.numerator), pl.lit(row.denominator))
            found = pl.when(preventive).then(own).otherwise(found)
    return found


def _imaged(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of imaging, with its kind by `schemas/imaging_services.csv` as a column."""
    kind = _NO_TEXT
    for row in reversed(declarations.rows(IMAGING)):
        kind = (
            pl.when(pl.col("hcpcs").is_between(pl.lit(row.first), pl.lit(row.last)))
            .then(pl.lit(row.kind))
            .otherwise(kind)
        )
    return lines.with_columns(_imaging=kind).filter(pl.col("_imaging").is_not_null())


def _rows(lines: pl.DataFrame, effect: Effect) -> pl.DataFrame:
    return lines.select(
        "_line",
        applies=effect.applies,
        _cents=pl.when(effect.reason.is_null()).then(effect.cents),
        reason=effect.reason.cast(pl.Categorical),
    )
