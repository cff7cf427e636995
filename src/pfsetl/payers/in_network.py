"""Rates in an in-network file of Transparency in Coverage, schema 2.0 and 1.x, read as it streams.

A rate is one `negotiated_price`. Codes and provider references may stand after what uses them.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from pfsetl.errors import UsageError
from pfsetl.payers.json_file import Members, elements
from pfsetl.payers.pieces import EACH, Path
from pfsetl.payers.providers import Providers, Reference
from pfsetl.payers.rate import BOTH, DOLLARS, Rate, Service, amount_of, code_of, of_code_type, share_of_charge, terms
from pfsetl.payers.told import OTHER_CODE, OTHER_PROVIDER, Told

FILE = "in_network"
ITEMS: Path = ("in_network",)
ITEM: Path = (*ITEMS, EACH)
RATES: Path = (*ITEM, "negotiated_rates")
REFERENCES: Path = ("provider_references",)
NAMED = (("reporting_entity_name",), ("plan_name",), ("last_updated_on",), ("version",))
STREAMED = (ITEM, RATES)
KNOWN = frozenset({"in_network", "provider_references"})
_SETTINGS = {"facility": ("facility",), "nonfacility": ("nonfacility",), BOTH: ("nonfacility", "facility")}
_UNKNOWN = Service("", "", "", ())
# What of a price has an effect on all but its amount: type, class, setting, places of service, modifiers.
Terms = tuple[str | None, str | None, str | None, tuple[str | int, ...] | None, tuple[str | int, ...] | None]


class Price(Struct, gc=False):
    """One `negotiated_price`."""

    negotiated_type: str | None = None
    negotiated_rate: float | str | None = None
    expiration_date: str | None = None
    billing_class: str | None = None
    setting: str | None = None
    service_code: tuple[str | int, ...] | None = None
    billing_code_modifier: tuple[str | int, ...] | None = None


class Negotiated(Struct, gc=False):
    """One of `negotiated_rates`: prices, and whose they are."""

    negotiated_prices: list[Price] = []
    provider_references: msgspec.Raw = msgspec.Raw(b"[]")
    provider_groups: list[Any] = []


class Item(Struct, gc=False):
    """An element of `in_network`, or some of its members."""

    billing_code: str | int | float | None = None
    billing_code_type: str | None = None
    negotiation_arrangement: str | None = None
    negotiated_rates: list[Negotiated] = []


class _Head:
    """What an element of `in_network` says of all its rates, as far as it's known."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.code: str | None = None
        self.kind: str | None = None
        self.arrangement: str | None = None
        self.is_known = False
        self._terms: dict[Terms, tuple[Service, str, str]] = {}

    def learn(self, item: Item) -> None:
        """Take what a part of the element says."""
        if item.billing_code is not None:
            self.code = code_of(item.billing_code)
        self.kind = (item.billing_code_type or self.kind or "").upper() or None
        self.arrangement = item.negotiation_arrangement or self.arrangement
        if not self.is_known and None not in (self.code, self.kind, self.arrangement):
            self.is_known = True
            self._terms.clear()

    def of(self, said: Terms) -> tuple[Service, str, str]:
        """Return what rates of these terms are for (a place for it while that isn't known), and what they are."""
        found = self._terms.get(said)
        if found is None:
            kind, billing_class, setting, places, modifiers = said
            where = _places(places) if places else _settings_of((setting or "both").lower())
            named = " ".join(map(str, modifiers or ())).upper()
            service = Service("", "", named, where, item=self.number)
            service = self.named(service) if self.is_known else service
            found = self._terms[said] = (service, *_meaning((kind or "").lower(), (billing_class or "").lower()))
        return found

    def named(self, service: Service) -> Service:
        """Return a service with its code, and with the reason why none of its rates can be compared."""
        arrangement = (self.arrangement or "").lower()
        meant = terms(FILE).get(("negotiation_arrangement", arrangement), "not_readable")
        reason = of_code_type(self.kind or "") if meant == DOLLARS else meant
        return service._replace(code_type=self.kind or "", code=self.code or "", reason=reason, item=0)


class InNetwork:
    """The rates of one file; once they are read it knows the services that were named late, and the providers."""

    def __init__(
        self, path: FilePath, members: Members, told: Told, codes: Collection[str], providers: Providers
    ) -> None:
        self._path = path
        self._members, self._told, self._codes = members, told, codes
        self._providers = providers
        self._late: dict[int, _Head] = {}
        self._row = 0
        self._items = 0
        self.payer = self.plan = ""

    def services(self, named: Sequence[Service]) -> list[Service]:
        """Return services with the codes that stood after their rates."""
        return [self._late[one.item].named(one) if one.item else one for one in named]

    def contracts(self, numbered: pl.DataFrame) -> pl.DataFrame:
        """Return the one contract of the file with the payer and plan that it names, wherever they stand."""
        return numbered.with_columns(payer=pl.lit(self.payer), plan=pl.lit(self.plan))

    def rates(self) -> Iterator[Rate]:
        """Yield the rates as they stand in the file; raises UsageError for one of provider groups alone."""
        head = None  # of an element that comes in pieces
        for path, text in self._members:
            if path == ITEM and not text:
                head = None
            elif path in (ITEM, RATES) and text:
                self._providers.begin()
                head = head or self._next()
                yield from self._of_piece(path, text, head)
            elif path == ITEMS and text:
                self._providers.begin()
                for item in elements(text, Item, "in_network"):
                    yield from self._of_item(item, self._next())
            elif path == REFERENCES and text:
                for reference in elements(text, Reference, "provider_references"):
                    self._providers.add(reference)
            elif path in NAMED:
                self._learn(path[0], text)
        if not self._items:
            raise UsageError(f"{self._path}: no rates: in_network is absent or empty. Give the file that has it.")

    def _of_piece(self, path: Path, text: bytes, head: _Head) -> Iterator[Rate]:
        if path == RATES:
            for negotiated in elements(text, Negotiated, "negotiated_rates"):
                yield from self._of_negotiated(negotiated, head)
        else:
            for item in elements(b"[%b]" % text, Item, "in_network"):
                yield from self._of_item(item, head)

    def _learn(self, name: str, text: bytes) -> None:
        value = str(msgspec.json.decode(text))
        if name == "reporting_entity_name":
            self.payer = value
        elif name == "plan_name":
            self.plan = value
        else:
            self._told.note(f"the file says {name.replace('_', ' ')} {value[:40]}")

    def _next(self) -> _Head:
        self._items += 1
        return _Head(self._items)

    def _of_item(self, item: Item | str, head: _Head) -> Iterator[Rate]:
        if isinstance(item, str):
            yield self._unreadable(item)
            return
        head.learn(item)
        for negotiated in item.negotiated_rates:
            yield from self._of_negotiated(negotiated, head)

    def _of_negotiated(self, one: Negotiated | str, head: _Head) -> Iterator[Rate]:
        if isinstance(one, str):
            yield self._unreadable(one)
            return
        if head.is_known and self._codes and head.code not in self._codes:
            self._row += len(one.negotiated_prices)
            self._told.leave_out(OTHER_CODE, len(one.negotiated_prices))
            return
        if not head.is_known:
            self._late[head.number] = head
        providers = self._providers.named(bytes(one.provider_references), one.provider_groups)
        if self._providers.is_unwanted(providers):
            self._row += len(one.negotiated_prices)
            self._told.leave_out(OTHER_PROVIDER, len(one.negotiated_prices))
            return
        for price in one.negotiated_prices:
            self._row += 1
            yield self._rate(price, head, providers)

    def _rate(self, price: Price, head: _Head, providers: str) -> Rate:
        service, meant, word = head.of((
            price.negotiated_type, price.billing_class, price.setting, price.service_code, price.billing_code_modifier,
        ))  # fmt: skip
        expires = _day(price.expiration_date) if price.expiration_date else None
        if meant == "percentage_of_charge":
            share = share_of_charge(price.negotiated_rate)
            return Rate(self._row, service, "", "", providers, None, meant, share, expires)
        amount, reason, detail = amount_of(price.negotiated_rate)
        if meant != DOLLARS:
            reason, detail = meant, word
        return Rate(self._row, service, "", "", providers, amount, reason, detail, expires)

    def _unreadable(self, why: str) -> Rate:
        self._row += 1
        return Rate(self._row, _UNKNOWN, "", "", "", None, "not_readable", why)


@lru_cache(maxsize=1_000)
def _meaning(kind: str, billing_class: str) -> tuple[str, str]:
    """Return what a rate is by its type and its class, and the word that says so."""
    known = terms(FILE)
    by_type = known.get(("negotiated_type", kind), "not_readable")
    by_class = known.get(("billing_class", billing_class), DOLLARS) if billing_class else DOLLARS
    if by_class != DOLLARS:
        return by_class, billing_class
    return by_type, kind or "no negotiated_type"


@lru_cache(maxsize=10_000)
def _places(codes: tuple[str | int, ...]) -> tuple[str, ...]:
    named = (str(code).strip() for code in codes)
    known = terms(FILE)
    return tuple(
        where
        for name in named
        for where in _SETTINGS.get(known.get(("service_code", name.lower()), ""), (name.zfill(2),))
    )


@lru_cache(maxsize=100)
def _settings_of(word: str) -> tuple[str, ...]:
    return _SETTINGS.get(terms(FILE).get(("setting", word), ""), (word,))


@lru_cache(maxsize=10_000)
def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None
