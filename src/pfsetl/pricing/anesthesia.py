"""Anesthesia: (base units + time units) x the locality's conversion factor; there are no RVUs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from pfsetl.declared import calendar, declarations
from pfsetl.declared.records.modifiers import CONFLICTS
from pfsetl.declared.records.rules import DOCUMENTED, ReductionRow
from pfsetl.errors import UsageError
from pfsetl.pricing.loaded import Loaded, row_of
from pfsetl.pricing.lookup import Source, sources_of
from pfsetl.pricing.modifier_reasons import ANESTHESIA
from pfsetl.pricing.place import Place
from pfsetl.pricing.rules import rules_of
from pfsetl.pricing.service import Service
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.tables import exact


@dataclass(frozen=True, slots=True)
class Anesthesia:
    """What anesthesia is priced by, `amount` in cents. Supervision (AD) and some codes have no time units."""

    base_units: int
    time_units: Decimal | None
    factor: Decimal
    amount: int
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    supervision: tuple[ReductionRow, ...] = ()  # the rules whose units these are, where it's supervision
    untimed: ReductionRow | None = None  # the rule that gives the code no time units


def anesthesia(
    version: Version, label: str, participant: str, place: Place, status: str, service: Service, loaded: Loaded
) -> Anesthesia | None:
    """Return the price of an anesthesia service for its minutes, None for any other service.

    Base units come from a loaded CMS file, the factor from the release's ANES member, or for the nation from
    `schemas/conversion_factors.csv`. Supervision of more than four (AD) has units of its own and no time: rows
    `medical_supervision` of `schemas/reductions.csv`, and so are the codes that have base units alone: `no_time_units`.
    Raises UsageError where minutes, base units or factor are missing.
    """
    if status != ANESTHESIA:
        if service.minutes is not None:
            raise UsageError(f"minutes: {service.hcpcs} isn't an anesthesia service; leave them out and give units.")
        return None
    if service.units != 1:
        raise UsageError(f"units {service.units}: an anesthesia service has one unit; time goes by minutes.")
    if supervision := _supervision(status, service):
        return _supervised(supervision, service, _factor(version, label, participant, place, service))
    untimed = next((rule for rule in rules_of("no_time_units", service.day) if rule.indicator == service.hcpcs), None)
    if service.minutes is None and not untimed:
        raise UsageError(
            f"{service.hcpcs}: an anesthesia service is priced by time. Give the minutes: --minutes 45, or in a "
            "claim the column minutes."
        )
    base = loaded("anesthesia_base_units", service.day)
    if base is None:
        raise UsageError(
            f"{service.hcpcs}: no anesthesia base units are loaded in {version.store}. Load CMS's file: "
            f"{command('load CY_2022_Anesthesia_Base_Units.xlsx', version.store)}."
        )
    found = row_of(version, base, "hcpcs", service.hcpcs)
    if found is None:
        raise UsageError(
            f"{service.hcpcs}: {base.file} has no base units for it. Load a newer file: "
            f"{command('load FILE', version.store)}."
        )
    units, line = found["base_units"], found["line"]
    factor, source = _factor(version, label, participant, place, service)
    minutes = 0 if untimed else service.minutes or 0
    time_units, amount = exact.anesthesia_cents(units, minutes, int(factor.scaleb(4)))
    notes = (
        [] if base.effective_from.year == service.day.year else [f"base units are those of {base.effective_from.year}"]
    )
    if untimed:
        notes.append(f"{service.hcpcs} has no time units, and minutes have no effect: {untimed.source}")
    elif not _roles(service.day) & set(service.modifiers):
        said = ", ".join(sorted(_roles(service.day)))
        notes.append(f"no modifier says whose anesthesia it is ({said}): paid in full, as of one who gave it alone")
    sources = Source("base units", base.file, line, base.sha256), source
    time = None if untimed else time_units
    return Anesthesia(units, time, factor, amount, sources, tuple(notes), untimed=untimed)


@lru_cache(maxsize=20_000)
def _roles(day: date) -> frozenset[str]:
    """Return the modifiers that say whose an anesthesia is: those of direction and supervision, and what excludes them.

    One practitioner has one role in it, by `schemas/modifier_conflicts.csv`.
    """
    rules = (*rules_of("medical_direction", day), *rules_of("medical_supervision", day))
    shared = {name for rule in rules for name in rule.modifier}
    apart = ({row.modifier, row.other} for row in declarations.rows_on(CONFLICTS, day) if row.effect == "no_amount")
    return frozenset(shared.union(*(pair for pair in apart if pair & shared)))


def _supervision(status: str, service: Service) -> tuple[ReductionRow, ...]:
    """Return what a supervised service has units for; the one for induction only where it's documented."""
    return tuple(
        rule
        for rule in rules_of("medical_supervision", service.day)
        if rule.indicator == status
        and set(rule.modifier) & set(service.modifiers)
        and (service.documented or rule.outcome != DOCUMENTED)
    )


def _supervised(rules: tuple[ReductionRow, ...], service: Service, factor: tuple[Decimal, Source]) -> Anesthesia:
    units = sum(rule.numerator for rule in rules)
    value, source = factor
    _, amount = exact.anesthesia_cents(units, 0, int(value.scaleb(4)))
    notes = ["minutes have no effect: medical supervision has no time units"] if service.minutes else []
    if not service.documented:
        notes.append("not documented: presence at induction would add a unit (documented)")
    return Anesthesia(units, None, value, amount, (source,), tuple(notes), rules)


def _factor(version: Version, label: str, participant: str, place: Place, service: Service) -> tuple[Decimal, Source]:
    if place.national:
        known = {row.participant: row for row in calendar.factors("anesthesia", service.day)}
        if row := known.get(participant) or known.get("all"):
            return row.conversion_factor, Source("national factor", row.source, None, "")
        raise UsageError(f"{service.day}: no national anesthesia factor is known. Name a locality, like CA/18.")
    where = place.state, place.locality
    found = _factors(version, label).get((participant, *where))
    if found is None:
        others = " and ".join(sorted(key[0] for key in _factors(version, label) if key[1:] == where))
        whose = f" of {participant}, only of {others}" if others else ""
        raise UsageError(
            f"{place.state}/{place.locality}: {label} has no anesthesia factor{whose} there (its ANES member)."
        )
    return found


@lru_cache(maxsize=32)
def _factors(version: Version, label: str) -> dict[tuple[str, ...], tuple[Decimal, Source]]:
    """Return the anesthesia factors of a release with their lines, by participant, state and locality."""
    key = ("participant", "state", "locality")
    rows = version.scan("anesthesia", label).select(*key, "conversion_factor").collect().rows()
    lines = sources_of(version, label, "anesthesia factor", "anesthesia", *key)
    return {own: (factor, lines[own]) for *names, factor in rows if (own := tuple(names))}
