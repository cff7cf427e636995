"""The records of an in-network file, and what its words mean: settings, kinds of rates, days."""

from datetime import date
from functools import lru_cache
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from pfsetl.payers.rate import BOTH, DOLLARS, terms
from pfsetl.tables.derive import SETTINGS

FILE = "in_network"
Words = tuple[str | int, ...] | None
# All that is said of a price but its amount: type, class, setting, last day, places of service, modifiers.
Said = tuple[str | None, str | None, str | None, str | None, Words, Words]
_SETTINGS = {"facility": ("facility",), "nonfacility": ("nonfacility",), BOTH: SETTINGS}


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

    ARRAY: ClassVar[tuple[str, type[Price]]] = ("negotiated_prices", Price)
    negotiated_prices: list[Price] = []
    provider_references: msgspec.Raw = msgspec.Raw(b"[]")
    provider_groups: list[Any] | None = None


class Item(Struct, gc=False):
    """An element of `in_network`, or some of its members."""

    ARRAY: ClassVar[tuple[str, type[Negotiated]]] = ("negotiated_rates", Negotiated)
    billing_code: str | int | float | None = None
    billing_code_type: str | None = None
    negotiation_arrangement: str | None = None
    negotiated_rates: list[Negotiated] = []


def where_of(places: Words, setting: str | None) -> tuple[str, ...]:
    """Return the places of service of a rate as CMS's table has them, or where it names none the settings."""
    return _places_of(places) if places else _settings_of((setting or "both").lower())


@lru_cache(maxsize=1_000)
def meaning(kind: str, billing_class: str) -> tuple[str, str]:
    """Return what a rate is by its type and its class, and the word that says so."""
    known = terms(FILE)
    by_type = known.get(("negotiated_type", kind), "not_readable")
    by_class = known.get(("billing_class", billing_class), DOLLARS) if billing_class else DOLLARS
    if by_class != DOLLARS:
        return by_class, billing_class
    return by_type, kind or "no negotiated_type"


@lru_cache(maxsize=10_000)
def _places_of(codes: tuple[str | int, ...]) -> tuple[str, ...]:
    named = filter(None, (str(code).strip() for code in codes))
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
def day_of(text: str | None) -> date | None:
    """Return a day, None for a text that is none."""
    try:
        return date.fromisoformat(text.strip()) if text else None
    except ValueError:
        return None
