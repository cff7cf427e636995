"""Contracts among compared rates: a rate that a payer's plan repeats for many providers is one.

A contract is payer, plan, code, modifiers, setting, day, locality and rate.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

AT_ONCE = 100_000  # contracts that are in memory together
_KEY = ["contract", "price", "amount"]


class Contracts:
    """The contracts of the parts of a file, on disk, each part's once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[Path] = []
        self._rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take the contracts of compared rates that have a percentage."""
        own = rows.filter(pl.col("hundredths").is_not_null()).select(*_KEY, "hundredths").unique(_KEY)
        if own.height:
            path = self._folder / f"contracts-{len(self._parts):06}.arrow"
            own.write_ipc(path, compression="lz4")
            self._parts.append(path)
            self._rows += own.height

    def groups(self) -> Iterator[pl.DataFrame]:
        """Yield the contracts, each once, those of one service together."""
        count = 1 + self._rows // AT_ONCE
        for one in range(count):
            parts = [pl.read_ipc(path).filter(pl.col("price") % count == one) for path in self._parts]
            if any(part.height for part in parts):
                yield pl.concat(parts).unique(_KEY)
