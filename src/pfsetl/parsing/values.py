"""Text cells to values: codes, flags, exact decimals; a cell that can't be what its field says is refused."""

from collections.abc import Mapping
from functools import cache

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.shapes import FieldRow
from pfsetl.errors import ValueRefused, shown
from pfsetl.parsing.read import RawTable

_DECIMAL = r"^-?0*(?:[0-9]{{1,{whole}}}(?:\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)$"
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
    _refuse_bad(raw, ready, declared)
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
    if field.kind in ("decimal", "dollars"):
        return _DECIMAL.format(scale=field.scale, whole=field.whole)
    return f"^(?:{field.pattern})$" if field.pattern else None


@cache
def _fits(field: FieldRow) -> pl.Expr:
    pattern, cell = pattern_of(field), pl.col(field.field)
    return cell.str.contains(pattern) if pattern else ~cell.str.strip_chars().is_in(EXCEL_ERRORS)


def _refuse_bad(raw: RawTable, ready: pl.DataFrame, declared: list[FieldRow]) -> None:
    if not declared:
        return
    fits = {field.field: _fits(field) for field in declared}
    for name, all_fit in ready.select(cell.all() for cell in fits.values()).row(0, named=True).items():
        if all_fit:
            continue
        bad = ready.select("line", name).filter(~fits[name])
        line, cell = bad.row(0)
        field = registry.fields()[name]
        expected = (
            f"a number with up to {field.scale} decimals and {field.whole} digits before them"
            if field.kind in ("decimal", "dollars")
            else f"text of the form {field.pattern}"
            if field.pattern
            else "text, not an Excel error"
        )
        more = f" ({bad.height - 1} more such cells)" if bad.height > 1 else ""
        raise ValueRefused(
            f"{raw.file}: line {line}: {name} is {shown(cell)}, expected {expected}{more}. Download the archive again; "
            f"if CMS really prints this, add a row of {name} that allows it to {declarations.named('fields.csv')}."
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
