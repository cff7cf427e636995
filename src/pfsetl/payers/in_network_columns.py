"""Prices of in-network files as columns: taken from records element by element, and written to the spool in parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from typing import Any, cast

import numpy as np
import polars as pl

from pfsetl.payers.amounts import amounts_of
from pfsetl.payers.in_network_words import FILE, Item, Negotiated, Price, Said, day_of, meaning, where_of
from pfsetl.payers.providers import Providers
from pfsetl.payers.rate import DOLLARS, REASON, RatedService, of_code_type, terms
from pfsetl.payers.spool import PART, SCHEMA, Spool
from pfsetl.payers.told import OTHER_PROVIDER, Told
from pfsetl.pricing.given import code_of

PERCENTAGE = "percentage_of_charge"
_TERMS: dict[str, pl.DataType | type[pl.DataType]] = {
    "service": pl.Int32, "meant": REASON, "word": pl.String, "expires": pl.Date,
}  # fmt: skip
_UNREADABLE = {"row": pl.Int64, "why": pl.String}


@dataclass(slots=True)
class Head:
    """What an element of `in_network` says of all its rates, as far as it's known."""

    number: int
    code: str | None = None
    kind: str | None = None
    arrangement: str | None = None
    is_known: bool = False

    def learn(self, item: Item) -> None:
        """Take what a part of the element says."""
        if item.billing_code is not None:
            self.code = code_of(item.billing_code)
        self.kind = (item.billing_code_type or self.kind or "").upper() or None
        self.arrangement = item.negotiation_arrangement or self.arrangement
        self.is_known = None not in (self.code, self.kind, self.arrangement)

    @property
    def reason(self) -> tuple[str, str]:
        """Why none of its rates can be compared, "" where they can, and what says so, "" for the code's type."""
        meant = terms(FILE).get(("negotiation_arrangement", (self.arrangement or "").lower()), "not_readable")
        if meant == DOLLARS:
            return of_code_type(self.kind or ""), ""
        return meant, f"negotiation_arrangement {self.arrangement or 'is missing'}"

    def service(self, modifiers: str, where: tuple[str, ...]) -> RatedService:
        """Return a service of the element, with the element's number where its code may come later."""
        if not self.is_known:
            return RatedService("", "", modifiers, where, item=self.number)
        return self.named(RatedService("", "", modifiers, where))

    def named(self, service: RatedService) -> RatedService:
        """Return a service with what the element turned out to be."""
        reason, why = self.reason
        return service._replace(code_type=self.kind or "", code=self.code or "", reason=reason, why=why, item=0)


class _Numbers(dict[Said, int]):
    """Numbers of terms, each given when it's first asked for."""

    def __init__(self, new: Callable[[Said], int]) -> None:
        self._new = new

    def __missing__(self, said: Said) -> int:
        number = self[said] = self._new(said)
        return number


@dataclass(slots=True)
class Columns:
    """What waits to be written: a number of its terms and a rate for each price, and whose the prices are."""

    providers: Providers
    told: Told
    spool: Spool
    row: int = 0  # the last that was taken
    _rows: list[np.ndarray[Any, Any]] = field(default_factory=list)
    _whose: list[str] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)  # of prices of one of `whose`
    _numbers: list[int] = field(default_factory=list)
    _rates: list[float | str | None] = field(default_factory=list)
    # By number: service, what rates of these terms are where not dollars, the word that says so, and their last day.
    _terms: list[tuple[Any, ...]] = field(default_factory=list)
    _unreadable: list[tuple[int, str]] = field(default_factory=list)  # rows, and why
    _known: _Numbers = field(default_factory=lambda: _Numbers(hash))  # of the terms of an element
    _is_day_told: bool = False
    _about: tuple[int, bool] | None = None  # which element, and whether its code was known

    def take(self, some: Sequence[Negotiated | str], head: Head) -> None:
        """Take the prices of some providers; what can't be read is a row that says why.

        NOTE: what is done here for every price takes much of the time that a large file does.
        """
        read = self._with_unreadable(some)
        whose, counts = self.providers.named(read), [len(one.negotiated_prices) for one in read]
        rows = np.arange(self.row + 1, self.row + 1 + sum(counts))
        self.row += len(rows)
        if self.providers.some:
            wanted = [not self.providers.is_unwanted(names) for names in whose]
            rows = rows[np.repeat(np.array(wanted, dtype=bool), counts)]
            self.told.leave_out(OTHER_PROVIDER, sum(counts) - len(rows))
            read, whose, counts = [*compress(read, wanted)], [*compress(whose, wanted)], [*compress(counts, wanted)]
        prices: list[Price] = []
        for one in read:
            prices += one.negotiated_prices
        if str in set(map(type, prices)):
            prices = self._without_unreadable(prices, rows)
        if self._about != (about := (head.number, head.is_known)):
            self._about, self._known = about, _Numbers(lambda said: self._number(said, head))
        known = self._known
        self._numbers += [
            known[
                p.negotiated_type, p.billing_class, p.setting, p.expiration_date,
                p.service_code, p.billing_code_modifier,
            ]
            for p in prices
        ]  # fmt: skip
        self._rates += [price.negotiated_rate for price in prices]
        self._rows.append(rows)
        self._whose += whose
        self._counts += counts
        if len(self._rates) >= PART:
            self.write()

    def _with_unreadable(self, some: Sequence[Negotiated | str]) -> list[Negotiated]:
        """Return a price without a rate in place of what can't be read."""
        if str not in set(map(type, some)):
            return cast("list[Negotiated]", some)
        read, row = [], self.row
        for one in some:
            if isinstance(one, str):
                self._unreadable.append((row + 1, one))
            read.append(Negotiated([Price()]) if isinstance(one, str) else one)
            row += len(read[-1].negotiated_prices)
        return read

    def _without_unreadable(self, prices: Sequence[Price | str], rows: np.ndarray[Any, Any]) -> list[Price]:
        """Return a price without a rate in place of each that can't be read, and say why in its row."""
        self._unreadable += [(int(row), one) for row, one in zip(rows, prices, strict=True) if isinstance(one, str)]
        return [Price() if isinstance(one, str) else one for one in prices]

    def _number(self, said: Said, head: Head) -> int:
        """Give a number to terms that are new to an element."""
        modifiers, where, *meant = _read(said)
        if meant[-1] is None and not self._is_day_told and (last := (said[3] or "").strip()):
            self._is_day_told = True  # once, or a file of such days would leave no room for other notes
            self.told.note(f"expiration_date {last[:40]!r} isn't a day like 2026-12-31: such rates have no last day")
        self._terms.append((self.spool.number(head.service(modifiers, where)), *meant))
        return len(self._terms) - 1

    def write(self) -> None:
        """Write what was taken: dollars, or why they are none."""
        if not self._rates:
            return
        names = pl.Series("provider", self._whose, pl.String)
        self.providers.heed(names)
        rows = pl.DataFrame({
            "row": np.concatenate(self._rows),
            "provider": names.gather(np.repeat(np.arange(len(names)), self._counts)),
        })  # fmt: skip
        of_terms = pl.DataFrame(self._terms, _TERMS, orient="row")[np.array(self._numbers)]
        rates = pl.concat([rows, of_terms, amounts_of(self._rates)], how="horizontal").lazy()
        is_share = pl.col("meant").eq_missing(pl.lit(PERCENTAGE, REASON))
        of_charge = pl.when(is_share).then("rate").cast(pl.String).str.strip_suffix(".0") + " % of what is billed"
        rates = rates.with_columns(
            amount=pl.when(~is_share).then("amount"),
            reason=pl.when(pl.col("meant").is_null()).then("reason").otherwise("meant"),
            detail=pl.when(pl.col("meant").is_null()).then("detail").otherwise(pl.coalesce(of_charge, "word")),
        )
        if self._unreadable:
            why = pl.LazyFrame(self._unreadable, _UNREADABLE, orient="row")
            is_one = pl.col("why").is_not_null()
            rates = rates.join(why, on="row", how="left", maintain_order="left").with_columns(
                reason=pl.when(is_one).then(pl.lit("not_readable", REASON)).otherwise("reason"),
                detail=pl.coalesce("why", "detail"),
            )
        rates = rates.with_columns(contract=pl.lit(self.spool.contract("", ""), pl.Int32))
        self.spool.add(rates.select(*SCHEMA).collect())
        for column in (
            self._rows,
            self._whose,
            self._counts,
            self._numbers,
            self._rates,
            self._terms,
            self._unreadable,
        ):
            column.clear()
        self._about = None


@lru_cache(maxsize=10_000)
def _read(said: Said) -> tuple[Any, ...]:
    """Return what terms say: modifiers, places of service, what else than dollars a rate is, by which word, its end."""
    kind, billing_class, setting, last, places, modifiers = said
    named = " ".join(map(str, modifiers or ())).upper()
    meant, word = meaning((kind or "").lower(), (billing_class or "").lower())
    return named, where_of(places, setting), None if meant == DOLLARS else meant, word, day_of(last)
