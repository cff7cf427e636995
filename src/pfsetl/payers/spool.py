"""Rates on disk in numbers, part by part, so that memory doesn't grow with a file: what they are for stands once."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from pfsetl.payers.rate import Rate, Service

PART = 100_000
_SCHEMA = {
    "row": pl.Int64, "service": pl.Int32, "contract": pl.Int32, "provider": pl.String, "amount": pl.Int64,
    "reason": pl.String, "detail": pl.String, "expires": pl.Date,
}  # fmt: skip


class Spool:
    """The rates of a file in parts of Arrow IPC, and the services and the payers with their plans that they name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: list[list[object]] = [[] for _ in _SCHEMA]
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

    def take(self, rates: Iterable[Rate]) -> None:
        """Write rates to disk as they come."""
        services, contracts = self._services, self._contracts
        rows, of_service, of_contract, providers, amounts, reasons, details, expires = self._columns
        for rate in rates:
            rows.append(rate.row)
            of_service.append(services.setdefault(rate.service, len(services)))
            of_contract.append(contracts.setdefault((rate.payer, rate.plan), len(contracts)))
            providers.append(rate.provider)
            amounts.append(rate.amount)
            reasons.append(rate.reason)
            details.append(rate.detail)
            expires.append(rate.expires)
            if len(rows) == PART:
                self._write()
        self._write()

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the rates in their order."""
        for path in self._parts:
            yield pl.read_ipc(path)

    def _write(self) -> None:
        rows = self._columns[0]
        if not rows:
            return
        self.rows += len(rows)
        path = self._folder / f"{len(self._parts):06}.arrow"
        part = pl.DataFrame(dict(zip(_SCHEMA, self._columns, strict=True)), _SCHEMA)
        part.write_ipc(path, compression="lz4")
        self._parts.append(path)
        for column in self._columns:
            column.clear()
