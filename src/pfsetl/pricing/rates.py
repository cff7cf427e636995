"""What services are priced from: their release, place and rows, and their payments, computed together.

Rows are read once for each release, payments computed in one go for all services with the same release and factors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any, TypeVar

import polars as pl

from pfsetl.declared import calendar
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing import floor, lookup
from pfsetl.pricing.factors import FACTOR, Factors, Key, Row, as_paid, factors_of, participant_of
from pfsetl.pricing.floor import WorkIndex
from pfsetl.pricing.place import Place, find_place, goes_by_day
from pfsetl.pricing.reductions import therapy_share
from pfsetl.pricing.service import Service
from pfsetl.publication.version import Version
from pfsetl.tables import derive

Given = TypeVar("Given")
Result = TypeVar("Result")
THERAPY = "5"  # CMS's multiple-procedure indicator of therapy services
_WHOLE = (1, 1)  # the share of practice expense
_GPCI_TYPES = {f"{part}_gpci": pl.Decimal(6, 3) for part in ("work", "pe", "mp")}
_GPCI = ("state", "locality", "mac", "work_gpci", "pe_gpci", "mp_gpci")


@dataclass(frozen=True, slots=True)
class Asked:
    """One service with the rows that price it: those of its code and of its endoscopic base, for one participant."""

    service: Service
    release: Release
    place: Place
    work_index: WorkIndex | None
    participant: str
    factors: Factors
    rows: dict[Key, Row]
    lines: Mapping[tuple[str, str, str], tuple[str, int]]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Priced:
    """The rows of a service, each with its payment in its place; `therapy` is that of a second and later unit."""

    asked: Asked
    rows: dict[Key, tuple[Row, Row]]
    therapy: dict[Key, Row]
    other: dict[Key, Row]  # with the work index that isn't law on the day


@dataclass(frozen=True, slots=True)
class _Group:
    """What payments are computed with in one go; `share` is that of practice expense, for therapy."""

    label: str
    factors: Factors
    share: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The `rvu` rows of some codes of one release, and the file and line that each was read from."""

    frame: pl.DataFrame
    by_code: dict[str, list[Row]]
    lines: dict[tuple[str, str, str], tuple[str, int]]


_Payments = Callable[[_Group, pl.DataFrame, str, Key], Row | None]  # by indices, participant and row


def prepare(version: Version, as_of: date | None = None) -> Callable[[Sequence[Service]], list[Priced | UsageError]]:
    """Return a function that prices services each alone, or says why it can't; places are looked up once for all."""
    released = cache(lambda day: lookup.release_in_force(version, day, as_of))
    found = cache(lambda label, wanted, day: find_place(version, label, wanted, day))
    lawful = cache(
        lambda label, wanted, day: floor.by_law(found(label, wanted, day if goes_by_day(wanted) else None), day, as_of)
    )
    factors = cache(lambda day: factors_of(released(day), day) if as_of is None else ())
    lacks = cache(lambda label: lookup.missing_file(version, label))
    # NOTE: kept, as a claim file may name one code on thousands of lines, and all releases are asked for it.
    hint = cache(lambda label, code: _other_releases_or_near(version, label, code))

    def ask(service: Service, rows: Mapping[str, _Rows]) -> Asked:
        release = released(service.day)
        label = release.label
        place, index = lawful(label, service.locality, service.day)
        of_code = rows[label].by_code.get(service.hcpcs)
        if of_code is None:
            raise UsageError(f"code {service.hcpcs}: not in {label}. {lacks(label) or hint(label, service.hcpcs)}")
        bases = {row["endoscopic_base"] for row in of_code} - {None, service.hcpcs}
        every = [*of_code, *(row for code in sorted(bases) for row in rows[label].by_code.get(code, ()))]
        participant, notes = participant_of(every, service, release, lacks(label))
        notes += [] if release.known else [f"{label}: {release.note}"]
        notes += calendar.how_known(release, as_of) if as_of else []
        notes += index.notes if index else []
        # NOTE: CMS lists codes without a price, and anesthesia, in the file of non-QPs alone.
        there = {row["participant"] for row in every}
        listed = participant if participant in there else every[0]["participant"]
        paid = factors(service.day)
        own, changed = as_paid([row for row in every if row["participant"] == listed], paid, label)
        lines = rows[label].lines
        return Asked(service, release, place, index, participant, paid, own, lines, (*notes, *changed))

    def many(services: Sequence[Service]) -> list[Priced | UsageError]:
        codes: dict[str, set[str]] = {}
        for service in services:
            release = _or_error(released, service.day)
            if isinstance(release, Release):
                codes.setdefault(release.label, set()).add(service.hcpcs)
        rows = {label: _read(version, label, some) for label, some in codes.items()}
        asked = [_or_error(partial(ask, rows=rows), service) for service in services]
        paid = _payments([one for one in asked if isinstance(one, Asked)], rows)
        return [_priced(one, paid) if isinstance(one, Asked) else one for one in asked]

    return many


def _read(version: Version, label: str, codes: set[str]) -> _Rows:
    """Read the rows of some codes and of their endoscopic bases, and where each was read from."""
    frame = lookup.rvu_rows(version, label, codes)
    bases = set(frame["endoscopic_base"].drop_nulls()) - codes
    if bases:
        frame = pl.concat([frame, lookup.rvu_rows(version, label, bases)])
    by_code: dict[str, list[Row]] = {}
    for row in frame.rows(named=True):
        by_code.setdefault(row["hcpcs"], []).append(row)
    return _Rows(frame, by_code, lookup.lines_of(version, label, frame["hcpcs"].unique()))


def _payments(asked: Sequence[Asked], rows: Mapping[str, _Rows]) -> _Payments:
    """Compute the payments that services need, in one go for all with the same release, factors and share."""
    numbers: dict[int, int] = {}
    places: dict[tuple[Any, ...], int] = {}

    def number(gpci: pl.DataFrame) -> int:
        if id(gpci) not in numbers:  # every frame lives as long as `asked` does
            numbers[id(gpci)] = places.setdefault(gpci.select(_GPCI).row(0), len(places))
        return numbers[id(gpci)]

    wanted: dict[_Group, set[tuple[str, str, int]]] = {}
    releases = {}
    for one in asked:
        releases[one.release.label] = one.release
        for group, gpci in _groups(one):
            wanted.setdefault(group, set()).update(
                (row["participant"], row["hcpcs"], number(gpci))
                for row in one.rows.values()
                if group.share == _WHOLE or row["multiple_procedure"] == THERAPY
            )
    schema = {name: _GPCI_TYPES.get(name, pl.String) for name in _GPCI} | {"place": pl.Int64}
    where = pl.DataFrame([(*values, at) for values, at in places.items()], schema=schema, orient="row")
    tables = {
        group: _table(_with_factors(rows[group.label].frame, group.factors), where, pairs, releases[group.label], group)
        for group, pairs in wanted.items()
        if pairs
    }

    def of(group: _Group, gpci: pl.DataFrame, participant: str, key: Key) -> Row | None:
        if group not in tables:
            return None
        index, columns = tables[group]
        at = index.get((participant, *key, number(gpci)))
        return None if at is None else {name: values[at] for name, values in columns.items()}

    return of


def _groups(one: Asked) -> Iterator[tuple[_Group, pl.DataFrame]]:
    """Yield what payments of a service are computed with, and the indices: as they are, by the other law, therapy."""
    label, index = one.release.label, one.work_index
    whole = _Group(label, one.factors, _WHOLE)
    yield whole, one.place.gpci
    if index and index.other is not None:
        yield whole, index.other
    if share := _therapy_share(one):
        yield _Group(label, one.factors, share), one.place.gpci


def _therapy_share(one: Asked) -> tuple[int, int] | None:
    return therapy_share(one.service.day, facility=one.service.setting == "facility")


def _table(
    rvu: pl.DataFrame, places: pl.DataFrame, pairs: set[tuple[str, str, int]], release: Release, group: _Group
) -> tuple[dict[tuple[str, str, str, int], int], dict[str, list[Any]]]:
    """Return the payments of some codes in some places: the place of each in the columns, and the columns."""
    schema = {"participant": pl.String, "hcpcs": pl.String, "place": pl.Int64}
    some = pl.DataFrame(sorted(pairs), schema=schema, orient="row")
    frame = derive.payment_of(rvu, some.join(places, on="place"), release, group.share)
    keys = zip(*(frame[name].to_list() for name in ("participant", "hcpcs", "modifier", "place")), strict=True)
    return {key: at for at, key in enumerate(keys)}, {c.name: c.to_list() for c in frame.drop("place")}


def _with_factors(rvu: pl.DataFrame, factors: Factors) -> pl.DataFrame:
    if not factors:
        return rvu
    paid = pl.col("participant").replace_strict(dict(factors), default=None, return_dtype=FACTOR)
    return rvu.with_columns(conversion_factor=pl.coalesce(paid, "conversion_factor"))


def _priced(one: Asked, of: _Payments) -> Priced:
    groups = list(_groups(one))
    whole, gpci = groups[0]
    index = one.work_index
    rows, therapy, other = {}, {}, {}
    for key, row in one.rows.items():
        participant = row["participant"]
        paid = of(whole, gpci, participant, key)
        if paid:
            rows[key] = (row, paid)
        if index and index.other is not None and (found := of(whole, index.other, participant, key)):
            other[key] = found
        reducible = row["multiple_procedure"] == THERAPY and groups[-1][0] != whole
        if reducible and (found := of(*groups[-1], participant, key)):
            therapy[key] = found
    return Priced(one, rows, therapy, other)


def _other_releases_or_near(version: Version, label: str, code: str) -> str:
    return lookup.elsewhere(version, label, code) or lookup.near_codes(version, label, code)


def _or_error(work: Callable[[Given], Result], given: Given) -> Result | UsageError:
    try:
        return work(given)
    except UsageError as error:
        return error
