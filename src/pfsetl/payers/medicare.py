"""What Medicare pays for the services of a file of rates: each is priced once, in every setting that it names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import NamedTuple

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers.rate import Service as Asked
from pfsetl.payers.rate import is_code
from pfsetl.pricing import lookup
from pfsetl.pricing.anesthesia import STATUS as ANESTHESIA
from pfsetl.pricing.loaded import of_store
from pfsetl.pricing.place import find_place
from pfsetl.pricing.quote import price_alone, together
from pfsetl.pricing.service import Service, day_of, modifiers, service, setting_of
from pfsetl.publication.version import Version

AT_ONCE = 1_000
NATIONAL = "national"
_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "service": pl.Int32, "nth": pl.Int8, "price": pl.Int32, "code_type": pl.String, "code": pl.String,
    "modifiers": pl.String, "setting": pl.String, "date": pl.Date, "locality": pl.String,
    "place_of_service": pl.String, "release": pl.String, "section": pl.String, "cents": pl.Int64,
    "no_price": pl.String, "why": pl.String,
}  # fmt: skip
SCHEMA = pl.Schema(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Request:
    """Where and when services are priced that don't say it themselves."""

    version: Version
    day: date
    locality: str | None


class _Refused(Exception):
    def __init__(self, reason: str, why: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.why = reason, why


class _Priced(NamedTuple):
    """One service in one setting; `billed` is None where a reason stands in for a price."""

    billed: Service | None
    release: str | None
    section: str | None
    day: date | None
    reason: str | None = None
    why: str | None = None
    cents: int | None = None


def medicare(request: Request, services: Sequence[Asked]) -> pl.DataFrame:
    """Return a row for each service in each of its settings: what Medicare allows for it in cents, or a reason.

    `price` numbers what is priced: services that differ in their places of service alone have the same.
    """
    found = _Finder(request)
    parts, known = [SCHEMA.to_frame()], dict[tuple[object, ...], int]()
    for first in range(0, len(services), AT_ONCE):
        some = services[first : first + AT_ONCE]
        lines = [(first + at, nth, one) for at, asked in enumerate(some) for nth, one in enumerate(found.of(asked))]
        prices = _prices(request.version, [one for *_, one in lines])
        rows = []
        for (at, nth, _), one in zip(lines, prices, strict=True):
            asked, billed = services[at], one.billed
            of = (
                asked.code, " ".join(billed.modifiers) if billed else asked.modifiers,
                billed.setting if billed else None, one.day, asked.locality or request.locality or NATIONAL,
            )  # fmt: skip
            price = known.setdefault(of, len(known))
            where = " ".join(asked.where)
            rows.append((
                at, nth, price, asked.code_type, *of, where, one.release, one.section, one.cents, one.reason, one.why
            ))  # fmt: skip
        parts.append(pl.DataFrame(rows, SCHEMA, orient="row"))
    return pl.concat(parts)


def _prices(version: Version, lines: Sequence[_Priced]) -> Iterator[_Priced]:
    asked = [(number, one.billed) for number, one in enumerate(lines) if one.billed and not one.reason]
    alone = iter(price_alone(version, asked))
    for one in lines:
        if one.billed is None or one.reason:
            yield one
            continue
        price = next(alone)
        if isinstance(price, UsageError):
            yield one._replace(reason="not_priced_as_asked", why=str(price))
            continue
        line = together([price])[0].line
        if line.allowed:
            yield one._replace(cents=line.allowed)
        else:
            yield one._replace(reason="no_medicare_price", why=line.reason or "nothing is allowed")


class _Finder:
    """What is asked of a version for one service after another, each thing once."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._codes = cache(lambda label: _codes(request.version, label))
        self._release = cache(lambda day: lookup.release_in_force(request.version, day).label)
        loaded = of_store(request.version.store)
        self._place = cache(lambda label, wanted, day: find_place(request.version, label, wanted, day, loaded))

    def of(self, asked: Asked) -> list[_Priced]:
        """Return the service in each of its settings, those of the same setting once."""
        day: date | None = None
        release = section = None
        try:
            if asked.reason:
                raise _Refused(asked.reason, asked.code_type or None)
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
            locality = asked.locality or self._request.locality
            self._located(release, locality, day)
            one = service(asked.code, day, locality=locality, modifiers=named)
        except _Refused as refused:
            return [_Priced(None, release, section, day, refused.reason, refused.why)]
        except UsageError as error:
            return [_Priced(None, release, section, day, "not_priced_as_asked", str(error))]
        return [_Priced(replace(one, setting=name), release, section, day, why=beside) for name in settings]

    def _day(self, asked: Asked) -> date:
        if not asked.day:
            return self._request.day
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

    def _settings(self, asked: Asked, day: date) -> tuple[list[str], str | None]:
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
