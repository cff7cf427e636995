"""Compare the formats of one member cell by cell, once typed: they should say the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.errors import ChecksFailed, ContractError
from pfsetl.parsing.parse import LICENSED, Parsed, key_of

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class FormatDifference:
    """One field (or whole rows) in which two files of a member differ; `explained` is a correction's reason."""

    member: str
    participant: str
    believed: str
    other: str
    other_format: str
    field: str
    cells: int
    examples: tuple[str, ...]
    explained: str | None = None


def differences(believed: Parsed, other: Parsed) -> list[FormatDifference]:
    """Compare two parsed files of one member, the believed one first."""
    key = list(key_of(believed.raw.member))
    a, b = _numbered(believed.frame, key), _numbered(other.frame, key)
    found: list[FormatDifference] = []

    def report(field: str, rows: pl.DataFrame, shown: Sequence[str]) -> None:
        if rows.height:
            sample = rows.head(EXAMPLES).select(shown).rows()
            examples = tuple(" ".join("" if cell is None else str(cell) for cell in row) for row in sample)
            one, two = believed.raw, other.raw
            found.append(
                FormatDifference(
                    one.member, one.participant, one.file, two.file, two.format, field, rows.height, examples
                )
            )

    by = [*key, "_nth"]
    if a.select(by).equals(b.select(by)):  # NOTE: the usual case, and many times cheaper than the join
        both = pl.concat([a, b.rename({c: f"{c} there" for c in b.columns})], how="horizontal")
    else:
        both = a.join(b, on=by, how="inner", suffix=" there", nulls_equal=True, maintain_order="left")
    if both.height < a.height:
        report("(only in the believed file)", a.join(b, on=by, how="anti", nulls_equal=True), key)
    if both.height < b.height:
        report("(only in the other file)", b.join(a, on=by, how="anti", nulls_equal=True), key)
    fields = [c for c in a.columns if c not in (*by, "line") and c in b.columns]
    differs = both.select((pl.col(c).ne_missing(pl.col(f"{c} there"))).any() for c in fields).row(0)
    for field in (c for c, differ in zip(fields, differs, strict=True) if differ):
        rows = both.filter(pl.col(field).ne_missing(pl.col(f"{field} there")))
        # NOTE: licensed text is only counted, it must not reach the public manifest.
        report(field, rows, key if field == LICENSED else [*key, field, f"{field} there"])
    return found


def explained(
    release: str, content: str, compared: set[tuple[str, str]], found: list[FormatDifference]
) -> list[FormatDifference]:
    """Add to each difference the reason that `schemas/corrections.csv` has for it.

    `compared` are the (member, other format) pairs that were compared. Raises ContractError for a correction of this
    release and archive that explains nothing, because it hides the next difference.
    """
    result = list(found)
    for row in declarations.rows("corrections.csv"):
        if row["action"] != "explain" or row["release"] != release or not content.startswith(row["archive"]):
            continue
        if (row["member"], row["format"]) not in compared:
            continue
        hits = [
            i
            for i, d in enumerate(result)
            if (d.member, d.other_format, d.field) == (row["member"], row["format"], row["field"])
        ]
        if not hits:
            raise ContractError(
                f"schemas/corrections.csv: the correction of {release} {row['member']} {row['format']} {row['field']} "
                "explains nothing in this archive. Remove it, or name the archive it is for by its content hash."
            )
        for i in hits:
            result[i] = replace(result[i], explained=row["what"])
    return result


def refuse_unexplained(found: list[FormatDifference], *, accepted: bool = False) -> None:
    """Raise ChecksFailed when two files of a member differ in what prices are made of, and nothing explains it.

    That is a row that one of them lacks, or a field with `price` in `schemas/fields.csv`; counties make no price. With
    `accepted` the believed file counts all the same, unless one file lacks services that the other has.
    """
    fields = registry.fields()
    open_ones = [d for d in found if not d.explained]
    lost = [d for d in open_ones if d.field.startswith("(only in") and d.member != "locality_county"]
    if services := [d for d in lost if d.member == "pprrvu"]:
        d = services[0]
        raise ChecksFailed(
            f"{d.believed} and {d.other} don't hold the same services: {d.cells} rows {d.field[1:-1]}, e.g. "
            f"{'; '.join(d.examples)}. One of the files is cut or damaged. Get a complete archive; if CMS really "
            f"published them so, explain it in {declarations.named('corrections.csv')}."
        )
    priced = lost + [d for d in open_ones if d.field in fields and fields[d.field].price]
    if priced and not accepted:
        d = priced[0]
        more = f" ({len(priced) - 1} more such differences)" if len(priced) > 1 else ""
        raise ChecksFailed(
            f"{d.believed} and {d.other} differ: {d.field.strip('()')}, {d.cells} rows, e.g. {'; '.join(d.examples)}"
            f"{more}. Prices are made of it, and nothing says which file is right. Get a corrected archive. If you "
            f"trust {d.believed}, build with --accept-differences. If CMS published them so, explain it in "
            f"{declarations.named('corrections.csv')}."
        )


def _numbered(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the rows with the repetitions of a key numbered, so that doubled rows pair up one to one."""
    once = frame.select(pl.struct(key).n_unique()).item() == frame.height
    return frame.with_columns(_nth=pl.lit(0, dtype=pl.Int64) if once else pl.int_range(pl.len()).over(key))
