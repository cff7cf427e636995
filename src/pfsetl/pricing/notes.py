"""What is said of a price besides its steps: notes in words, and the line in CMS's file of every number."""

from collections.abc import Iterator
from fractions import Fraction

from pfsetl.pricing.assignment import ACT, must_accept
from pfsetl.pricing.global_package import days_unsaid
from pfsetl.pricing.lookup import Source, source_at
from pfsetl.pricing.medicare_share import own_share
from pfsetl.pricing.modifier_reasons import modifier_notes
from pfsetl.pricing.quote import Alone
from pfsetl.pricing.reductions import find
from pfsetl.pricing.rule_notes import rule_notes
from pfsetl.pricing.same_day import unapplied
from pfsetl.tables.exact import decimal_of

_PRINTED_FACTOR = "the anesthesia factor is as printed: CMS doesn't say whether it has the floor of the work index"


def sources_of(price: Alone) -> list[Source]:
    """Return where the numbers of a price are from."""
    row, timed = price.row, price.anesthesia
    rvus = source_at(price.version, price.asked.release.label, "RVUs", row.file, row.line)
    return [rvus, *(timed.sources if timed else ()), *price.asked.place.sources]


def notes_of(price: Alone) -> list[str]:
    """Return what else there is to know of a price, each once: of what is allowed, and of who pays it."""
    return [*amount_notes(price), *_payment_notes(price)]


def amount_notes(price: Alone) -> list[str]:
    """Return what there is to know of what is allowed, each once."""
    line, timed = price.line, price.anesthesia
    return list(
        dict.fromkeys(
            (
                *price.asked.place.notes,
                *_amount_notes(price),
                *(timed.notes if timed else ()),
                *modifier_notes(price.asked.service),
                *rule_notes(line),
                *unapplied(line),
            )
        )
    )


def _amount_notes(price: Alone) -> Iterator[str]:
    service, row, listed = price.asked.service, price.row, price.asked.listed
    yield from listed.notes
    of_index = price.asked.work_index.notes if price.asked.work_index else ()
    if not price.anesthesia:
        yield from of_index
    yield from listed.changed
    if price.anesthesia and of_index:
        yield _PRINTED_FACTOR
    if row.parts.reason == "carrier_priced" and price.payment.opps_amount is not None:
        yield f"the contractor's price is at most the OPPS amount, ${decimal_of(price.payment.opps_amount, 2)}"
    if not price.anesthesia and price.line.payment is not None:
        if not service.setting_given:
            yield f"setting not given: {service.setting}"
        if not service.practitioner_given and not must_accept(service):
            yield f"practitioner not given: {service.practitioner}"
    if service.place_of_service:
        yield f"place of service {service.place_of_service}: {service.setting}"
    if row.facility_na if service.setting == "facility" else row.nonfacility_na:
        yield f"NA: rarely or never done in a {service.setting} setting; the PE is that of the other"
    if days_unsaid(price.line):
        yield "no days of postoperative care given: the whole share of the global period (days= or units say how many)"
    if find("only_service", price.line):
        yield "status T: paid only if no other service of the fee schedule is billed that day"


def _payment_notes(price: Alone) -> Iterator[str]:
    if price.line.payment is None:
        return
    if must_accept(price.asked.service):
        yield f"no limiting charge: a practitioner who isn't a physician has to accept assignment ({ACT})"
    if share := own_share(price.line):
        percent = Fraction(100 * share.numerator, share.denominator)
        yield f"Medicare's part is taken to be {percent} % of what is allowed: {share.source}"
