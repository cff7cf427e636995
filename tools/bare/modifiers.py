"""What somebody writes in polars who wants to know what each modifier does to each code of RVU25A: `code_modifier`.

Every code with a payment is a line for each setting, and joined to the rules of a modifier as declared, by the
indicator that they go by. Money is cents in 64-bit integers.
"""

from pathlib import Path

import polars as pl

from tools.bare import payment, source
from tools.bare.payment import LABEL, SETTINGS, decimals, unscaled
from tools.bare.release import Made

TABLES = ("code_modifier",)
DAY = "2025-01-01"
OWN = {"26": "professional", "TC": "technical", "53": "discontinued"}  # modifiers with rows of their own
ALONE = {"professional": "2", "technical": "3"}  # PC/TC indicators of codes that are one side alone
SHARES = ("preoperative", "intraoperative", "postoperative")
BY_INDICATOR = ("bilateral", "assistant_surgeon", "co_surgeons", "team_surgery")
INDICATORS = ("pctc", "global_days", "multiple_procedure", *BY_INDICATOR, "imaging_family")
AGAIN = ("imaging", "cardiovascular", "ophthalmology")  # rules on the sides of a service that is done twice
GOES = ("documentation_required", "by_report", "carrier_priced", "preoperative_paid_with_54")
COLUMNS = (
    "release", "hcpcs", "modifier", "participant", "setting", "applies", "indicator", "indicator_value", "payment",
    "payment_change", "reason", "documentation_required", "certainty",
)  # fmt: skip
NO_TEXT, YES, WHOLE = pl.lit(None, pl.String), pl.lit(value=True), pl.col("whole")


def tables(made: Made, folder: Path) -> pl.DataFrame:
    """Write the table, and return it."""
    lines, rules = _lines(made.rvu, made.payments), _in_force("reductions")
    rules = rules.with_columns(
        pl.col("modifier").str.split(" "), *(pl.col(n).cast(pl.Int64) for n in ("numerator", "denominator"))
    ).explode("modifier")
    by_rules = [
        *(_by_indicator(lines, rules, rule) for rule in BY_INDICATOR),
        *(_package(lines, rules, modifier) for modifier in ("54", "55", "56")),
        *(make(lines, rules) for make in (_return, _therapy, _equipment)),
    ]
    reason = pl.coalesce("unpaid", "reason")
    ruled = pl.concat(by_rules, how="diagonal").with_columns(
        reason=reason,
        cents=pl.when(reason.is_null()).then("cents"),
        documentation_required=(pl.col("outcome") == "documentation_required").fill_null(value=False),
    )
    rows = pl.concat([*(_own(lines, modifier, side) for modifier, side in OWN.items()), ruled], how="diagonal")
    words = {name: pl.Enum(rows[name].unique().sort()) for name in ("modifier", "setting")}
    rows = rows.with_columns(
        pl.col("indicator", "indicator_value", "reason", "certainty").cast(pl.Categorical),
        *(pl.col(name).cast(dtype) for name, dtype in words.items()),
        release=pl.lit(LABEL).cast(pl.Categorical), participant=pl.lit("all").cast(pl.Categorical),
        payment=decimals(pl.col("cents")), payment_change=decimals(pl.col("cents") - pl.col("whole")),
    )  # fmt: skip
    rows = rows.select(COLUMNS).sort("hcpcs", "modifier", "setting")
    payment.keep(rows, folder, "code_modifier")
    return rows


def _in_force(name: str) -> pl.DataFrame:
    began, goes_on = pl.col("from").fill_null("") <= DAY, pl.col("to").fill_null("9999") >= DAY
    return source.declared(name).filter(began, goes_on)


def _lines(rvu: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """Return each code with a payment in both settings: cents of its rows, and the indicators of the whole service."""
    money = [f"{setting}_{kind}" for setting in SETTINGS for kind in ("payment", "amount")]
    rows = payments.select("hcpcs", "modifier", "reason", *map(unscaled, money))
    shares = (unscaled(share).fill_null(0) for share in SHARES)
    whole = rvu.filter(modifier="").select("hcpcs", *INDICATORS, *shares)
    lines = whole.join(rows.filter(pl.col("reason").is_null()), on="hcpcs", how="semi")
    for modifier, side in {"": "whole", **OWN}.items():
        own = rows.filter(modifier=modifier).select("hcpcs", pl.exclude("hcpcs", "modifier").name.suffix(f"_{side}"))
        there = YES.alias(f"there_{side}")
        lines = lines.join(own.with_columns(there), on="hcpcs", how="left")
    return pl.concat(
        lines.select(
            "hcpcs", *INDICATORS, *SHARES, pl.lit(setting).alias("setting"),
            *(pl.col(f"there_{side}").fill_null(value=False) for side in OWN.values()),
            *(f"reason_{side}" for side in OWN.values()),
            *(pl.col(f"{setting}_payment_{side}").alias(side) for side in ("whole", *OWN.values())),
            unpaid="reason_whole", technical_amount=f"{setting}_amount_technical",
        )
        for setting in SETTINGS
    )  # fmt: skip


def _own(lines: pl.DataFrame, modifier: str, side: str) -> pl.DataFrame:
    """Return what CMS's own rows with a modifier say; of 53 only the codes that have one."""
    there, few = pl.col(f"there_{side}"), modifier == "53"
    return (lines.filter(there) if few else lines).select(
        "hcpcs", "setting", "whole",
        modifier=pl.lit(modifier), applies=there, cents=side,
        indicator=NO_TEXT if few else pl.lit("pctc"), indicator_value=NO_TEXT if few else "pctc",
        reason=pl.when(there).then(f"reason_{side}").otherwise(pl.lit("no_row")),
        documentation_required=pl.lit(value=False), certainty=pl.lit("certain"),
    )  # fmt: skip


def _made(rows: pl.DataFrame, indicator: str | None, **found: pl.Expr) -> pl.DataFrame:
    value = pl.col(indicator) if indicator else NO_TEXT
    same = ("hcpcs", "setting", "whole", "unpaid", "modifier", "outcome", "certainty")
    return rows.select(*same, indicator=pl.lit(indicator, pl.String), indicator_value=value, **found)


def _by_indicator(lines: pl.DataFrame, rules: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Return what modifiers do that pay a share of the service, or none, as an indicator says."""
    rows = lines.join(rules.filter(rule=rule).drop("setting", "part"), left_on=rule, right_on="indicator")
    if rule != "bilateral":
        pays = pl.col("outcome").is_null() | pl.col("outcome").is_in(GOES)
        why = pl.when(pl.col("outcome") != "documentation_required").then("outcome")
        return _made(rows, rule, applies=pays, cents=_by_rule(WHOLE), reason=why)
    more = (pl.col("numerator") != pl.col("denominator")).fill_null(value=False)
    twice = (pl.col("numerator") == 2 * pl.col("denominator")).fill_null(value=False)
    once, again = rows.filter(~twice), _second_side(rows.filter(twice), rules)
    less = pl.max_horizontal(_by_rule(WHOLE) - pl.col("less"), 0)
    return pl.concat(
        [
            _made(once, rule, applies=more, cents=_by_rule(WHOLE), reason=pl.col("outcome")),
            _made(again, rule, applies=more, cents=less, reason=pl.col("lost")),
        ]
    )


def _second_side(rows: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return services that are paid for each side, with the cents by which the parts of the second are less."""
    again = rules.filter(pl.col("rule").is_in(AGAIN)).select("rule", "part", "numerator", "denominator", "indicator")
    less, lost = [], []
    for part in ALONE:
        own = again.filter(part=part).select(pl.exclude("part").name.prefix(f"{part}_"))
        rows = rows.join(own, left_on="multiple_procedure", right_on=f"{part}_indicator", how="left")
        rule, value = pl.col(f"{part}_rule"), _side(part)
        touched = rule.is_not_null() & ((rule != "imaging") | (pl.col("imaging_family") != "99"))
        full = pl.coalesce("technical_amount", value) if part == "technical" else value
        reduced = _share(full, pl.col(f"{part}_numerator"), pl.col(f"{part}_denominator"))
        less.append(pl.when(touched & (value != 0)).then(pl.max_horizontal(value - reduced, 0)))
        lost.append(pl.when(touched & value.is_null()).then(pl.lit(f"{part}_part_not_known")))
    return rows.with_columns(less=pl.sum_horizontal(less), lost=pl.coalesce(lost))


def _package(lines: pl.DataFrame, rules: pl.DataFrame, modifier: str) -> pl.DataFrame:
    """Return what a modifier does that pays for a part of the surgical package."""
    own = rules.filter(rule="global_split", modifier=modifier)
    parts = own["part"].drop_nulls().to_list()
    percent = pl.sum_horizontal(parts) if parts else pl.lit(None, pl.Int64)
    rows = lines.with_columns(pl.lit(own[c][0], pl.String).alias(c) for c in ("modifier", "outcome", "certainty"))
    why = pl.when(_packaged()).then("outcome").otherwise(pl.lit("no_global_package"))
    return _made(rows, "global_days", applies=_packaged(), cents=_share(WHOLE, percent, pl.lit(100)), reason=why)


def _return(lines: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return what 78 does, a return to the operating room: it pays for the operation alone, or for all of it."""
    own = rules.filter(rule="return_to_operating_room").drop("setting")
    rows = lines.join(own, left_on="global_days", right_on="indicator")
    of_package, pays = pl.col("part").is_not_null(), pl.col("outcome").is_null() | pl.col("outcome").is_in(GOES)
    operation = _share(WHOLE, pl.col("intraoperative"), pl.lit(100))
    return _made(
        rows, "global_days",
        applies=pl.when(of_package).then(_packaged()).otherwise(pays),
        cents=pl.when(of_package).then(operation).otherwise(_by_rule(WHOLE)),
        reason=pl.when(of_package & ~_packaged()).then(pl.lit("no_global_package")).otherwise("outcome"),
    )  # fmt: skip


def _therapy(lines: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return what CQ and CO do, therapy by an assistant: a share of what Medicare pays, which isn't the patient's."""
    own = rules.filter(rule="therapy_assistant").drop("setting", "part")
    ranges = _in_force("no_coinsurance").select("first", "last").rows()
    free = pl.any_horizontal(pl.col("hcpcs").is_between(pl.lit(first), pl.lit(last)) for first, last in ranges)
    usual = rules.filter(pl.col("indicator").is_null(), pl.col("modifier").is_null(), rule="coinsurance")
    share = (pl.lit(usual[name].item()) for name in ("numerator", "denominator"))
    paid = pl.when(free).then(WHOLE).otherwise(_share(WHOLE, *share))
    rows = lines.join(own, left_on="multiple_procedure", right_on="indicator")
    return _made(rows, "multiple_procedure", applies=YES, cents=WHOLE - paid + _by_rule(paid), reason=NO_TEXT)


def _equipment(lines: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return what CT, FX and FY do, older equipment: they take a share of the technical part."""
    ranges = source.declared("imaging_services").select("kind", "first", "last").rows()
    kinds = (pl.when(pl.col("hcpcs").is_between(pl.lit(a), pl.lit(b))).then(pl.lit(kind)) for kind, a, b in ranges)
    own = rules.filter(rule="technical_equipment").drop("setting", "part")
    rows = lines.with_columns(kind=pl.coalesce(kinds)).join(own, left_on="kind", right_on="indicator")
    part = _side("technical")
    less = part - _by_rule(part)
    why = pl.when(part.is_null()).then(pl.lit("technical_part_not_known"))
    return _made(rows, None, applies=YES, cents=pl.max_horizontal(WHOLE - less, 0), reason=why)


def _side(name: str) -> pl.Expr:
    """Return the cents of a side of the service: all or nothing of a code that is one side alone, else its row's."""
    pctc, other = pl.col("pctc"), next(value for side, value in ALONE.items() if side != name)
    return pl.when(pctc == ALONE[name]).then("whole").when(pctc == other).then(0).otherwise(name)


def _packaged() -> pl.Expr:
    return pl.any_horizontal(pl.col(share) != 0 for share in SHARES)


def _by_rule(cents: pl.Expr) -> pl.Expr:
    return _share(cents, pl.col("numerator"), pl.col("denominator"))


def _share(cents: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return (2 * cents * numerator + denominator) // (2 * denominator)
