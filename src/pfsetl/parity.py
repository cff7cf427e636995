"""Compare the formats of one member cell by cell, once typed: they should say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pfsetl.read import RawTable

EXAMPLES = 3
LICENSED = "description"  # NOTE: only counted, its text must not reach the public manifest
_KEYS = {
    "pprrvu": ("hcpcs", "modifier"),
    "gpci": ("mac", "locality"),
    "anesthesia": ("mac", "locality"),
    "opps_cap": ("hcpcs", "modifier", "mac", "locality"),
    "locality_county": ("mac", "locality"),
}


@dataclass(frozen=True, slots=True)
class FormatDifference:
    """One field (or whole rows) in which two formats of a member differ; `explained` is a correction's reason."""

    member: str
    participant: str
    believed: str
    other: str
    field: str
    cells: int
    examples: tuple[str, ...]
    explained: str | None = None


def differences(
    believed: tuple[RawTable, pl.DataFrame], other: tuple[RawTable, pl.DataFrame]
) -> list[FormatDifference]:
    """Compare two typed tables of one member, the believed format first."""
    (raw_a, a), (raw_b, b) = believed, other
    key = list(_KEYS[raw_a.member])
    a, b = _numbered(a, key), _numbered(b, key)
    found: list[FormatDifference] = []

    def report(field: str, rows: pl.DataFrame, shown: Sequence[str]) -> None:
        if rows.height:
            examples = tuple(
                " ".join("" if cell is None else str(cell) for cell in row)
                for row in rows.head(EXAMPLES).select(shown).rows()
            )
            found.append(
                FormatDifference(raw_a.member, raw_a.participant, raw_a.file, raw_b.file, field, rows.height, examples)
            )

    by = [*key, "_nth"]
    report("(only in the first)", a.join(b, on=by, how="anti", nulls_equal=True), key)
    report("(only in the second)", b.join(a, on=by, how="anti", nulls_equal=True), key)
    both = a.join(b, on=by, how="inner", suffix=" in the other", nulls_equal=True, maintain_order="left")
    for field in (c for c in a.columns if c not in (*by, "line") and c in b.columns):
        differs = both.filter(pl.col(field).ne_missing(pl.col(f"{field} in the other")))
        report(field, differs, key if field == LICENSED else [*key, field, f"{field} in the other"])
    return found


def _numbered(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the rows with the repetitions of a key numbered, so that doubled rows pair up one to one."""
    return frame.with_columns(_nth=pl.int_range(pl.len()).over(key))
