"""What a price rests on that is likely by its source, and not certain: rules, factors, the formula, the law."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.calendar import FORMULA
from pfsetl.declared.records.rules import ReductionRow
from pfsetl.declared.records.services import IMAGING
from pfsetl.pricing import technical
from pfsetl.pricing.lines import Step
from pfsetl.pricing.quote import Alone, Quote
from pfsetl.pricing.reductions import find

CERTAIN = "certain"


def likely(quote: Quote) -> list[str]:
    """Return what this price rests on whose declaration doesn't say that it's certain, each with its source."""
    return list(dict.fromkeys([*_rules(quote), *_law(quote.alone), *_amount(quote.alone)]))


def _rules(quote: Quote) -> Iterator[str]:
    line = quote.line
    # A rule on Medicare's own payment rests on coinsurance, also on days without sequestration.
    after = (
        [find(rule, line.line) for rule in ("coinsurance", "sequestration")]
        if line.sequestration or line.medicare is not None
        else []
    )
    timed = quote.alone.anesthesia
    units = (*timed.supervision, timed.untimed) if timed else ()
    rules: list[Step | ReductionRow] = [*line.steps, *(rule for rule in (*units, *after) if rule)]
    yield from (f"{rule.rule}: {rule.source}" for rule in rules if rule.certainty != CERTAIN)
    if any(step.rule == technical.RULE for step in line.steps):
        code = line.line.hcpcs
        kinds = (row for row in declarations.rows(IMAGING) if row.first <= code <= row.last)
        yield from (f"{row.kind} imaging: {row.source}" for row in kinds if row.certainty != CERTAIN)


def _law(price: Alone) -> Iterator[str]:
    index = price.asked.work_index
    if index and not price.anesthesia and index.other is not None and index.law and index.law.certainty != CERTAIN:
        yield f"work index floor: {index.law.source}"


def _amount(price: Alone) -> Iterator[str]:
    """Yield the conversion factor and the factors of the formula, where the line's amount is made of them."""
    if price.line.payment is None or (price.anesthesia and not price.asked.place.national):
        return
    category, paid = ("anesthesia", price.anesthesia.factor) if price.anesthesia else ("all", price.conversion_factor)
    yield from _factor(category, price.asked.service.day, price.asked.listed.participant, paid)
    if not price.anesthesia:
        yield from _formula(calendar.formula_day(price.asked.release), price.row.calculation_flag)


@lru_cache(maxsize=20_000)
def _factor(category: str, day: date, participant: str, paid: Decimal) -> tuple[str, ...]:
    return tuple(
        f"conversion factor {row.conversion_factor}: {row.source} ({row.certainty})"
        for row in calendar.factors(category, day)
        if row.participant in (participant, "all") and row.conversion_factor == paid and row.certainty != CERTAIN
    )


@lru_cache(maxsize=1_000)
def _formula(day: date, flag: str | None) -> tuple[str, ...]:
    rules = (rule for rule in declarations.rows_on(FORMULA, day) if rule.flag in ("", flag))
    return tuple(f"{rule.rule}: {rule.source}" for rule in rules if rule.certainty != CERTAIN)
