"""What fills each column of a published table: a field that a layout reads, or code by the column's name.

Neither a column that nothing fills nor a field that no column takes goes unsaid: both are refused with their names.
`schemas/columns.csv` lists the columns that code derives, and the fields that aren't published under their own name.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import polars as pl

from pfsetl.declared import declarations, registry
from pfsetl.declared.contracts import Contract, Table
from pfsetl.declared.records.shapes import COLUMNS
from pfsetl.errors import ContractError
from pfsetl.parsing.parse import Parsed
from pfsetl.plural import count
from pfsetl.tables.key_order import in_order

MEMBER_OF = {
    "rvu": "pprrvu",
    "gpci": "gpci",
    "locality_county": "locality_county",
    "anesthesia": "anesthesia",
    "opps_cap": "opps_cap",
}


def shaped(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return a derived table with the contract's types and order; raises ContractError for other columns.

    Text that comes as Enums stays so, with the words that occur.
    """
    refuse_other_columns(frame.columns, table)
    words = {name: dtype for name, dtype in frame.schema.items() if isinstance(dtype, pl.Enum)}
    kept = {name: dtype for name, dtype in words.items() if table.schema[name] == pl.String}
    used = [_of_used_words(frame[name], dtype.categories) for name, dtype in kept.items()]
    found = typed(frame, {**table.schema, **kept})
    return in_order(found.with_columns(used) if used else found, table)


def typed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the columns of a schema in its order, cast to its types where they have others."""
    there = frame.schema
    others = {name: pl.col(name).cast(dtype) for name, dtype in schema.items() if there.get(name) != dtype}
    return frame.select(others.get(name, name) for name in schema) if others else frame[[*schema]]


def _of_used_words(text: pl.Series, words: pl.Series) -> pl.Series:
    """Return an Enum with the words that occur in it, sorted, so that equal rows have equal lists."""
    import numpy as np

    used = np.zeros(len(words), bool)
    used[text.to_physical().drop_nulls().to_numpy()] = True
    if used.all() and words.is_sorted():
        return text
    return text.cast(pl.Enum(words.filter(pl.Series(used)).sort()))


def refuse_other_columns(found: Iterable[str], table: Table) -> None:
    """Raise ContractError for columns that a table should have and none made, or that it shouldn't have."""
    there = [*found]
    lacking, strange = (
        [c for c in one if c not in other] for one, other in ((table.schema, there), (there, table.schema))
    )
    if lacking or strange:
        said = [f"{', '.join(lacking)} made by nothing"] * bool(lacking)
        said += [f"{', '.join(strange)} not in the contract"] * bool(strange)
        raise ContractError(f"{table.name}: {'; '.join(said)}. Bring the contract and the code that makes it together.")


def filled(frame: pl.DataFrame, table: Table, layouts: Sequence[str]) -> pl.DataFrame:
    """Return a source table with the columns that these layouts have no field for, null in every row.

    Raises ContractError for a column that one of them reads, or code derives, and that isn't there.
    """
    fields = {f.field for one in registry.layouts(MEMBER_OF[table.name]) if one.name in layouts for f in one.fields}
    absent = [c for c in table.schema if c not in frame.columns]
    if lost := [c for c in absent if c in fields or (table.name, c) in _how() or not _is_read(table.name, c)]:
        raise ContractError(
            f"{table.name}.{', '.join(lost)}: to be filled by {' and '.join(layouts)} or by code, and not there. This "
            "is a fault of pfsetl, please report it."
        )
    return frame.with_columns(pl.lit(None).alias(c) for c in absent) if absent else frame


def not_published(parsed: Sequence[Parsed], tables: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the columns that were read of each member and are in none of its table's, by member.

    `tables` are the contract's columns by table.
    """
    found: dict[str, set[str]] = {}
    for one in parsed:
        there = tables[_table_of(one.raw.member)]
        found.setdefault(one.raw.member, set()).update(set(_kept_nowhere(one.raw.member, one.frame.columns)) - {*there})
    return {member: sorted(names) for member, names in sorted(found.items()) if names}


def rounded(parsed: Sequence[Parsed], tables: Mapping[str, Mapping[str, pl.DataType]]) -> list[str]:
    """Say which files have numbers with more decimals than their column keeps, as a field of your own may allow."""
    found = []
    for one in parsed:
        table = _table_of(one.raw.member)
        for name, dtype in one.frame.schema.items():
            kept = tables[table].get(name)
            if isinstance(dtype, pl.Decimal) and isinstance(kept, pl.Decimal) and dtype.scale > kept.scale:
                cells = one.frame.filter(pl.col(name) != pl.col(name).cast(kept)).height
                told = f"{one.raw.file}: {count(cells, 'cell')} of {name} rounded to the {kept.scale} decimals that"
                found += [f"{told} {table}.{name} keeps; all that is computed is made of these"] if cells else []
    return found


def _table_of(member: str) -> str:
    """Return the table that a member's rows go into."""
    return next(table for table, read in MEMBER_OF.items() if read == member)


def _kept_nowhere(member: str, fields: Sequence[str]) -> list[str]:
    """Return the fields of a member that no table has a column for under another name."""
    return [f for f in fields if f != "line" and _how().get((_table_of(member), f)) != "elsewhere"]


def refuse_unfilled(contract: Contract) -> None:
    """Raise ContractError for a column that nothing fills, and for a field that no column takes and no row lists.

    Fields of layouts of your own aren't asked: what isn't published of them is said with each release.
    """
    listed = declarations.listed("columns.csv")
    for name, member in MEMBER_OF.items():
        columns, how = [*contract.tables[name].schema], {c: h for (t, c), h in _how().items() if t == name}
        read = {f.field for layout in registry.layouts(member) for f in layout.fields}
        if empty := [c for c in columns if c not in read and how.get(c) != "derived"]:
            raise ContractError(
                f"{name}.{', '.join(empty)}: in the contract, and nothing fills it. Give it a field in "
                f"{declarations.listed(f'layouts/{member}.csv')}, or a row 'derived' in {listed} and the code that "
                "makes it."
            )
        if both := [c for c in columns if c in how and how[c] != "derived"]:
            raise ContractError(f"{name}.{', '.join(both)}: a column, and {how[both[0]]} in {listed}. Drop one.")
        if dropped := sorted(_shipped(member) - {*columns} - {c for c, h in how.items() if h != "derived"}):
            raise ContractError(
                f"{member}: {', '.join(dropped)} is read and in no column of {name}. Add it to the contract, or a row "
                f"'not_published' with the reason to {listed}."
            )


@cache
def _shipped(member: str) -> frozenset[str]:
    """Return the fields of a member's layouts, without those of layouts of your own."""
    file = f"layouts/{member}.csv"
    fields = ((one.name, f.field) for one in registry.layouts(member) for f in one.fields)
    return frozenset(field for layout, field in fields if not declarations.is_own(file, layout, field))


def _is_read(table: str, column: str) -> bool:
    return any(f.field == column for layout in registry.layouts(MEMBER_OF[table]) for f in layout.fields)


@cache
def _how() -> Mapping[tuple[str, str], str]:
    return {(row.table, row.column): row.how for row in declarations.rows(COLUMNS)}
