"""Whose rates those of an in-network file are: provider groups, by reference or in place, written as they come."""

import hashlib
import re
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct

from pfsetl.errors import UsageError
from pfsetl.payers.in_network_words import Negotiated
from pfsetl.payers.told import Told
from pfsetl.payers.writing import Write
from pfsetl.publication.json_records import convert

PART = 20_000
NPI, TIN = 10, 9  # digits; where providers bill under their NPI, that is their tax number
SCHEMA = pl.Schema(dict.fromkeys(("provider", "tin_type", "tin", "business_name", "npi"), pl.String))
SEPARATOR = ","  # between the groups of a rate
_AROUND = b"[] \t\r\n"  # and between the numbers of an array
_PLAIN = b"0123456789,|"  # of references that are whole numbers
_in_place = attrgetter("provider_groups")
_NOT_DIGITS = re.compile(r"[^0-9]")


def asked_for(npis: Collection[str], tins: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the NPIs and tax numbers that a user names; raises UsageError for what can be neither."""
    npis, tins = [str(npi).strip() for npi in npis], [str(tin).strip() for tin in tins]
    for npi in npis:
        if not re.fullmatch(rf"[0-9]{{{NPI}}}", npi):
            raise UsageError(f"NPI {npi!r}: an NPI has {NPI} digits.")
    for tin in tins:
        if len(_NOT_DIGITS.sub("", tin)) not in (TIN, NPI):
            raise UsageError(f"tax number {tin!r}: it has {TIN} digits, like 12-3456789, or is an NPI of {NPI}.")
    return npis, tins


class Tin(Struct, gc=False):
    """A tax number."""

    type: str | None = None
    value: str | int | None = None
    business_name: str | None = None


class Group(Struct, gc=False):
    """Providers with one tax number."""

    npi: list[int | float | str] | None = None
    tin: Tin | None = None


class Reference(Struct, gc=False):
    """An element of `provider_references`; in schema 1.x it may lie in another file."""

    provider_group_id: int | float | str | None = None
    provider_groups: list[Group] | None = None
    location: str | None = None


class Providers:
    """The provider groups of a file, and which of them are asked for by NPI and by tax number."""

    def __init__(self, write: Write, told: Told, npis: Collection[str], tins: Collection[str]) -> None:
        self._write, self._told = write, told
        self._npis = frozenset(npi.strip() for npi in npis)
        self._tins = frozenset(map(_digits, tins))
        self._known: set[str] = set()
        self._wanted: set[str] = set()
        self._groups: list[tuple[Any, ...]] = []  # to be written, with the number of their NPIs
        self._npis_of: list[int | float | str] = []  # those of one group after the other
        self._elsewhere = 0
        self._missing: set[str] = set()
        self._before = _series(())  # those that are known when the first rate comes
        self._all_found = True  # whether rates have named no others so far
        self._are_before: bool | None = None  # whether all references are known when the first rate comes

    def begin(self) -> None:
        """Take note that rates come: references that stand before them are all known by now."""
        if self._are_before is None:
            self._are_before = bool(self._known)
            self._before = _series(self._known)

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
        self._take(name, one.provider_groups or [])

    def named(self, rates: Sequence[Negotiated]) -> list[str]:
        """Return how rates name their providers: numbers of groups, those in place by a hash of their content."""
        text = b"|".join([b"", *[one.provider_references for one in rates]])
        plain = text.translate(None, _AROUND)
        are_arrays = text.count(b"[") == text.count(b"|[") == len(rates)  # not in each other
        if are_arrays and not plain.translate(None, _PLAIN) and not any(map(_in_place, rates)):
            return plain.decode().split("|")[1:]
        return [self._named(one) for one in rates]

    def _named(self, one: Negotiated) -> str:
        names = list(map(_number, self._references(one.provider_references)))
        for group in one.provider_groups or []:
            name = "in-place-" + hashlib.blake2b(msgspec.json.encode(group), digest_size=6).hexdigest()
            if name not in self._known:
                self._take(name, self._read(group))
            names.append(name)
        return SEPARATOR.join(names)

    def heed(self, named: pl.Series) -> None:
        """Look whether the groups that rates name were all known when the first rate came."""
        if self._all_found:
            groups = named.str.split(SEPARATOR).explode()
            self._all_found = bool((groups.is_in(self._before) | (groups == "")).all())

    def _references(self, text: msgspec.Raw) -> list[int | float | str]:
        try:
            return msgspec.json.decode(text, type=list[int | float | str] | None) or []
        except msgspec.ValidationError as error:
            self._told.note(f"provider_references: {error}")
            return []

    def _read(self, group: Any) -> list[Group]:
        try:
            return [convert(group, Group)]
        except msgspec.ValidationError as error:
            self._told.note(f"provider_groups: {error}")
            return []

    def is_unwanted(self, named: str) -> bool:
        """Return whether it's known by now that a rate isn't of a provider asked for."""
        return self.some and bool(self._are_before) and self._wanted.isdisjoint(named.split(SEPARATOR))

    def judged(self, named: pl.Series) -> pl.DataFrame | None:
        """Return for each way in which rates name providers whether one is `wanted`, and all are `lost`.

        None where all providers are asked for and none is missing.
        """
        if self._all_found and not self.some:
            return None
        one = pl.DataFrame({"provider": named.unique()}).with_columns(group=pl.col("provider").str.split(SEPARATOR))
        each = one.explode("group").filter(pl.col("group") != "")
        each = each.with_columns(
            lost=~pl.col("group").is_in(_series(self._known)),
            wanted=pl.col("group").is_in(_series(self._wanted)) if self.some else pl.lit(value=True),
        )
        self._missing.update(each.filter("lost")["group"].unique())
        if not self.some and not each["lost"].any():
            return None
        judged = each.group_by("provider").agg(pl.col("lost").all(), pl.col("wanted").any())
        none_named = pl.DataFrame({"provider": "", "lost": False, "wanted": not self.some})
        return pl.concat([judged, none_named])

    def finish(self) -> None:
        """Write what is left."""
        if not self._groups:
            return
        *named, often = zip(*self._groups, strict=True)
        try:
            npis = pl.Series(self._npis_of, dtype=pl.Int64).cast(pl.String)
        except TypeError:  # not all are whole numbers
            npis = pl.Series(map(_number, self._npis_of), dtype=pl.String)
        groups = pl.DataFrame(dict(zip(SCHEMA, named, strict=False)), schema_overrides=SCHEMA)
        self._write(groups[np.repeat(np.arange(len(often)), often)].with_columns(npi=npis))
        self._groups.clear()
        self._npis_of.clear()

    def say(self) -> None:
        """Say what is known of providers when all rates were looked at."""
        if self._elsewhere:
            self._told.note(f"{self._elsewhere:,} provider groups lie in other files (location), which aren't fetched")
        if self._missing:
            self._told.note(f"provider groups that rates name and the file lacks: {_some(self._missing)}")
        if self.some and not self._wanted:
            self._told.note("none of the providers asked for is in the file")

    def _take(self, name: str, groups: Sequence[Group]) -> None:
        self._known.add(name)
        chosen = [group for group in groups if self._is_asked_for(group)] if self.some else groups
        if self.some and chosen:
            self._wanted.add(name)
        for group in chosen:
            tin = group.tin or Tin()
            npis = group.npi or [""]
            value = None if tin.value is None else str(tin.value)
            self._groups.append((name, tin.type, value, tin.business_name, len(npis)))
            self._npis_of += npis
        if len(self._npis_of) >= PART:
            self.finish()

    def _is_asked_for(self, group: Group) -> bool:
        if self._npis and self._npis.isdisjoint(map(_number, group.npi or [])):
            return False
        return not self._tins or bool(group.tin and _digits(group.tin.value) in self._tins)


def _digits(tin: str | int | None) -> str:
    """Return the nine digits of a tax number, which a number of JSON has without the zeros that it begins with."""
    return _NOT_DIGITS.sub("", str(tin)).zfill(TIN)


def _series(names: Collection[str]) -> pl.Series:
    return pl.Series(list(names), dtype=pl.String).implode()


def _some(names: Collection[str]) -> str:
    shown = sorted(names, key=lambda name: (len(name), name))[:5]
    return f"{len(names):,} ({', '.join(shown)}{'...' if len(names) > len(shown) else ''})"


def _number(value: int | float | str | None) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "-".join(str(value if value is not None else "").split())
