"""Payments by locality: every row with RVUs times every locality, exact, in key order, as a stream of numbers.

The key is crossed as the amounts are, so that nothing of a million rows is made of anything but numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from pfsetl.declared.registry import Release
from pfsetl.errors import ContractError
from pfsetl.tables.derive import (
    CAPS,
    KEY,
    LIMITING_CHARGE,
    NONPARTICIPATING,
    RVUS,
    SETTINGS,
    WHOLE,
    prepared,
    refuse_too_much,
)
from pfsetl.tables.exact import crossed_cents, crossed_share, scaled
from pfsetl.tables.numbers import Column, Rows, numbered

if TYPE_CHECKING:
    from pfsetl.tables.numbers import Array

ROWS_PER_PART = 16_384
_OF_ROW = ("release", *KEY, "status", "reason", *(f"{setting}_na" for setting in SETTINGS))
_OF_PLACE = ("state", "locality", "mac")


def payment_locality(
    rvu: pl.DataFrame, gpci: pl.DataFrame, release: Release, rows_per_part: int = ROWS_PER_PART
) -> Iterator[Rows]:
    """Yield the payment of every row with RVUs in every locality, `rows_per_part` at a time, in key order.

    Rows without any RVU have the same nothing in every locality; they and their reason are in `payment_national`. Money
    is in cents. Raises ValueRefused for a row that comes to more than an amount may.
    """
    rows = prepared(rvu, release).filter("_has_value").sort(KEY)
    if rows.is_empty() or gpci.is_empty():
        return
    places = gpci.sort("state", "locality")
    indices = [_integers(places.select(scaled(f"{part}_gpci")).to_series()) for part in ("work", "pe", "mp")]
    figures = {name: _integers(rows[f"_{name}"]) for name in (*RVUS, *CAPS, "factor", "flag_parts")}
    refuse_too_much(figures, indices)
    of_row, of_place = (
        numbered(frame, frame.schema) for frame in (rows.select(*_OF_ROW, "_capped"), places.select(_OF_PLACE))
    )
    count, wide = rows.height * places.height, places.height
    for start in range(0, count, rows_per_part):
        end = min(start + rows_per_part, count)
        some = slice(start // wide, -(-end // wide))  # the rows that a part has some places of
        cut = slice(start - some.start * wide, end - some.start * wide)
        services = {name: _some(column, some) for name, column in of_row.items()}
        capped = services.pop("_capped").values.view(bool)
        money = _money({name: one[some] for name, one in figures.items()}, indices, capped, services["reason"].absent)
        columns = {name: _each(one, wide) for name, one in services.items()} | money
        columns |= {name: _over_and_over(one, some.stop - some.start) for name, one in of_place.items()}
        yield _cut(columns, cut)


def _money(
    of: Mapping[str, "Array"], indices: Sequence["Array"], capped: "Array", unreasoned: "Array | None"
) -> dict[str, Column]:
    """Return the amounts of some rows in all places, by column; `unreasoned` says which have no reason not to be paid.

    It's None where every row has a reason.
    """
    import numpy as np

    columns: dict[str, Column] = {}
    wide, at = len(indices[0]), np.flatnonzero(capped)
    uncapped = np.repeat(~capped, wide)
    unpaid = np.ones(len(capped), bool) if unreasoned is None else ~unreasoned
    paid_at = at[~unpaid[at]]
    absent = np.repeat(unpaid, wide) if unpaid.any() else None
    amounts, caps = _amounts(of, RVUS, indices), _amounts({n: one[at] for n, one in of.items()}, CAPS, indices)
    for setting, cents, cap in zip(SETTINGS, amounts, caps, strict=True):
        amount = crossed_share(cents, of["flag_parts"][:, None]) if (of["flag_parts"] != WHOLE).any() else cents
        payment = amount.copy()
        payment[unpaid] = 0
        opps = np.zeros_like(amount)
        if len(at):
            opps[at] = cap
            payment[paid_at] = np.minimum(amount[paid_at], opps[paid_at])
        columns[f"{setting}_amount"] = _cents(amount)
        columns[f"{setting}_opps_amount"] = _cents(opps, uncapped)
        columns[f"{setting}_payment"] = _cents(payment, absent)
        columns[f"{setting}_nonparticipating_amount"] = _cents(crossed_share(payment, NONPARTICIPATING), absent)
        columns[f"{setting}_limiting_charge"] = _cents(crossed_share(payment, LIMITING_CHARGE), absent)
    return columns


def _amounts(of: Mapping[str, "Array"], names: Sequence[str], indices: Sequence["Array"]) -> Iterator["Array"]:
    work, nonfacility, facility, mp = (of[name] for name in names)
    return crossed_cents(work, (nonfacility, facility), mp, indices, of["factor"])


def _cents(crossed: "Array", absent: "Array | None" = None) -> Column:
    return Column(crossed.astype("i4").ravel(), absent)


def _each(column: Column, times: int) -> Column:
    """Return a column with every value `times` times, one after another."""
    import numpy as np

    absent = None if column.absent is None else np.repeat(column.absent, times)
    return Column(np.repeat(column.values, times), absent, column.words)


def _over_and_over(column: Column, times: int) -> Column:
    """Return a column `times` times, as a whole."""
    import numpy as np

    absent = None if column.absent is None else np.tile(column.absent, times)
    return Column(np.tile(column.values, times), absent, column.words)


def _cut(columns: Mapping[str, Column], part: slice) -> Rows:
    """Return a part of columns, in which those that were null in the same rows still share the mark of it."""
    absent = {id(one.absent): one.absent[part] for one in columns.values() if one.absent is not None}
    return {n: Column(one.values[part], absent.get(id(one.absent)), one.words) for n, one in columns.items()}


def _some(column: Column, part: slice) -> Column:
    return Column(column.values[part], None if column.absent is None else column.absent[part], column.words)


def _integers(column: pl.Series) -> "Array":
    """Return a column of integers; raises ContractError where one is null, which no column of the formula may be."""
    if column.null_count():
        raise ContractError(
            f"{column.name.strip('_')}: {column.null_count():,} nulls, where the formula needs a value."
        )
    return column.cast(pl.Int64).to_numpy()
