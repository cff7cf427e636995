"""Whose rates those of an in-network file are: provider groups, by reference or in place, written as they come."""

import hashlib
import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from pfsetl.payers.told import Told
from pfsetl.payers.writing import Write

PART = 20_000
SCHEMA = pl.Schema(dict.fromkeys(("provider", "tin_type", "tin", "business_name", "npi"), pl.String))
SEPARATOR = ", "  # between the groups of a rate
_NUMBERS = re.compile(rb"\[([0-9]+(, [0-9]+)*)?\]")
_NOT_DIGITS = re.compile(r"[^0-9]")


class Tin(Struct, gc=False):
    """A tax number."""

    type: str | None = None
    value: str | int | None = None
    business_name: str | None = None


class Group(Struct, gc=False):
    """Providers with one tax number."""

    npi: list[int | float | str] = []
    tin: Tin | None = None


class Reference(Struct, gc=False):
    """An element of `provider_references`; in schema 1.x it may lie in another file."""

    provider_group_id: int | float | str | None = None
    provider_groups: list[Group] = []
    location: str | None = None


class Providers:
    """The provider groups of a file, and which of them are asked for by NPI and by tax number."""

    def __init__(self, write: Write, told: Told, npis: Collection[str], tins: Collection[str]) -> None:
        self._write, self._told = write, told
        self._npis = frozenset(npi.strip() for npi in npis)
        self._tins = frozenset(_NOT_DIGITS.sub("", tin) for tin in tins)
        self._known: set[str] = set()
        self._wanted: set[str] = set()
        self._rows: list[tuple[str | None, ...]] = []
        self._elsewhere = 0
        self._named: set[int | float | str] = set()
        self._are_before: bool | None = None  # whether all references are known when the first rate comes

    def begin(self) -> None:
        """Take note that rates come: references that stand before them are all known by now."""
        if self._are_before is None:
            self._are_before = bool(self._known)

    @property
    def some(self) -> bool:
        """Whether some providers are asked for, not all."""
        return bool(self._npis or self._tins)

    def add(self, one: Reference | str) -> None:
        """Take a provider group of the file, or why one can't be read."""
        if isinstance(one, str):
            self._told.note(one)
            return
        name = _number(one.provider_group_id)
        self._elsewhere += bool(one.location and not one.provider_groups)
        self._take(name, one.provider_groups)

    def named(self, references: bytes, groups: Sequence[Any]) -> str:
        """Return how a rate names its providers: numbers of groups, those in place by a hash of their content.

        `references` is a JSON array.
        """
        numbers = msgspec.json.decode(references, type=list[int | float | str])
        if not groups and _NUMBERS.fullmatch(references):
            self._named.update(numbers)
            return references[1:-1].decode()
        names = [_number(one) for one in numbers]
        self._named.update(names)
        for group in groups:
            name = "in-place-" + hashlib.blake2b(msgspec.json.encode(group), digest_size=6).hexdigest()
            if name not in self._known:
                self._take(name, [msgspec.convert(group, Group)])
            names.append(name)
        return ", ".join(names)

    def is_unwanted(self, named: str) -> bool:
        """Return whether it's known by now that a rate isn't of a provider asked for."""
        return self.some and bool(self._are_before) and self._wanted.isdisjoint(named.split(SEPARATOR))

    @cached_property
    def missing(self) -> set[str]:
        """The groups that rates name and the file lacks, when all is read."""
        return set(map(_number, self._named)) - self._known

    def judged(self, named: pl.Series) -> pl.DataFrame | None:
        """Return for each way in which rates name providers whether one is `wanted`, and all are `lost`.

        None where all providers are asked for and none is missing.
        """
        if not self.some and not self.missing:
            return None
        rows = []
        for text in named.unique():
            names = text.split(SEPARATOR) if text else []
            lost = bool(names) and self.missing.issuperset(names)
            rows.append((text, lost, not self.some or not self._wanted.isdisjoint(names)))
        return pl.DataFrame(rows, {"provider": pl.String, "lost": pl.Boolean, "wanted": pl.Boolean}, orient="row")

    def finish(self) -> None:
        """Write what is left."""
        if self._rows:
            self._write(pl.DataFrame(self._rows, SCHEMA, orient="row"))
            self._rows = []

    def say(self) -> None:
        """Say what is known of providers when all rates were looked at."""
        if self._elsewhere:
            self._told.note(f"{self._elsewhere:,} provider groups lie in other files (location), which aren't fetched")
        if self.missing:
            self._told.note(f"provider groups that rates name and the file lacks: {_some(self.missing)}")
        if self.some and not self._wanted:
            self._told.note("none of the providers asked for is in the file")

    def _take(self, name: str, groups: Sequence[Group]) -> None:
        self._known.add(name)
        chosen = [group for group in groups if self._is_asked_for(group)] if self.some else groups
        if self.some and chosen:
            self._wanted.add(name)
        for group in chosen:
            tin = group.tin or Tin()
            whose = (name, tin.type, None if tin.value is None else str(tin.value), tin.business_name)
            self._rows += [(*whose, _number(npi)) for npi in group.npi] or [(*whose, None)]
        if len(self._rows) >= PART:
            self.finish()

    def _is_asked_for(self, group: Group) -> bool:
        if self._npis and self._npis.isdisjoint(map(_number, group.npi)):
            return False
        return not self._tins or bool(group.tin and _NOT_DIGITS.sub("", str(group.tin.value)) in self._tins)


def _some(names: Collection[str]) -> str:
    shown = sorted(names, key=lambda name: (len(name), name))[:5]
    return f"{len(names):,} ({', '.join(shown)}{'...' if len(names) > len(shown) else ''})"


def _number(value: int | float | str | None) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "-".join(str(value if value is not None else "").split())
