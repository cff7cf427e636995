"""Rates in an in-network file of Transparency in Coverage, schema 2.0 and 1.x, read as it streams.

A rate is one `negotiated_price`. Codes and provider references may stand after what uses them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path as FilePath
from typing import Any

import msgspec
import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers.amounts import amounts_of
from pfsetl.payers.in_network_words import FILE, Item, Negotiated, Price, Said, day_of, meaning, where_of
from pfsetl.payers.json_file import Members, elements
from pfsetl.payers.pieces import EACH, Path
from pfsetl.payers.providers import Providers, Reference
from pfsetl.payers.rate import DOLLARS, Service, code_of, of_code_type, terms
from pfsetl.payers.spool import PART, Spool
from pfsetl.payers.told import OTHER_CODE, OTHER_PROVIDER, Told

PERCENTAGE = "percentage_of_charge"
ITEMS: Path = ("in_network",)
ITEM: Path = (*ITEMS, EACH)
RATES: Path = (*ITEM, "negotiated_rates")
REFERENCES: Path = ("provider_references",)
NAMED = (("reporting_entity_name",), ("plan_name",), ("last_updated_on",), ("version",))
STREAMED = (ITEM, RATES)
RECORDS = {ITEMS: Item, RATES: Negotiated, REFERENCES: Reference}
KNOWN = frozenset({"in_network", "provider_references"})
_READ = {"row": pl.Int64, "terms": pl.Int32, "provider": pl.String}
_TERMS = {"terms": pl.Int32, "service": pl.Int32, "meant": pl.String, "word": pl.String, "expires": pl.Date}


@dataclass(slots=True)
class _Head:
    """What an element of `in_network` says of all its rates, as far as it's known."""

    number: int
    code: str | None = None
    kind: str | None = None
    arrangement: str | None = None
    is_known: bool = False
    terms: dict[Said, int] = field(default_factory=dict)  # their numbers, for rates of this element

    def learn(self, item: Item) -> None:
        """Take what a part of the element says."""
        if item.billing_code is not None:
            self.code = code_of(item.billing_code)
        self.kind = (item.billing_code_type or self.kind or "").upper() or None
        self.arrangement = item.negotiation_arrangement or self.arrangement
        if not self.is_known and None not in (self.code, self.kind, self.arrangement):
            self.is_known = True
            self.terms.clear()

    def named(self, service: Service) -> Service:
        """Return a service with its code, and with the reason why none of its rates can be compared."""
        meant = terms(FILE).get(("negotiation_arrangement", (self.arrangement or "").lower()), "not_readable")
        reason = of_code_type(self.kind or "") if meant == DOLLARS else meant
        return service._replace(code_type=self.kind or "", code=self.code or "", reason=reason, item=0)


class InNetwork:
    """The rates of one file; once they are read it knows the services that were named late, and the payer."""

    def __init__(
        self, path: FilePath, members: Members, told: Told, codes: Collection[str], providers: Providers
    ) -> None:
        self._path = path
        self._members, self._told, self._codes = members, told, codes
        self._providers = providers
        self._late: dict[int, _Head] = {}
        self._row = self._items = 0
        self._payer = self._plan = ""
        # By number: service, what rates of these terms are, the word that says so, and their last day.
        self._terms: dict[tuple[int, str, str, date | None], int] = {}
        self._columns: tuple[list[Any], ...] = ([], [], [])
        self._rates: list[float | str | None] = []
        self._unreadable: dict[int, str] = {}  # rows, and why

    def services(self, named: Sequence[Service]) -> list[Service]:
        """Return services with the codes that stood after their rates."""
        return [self._late[one.item].named(one) if one.item else one for one in named]

    def contracts(self, numbered: pl.DataFrame) -> pl.DataFrame:
        """Return the one contract of the file with the payer and plan that it names, wherever they stand."""
        return numbered.with_columns(payer=pl.lit(self._payer), plan=pl.lit(self._plan))

    def fill(self, spool: Spool) -> None:
        """Write the rates as they stand in the file; raises UsageError for one of provider groups alone."""
        head = None  # of an element that comes in pieces
        for path, content in self._members:
            if path == ITEM and content is None:
                head = None
            elif not content:
                continue
            elif path in (ITEM, RATES):
                self._providers.begin()
                head = head or self._next()
                if path == RATES:
                    self._take(content, head, spool)
                else:
                    self._take_item(elements(b"[%b]" % content, Item, ITEMS[0])[0], head, spool)
            elif path == ITEMS:
                self._providers.begin()
                for item in content:
                    self._take_item(item, self._next(), spool)
            elif path == REFERENCES:
                for reference in content:
                    self._providers.add(reference)
            elif path in NAMED:
                self._learn(path[0], content)
        self._write(spool)
        spool.finish()
        if not self._items:
            raise UsageError(f"{self._path}: no rates: in_network is absent or empty. Give the file that has it.")

    def _learn(self, name: str, text: bytes) -> None:
        value = str(msgspec.json.decode(text))
        if name == "reporting_entity_name":
            self._payer = value
        elif name == "plan_name":
            self._plan = value
        else:
            self._told.note(f"the file says {name.replace('_', ' ')} {value[:40]}")

    def _next(self) -> _Head:
        self._items += 1
        return _Head(self._items)

    def _take_item(self, item: Item | str, head: _Head, spool: Spool) -> None:
        if isinstance(item, str):
            self._take([item], head, spool)
        else:
            head.learn(item)
            self._take(item.negotiated_rates, head, spool)

    def _take(self, some: Sequence[Negotiated | str], head: _Head, spool: Spool) -> None:
        """Take the prices of some providers; what can't be read is a row that says why.

        NOTE: what is done here for every price takes most of the time that a large file does.
        """
        if not head.is_known:
            self._late[head.number] = head
        elif self._codes and head.code not in self._codes:
            count = sum(1 if isinstance(one, str) else len(one.negotiated_prices) for one in some)
            self._row += count
            self._told.leave_out(OTHER_CODE, count)
            return
        rows, of_terms, whose = self._columns
        named, choosing, prices = self._providers.named, self._providers.some, list[Price]()
        for one in some:
            if isinstance(one, str):
                self._row += 1
                self._unreadable[self._row] = one
                rows.append(self._row)
                whose.append("")
                prices.append(Price())
                continue
            providers, own = named(one.provider_references, one.provider_groups), one.negotiated_prices
            first, self._row = self._row + 1, self._row + len(own)
            if choosing and self._providers.is_unwanted(providers):
                self._told.leave_out(OTHER_PROVIDER, len(own))
                continue
            rows += range(first, self._row + 1)
            whose += [providers] * len(own)
            prices += own
        known = head.terms
        said = [
            (p.negotiated_type, p.billing_class, p.setting, p.expiration_date, p.service_code, p.billing_code_modifier)
            for p in prices
        ]
        try:
            numbers = [known[one] for one in said]
        except KeyError:
            for new in set(said).difference(known):
                self._number(new, head, spool)
            numbers = [known[one] for one in said]
        of_terms += numbers
        self._rates += [price.negotiated_rate for price in prices]
        if len(rows) >= PART:
            self._write(spool)

    def _number(self, said: Said, head: _Head, spool: Spool) -> None:
        """Give a number to terms that are new to an element."""
        kind, billing_class, setting, last, places, modifiers = said
        where = where_of(places, setting)
        service = Service("", "", " ".join(map(str, modifiers or ())).upper(), where, item=head.number)
        number = spool.number(head.named(service) if head.is_known else service)
        terms = (number, *meaning((kind or "").lower(), (billing_class or "").lower()), day_of(last))
        head.terms[said] = self._terms.setdefault(terms, len(self._terms))

    def _write(self, spool: Spool) -> None:
        """Write what was taken: dollars, or why they are none."""
        read = pl.DataFrame(dict(zip(_READ, self._columns, strict=True)), _READ)
        known = list(self._terms)
        told = pl.DataFrame([(one, *known[one]) for one in read["terms"].unique()], _TERMS, orient="row")
        bad = pl.DataFrame(list(self._unreadable.items()), {"row": pl.Int64, "why": pl.String}, orient="row")
        rates = pl.concat([read, amounts_of(self._rates)], how="horizontal").lazy()
        rates = rates.join(told.lazy(), on="terms", how="left", maintain_order="left")
        rates = rates.join(bad.lazy(), on="row", how="left", maintain_order="left")
        unreadable, share = pl.col("why").is_not_null(), pl.col("meant") == PERCENTAGE
        of_charge = pl.when(share).then("rate").cast(pl.String).str.strip_suffix(".0") + " % of what is billed"
        dollars = pl.col("meant") == DOLLARS
        spool.add(rates.select(
            "row", "service", pl.lit(spool.contract("", ""), pl.Int32).alias("contract"), "provider",
            pl.when(~share).then("amount").alias("amount"),
            pl.when(unreadable).then(pl.lit("not_readable")).when(dollars).then("reason").otherwise("meant").alias("reason"),
            pl.when(unreadable).then("why").when(dollars).then("detail").otherwise(pl.coalesce(of_charge, "word"))
            .alias("detail"),
            "expires",
        ).collect())  # fmt: skip
        for column in (*self._columns, self._rates):
            column.clear()
        self._unreadable.clear()
