"""Rates on disk in numbers, part by part, so that memory doesn't grow with a file: what they are for stands once."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers.rate import REASON, Rate, RatedService

PART = 9_000
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64, "service": pl.Int32, "contract": pl.Int32, "provider": pl.String, "amount": pl.Int64,
    "reason": REASON, "detail": pl.String, "expires": pl.Date,
}  # fmt: skip


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Write what waits while a file is read; raises UsageError where the disk doesn't take it."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{folder.parent}: {error.strerror or error}. What was read waits there until all of it is: make room, or "
            "name another folder in TMPDIR."
        ) from error


class Spool:
    """The rates of a file in parts of Arrow IPC, and the services and the payers with their plans that they name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._parts: list[Path] = []
        self._services: dict[RatedService, int] = {}
        self._contracts: dict[tuple[str, str], int] = {}
        self.rows = 0

    @property
    def services(self) -> list[RatedService]:
        """The services that rates are for; a rate has the place of its own."""
        return list(self._services)

    @property
    def contracts(self) -> pl.DataFrame:
        """The payers and plans, by their number."""
        names = {"contract": pl.Int32, "payer": pl.String, "plan": pl.String}
        return pl.DataFrame([(n, *pair) for pair, n in self._contracts.items()], names, orient="row")

    def number(self, service: RatedService) -> int:
        """Return the number of a service, a new one where it's new."""
        return self._services.setdefault(service, len(self._services))

    def contract(self, payer: str, plan: str) -> int:
        """Return the number of a payer with its plan."""
        return self._contracts.setdefault((payer, plan), len(self._contracts))

    def take(self, rates: Iterator[Rate]) -> None:
        """Write rates to disk as they come."""
        while some := list(islice(rates, PART)):
            row, service, payer, plan, provider, amount, reason, detail, expires = zip(*some, strict=True)
            numbers, whose = map(self.number, service), map(self.contract, payer, plan)
            columns = (row, list(numbers), list(whose), provider, amount, reason, detail, expires)
            self.add(pl.DataFrame(dict(zip(SCHEMA, columns, strict=True)), SCHEMA))
        self.finish()

    def forget_services(self) -> None:
        """Free what names the services, which nobody asks for once they are priced."""
        self._services.clear()

    def add(self, rates: pl.DataFrame) -> None:
        """Write numbered rates to disk when they are enough for a part."""
        self._waiting.append(rates)
        self.rows += rates.height
        if sum(some.height for some in self._waiting) >= PART:
            self.finish()

    def finish(self) -> None:
        """Write what is left."""
        if any(some.height for some in self._waiting):
            path = self._folder / f"{len(self._parts):06}.arrow"
            with kept_in(self._folder):
                pl.concat(self._waiting).write_ipc(path, compression="lz4")
            self._parts.append(path)
        self._waiting = []

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the rates in their order."""
        for path in self._parts:
            yield pl.read_ipc(path)
