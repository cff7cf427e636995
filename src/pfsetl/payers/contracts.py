"""Contracts among compared rates: a rate that a payer's plan repeats for many providers is one.

A contract is payer, plan, code, modifiers, setting, day, locality and rate.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

PART = 150_000  # contracts that are written together; 28 bytes each
AT_ONCE = 150_000  # contracts that are looked at together
_KEY = ["contract", "price", "amount"]


class Contracts:
    """The contracts of a file, in parts on disk, each once in a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._parts: list[Path] = []
        self._rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take the contracts of compared rates that have a percentage."""
        own = rows.filter(pl.col("hundredths").is_not_null()).select(*_KEY, "hundredths")
        if own.height:
            self._waiting.append(own)
        if sum(some.height for some in self._waiting) >= PART:
            self._write()

    def groups(self) -> Iterator[pl.DataFrame]:
        """Yield the contracts, each once, those of one service together."""
        self._write()
        count = 1 + self._rows // AT_ONCE
        for one in range(count):
            parts = [pl.read_ipc(path).filter(pl.col("price") % count == one) for path in self._parts]
            if any(part.height for part in parts):
                yield pl.concat(parts).unique(_KEY)

    def _write(self) -> None:
        if self._waiting:
            part = pl.concat(self._waiting).unique(_KEY)
            path = self._folder / f"contracts-{len(self._parts):06}.arrow"
            part.write_ipc(path, compression="lz4")
            self._parts.append(path)
            self._rows += part.height
            self._waiting = []
