"""Rates on disk in numbers, part by part, so that memory doesn't grow with a file: what they are for stands once."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from pfsetl.payers.rate import Rate, Service

PART = 25_000
_SCHEMA = {
    "row": pl.Int64, "service": pl.Int32, "contract": pl.Int32, "provider": pl.String, "amount": pl.Int64,
    "reason": pl.String, "detail": pl.String, "expires": pl.Date,
}  # fmt: skip


class Spool:
    """The rates of a file in parts of Arrow IPC, and the services and the payers with their plans that they name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[Path] = []
        self._services: dict[Service, int] = {}
        self._contracts: dict[tuple[str, str], int] = {}
        self.rows = 0

    @property
    def services(self) -> list[Service]:
        """The services that rates are for; a rate has the place of its own."""
        return list(self._services)

    @property
    def contracts(self) -> pl.DataFrame:
        """The payers and plans, by their number."""
        names = {"contract": pl.Int32, "payer": pl.String, "plan": pl.String}
        return pl.DataFrame([(n, *pair) for pair, n in self._contracts.items()], names, orient="row")

    def take(self, rates: Iterator[Rate]) -> None:
        """Write rates to disk as they come."""
        while some := list(islice(rates, PART)):
            self._write(some)

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the rates in their order."""
        for path in self._parts:
            yield pl.read_ipc(path)

    def _write(self, rates: list[Rate]) -> None:
        services, contracts = self._services, self._contracts
        row, service, payer, plan, provider, amount, reason, detail, expires = zip(*rates, strict=True)
        numbers = [services.setdefault(one, len(services)) for one in service]
        whose = [contracts.setdefault(one, len(contracts)) for one in zip(payer, plan, strict=True)]
        columns = (row, numbers, whose, provider, amount, reason, detail, expires)
        path = self._folder / f"{len(self._parts):06}.arrow"
        part = pl.DataFrame(dict(zip(_SCHEMA, columns, strict=True)), _SCHEMA)
        part.write_ipc(path, compression="lz4")
        self._parts.append(path)
        self.rows += len(rates)
