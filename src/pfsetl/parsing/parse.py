"""Raw rows to typed rows: rows that can't be used are set aside with their reason, all others become values."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.records.shapes import FieldRow
from pfsetl.errors import ValueRefused, during
from pfsetl.errors import shown as cut_short
from pfsetl.parsing import values
from pfsetl.parsing.read import RawTable

MOST_UNUSABLE = 0.001  # of a member's records; more of them means a damaged file, not a stray line
_KEYS = {
    "pprrvu": ("hcpcs", "modifier"),
    "gpci": ("mac", "locality"),
    "locality_county": ("mac", "locality"),
    "anesthesia": ("mac", "locality"),
    "opps_cap": ("hcpcs", "modifier", "mac", "locality"),
}
LICENSED = "description"
MOST_REPEATED = 0.05  # of a member's records; CMS repeats one of 14,857 (RVU09A) and one of 110 (LOCCO)
_REPEATS = "repeats line"
_REJECTS = {"line": pl.UInt32, "reason": pl.String, "text": pl.String}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A member as values: `frame` has `line` and typed fields; `rejects` the lines set aside, with their reason."""

    raw: RawTable
    frame: pl.DataFrame
    rejects: pl.DataFrame


def parse(raw: RawTable, like: Parsed | None = None) -> Parsed:
    """Type a member's rows; set aside rows without a usable key and exact repetitions of another row.

    What stands in a column as it stands in `like`, another format of the member, has the values that it has there.
    Raises ValueRefused for any other cell that can't be what its field says, and when more rows are unusable than a
    stray line explains. NOTE: RVU09A has 3491F twice, LOCCO lists the rest of Missouri twice from 2010 on.
    """
    with during(f"reading the cells of {raw.file}"):
        return _parse(raw, like)


def _parse(raw: RawTable, like: Parsed | None) -> Parsed:
    unusable = _unusable(raw)
    repeats = _repeats(raw)
    if unusable.is_empty() and repeats.is_empty():
        return Parsed(raw, _split_code(values.typed(raw, _known(raw, like))), pl.DataFrame(schema=_REJECTS))
    if unusable.height > MOST_UNUSABLE * raw.frame.height:
        line, reason = unusable.row(0)
        cells = raw.frame.row(by_predicate=pl.col("line") == line, named=True)
        more = f"; so have {unusable.height - 1} more of {raw.frame.height:,} records" if unusable.height > 1 else ""
        raise ValueRefused(
            f"{raw.file}: line {line}: {reason}: {cut_short(cells[reason.split()[0]])}{more}. Download the archive "
            f"again; if CMS really prints this, add a row of {reason.split()[0]} that allows it to "
            f"{declarations.named('fields.csv')}."
        )
    aside = pl.concat([unusable, repeats]).unique("line", keep="first").sort("line")
    kept = raw.frame.join(aside, on="line", how="anti", maintain_order="left")
    return Parsed(raw, _split_code(values.typed(raw.with_rows(kept))), _rejects(raw, aside))


def _known(raw: RawTable, like: Parsed | None) -> dict[str, pl.Series]:
    """Return the values of the columns whose text is that of the same column of another format, row by row."""
    if like is None or like.rejects.height or like.raw.frame.height != raw.frame.height:
        return {}
    there = like.raw.frame
    names = [n for n in raw.frame.columns if n != "line" and n in there.columns and n in like.frame.columns]
    return {name: like.frame[name] for name in names if raw.frame[name].equals(there[name])}


def many_repeated(parsed: Iterable[Parsed]) -> list[str]:
    """Say which files have many records that repeat another one exactly, as a file has that was joined to itself."""
    found = []
    for one in parsed:
        again = one.rejects.filter(pl.col("reason").str.starts_with(_REPEATS)).height
        if again > MOST_REPEATED * (one.frame.height + one.rejects.height):
            many = f"{again:,} records repeat another one exactly, and are"
            said = "1 record repeats another one exactly, and is" if again == 1 else many
            found.append(f"{one.raw.file}: {said} set aside (`rejects`)")
    return found


def without(parsed: Parsed, aside: pl.DataFrame) -> Parsed:
    """Set more lines of a member aside: `aside` has `line` and `reason`."""
    frame = parsed.frame.join(aside, on="line", how="anti", maintain_order="left")
    more = _rejects(parsed.raw, aside)
    return Parsed(parsed.raw, frame, pl.concat([parsed.rejects, more]).sort("line"))


def _rejects(raw: RawTable, aside: pl.DataFrame) -> pl.DataFrame:
    """Add to lines and their reasons what stands there, without the short description."""
    shown = [_shown(registry.fields()[c]) for c in raw.frame.columns if c not in ("line", LICENSED)]
    rows = raw.frame.join(aside, on="line", how="semi")
    texts = rows.select("line", text=pl.concat_str(shown, separator="|"))
    return aside.join(texts, on="line", how="left", maintain_order="left").select(
        pl.col(name).cast(dtype) for name, dtype in _REJECTS.items()
    )


def key_of(member: str) -> tuple[str, ...]:
    """Return the fields that identify a record of a member within its file."""
    return _KEYS[member] if member in _KEYS else contracts.companions().tables[member].key


def _shown(field: FieldRow) -> pl.Expr:
    """Return a cell as it may be shown in public: a cell that isn't what its field says may be a moved descriptor."""
    fits = values.prepared(field).str.contains(values.pattern_of(field) or "^")
    return pl.when(fits).then(pl.col(field.field)).otherwise(pl.lit("..."))


def _unusable(raw: RawTable) -> pl.DataFrame:
    names = [n for n in ("hcpcs", "hcpcs_modifier", "mac", "locality") if n in raw.frame.columns]
    checked = raw.frame.select("line", *(values.prepared(registry.fields()[name]) for name in names))
    bad = pl.lit(None, dtype=pl.String)
    for name in reversed(names):
        pattern = registry.fields()[name].pattern
        fits = pl.col(name).str.contains(f"^(?:{pattern})$")
        bad = pl.when(~fits).then(pl.lit(f"{name} isn't text of the form {pattern}")).otherwise(bad)
    return checked.select("line", reason=bad).drop_nulls()


def _repeats(raw: RawTable) -> pl.DataFrame:
    key = [name for name in ("hcpcs_modifier", *key_of(raw.member)) if name in raw.frame.columns]
    unique = raw.frame.select(key).is_unique()
    if unique.all():
        return pl.DataFrame(schema={name: _REJECTS[name] for name in ("line", "reason")})
    suspects = raw.frame.filter(~unique)
    cells = [c for c in suspects.columns if c != "line"]
    first = suspects.select("line", first=pl.col("line").min().over(cells))
    return first.filter(pl.col("line") > pl.col("first")).select(
        "line", reason=pl.format(f"{_REPEATS} {{}}", pl.col("first"))
    )


def _split_code(frame: pl.DataFrame) -> pl.DataFrame:
    if "hcpcs_modifier" not in frame.columns:
        return frame
    glued = pl.col("hcpcs_modifier")
    return frame.with_columns(hcpcs=glued.str.slice(0, 5), modifier=glued.str.slice(5)).drop("hcpcs_modifier")
