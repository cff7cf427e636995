"""Price services from a published version: release in force, locality, exact amount, claim rules, and every source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.services import STATUS
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing import floor, published
from pfsetl.pricing.anesthesia import Anesthesia, anesthesia
from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.floor import WorkIndex
from pfsetl.pricing.global_package import days_unsaid, with_days
from pfsetl.pricing.modifier_reasons import modifier_notes, reason_of
from pfsetl.pricing.place import Place, find_place
from pfsetl.pricing.published import Source
from pfsetl.pricing.reductions import Line, PricedLine, find, therapy_share
from pfsetl.pricing.rule_notes import rule_notes
from pfsetl.pricing.service import Service, modifier_of
from pfsetl.publication.version import Version
from pfsetl.tables import derive

Row = dict[str, Any]
THERAPY = "5"  # CMS's multiple-procedure indicator of therapy services


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


@dataclass(frozen=True, slots=True)
class _Priced:
    """The rows of the codes of one service, each with its payment in one place."""

    release: Release
    place: Place
    work_index: WorkIndex | None
    participant: str
    rows: dict[tuple[str, str], tuple[Row, Row]]
    therapy: dict[tuple[str, str], Row]
    other: dict[tuple[str, str], Row]


def quote(version: Version, services: Sequence[Service], as_of: date | None = None) -> list[Quote]:
    """Price services that belong together, as one claim; each on its own day and in its own place.

    Raises UsageError where one can't be priced as asked: unknown code, modifier without a row, release not published.
    """
    ready = prepare(version, as_of)
    return together([ready(number, service) for number, service in enumerate(services, start=1)])


def together(quotes: Sequence[Quote]) -> list[Quote]:
    """Apply the claim rules to quotes that were prepared one by one, as the lines of one claim."""
    lines = price_claim([one.line.line for one in quotes])
    return [replace(one, line=line) for one, line in zip(quotes, lines, strict=True)]


def prepare(version: Version, as_of: date | None = None) -> Callable[[int, Service], Quote]:
    """Return a function that prices one service alone; releases, places and rows are looked up once."""
    place_of = cache(lambda label, wanted, day: find_place(version, label, wanted, day))
    # NOTE: kept, as a claim file may name one code on thousands of lines, and all releases are asked for it.
    hint = cache(lambda label, code: _other_releases_or_near(version, label, code))

    def one(number: int, service: Service) -> Quote:
        release = published.release_in_force(version, service.day, as_of)
        place, index = floor.by_law(place_of(release.label, service.locality, service.day), service.day, as_of)
        priced, notes = _price_rows(version, release, (place, index), service, as_of, hint)
        return _quote(version, number, service, priced, notes)

    return one


def _price_rows(
    version: Version,
    release: Release,
    at: tuple[Place, WorkIndex | None],
    service: Service,
    as_of: date | None,
    hint: Callable[[str, str], str],
) -> tuple[_Priced, list[str]]:
    place, index = at
    rvu = published.rvu_rows(version, release.label, [service.hcpcs])
    if rvu.is_empty():
        lacks = published.missing_file(version, release.label)
        raise UsageError(f"code {service.hcpcs}: not in {release.label}. {lacks or hint(release.label, service.hcpcs)}")
    bases = set(rvu["endoscopic_base"].drop_nulls()) - {service.hcpcs}
    if bases:
        rvu = pl.concat([rvu, published.rvu_rows(version, release.label, bases)])
    participant, notes = _participant(rvu, service, release, published.missing_file(version, release.label))
    notes += [] if release.known else [f"{release.label}: {release.note}"]
    notes += calendar.how_known(release, as_of) if as_of else []
    notes += index.notes if index else []
    # NOTE: CMS lists codes without a price, and anesthesia, in the file of non-QPs alone.
    listed = participant if participant in rvu["participant"] else rvu["participant"][0]
    rvu = rvu.filter(participant=listed)
    if as_of is None:
        printed = rvu["conversion_factor"]
        rvu = _as_paid(rvu, release, service.day)
        notes += [
            f"conversion factor {paid} by conversion_factors.csv; the files of {release.label} print {told}"
            for paid, told in zip(rvu["conversion_factor"].head(1), printed.head(1), strict=True)
            if paid != told
        ]
    payments = derive.payment(rvu, place.gpci, release)
    share = therapy_share(service.day, facility=service.setting == "facility")
    reducible = rvu.filter(multiple_procedure=THERAPY) if share else rvu.clear()
    therapy = _by_key(derive.payment(reducible, place.gpci, release, share)) if share and reducible.height else {}
    other = derive.payment(rvu, index.other, release) if index and index.other is not None else payments.clear()
    rows, paid = _by_key(rvu), _by_key(payments)
    priced = {key: (rows[key], paid[key]) for key in rows}
    return _Priced(release, place, index, participant, priced, therapy, _by_key(other)), notes


def _other_releases_or_near(version: Version, label: str, code: str) -> str:
    return published.elsewhere(version, label, code) or published.near_codes(version, label, code)


def _by_key(frame: pl.DataFrame) -> dict[tuple[str, str], Row]:
    return {(row["hcpcs"], row["modifier"]): row for row in frame.rows(named=True)}


def _participant(rvu: pl.DataFrame, service: Service, release: Release, lacks: str) -> tuple[str, list[str]]:
    """Return whose conversion factor counts; before 2026 one served everyone. `lacks` is a file that is missing."""
    there = rvu.filter(hcpcs=service.hcpcs)["participant"].unique().to_list()
    if "all" in there:
        notes = [f"{release.label} has one conversion factor for everyone"] if service.participant else []
        return "all", notes
    wanted = service.participant or "non_qp"
    if wanted not in there and not set(rvu["status"]) <= _without_price():
        only = f"participant {wanted}: {release.label} has {service.hcpcs} for {', '.join(there)} only."
        raise UsageError(f"{only} {lacks}".rstrip())
    return wanted, [] if service.participant else ["participant not given: non_qp"]


@cache
def _without_price() -> frozenset[str]:
    """Return the status codes under which a service has no price in RVUs."""
    return frozenset(row.code for row in declarations.rows(STATUS) if row.reason)


def _as_paid(rvu: pl.DataFrame, release: Release, day: date) -> pl.DataFrame:
    """Put the conversion factor that was paid on the day in place of the one the release was printed with."""
    table = calendar.release_calendar(release).filter(pl.lit(day).is_between("effective_from", "effective_to"))
    factors = dict(table.select("participant", pl.col("conversion_factor").cast(pl.Decimal(9, 4))).rows())
    if not factors:
        return rvu
    paid = pl.col("participant").replace_strict(factors, default=None, return_dtype=pl.Decimal(9, 4))
    return rvu.with_columns(conversion_factor=pl.coalesce(paid, "conversion_factor"))


def _quote(version: Version, number: int, service: Service, priced: _Priced, notes: list[str]) -> Quote:
    label, place = priced.release.label, priced.place
    own = [m for m in service.modifiers if modifier_of(m).effect == "row" and (service.hcpcs, m) in priced.rows]
    _refuse_missing_rows(service, priced, own)
    key = (service.hcpcs, own[0] if own else "")
    row, payment = priced.rows[key]
    timed = anesthesia(version, label, priced.participant, place, row, service)
    line = with_days(_line(number, service, priced, key, timed))
    sources = [
        published.source_of(
            version, label, "RVUs", "rvu", participant=row["participant"], hcpcs=key[0], modifier=key[1]
        ),
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
        release=priced.release,
        version=version.number,
        participant=priced.participant,
        place=place,
        row=row,
        payment=payment,
        work_index=priced.work_index,
        other_payment=priced.other.get(key),
        conversion_factor=row["conversion_factor"],
        anesthesia=timed,
        line=price_claim([line])[0],
        sources=tuple(sources),
        notes=(*place.notes, *notes, *(timed.notes if timed else ()), *modifier_notes(service), *rule_notes(line)),
    )


def _refuse_missing_rows(service: Service, priced: _Priced, own: list[str]) -> None:
    there = [modifier for hcpcs, modifier in priced.rows if hcpcs == service.hcpcs]
    shown = ", ".join(m or "none" for m in there)
    absent = [m for m in service.modifiers if m in ("26", "TC") and m not in own]
    if absent or len(own) > 1 or (not own and "" not in there):
        named = " and ".join(absent or own or ["none"])
        raise UsageError(
            f"{service.hcpcs} with modifier {named}: {priced.release.label} has no such row. "
            f"Its rows have the modifiers {shown}."
        )


def _line(number: int, service: Service, priced: _Priced, key: tuple[str, str], timed: Anesthesia | None) -> Line:
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
        uncapped_technical=uncapped if uncapped != paid_technical else None,
        documented=service.documented,
    )


def _cents(row: Row, setting: str, kind: str) -> int | None:
    value: Decimal | None = row[f"{setting}_{kind}"]
    return None if value is None else int(value.scaleb(2))
