"""The story of a code in words: every sentence is a template over values, and a series of amounts a line of blocks."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_BLOCKS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_CENT = Decimal("0.01")


def moved(row: Mapping[str, Any], setting: str) -> str | None:
    """Say from what to what an amount moved, and by which causes; None where nothing moved or nothing is compared.

    Causes are shown in cents; where these don't add up to the change, rounding is named as one more.

    >>> moved({"nonfacility_amount": Decimal("40.42"), "nonfacility_change": Decimal("-0.01"),
    ...     "nonfacility_change_work": Decimal(0), "nonfacility_change_pe": Decimal("-1.293860"),
    ...     "nonfacility_change_mp": Decimal(0), "nonfacility_change_factor": Decimal("1.275824"),
    ...     "nonfacility_change_rounding": Decimal("0.008036")}, "nonfacility")
    '$40.43 to $40.42: RVUs -1.29, factor +1.28'
    """
    change, now = row[f"{setting}_change"], row[f"{setting}_amount"]
    if change is None or now is None:
        return None
    part = {
        cause: row.get(f"{setting}_change_{cause}") or Decimal(0) for cause in ("work", "pe", "mp", "index", "factor")
    }
    named = {"RVUs": part["work"] + part["pe"] + part["mp"], "index": part["index"], "factor": part["factor"]}
    cents = {name: value.quantize(_CENT, ROUND_HALF_UP) for name, value in named.items()}
    cents["rounding"] = change - sum(cents.values())
    told = [f"{name} {value:+,.2f}" for name, value in cents.items() if value]
    return f"{_dollars(now - change)} to {_dollars(now)}: {', '.join(told)}" if told else None


def sentences(rows: Iterable[Mapping[str, Any]], setting: str) -> list[str]:
    """Say of each release what moved an amount since the one before, leaving out those that moved nothing.

    Of amounts that CMS marks NA in the setting it's said that they're nominal.
    """
    found = ((row, moved(row, setting)) for row in rows)
    na = f"{setting}_na"
    return [
        f"{row['previous_release']} to {row['release']}: {said}{' (NA, so nominal)' if row[na] else ''}"
        for row, said in found
        if said
    ]


def blocks(values: Sequence[Decimal | None]) -> str:
    """Return a line with a block for each value, the lowest and the highest at the ends of the scale; a dot for none.

    >>> blocks([Decimal(1), None, Decimal(2), Decimal("1.5")])
    '▁·█▅'
    """
    there = [value for value in values if value is not None]
    low, high = min(there, default=Decimal(0)), max(there, default=Decimal(0))
    steps = len(_BLOCKS) - 1
    return "".join(
        _NONE if v is None else _BLOCKS[int((v - low) / (high - low) * steps + Decimal("0.5")) if high > low else 0]
        for v in values
    )


def _dollars(value: Decimal) -> str:
    return f"${value:,.2f}"
