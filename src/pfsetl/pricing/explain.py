"""A quote as data: every step from RVUs to what Medicare allows, and where each number came from."""

from collections.abc import Iterator
from decimal import Decimal

from pfsetl.declared import calendar
from pfsetl.declared.records.rules import ReductionRow
from pfsetl.pricing.anesthesia import Anesthesia
from pfsetl.pricing.answers import PriceAnswer, SourceAnswer, StepAnswer, WorkIndexAnswer
from pfsetl.pricing.assignment import must_accept
from pfsetl.pricing.certainty import likely
from pfsetl.pricing.lines import Step
from pfsetl.pricing.lookup import Source
from pfsetl.pricing.notes import notes_of, sources_of
from pfsetl.pricing.quote import Alone, Quote
from pfsetl.tables import derive, exact
from pfsetl.tables.exact import decimal_of

_NOT_SCHEDULED = ("charge", "therapy_assistant")  # rules that leave the fee schedule amount itself as it is
PARTS = {"work": "work RVU", "pe": "practice expense RVU", "mp": "malpractice RVU"}


def explain(quote: Quote) -> PriceAnswer:
    """Return a quote as plain data: what was asked, what is allowed or why nothing, steps, sources, notes.

    Amounts are dollars. `nonparticipating_amount` and `limiting_charge` are 95 % and 109.25 % of the amount after
    every rule but the billed charge and those on Medicare's own payment, which can't lower them; a practitioner who has
    to accept assignment has no limiting charge. `sequestration` comes
    off Medicare's own payment, taken to be 80 % of what is allowed, or all of what has no coinsurance by its code or a
    modifier (33, CS, in part PT); it's less in a deductible. `medicare_pays` (before sequestration) and
    `patient_pays` are the parts of `allowed` where a code or modifier sets them (those, and CQ and CO), else None.
    `likely` is what it rests on that is likely by its source, or not confirmed, and not certain.
    `work_index` is the work index of the law on the day, the act, and the amounts with and without the floor.
    """
    price, line = quote
    asked, row, timed = price.asked, price.row, price.anesthesia
    service, release, place = asked.service, asked.release, asked.place
    return {
        "hcpcs": service.hcpcs,
        "date": service.day,
        "modifiers": list(service.modifiers),
        "units": service.units,
        "minutes": service.minutes,
        "days": line.line.days,
        "documented": service.documented,
        "setting": service.setting,
        "practitioner": service.practitioner,
        "participant": asked.listed.participant,
        "state": place.state or None,
        "locality": place.locality or None,
        "locality_name": place.name,
        "release": release.label,
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "version": price.version.number,
        "status": row.status,
        "na": row.facility_na if service.setting == "facility" else row.nonfacility_na,
        "conversion_factor": timed.factor if timed else price.conversion_factor,
        "amount": _dollars(line.line.payment),
        "allowed": _dollars(line.allowed),
        "reason": line.reason,
        "nonparticipating_amount": _part(quote, derive.NONPARTICIPATING),
        "limiting_charge": None if must_accept(service) else _part(quote, derive.LIMITING_CHARGE),
        "sequestration": _dollars(line.sequestration) if line.allowed is not None else None,
        "medicare_pays": _dollars(line.medicare),
        "patient_pays": _dollars(line.patient),
        "steps": [*_amount_steps(price), *_rule_steps(quote)],
        "work_index": _work_index(price),
        "likely": likely(quote),
        "sources": [_source(source) for source in sources_of(price)],
        "notes": notes_of(price),
    }


def _amount_steps(price: Alone) -> Iterator[StepAnswer]:
    if price.anesthesia:
        yield from _anesthesia_steps(price.anesthesia, price.asked.service.minutes)
    elif price.payment.amount:
        yield from _formula_steps(price)


def _anesthesia_steps(timed: Anesthesia, minutes: int | None) -> Iterator[StepAnswer]:
    for rule in timed.supervision:
        text = f"modifier {' '.join(rule.modifier)}, units: {(rule.part or '').replace('_', ' ')}"
        yield _by_rule(rule, text, rule.numerator)
    if not timed.supervision:
        yield _explained("base units", "", timed.base_units)
    if timed.time_units is not None:
        yield _explained("time units", f"{minutes} minutes / 15, to one decimal", timed.time_units)
    units = timed.base_units + (timed.time_units or 0)
    yield _explained("amount", f"{units} x {timed.factor}, rounded", _dollars(timed.amount))


def _formula_steps(price: Alone) -> Iterator[StepAnswer]:
    row, parts, payment, indices = (
        price.row,
        price.row.parts,
        price.payment,
        price.asked.place.indices,
    )
    facility = price.asked.service.setting == "facility"
    day = calendar.formula_day(price.asked.release)
    adjuster = calendar.formula("work_adjuster", day).get("")
    rvus = parts.work, parts.facility_pe if facility else parts.nonfacility_pe, parts.mp
    if adjuster:
        detail = f"{decimal_of(row.work_rvu, 2)} x {adjuster[0]}/{adjuster[1]}, rounded"
        yield _explained("work RVU", detail, decimal_of(parts.work, 2))
    adjusted, dollars = exact.products(rvus, indices, price.factor)
    for name, rvu, index, product in zip(PARTS.values(), rvus, indices, adjusted, strict=True):
        yield _explained(name, f"{decimal_of(rvu, 2)} x {decimal_of(index, 3)}", product)
    yield _explained("adjusted RVUs", "sum", sum(adjusted))
    yield _explained("unrounded", f"x conversion factor {price.conversion_factor}", dollars)
    flag = calendar.formula("calculation_flag", day).get(row.calculation_flag or "")
    detail = f"rounded, then calculation flag {row.calculation_flag}: x {flag[0]}/{flag[1]}" if flag else "rounded"
    yield _explained("amount", detail, _dollars(payment.amount))
    if payment.opps_amount is not None:
        capped = rvus[0], parts.opps_facility_pe if facility else parts.opps_nonfacility_pe, parts.opps_mp
        products, _ = exact.products(capped, indices, price.factor)
        for part in (1, 2):
            name = f"OPPS {list(PARTS.values())[part]}"
            yield _explained(name, f"{decimal_of(capped[part], 2)} x {decimal_of(indices[part], 3)}", products[part])
        detail = f"(work + OPPS RVUs) x {price.conversion_factor}, rounded"
        yield _explained("OPPS amount", detail, _dollars(payment.opps_amount))
        lower = min(payment.opps_amount, payment.amount)
        yield _explained("OPPS imaging cap", "the lower of the two", _dollars(lower))


def _rule_steps(quote: Quote) -> Iterator[StepAnswer]:
    line = quote.line
    if line.line.payment is not None and line.line.units > 1:
        yield _explained("units", f"x {line.line.units}", _dollars(line.line.payment * line.line.units))
    for step in line.steps:
        yield _by_rule(step, _rule_detail(step), _dollars(step.after))
    if line.allowed is not None:
        yield _explained("allowed", "", _dollars(quote.line.allowed))
    else:
        yield _explained("no price", (line.reason or "").replace("_", " "), None)


def _work_index(price: Alone) -> WorkIndexAnswer | None:
    """Return the work index of the law on the day, the act, and the amount with and without the floor; None nationally.

    An amount is None where CMS prints no index for it, and where the service isn't priced by RVUs and uses none.
    """
    index = price.asked.work_index
    if index is None:
        return None
    mine = None if price.anesthesia else _dollars(price.payment.payment)
    theirs = _dollars(price.paid_with(index.other).payment) if index.other else mine
    with_floor, without = (mine, theirs) if index.floored else (theirs, mine)
    law = index.law
    return {
        "floor_in_force": index.floored,
        "floor": law.floor if law else None,
        "act": law.act if law else None,
        "from": law.first if law else None,
        "to": law.last if law else None,
        "enacted_on": law.enacted_on if law else None,
        "certainty": law.certainty if law else None,
        "source": law.source if law else None,
        "used": None if price.anesthesia else index.used,
        "with_floor": index.with_floor,
        "without_floor": index.without_floor,
        "amount_with_floor": None if index.with_floor is None else with_floor,
        "amount_without_floor": None if index.without_floor is None else without,
    }


def _rule_detail(step: Step) -> str:
    share = "" if step.numerator == step.denominator else f" ({step.numerator}/{step.denominator})"
    return f"{step.text}{share}"


def _part(quote: Quote, parts: int) -> Decimal | None:
    allowed = quote.line.allowed
    scheduled = next((step.before for step in quote.line.steps if step.rule in _NOT_SCHEDULED), allowed)
    return None if scheduled is None else _dollars(exact.share_of(scheduled, parts, derive.WHOLE))


def _dollars(cents: int | None) -> Decimal | None:
    return None if cents is None else decimal_of(cents, 2)


def _source(source: Source) -> SourceAnswer:
    return {
        "what": source.what,
        "file": source.file,
        "line": source.line,
        "sha256": source.sha256,
        "archive": source.archive,
        "archive_sha256": source.archive_sha256,
    }


def _by_rule(rule: Step | ReductionRow, detail: str, value: Decimal | int | None) -> StepAnswer:
    step = _explained(rule.rule, detail, value)
    return {**step, "source": rule.source, "certainty": rule.certainty}


def _explained(step: str, detail: str, value: Decimal | int | None) -> StepAnswer:
    return {"step": step, "detail": detail, "value": value}
