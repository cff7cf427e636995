"""Rates in an in-network file of Transparency in Coverage, schema 2.0 and 1.x, read as it streams.

A rate is one `negotiated_price`. Codes and provider references may stand after what uses them.
"""

from collections.abc import Collection, Sequence
from pathlib import Path as FilePath

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers.in_network_columns import Columns, Head
from pfsetl.payers.in_network_words import Item, Negotiated
from pfsetl.payers.json_file import Members, elements, word
from pfsetl.payers.pieces import EACH, Path
from pfsetl.payers.providers import Providers, Reference
from pfsetl.payers.rate import RatedService
from pfsetl.payers.spool import Spool
from pfsetl.payers.told import OTHER_CODE, Told

ITEMS: Path = ("in_network",)
ITEM: Path = (*ITEMS, EACH)
RATES: Path = (*ITEM, "negotiated_rates")
REFERENCES: Path = ("provider_references",)
NAMED = (("reporting_entity_name",), ("plan_name",), ("last_updated_on",), ("version",))
STREAMED = (ITEM, RATES)
RECORDS = {ITEMS: Item, RATES: Negotiated, REFERENCES: Reference}
KNOWN = frozenset({"in_network", "provider_references"})


class InNetwork:
    """The rates of one file; once they are read it knows the services that were named late, and the payer."""

    def __init__(
        self, path: FilePath, members: Members, told: Told, codes: Collection[str], providers: Providers
    ) -> None:
        self._path = path
        self._members, self._told, self._codes = members, told, codes
        self._providers = providers
        self._late: dict[int, Head] = {}
        self._items = 0
        self._payer = self._plan = ""

    def services(self, named: Sequence[RatedService]) -> list[RatedService]:
        """Return services with the codes that stood after their rates."""
        return [self._late[one.item].named(one) if one.item else one for one in named]

    def contracts(self, numbered: pl.DataFrame) -> pl.DataFrame:
        """Return the one contract of the file with the payer and plan that it names, wherever they stand."""
        return numbered.with_columns(payer=pl.lit(self._payer), plan=pl.lit(self._plan))

    def fill(self, spool: Spool) -> None:
        """Write the rates as they stand in the file; raises UsageError for one of provider groups alone."""
        columns = Columns(self._providers, self._told, spool)
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
                    self._take(content, head, columns)
                else:
                    self._take_item(elements(b"[%b]" % content, Item, ITEMS[0])[0], head, columns)
            elif path == ITEMS:
                self._providers.begin()
                for item in content:
                    self._take_item(item, self._next(), columns)
            elif path == REFERENCES:
                for reference in content:
                    self._providers.add(reference)
            elif path in NAMED:
                self._learn(path[0], content)
        columns.write()
        spool.finish()
        if not self._items:
            raise UsageError(f"{self._path}: no rates: in_network is absent or empty. Give the file that has it.")

    def _learn(self, name: str, text: bytes) -> None:
        value = word(text)
        if name == "reporting_entity_name":
            self._payer = value
        elif name == "plan_name":
            self._plan = value
        elif value:
            self._told.note(f"the file says {name.replace('_', ' ')} {value[:40]}")

    def _next(self) -> Head:
        self._items += 1
        return Head(self._items)

    def _take_item(self, item: Item | str, head: Head, columns: Columns) -> None:
        if isinstance(item, str):
            self._take([item], head, columns)
        else:
            head.learn(item)
            self._take(item.negotiated_rates, head, columns)

    def _take(self, some: Sequence[Negotiated | str], head: Head, columns: Columns) -> None:
        if not head.is_known:
            self._late[head.number] = head
        elif self._codes and head.code not in self._codes:
            count = sum(1 if isinstance(one, str) else len(one.negotiated_prices) for one in some)
            columns.row += count
            self._told.leave_out(OTHER_CODE, count)
            return
        columns.take(some, head)
