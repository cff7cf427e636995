"""Price services from a published version: release in force, locality, exact amount, claim rules, and every source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from pfsetl.errors import UsageError
from pfsetl.pricing.anesthesia import Anesthesia, anesthesia
from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.global_package import with_days
from pfsetl.pricing.lines import Line, PricedLine
from pfsetl.pricing.modifier_reasons import reason_of
from pfsetl.pricing.place import Indices
from pfsetl.pricing.rates import Asked, prepare
from pfsetl.pricing.rows import Row
from pfsetl.pricing.rules import therapy_share
from pfsetl.pricing.service import Service, modifier_of
from pfsetl.publication.version import Version
from pfsetl.tables.derive import Cents, payment_cents
from pfsetl.tables.exact import decimal_of

THERAPY = "5"  # CMS's multiple-procedure indicator of therapy services


@dataclass(frozen=True, slots=True)
class Alone:
    """The price of one service by itself: the published row it rests on, and the line that it is of a claim."""

    version: Version
    asked: Asked
    row: Row
    payment: Cents  # of the row in this place and setting
    anesthesia: Anesthesia | None
    line: Line

    @property
    def factor(self) -> int:
        """The conversion factor x 10,000."""
        return self.asked.listed.factor_of(self.row)

    @property
    def conversion_factor(self) -> Decimal:
        """Dollars for an RVU."""
        return decimal_of(self.factor, 4)

    def paid_with(self, indices: Indices) -> Cents:
        """Return what the row is paid with other indices."""
        return payment_cents(self.row.parts, self.asked.service.setting, indices, self.factor)


class Quote(NamedTuple):
    """The price of one service: what it's by itself, and what the claim rules made of its amount."""

    alone: Alone
    line: PricedLine


def quote(version: Version, services: Sequence[Service], as_of: date | None = None) -> list[Quote]:
    """Price services that belong together, as one claim; each on its own day and in its own place.

    Raises UsageError where one can't be priced as asked: unknown code, modifier without a row, release not published.
    """
    prices = []
    for one in price_alone(version, list(enumerate(services, start=1)), as_of):
        if isinstance(one, UsageError):
            raise one
        prices.append(one)
    return together(prices)


def together(prices: Sequence[Alone]) -> list[Quote]:
    """Apply the claim rules to what was priced alone, as the lines of one claim."""
    lines = price_claim([one.line for one in prices])
    return [Quote(one, line) for one, line in zip(prices, lines, strict=True)]


def price_alone(
    version: Version, services: Sequence[tuple[int, Service]], as_of: date | None = None
) -> list[Alone | UsageError]:
    """Price numbered services each alone, or say why one can't be priced as asked."""
    asked = prepare(version, as_of)([service for _, service in services])
    return [_alone(version, number, each) for (number, _), each in zip(services, asked, strict=True)]


def _alone(version: Version, number: int, asked: Asked | UsageError) -> Alone | UsageError:
    if isinstance(asked, UsageError):
        return asked
    try:
        row, place, listed = _row(asked), asked.place, asked.listed
        timed = anesthesia(
            version, asked.release.label, listed.participant, place, row.status, asked.service, asked.loaded
        )
    except UsageError as error:
        return error
    payment = payment_cents(row.parts, asked.service.setting, place.indices, listed.factor_of(row))
    return Alone(version, asked, row, payment, timed, with_days(_line(number, asked, row, payment, timed)))


def _row(asked: Asked) -> Row:
    """Return the row that prices a service: that of its code, or of its code and a modifier that has its own."""
    service, rows = asked.service, asked.listed.rows
    code, named = service.hcpcs, service.modifiers
    own = [m for m in named if modifier_of(m).effect == "row" and (code, m) in rows]
    if "26" in named and "TC" in named:
        raise UsageError(
            f"{code} with modifiers 26 and TC: they contradict each other, as each is one part of the whole. "
            "Bill the whole without either of them, or each part on a line of its own."
        )
    absent = [m for m in named if m in ("26", "TC") and m not in own]
    found = rows.get((code, own[0] if own else ""))
    if absent or len(own) > 1 or found is None:
        shown = ", ".join(modifier or "none" for hcpcs, modifier in rows if hcpcs == code)
        said = " and ".join(absent or own or ["none"])
        raise UsageError(
            f"{code} with modifier {said}: {asked.release.label} has no such row. Its rows have the modifiers {shown}."
        )
    return found


def _line(number: int, asked: Asked, row: Row, payment: Cents, timed: Anesthesia | None) -> Line:
    service, listed = asked.service, asked.listed
    cents, reason = payment.payment, row.parts.reason
    if timed:
        cents, reason = timed.amount, None
    if no_amount := reason_of(service, row.status):
        cents, reason = None, no_amount
    setting, indices = service.setting, asked.place.indices
    facility = setting == "facility"

    def paid(other: Row | None, share: tuple[int, int] | None = (1, 1)) -> Cents | None:
        return payment_cents(other.parts, setting, indices, listed.factor_of(other), share) if other and share else None

    technical = paid(listed.rows.get((row.hcpcs, "TC")))
    professional = paid(listed.rows.get((row.hcpcs, "26")))
    base = paid(listed.rows.get((row.endoscopic_base, ""))) if row.endoscopic_base else None
    therapy = paid(row, therapy_share(service.day, facility=facility)) if row.multiple_procedure == THERAPY else None
    # Where the imaging cap lowers the technical part, what it's before the cap counts, too.
    uncapped = technical.amount if technical and technical.amount != technical.payment else None
    return Line(
        number=number,
        hcpcs=service.hcpcs,
        modifiers=service.modifiers,
        units=service.units,
        date=service.day,
        payment=cents,
        reason=reason,
        technical=technical.payment if technical else None,
        professional=professional.payment if professional else None,
        therapy=therapy.payment if therapy else None,
        base_payment=base.payment if base else None,
        endoscopic_base=row.endoscopic_base,
        multiple_procedure=row.multiple_procedure,
        bilateral=row.bilateral,
        assistant_surgeon=row.assistant_surgeon,
        co_surgeons=row.co_surgeons,
        team_surgery=row.team_surgery,
        imaging_family=row.imaging_family,
        pctc=row.pctc,
        preoperative=_share(row.preoperative),
        intraoperative=_share(row.intraoperative),
        postoperative=_share(row.postoperative),
        status=row.status,
        practitioner=service.practitioner,
        facility=facility,
        charge=service.charge,
        row_modifier=row.modifier,
        global_days=row.global_days,
        days=service.days,
        aco=service.aco,
        uncapped_technical=uncapped,
        documented=service.documented,
    )


@cache
def _share(hundredths: int | None) -> Decimal:
    return decimal_of(hundredths, 2) if hundredths else Decimal(0)
