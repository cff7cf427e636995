"""Contracts among compared rates: a rate that a payer's plan repeats for many providers is one.

A contract is payer, plan, code, modifiers, setting, day, locality and rate.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from pfsetl.payers.spool import kept_in

PART = 50_000  # contracts that are written together
GROUPS = 64  # that are looked at one by one
_KEY = ["contract", "price", "amount"]
_ROW = np.dtype({"names": [*_KEY, "hundredths"], "formats": ["i4", "i4", "i8", "i8"]})


class Contracts:
    """The contracts of a file on disk, those of one service in one group."""

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / f"contracts-{number:03}" for number in range(GROUPS)]
        self._waiting: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take the contracts of compared rates that have a percentage."""
        own = rows.select(_ROW.names or ()).filter(pl.col("hundredths").is_not_null())
        if own.height:
            self._waiting.append(own)
        if sum(some.height for some in self._waiting) >= PART:
            self._write()

    def groups(self) -> Iterator[pl.DataFrame]:
        """Yield the contracts, each once, those of one service together."""
        self._write()
        for path in self._paths:
            if path.exists():
                rows = np.fromfile(path, _ROW)
                yield pl.DataFrame({name: rows[name] for name in _ROW.names or ()}).unique(_KEY)

    def _write(self) -> None:
        if not self._waiting:
            return
        part = pl.concat(self._waiting).unique(_KEY).with_columns(group=pl.col("price") % GROUPS).sort("group")
        rows = np.empty(part.height, _ROW)
        for name in _ROW.names or ():
            rows[name] = part[name].to_numpy()
        ends = np.searchsorted(part["group"].to_numpy(), np.arange(GROUPS), side="right").tolist()
        for path, start, end in zip(self._paths, [0, *ends], ends, strict=False):
            if end > start:
                with kept_in(path.parent), path.open("ab") as file:
                    file.write(rows[start:end].tobytes())
        self._waiting = []
