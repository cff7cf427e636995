"""What Medicare pays for the services of a file of rates: each is priced once, in every setting that it names."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import count
from typing import NamedTuple

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers.rate import REASON, RatedService, is_code
from pfsetl.payers.told import Told
from pfsetl.pricing import lookup
from pfsetl.pricing.certainty import likely
from pfsetl.pricing.lines import PricedLine
from pfsetl.pricing.loaded import of_store
from pfsetl.pricing.modifier_reasons import ANESTHESIA
from pfsetl.pricing.notes import amount_notes
from pfsetl.pricing.place import find_place
from pfsetl.pricing.quote import Alone, Quote, price_alone, together
from pfsetl.pricing.rates import prepare
from pfsetl.pricing.service import Service, day_of, modifiers, service, setting_of
from pfsetl.publication.version import Version

AT_ONCE = 2_000
NATIONAL = "national"
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "service": pl.Int32, "nth": pl.Int8, "price": pl.Int32, "code_type": pl.String, "code": pl.String,
    "modifiers": pl.String, "setting": pl.String, "date": pl.Date, "locality": pl.String,
    "place_of_service": pl.String, "release": pl.String, "section": pl.String, "cents": pl.Int64,
    "no_price": REASON, "why": pl.String,
}  # fmt: skip
SCHEMA = pl.Schema(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Defaults:
    """Where and when services are priced that don't say it themselves."""

    version: Version
    day: date
    locality: str | None


class _Refused(Exception):
    def __init__(self, reason: str, why: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.why = reason, why


class _Found(NamedTuple):
    """One service in one setting; `billed` is None where a reason stands in for a price."""

    billed: Service | None
    release: str | None
    section: str | None
    day: date | None
    reason: str | None = None
    why: str | None = None


class _Price(NamedTuple):
    """What Medicare allows, in cents, or why nothing, and its number among all."""

    cents: int | None
    reason: str | None = None
    why: str | None = None
    number: int = 0


class _Said(NamedTuple):
    """What is said of prices: of how many, and of which code first."""

    often: Counter[str]
    first: dict[str, str]


_Of = tuple[str, str, str | None, date | None, str]


def medicare(defaults: Defaults, services: Sequence[RatedService], told: Told) -> pl.DataFrame:
    """Return a row for each service in each of its settings: what Medicare allows for it in cents, or a reason.

    What is said of these prices, and what is likely in them and not certain, is told with how many it's of.

    `price` numbers what is priced: services that differ in their places of service alone have the same.

    Rows of a service stand together. NOTE: services are priced by code, and what priced a code is forgotten behind it.
    """
    found, numbers = _Finder(defaults), count()
    parts, known, said = [SCHEMA.to_frame()], dict[_Of, _Price](), _Said(Counter(), {})
    by_code = sorted(range(len(services)), key=lambda at: services[at].code)
    for first in range(0, len(services), AT_ONCE):
        some = by_code[first : first + AT_ONCE]
        lines = [(at, nth, one) for at in some for nth, one in enumerate(found.of(services[at]))]
        of = [_of(services[at], one, defaults) for at, _, one in lines]
        new = {key: one.billed for key, (*_, one) in zip(of, lines, strict=True) if one.billed and key not in known}
        billed = [one for one in new.values() if one]
        for key, price in zip(new, _prices(defaults.version, billed, said), strict=True):
            known[key] = price._replace(number=next(numbers))
        rows = [
            _row(at, nth, services[at], one, key, known.get(key)) for key, (at, nth, one) in zip(of, lines, strict=True)
        ]
        parts.append(pl.DataFrame(rows, SCHEMA, orient="row"))
        last = services[some[-1]].code
        known = {key: price for key, price in known.items() if key[0] == last}
        prepare.cache_clear()
    for text, number in said.often.most_common():
        told.note(f"{number:,} of Medicare's prices, such as of {said.first[text]}: {text}")
    return pl.concat(parts)


def _of(asked: RatedService, one: _Found, defaults: Defaults) -> _Of:
    """Return what a price is of: code, modifiers, setting, day and locality."""
    billed = one.billed
    modifiers = " ".join(billed.modifiers) if billed else asked.modifiers
    setting = billed.setting if billed else None
    return asked.code, modifiers, setting, one.day, asked.locality or defaults.locality or NATIONAL


def _row(at: int, nth: int, asked: RatedService, one: _Found, of: _Of, price: _Price | None) -> tuple[object, ...]:
    where = " ".join(asked.where)
    if one.billed is None or price is None:
        return (at, nth, None, asked.code_type, *of, where, one.release, one.section, None, one.reason, one.why)
    why = price.why if price.reason else one.why
    return (
        at, nth, price.number, asked.code_type, *of, where, one.release, one.section, price.cents, price.reason, why
    )  # fmt: skip


def _prices(version: Version, services: Sequence[Service], said: _Said) -> Iterator[_Price]:
    for price in price_alone(version, list(enumerate(services))):
        if isinstance(price, UsageError):
            yield _Price(None, "not_priced_as_asked", str(price))
            continue
        line = together([price])[0].line
        if line.allowed:
            for text in _said_of(price, line):
                said.often[text] += 1
                said.first.setdefault(text, price.row.hcpcs)
            yield _Price(line.allowed)
        else:
            yield _Price(None, "no_medicare_price", line.reason or "nothing is allowed")


def _said_of(price: Alone, line: PricedLine) -> list[str]:
    """Return what there is to know of what is allowed; who pays how much of it is no matter beside a rate."""
    told = price.asked.place.notes if price.asked.place.national else ()
    notes = [text for text in amount_notes(price) if text not in told]
    rules = likely(Quote(price, replace(line, sequestration=0, medicare=None)))
    return notes + [f"likely, not certain by its source: {rule}" for rule in rules]


class _Finder:
    """What is asked of a version for one service after another, each thing once."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self._codes = cache(lambda label: _codes(defaults.version, label))
        self._release = cache(lambda day: lookup.release_in_force(defaults.version, day).label)
        loaded = of_store(defaults.version.store)
        self._place = cache(lambda label, wanted, day: find_place(defaults.version, label, wanted, day, loaded))

    def of(self, asked: RatedService) -> list[_Found]:
        """Return the service in each of its settings, those of the same setting once."""
        day: date | None = None
        release = section = None
        try:
            if asked.reason:
                raise _Refused(asked.reason, asked.why or asked.code_type or None)
            if not is_code(asked.code):
                raise _Refused("not_a_code", None if asked.code else "no code is given")
            day = self._day(asked)
            release = self._released(day)
            status, section = self._codes(release).get(asked.code, (None, None))
            if status is None:
                raise _Refused("not_in_schedule", f"{release} has no code {asked.code}")
            if status == ANESTHESIA:
                raise _Refused("priced_by_time", "an anesthesia rate is for a unit")
            settings, beside = self._settings(asked, day)
            named = asked.modifiers.split()
            if unknown := [name for name in named if name not in modifiers()]:
                raise _Refused("modifier_unknown", " ".join(unknown))
            locality = asked.locality or self._defaults.locality
            self._located(release, locality, day)
            one = service(asked.code, day, locality=locality, modifiers=named)
        except _Refused as refused:
            return [_Found(None, release, section, day, refused.reason, refused.why)]
        except UsageError as error:
            return [_Found(None, release, section, day, "not_priced_as_asked", str(error))]
        return [
            _Found(replace(one, setting=name, setting_given=True), release, section, day, why=beside)
            for name in settings
        ]

    def _day(self, asked: RatedService) -> date:
        if not asked.day:
            return self._defaults.day
        try:
            return day_of(asked.day, "date")
        except UsageError as error:
            raise _Refused("not_readable", str(error)) from error

    def _released(self, day: date) -> str:
        try:
            return self._release(day)
        except UsageError as error:
            raise _Refused("day_not_priced", str(error)) from error

    def _located(self, release: str, locality: str | None, day: date) -> None:
        try:
            self._place(release, locality, day)
        except UsageError as error:
            raise _Refused("place_unknown", str(error)) from error

    def _settings(self, asked: RatedService, day: date) -> tuple[list[str], str | None]:
        """Return the settings, outside a facility first, and which places beside known ones CMS's table lacks."""
        settings, lacking, said = set(), [], "neither a setting nor a place of service is given"
        for where in asked.where:
            try:
                settings.add(setting_of(where, day))
            except UsageError as error:
                lacking.append(where)
                said = str(error)
        if not settings:
            raise _Refused("setting_unknown", said)
        return sorted(settings, reverse=True), f"without place of service {' '.join(lacking)}" if lacking else None


def _codes(version: Version, label: str) -> dict[str, tuple[str, str | None]]:
    """Return the status and the section of every code of a release."""
    rows = version.scan("rvu", label).select("hcpcs", "status", "section").unique("hcpcs").collect().rows()
    return {code: (status, section) for code, status, section in rows}
