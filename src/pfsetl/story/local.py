"""The story of codes in one locality: its amounts, and its indices as a cause of their own."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from pfsetl.checks import work_index
from pfsetl.declared import calendar
from pfsetl.errors import UsageError
from pfsetl.pricing.loaded import of_store
from pfsetl.pricing.place import Place, find_place
from pfsetl.publication.version import Version
from pfsetl.tables import derive, exact
from pfsetl.tables.code_history import CAUSES
from pfsetl.tables.derive import SETTINGS

ABSENT = "no_such_locality"
_ROW = ("release", "participant", "hcpcs", "modifier")
_PAID = tuple(f"{setting}_{what}" for what in ("amount", "payment") for setting in SETTINGS)
_PARTS = ("work", "nonfacility_pe", "facility_pe", "mp", "flag_parts")
WITH_INDEX = (*CAUSES[:3], "index", *CAUSES[3:])


class _Side(NamedTuple):
    """What a row's local amounts are made of: scaled RVUs and factor, indices, and the amounts in cents."""

    parts: dict[str, int]
    indices: tuple[int, int, int]
    cents: dict[str, int]


def placed(version: Version, national: pl.DataFrame, locality: str) -> tuple[str, pl.DataFrame]:
    """Return the name of a locality, and rows of `code_history` with its amounts in place of the nation's.

    The locality is looked up in the newest release of the rows that knows it, and by its number in the others; where
    one doesn't have it, the row has no amounts and says so. The work index is that of the law of each release's first
    day, as in `payment_locality`.
    """
    labels = national["release"].unique(maintain_order=True).to_list()
    by_day = national.sort("effective_from", nulls_last=False, maintain_order=True)["release"]
    place = _place(version, by_day.reverse().unique(maintain_order=True).to_list(), locality)
    if place.national:
        return "", national
    wanted = [*labels, *national["previous_release"].drop_nulls().unique()]
    codes = national["hcpcs"].unique().to_list()
    sides: dict[tuple[Any, ...], _Side] = {}
    amounts = []
    for label in dict.fromkeys(wanted):
        paid = _paid(version, label, codes, (place.state, place.locality), sides)
        amounts.append(paid)
    rows = national.drop(*_PAID, "^.*_change.*$").join(pl.concat(amounts), on=_ROW, how="left", maintain_order="left")
    moved = pl.DataFrame([_moved(row, sides) for row in national.iter_rows(named=True)], schema=_schema(), orient="row")
    order = [c for c in national.columns if c in rows.columns and c != "not_compared"]
    return f"{place.state}/{place.locality} {place.name.title()}", rows.select(order).hstack(moved)


def _place(version: Version, labels: Sequence[str], locality: str) -> Place:
    """Return a place by the first of some releases that knows it; raises what the first of all says where none does."""
    errors: list[UsageError] = []
    for label in labels:
        try:
            day = calendar.formula_day(version.release(label))
            return find_place(version, label, locality, day, of_store(version.store))
        except UsageError as error:
            errors.append(error)
    raise errors[0]


def _paid(
    version: Version, label: str, codes: Sequence[str], place: tuple[str, str], sides: dict[tuple[Any, ...], _Side]
) -> pl.DataFrame:
    """Return the local amounts of the codes in a release, and note what they are made of in `sides`."""
    release = version.release(label)
    rvu = version.scan("rvu", label).filter(pl.col("hcpcs").is_in(codes)).collect()
    indices = work_index.by_law(version.scan("gpci", label).collect(), calendar.formula_day(release))
    here = indices.filter(state=place[0], locality=place[1])
    paid = derive.payment(rvu, here, release).select(*_ROW, *_PAID)
    if here.height:
        gpcis = here.select(exact.scaled(f"{part}_gpci") for part in ("work", "pe", "mp")).row(0)
        numbers = rvu.select(*_ROW, factor=exact.scaled("conversion_factor")).hstack(derive.parts_of(rvu, release))
        cents = {row[:4]: row[4:] for row in paid.select(*_ROW, *(exact.scaled(c) for c in _PAID[:2])).rows()}
        for row in numbers.iter_rows(named=True):
            key = tuple(row[c] for c in _ROW)
            parts = {name: row[name] for name in (*_PARTS, "factor")}
            sides[key] = _Side(parts, gpcis, dict(zip(SETTINGS, cents[key], strict=True)))
    return paid


def _moved(row: dict[str, Any], sides: dict[tuple[Any, ...], _Side]) -> tuple[Any, ...]:
    """Return why a row isn't compared, and the change and causes of each setting."""
    key = (row["hcpcs"], row["modifier"])
    new = sides.get((row["release"], row["participant"], *key))
    old = sides.get((row["previous_release"], row["previous_participant"], *key))
    if row["not_compared"] or new is None or old is None:
        return row["not_compared"] or ABSENT, *[None] * 14
    return None, *(value for setting in SETTINGS for value in _split(old, new, setting))


def _split(old: _Side, new: _Side, setting: str) -> Iterator[Any]:
    numbers = ("work", f"{setting}_pe", "mp", "factor", "flag_parts")
    was, now = ([side.parts[name] for name in numbers] for side in (old, new))
    work, pe, mp, index, factor = exact.local_causes((was, old.indices), (now, new.indices))
    change = new.cents[setting] - old.cents[setting]
    rest = exact.rounding(change, (work, pe, mp, index, factor))
    yield exact.decimal_of(change, 2)
    yield from (exact.decimal_of(value, 6) for value in (work, pe, mp, index, factor, rest))


def _schema() -> dict[str, pl.DataType]:
    columns: dict[str, pl.DataType] = {"not_compared": pl.String()}
    for setting in SETTINGS:
        columns |= {f"{setting}_change": exact.CENTS}
        columns |= {f"{setting}_change_{cause}": exact.MILLIONTHS for cause in WITH_INDEX}
    return columns
