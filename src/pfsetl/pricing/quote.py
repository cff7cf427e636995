"""Price services from a published version: release in force, locality, exact amount, claim rules, and every source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache

from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing import lookup
from pfsetl.pricing.anesthesia import Anesthesia, anesthesia
from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.factors import Row
from pfsetl.pricing.floor import WorkIndex
from pfsetl.pricing.global_package import days_unsaid, with_days
from pfsetl.pricing.lookup import Source
from pfsetl.pricing.modifier_reasons import modifier_notes, reason_of
from pfsetl.pricing.place import Place
from pfsetl.pricing.rates import Priced
from pfsetl.pricing.rates import prepare as prepare_rates
from pfsetl.pricing.reductions import Line, PricedLine, find
from pfsetl.pricing.rule_notes import rule_notes
from pfsetl.pricing.same_day import unapplied
from pfsetl.pricing.service import Service, modifier_of
from pfsetl.publication.version import Version


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of one service: the published row it rests on, and what the claim rules made of its amount."""

    service: Service
    release: Release
    version: int
    participant: str
    place: Place
    row: Row  # of `rvu`
    payment: Row  # of `payment_locality`, the same row priced in this place
    work_index: WorkIndex | None
    other_payment: Row | None  # with the work index that isn't law on the day, where it's another
    conversion_factor: Decimal
    anesthesia: Anesthesia | None
    line: PricedLine
    sources: tuple[Source, ...]
    notes: tuple[str, ...]

    @property
    def allowed(self) -> Decimal | None:
        """What Medicare allows for the line, in dollars; None where it has no price."""
        return None if self.line.allowed is None else Decimal(self.line.allowed).scaleb(-2)


def quote(version: Version, services: Sequence[Service], as_of: date | None = None) -> list[Quote]:
    """Price services that belong together, as one claim; each on its own day and in its own place.

    Raises UsageError where one can't be priced as asked: unknown code, modifier without a row, release not published.
    """
    quotes = []
    for one in prepare(version, as_of)(list(enumerate(services, start=1))):
        if isinstance(one, UsageError):
            raise one
        quotes.append(one)
    return together(quotes)


def together(quotes: Sequence[Quote]) -> list[Quote]:
    """Apply the claim rules to quotes that were prepared one by one, as the lines of one claim."""
    lines = price_claim([one.line.line for one in quotes])
    return [replace(one, line=line) for one, line in zip(quotes, lines, strict=True)]


def prepare(
    version: Version, as_of: date | None = None
) -> Callable[[Sequence[tuple[int, Service]]], list[Quote | UsageError]]:
    """Return a function that prices numbered services each alone, or says why one can't be priced as asked."""
    rates = prepare_rates(version, as_of)
    source = cache(lambda label, file, line: lookup.source_at(version, label, "RVUs", file, line))

    def one(number: int, priced: Priced | UsageError) -> Quote | UsageError:
        if isinstance(priced, UsageError):
            return priced
        try:
            return _quote(version, number, priced, source)
        except UsageError as error:
            return error

    def many(services: Sequence[tuple[int, Service]]) -> list[Quote | UsageError]:
        priced = rates([service for _, service in services])
        return [one(number, each) for (number, _), each in zip(services, priced, strict=True)]

    return many


def _quote(version: Version, number: int, priced: Priced, source: Callable[[str, str, int], Source]) -> Quote:
    asked, notes = priced.asked, list(priced.asked.notes)
    service, label, place = asked.service, asked.release.label, asked.place
    own = [m for m in service.modifiers if modifier_of(m).effect == "row" and (service.hcpcs, m) in priced.rows]
    _refuse_missing_rows(service, priced, own)
    key = (service.hcpcs, own[0] if own else "")
    row, payment = priced.rows[key]
    timed = anesthesia(version, label, asked.participant, place, row, service)
    if timed and asked.work_index and asked.work_index.notes:
        notes = [note for note in notes if note not in asked.work_index.notes]
        notes.append("the anesthesia factor is as printed: CMS doesn't say whether it has the floor of the work index")
    line = with_days(_line(number, service, priced, key, timed))
    sources = [
        source(label, *asked.lines[row["participant"], *key]),
        *(timed.sources if timed else ()),
        *place.sources,
    ]
    ceiling = payment[f"{service.setting}_opps_amount"]
    if payment["reason"] == "carrier_priced" and ceiling is not None:
        notes.append(f"the contractor's price is at most the OPPS amount, ${ceiling}")
    if service.place_of_service:
        notes.append(f"place of service {service.place_of_service}: {service.setting}")
    if row[f"{service.setting}_na"]:
        notes.append(f"NA: rarely or never done in a {service.setting} setting; the PE is that of the other")
    if days_unsaid(line):
        notes.append(
            "no days of postoperative care given: the whole share of the global period (days= or units say how many)"
        )
    if find("only_service", line):
        notes.append("status T: paid only if no other service of the fee schedule is billed that day")
    return Quote(
        service=service,
        release=asked.release,
        version=version.number,
        participant=asked.participant,
        place=place,
        row=row,
        payment=payment,
        work_index=asked.work_index,
        other_payment=priced.other.get(key),
        conversion_factor=row["conversion_factor"],
        anesthesia=timed,
        line=PricedLine(line, line.payment, line.reason, (), 0),
        sources=tuple(sources),
        notes=tuple(
            dict.fromkeys(
                (
                    *place.notes,
                    *notes,
                    *(timed.notes if timed else ()),
                    *modifier_notes(service),
                    *rule_notes(line),
                    *unapplied(line),
                )
            )
        ),
    )


def _refuse_missing_rows(service: Service, priced: Priced, own: list[str]) -> None:
    there = [modifier for hcpcs, modifier in priced.rows if hcpcs == service.hcpcs]
    shown = ", ".join(m or "none" for m in there)
    if {"26", "TC"} <= set(service.modifiers):
        raise UsageError(
            f"{service.hcpcs} with modifiers 26 and TC: they contradict each other, as each is one part of the whole. "
            "Bill the whole without either of them, or each part on a line of its own."
        )
    absent = [m for m in service.modifiers if m in ("26", "TC") and m not in own]
    if absent or len(own) > 1 or (not own and "" not in there):
        named = " and ".join(absent or own or ["none"])
        raise UsageError(
            f"{service.hcpcs} with modifier {named}: {priced.asked.release.label} has no such row. "
            f"Its rows have the modifiers {shown}."
        )


def _line(number: int, service: Service, priced: Priced, key: tuple[str, str], timed: Anesthesia | None) -> Line:
    row, payment = priced.rows[key]
    base = priced.rows.get((row["endoscopic_base"] or "", ""))
    cents, reason = _cents(payment, service.setting, "payment"), payment["reason"]
    if timed and timed.amount is not None:
        cents, reason = timed.amount, None
    if no_amount := reason_of(service, row["status"]):
        cents, reason = None, no_amount
    technical = priced.rows.get((service.hcpcs, "TC"))
    professional = priced.rows.get((service.hcpcs, "26"))
    uncapped = _cents(technical[1], service.setting, "amount") if technical else None
    paid_technical = _cents(technical[1], service.setting, "payment") if technical else None
    return Line(
        number=number,
        hcpcs=service.hcpcs,
        modifiers=service.modifiers,
        units=service.units,
        date=service.day,
        payment=cents,
        reason=reason,
        technical=paid_technical,
        professional=_cents(professional[1], service.setting, "payment") if professional else None,
        therapy=_cents(priced.therapy[key], service.setting, "payment") if key in priced.therapy else None,
        base_payment=_cents(base[1], service.setting, "payment") if base else None,
        endoscopic_base=row["endoscopic_base"],
        multiple_procedure=row["multiple_procedure"],
        bilateral=row["bilateral"],
        assistant_surgeon=row["assistant_surgeon"],
        co_surgeons=row["co_surgeons"],
        team_surgery=row["team_surgery"],
        imaging_family=row["imaging_family"],
        pctc=row["pctc"],
        preoperative=row["preoperative"] or Decimal(0),
        intraoperative=row["intraoperative"] or Decimal(0),
        postoperative=row["postoperative"] or Decimal(0),
        status=row["status"],
        practitioner=service.practitioner,
        facility=service.setting == "facility",
        charge=service.charge,
        row_modifier=key[1],
        global_days=row["global_days"],
        days=service.days,
        aco=service.aco,
        uncapped_technical=uncapped if uncapped != paid_technical else None,
        documented=service.documented,
    )


def _cents(row: Row, setting: str, kind: str) -> int | None:
    value: Decimal | None = row[f"{setting}_{kind}"]
    return None if value is None else int(value.scaleb(2))
