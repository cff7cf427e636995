"""CPT and HCPCS sections and subsections by code number, as `schemas/sections.csv` declares them."""

from functools import cache

import polars as pl

from pfsetl.declared import declarations
from pfsetl.declared.records.services import SECTIONS

_NUMBERS = 100_000


def with_sections(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `section` and `subsection` to a frame of `hcpcs`; null where no declared range holds the code."""
    code = pl.col("hcpcs")
    number = code.cast(pl.UInt32, strict=False)
    marked = frame.with_columns(_number=pl.when(code.str.contains(r"^\d{5}$")).then(number))
    return marked.with_columns(
        pl.coalesce(_by_number(name).gather(marked["_number"]), _by_letter(name)).alias(name)
        for name in ("section", "subsection")
    ).drop("_number")


def with_statistics() -> tuple[tuple[str, str], ...]:
    """Return the (section, subsection) pairs that have statistics of their own."""
    return tuple((r.section, r.subsection or "") for r in declarations.rows(SECTIONS) if r.subsection_statistics)


@cache
def _by_number(name: str) -> pl.Series:
    """Return the section (or subsection) of every five-digit number; of ranges that hold it, the narrowest says it."""
    table: list[str | None] = [None] * _NUMBERS
    ranges = ((int(r.first), int(r.last), getattr(r, name)) for r in declarations.rows(SECTIONS) if r.rule == "number")
    for first, last, said in sorted(ranges, key=lambda one: one[0] - one[1]):
        table[first : last + 1] = [said] * (last + 1 - first)
    return pl.Series(name, table, dtype=pl.String)


def _by_letter(name: str) -> pl.Expr:
    """Return the section by the letter at the end (0001F) or at the start (G0101) of a code."""
    code = pl.col("hcpcs")
    rules = [(r.rule, r.first, getattr(r, name)) for r in declarations.rows(SECTIONS)]
    suffixes = {letter: value for rule, letter, value in rules if rule == "suffix"}
    letters = {letter: value for rule, letter, value in rules if rule == "letter"}

    def looked_up(character: pl.Expr, table: dict[str, str | None]) -> pl.Expr:
        return character.replace_strict(table, default=None, return_dtype=pl.String)

    suffixed = code.str.contains(r"^\d{4}[A-Z]$")
    return (
        pl.when(suffixed)
        .then(looked_up(code.str.slice(4), suffixes))
        .otherwise(looked_up(code.str.slice(0, 1), letters))
    )
