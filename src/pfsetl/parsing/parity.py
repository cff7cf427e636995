"""Compare the formats of one member cell by cell, once typed: they should say the same."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import polars as pl

from pfsetl.declared import corrections, declarations, registry
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow
from pfsetl.errors import ChecksFailed, ContractError
from pfsetl.parsing.parse import LICENSED, Parsed, key_of
from pfsetl.parsing.read import RawTable
from pfsetl.plural import count

EXAMPLES = 3
# What two cells differ in, where it can be told from the cells alone (column `differs` of corrections.csv).
CUT = "cut"
LETTERS = "letters"
_FREE = ("text", "name")  # kinds of fields whose cells have any length
_CUT_FROM = 20  # characters; the narrowest column that CMS's files of 2009 to 2025 cut has 25
_UNEVEN = 5  # characters from the shortest to the longest cell that one column cuts: 32 to 36 in GPCI2018.txt
_LEFT_OUT = re.compile(
    r"[^\x20-\x7e]|[\"'`?]"
)  # what one codepage shows as another character, and what it's typed as instead


@dataclass(frozen=True, slots=True)
class FormatDifference:
    """One field (or whole rows) in which two files of a member differ; `explained` is a correction's reason.

    `differs` is what all of these cells differ in: `cut`, `letters`, or two texts that corrections.csv names; else "".
    """

    member: str
    participant: str
    believed: str
    other: str
    other_format: str
    field: str
    cells: int
    examples: tuple[str, ...]
    explained: str | None = None
    differs: str = ""


def differences(believed: Parsed, other: Parsed) -> list[FormatDifference]:
    """Compare two parsed files of one member, the believed one first."""
    key = list(key_of(believed.raw.member))
    a, b = _numbered(believed.frame, key), _numbered(other.frame, key)
    found: list[FormatDifference] = []

    def report(field: str, rows: pl.DataFrame, shown: Sequence[str], how: str = "") -> None:
        if rows.height:
            sample = rows.head(EXAMPLES).select(shown).rows()
            examples = tuple(" ".join("" if cell is None else str(cell) for cell in row) for row in sample)
            one, two = believed.raw, other.raw
            found.append(
                FormatDifference(
                    one.member,
                    one.participant,
                    one.file,
                    two.file,
                    two.format,
                    field,
                    rows.height,
                    examples,
                    differs=how,
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
        shown = key if field == LICENSED else [*key, field, f"{field} there"]
        for how, alike in _by_kind(field, rows, both, believed.raw.member, other.raw.format):
            report(field, alike, shown, how)
    return found


def _by_kind(
    field: str, rows: pl.DataFrame, both: pl.DataFrame, member: str, form: str
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Split the rows in which two files differ by what the cells differ in."""
    if rows.schema[field] != pl.String or registry.fields()[field].price:
        yield "", rows
        return
    declared = {
        row.differs
        for row in declarations.rows(CORRECTIONS)
        if row.action == "explain" and " => " in row.differs and _is_of(row, member, form, field)
    }
    # NOTE: nothing in a column is longer than it's wide.
    narrow = [
        max(_CUT_FROM, int(both.select(pl.col(c).str.len_chars().max()).item() or 0) - _UNEVEN)
        for c in (field, f"{field} there")
    ]

    def kind(here: str, there: str) -> str:
        if (pair := f"{here} => {there}") in declared:
            return pair
        if any(
            whole.startswith(cut) and len(cut) >= least
            for whole, cut, least in ((there, here, narrow[0]), (here, there, narrow[1]))
        ):
            return CUT
        return LETTERS if _LEFT_OUT.sub("", here) == _LEFT_OUT.sub("", there) else ""

    kinds = [kind(here or "", there or "") for here, there in rows.select(field, f"{field} there").iter_rows()]
    for name in dict.fromkeys(kinds):
        yield name, rows.filter(pl.Series([one == name for one in kinds]))


def _is_of(row: CorrectionRow, member: str, form: str, field: str) -> bool:
    return row.format == form and fnmatchcase(member, row.member) and fnmatchcase(field, row.field)


def uncompared(raws: Sequence[RawTable], not_published: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which names and lists may be cut: CMS's text cuts them, and no other format of the member is here.

    Told of published columns with cells as long as CMS's files cut them at, in formats of which a correction says so.
    """
    cutting = {row.format for row in declarations.rows(CORRECTIONS) if row.differs == CUT}
    formats = Counter((raw.member, raw.participant) for raw in raws)
    found = []
    for raw in raws:
        if raw.format not in cutting or formats[raw.member, raw.participant] > 1:
            continue
        texts = [c for c in raw.frame.columns if c in registry.fields() and registry.fields()[c].kind in _FREE]
        told = [c for c in texts if c not in not_published.get(raw.member, ())]
        longest = raw.frame.select(pl.col(told).str.len_chars().max()).row(0, named=True) if told else {}
        if long := [name for name, length in longest.items() if length and length >= _CUT_FROM]:
            found.append(
                f"{raw.file}: {', '.join(long)} may be cut at the end of a column, as CMS's {raw.format} files cut "
                "long names and lists; no other format is here to compare it with"
            )
    return found


def explained(
    release: str, content: str, compared: set[tuple[str, str]], found: list[FormatDifference]
) -> list[FormatDifference]:
    """Add to each difference the most exact reason that `schemas/corrections.csv` has for it.

    A correction holds for the releases of its pattern and, where it says so in `differs`, for cells that differ in that
    alone. `compared` are the (member, other format) pairs that were compared. Raises ContractError for a correction of
    this very archive that explains nothing, because it hides the next difference.
    """
    result = list(found)
    for row in corrections.of("explain", release):
        if not content.startswith(row.archive) or (row.archive and (row.member, row.format) not in compared):
            continue
        hits = [
            i
            for i, d in enumerate(result)
            if not d.explained and _is_of(row, d.member, d.other_format, d.field) and row.differs in ("", d.differs)
        ]
        if not hits and row.archive:
            raise ContractError(
                f"{declarations.listed('corrections.csv')}: the correction of {release} {row.member} "
                f"{row.format} {row.field} explains nothing in this archive. Remove it, or name the archive "
                "it is for by its content hash."
            )
        for i in hits:
            result[i] = replace(result[i], explained=row.what)
    return result


def refuse_unexplained(release: str, found: list[FormatDifference], *, accepted: bool = False) -> None:
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
            f"{d.believed} and {d.other} don't hold the same services: {count(d.cells, 'row')} {d.field[1:-1]}, e.g. "
            f"{'; '.join(d.examples)}. One of the files is cut or damaged. Get a complete archive; if CMS really "
            f"published them so, {_explain(release, d)}."
        )
    priced = lost + [d for d in open_ones if d.field in fields and fields[d.field].price]
    if priced and not accepted:
        d = priced[0]
        more = f" ({len(priced) - 1} more such differences)" if len(priced) > 1 else ""
        raise ChecksFailed(
            f"{d.believed} and {d.other} differ: {d.field.strip('()')}, {count(d.cells, 'row')}, "
            f"e.g. {'; '.join(d.examples)}{more}. Prices are made of it, and nothing says which file is right. "
            f"Get a corrected archive. If you trust {d.believed}, build with --accept-differences. "
            f"If CMS published them so, {_explain(release, d)}."
        )


def _explain(release: str, d: FormatDifference) -> str:
    return (
        f"a row says why: release {release}, member {d.member}, format {d.other_format}, field {d.field}, "
        f"action explain, in {declarations.named('corrections.csv')}"
    )


def _numbered(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the rows with the repetitions of a key numbered, so that doubled rows pair up one to one."""
    once = frame.select(pl.struct(key).n_unique()).item() == frame.height
    return frame.with_columns(_nth=pl.lit(0, dtype=pl.Int64) if once else pl.int_range(pl.len()).over(key))
