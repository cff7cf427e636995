"""Text cells to values: codes, flags, exact decimals; a cell that can't be what its field says is refused."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.shapes import FieldRow
from pfsetl.errors import ValueRefused, shown
from pfsetl.parsing.read import RawTable

_DECIMAL = r"^-?0*(?:[0-9]{{1,{whole}}}(?:\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)$"
_NUMBER = r"-?[0-9]+\.?[0-9]*|-?\.[0-9]+"
_DIGITS = 9  # of the numbers in this step, whole and decimal
EXCEL_ERRORS = (
    "#N/A",
    "#REF!",
    "#DIV/0!",
    "#VALUE!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
)
NUMBERS = ("decimal", "dollars")
# Of both a comma and a point there is one reading alone; where a comma stands for the point, this doesn't fit.
_FORMATTED = r"^-?\$? ?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)\.[0-9]+$"
_CENTS = r"^[0-9]{4,}$"  # NOTE: RVU14A and RVU15A, and most ANES txt, print 2141 for 21.41


def typed(raw: RawTable, known: Mapping[str, pl.Series] | None = None) -> pl.DataFrame:
    """Turn every field of a raw table into its value by `schemas/fields.csv`; `line` stays.

    `known` are the values of columns that needn't be looked at.

    Codes are padded where Excel ate leading zeros, flags are booleans, numbers are decimals of the field's
    scale. Blank codes become null, except the modifier, which is part of a key. Raises ValueRefused.
    """
    known = known or {}
    names = [name for name in raw.frame.columns if name != "line" and name not in known]
    declared = [registry.fields()[name] for name in names]
    ready = raw.frame.with_columns(prepared(field) for field in declared)
    if odd := _misfits(ready, declared):
        ready = ready.with_columns(_plain(field) for field in odd if field.kind in NUMBERS)
        _refuse_bad(raw, ready, _misfits(ready, odd))
    values: dict[str, pl.Expr | pl.Series] = {**{field.field: _value(field) for field in declared}, **known}
    return ready.select(values.get(name, name) for name in raw.frame.columns)


@cache
def prepared(field: FieldRow) -> pl.Expr:
    """Return the expression for a field's cell in canonical text: padded, upper case, single blanks."""
    cell = pl.col(field.field)
    match field.kind:
        case "code":
            cell = cell.str.to_uppercase()
            if field.pad:
                digits = cell.str.contains(r"^[0-9]+$")
                cell = pl.when(digits).then(cell.str.zfill(field.pad)).otherwise(cell)
        case "name":
            cell = cell.str.replace_all(r"\s+", " ").str.strip_chars_end("* ")
        case "text":
            cell = cell.str.replace_all(r"\s+", " ")
        case "dollars":
            whole = cell.str.contains(_CENTS)
            cell = pl.when(whole).then(cell.str.replace(r"([0-9][0-9])$", ".$1")).otherwise(cell)
    return cell.alias(field.field)


def pattern_of(field: FieldRow) -> str | None:
    """Return the regular expression that a field's canonical text must match, None where any text will do."""
    if field.kind in NUMBERS:
        return _DECIMAL.format(scale=field.scale, whole=field.whole)
    return f"^(?:{field.pattern})$" if field.pattern else None


@cache
def _fits(field: FieldRow) -> pl.Expr:
    pattern, cell = pattern_of(field), pl.col(field.field)
    return cell.str.contains(pattern) if pattern else ~cell.str.strip_chars().is_in(EXCEL_ERRORS)


def _plain(field: FieldRow) -> pl.Expr:
    """Return the expression for a number without the dollar sign and thousands separators that Excel may print."""
    cell = pl.col(field.field)
    plain = cell.str.replace_all("[$, ]", "")
    fits = cell.str.contains(_FORMATTED) & plain.str.contains(pattern_of(field) or "")
    return pl.when(fits).then(plain).otherwise(cell)


def _misfits(ready: pl.DataFrame, declared: Sequence[FieldRow]) -> list[FieldRow]:
    """Return the fields that some cells don't fit."""
    if not declared:
        return []
    fit = ready.select(_fits(field).all().alias(field.field) for field in declared).row(0, named=True)
    return [field for field in declared if not fit[field.field]]


def _refuse_bad(raw: RawTable, ready: pl.DataFrame, misfits: Sequence[FieldRow]) -> None:
    if misfits:
        field = misfits[0]
        bad = ready.select("line", field.field).filter(~_fits(field))
        line, cell = bad.row(0)
        expected = (
            f"a number with up to {field.scale} decimals and {field.whole} digits before them"
            if field.kind in NUMBERS
            else f"text of the form {field.pattern}"
            if field.pattern
            else "text, not an Excel error"
        )
        more = f" ({bad.height - 1} more such cells)" if bad.height > 1 else ""
        remedy = (
            "give the file in another format"
            if field.kind in NUMBERS and not re.fullmatch(_NUMBER, cell)
            else f"add a row of {field.field} that allows it to {declarations.named('fields.csv')}"
        )
        raise ValueRefused(
            f"{raw.file}: line {line}: {field.field} is {shown(cell)}, expected {expected}{more}. Download the archive "
            f"again; if CMS really prints this, {remedy}."
        )


@cache
def _value(field: FieldRow) -> pl.Expr:
    cell = pl.col(field.field)
    match field.kind:
        case "flag":
            return cell != ""
        case "decimal" | "dollars":
            return cell.cast(pl.Decimal(_DIGITS, field.scale))
        case _:
            return cell if field.field == "modifier" else pl.when(cell != "").then(cell).alias(field.field)
