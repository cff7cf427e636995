"""A table's digest depends on its rows and nothing else: any change shows, and no way of holding them does."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pfsetl.publication.digest import RowsDigest, rows_digest, type_text
from pfsetl.tables.numbers import numbered
from tests.publisher import enums

SCHEMA: dict[str, Any] = {"code": pl.String, "text": pl.String, "flag": pl.Boolean, "money": pl.Decimal(9, 2),
                          "count": pl.Int32, "share": pl.Float64}  # fmt: skip
SCHEMA_NAMES = [*SCHEMA]
row = st.tuples(
    st.text("ab0", max_size=2),
    st.none() | st.text("ab\u00e9", max_size=2),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 300).map(lambda n: Decimal(n).scaleb(-2)),
    st.none() | st.integers(-3, 3),
    st.none() | st.sampled_from([0.0, 0.1, 0.5, 34.33]),
)
tables = st.lists(row, min_size=1, max_size=12)


def frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


# --- ways of holding the same rows ------------------------------------------------------------------------------


def in_parts(rows, cuts: list[int]) -> str:
    whole, digest = enums(frame(rows)), RowsDigest(frame(rows).schema)
    for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        digest.update(whole.slice(start, end - start))
    return digest.hexdigest()


def in_chunks_of_memory(rows, cut: int) -> str:
    return rows_digest(pl.concat([frame(rows[:cut]), frame(rows[cut:])], rechunk=False))


def as_a_window_of_a_larger_table(rows) -> str:
    return rows_digest(frame([rows[-1], *rows, rows[0]]).slice(1, len(rows)))


def with_money_in_cents(rows) -> str:
    digest = RowsDigest(frame(rows).schema)
    digest.update(frame(rows).with_columns((pl.col("money") * 100).cast(pl.Int32)))
    return digest.hexdigest()


@settings(deadline=None)
@given(tables, st.data())
def test_no_way_of_holding_the_rows_makes_a_difference(rows, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    digest = rows_digest(frame(rows))
    assert in_parts(rows, cuts) == digest
    assert in_chunks_of_memory(rows, cuts[0] if cuts else len(rows)) == digest
    assert as_a_window_of_a_larger_table(rows) == digest
    assert with_money_in_cents(rows) == digest


# --- other rows -------------------------------------------------------------------------------------------------


def with_another_cell(rows, other, at: int, column: int) -> pl.DataFrame:
    changed = (*rows[at][:column], other[column], *rows[at][column + 1 :])
    return frame([*rows[:at], changed, *rows[at + 1 :]])


@settings(deadline=None)
@given(tables, row, st.randoms(), st.integers(0, len(SCHEMA) - 1))
def test_another_cell_another_order_and_a_row_more_show(rows, other, random, column):
    digest, at, shuffled = rows_digest(frame(rows)), random.randrange(len(rows)), random.sample(rows, len(rows))
    if rows[at][column] != other[column]:
        assert rows_digest(with_another_cell(rows, other, at, column)) != digest
    assert (rows_digest(frame(shuffled)) == digest) == (shuffled == rows)
    assert rows_digest(frame([*rows, rows[-1]])) != digest


@settings(deadline=None)
@given(tables, st.sampled_from([("text", ""), ("flag", False), ("money", Decimal(0)), ("count", 0), ("share", 0.0)]))
def test_nothing_is_not_zero(rows, blank):
    column, zero = blank
    nulls, zeros = (frame(rows).with_columns(pl.lit(v).cast(SCHEMA[column]).alias(column)) for v in (None, zero))
    assert rows_digest(nulls) != rows_digest(zeros)


@settings(deadline=None)
@given(tables)
def test_exchanged_columns_show(rows):
    twins = frame(rows).select("code", text=pl.col("text").fill_null("-"))
    assume(twins["code"].to_list() != twins["text"].to_list())
    assert rows_digest(twins.select(code="text", text="code")) != rows_digest(twins)


def test_an_empty_table_has_a_digest_of_its_own():
    assert rows_digest(frame([])) != rows_digest(frame([("", None, None, None, None, None)]))


@settings(deadline=None)
@given(tables)
def test_encoding_text_can_be_undone(rows):
    found = numbered(frame(rows), frame(rows).schema)
    for name, column in found.items():
        if column.words is not None:
            numbers = [
                None if row[SCHEMA_NAMES.index(name)] is None else n for row, n in zip(rows, column.values, strict=True)
            ]
            assert [None if n is None else column.words[n].as_py() for n in numbers] == frame(rows)[name].to_list()
            assert column.words.to_pylist() == sorted({*frame(rows)[name].drop_nulls()})


def test_parts_with_different_text_values_are_refused_rather_than_confused() -> None:
    digest = RowsDigest({"a": pl.String()})
    digest.update(pl.DataFrame({"a": ["x"]}))
    with pytest.raises(ValueError, match="share one list of text values"):
        digest.update(pl.DataFrame({"a": ["b"]}))


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (pl.String(), "String"),
        (pl.Boolean(), "Boolean"),
        (pl.Int32(), "Int32"),
        (pl.Float64(), "Float64"),
        (pl.Date(), "Date"),
        (pl.Decimal(9, 4), "Decimal(precision=9, scale=4)"),
    ],
)
def test_a_type_is_written_as_in_every_digest_so_far(dtype, text):
    """What polars called these types when digests began; the digests of every published table hold it."""
    assert type_text(dtype) == text


def test_a_type_that_no_table_has_is_refused() -> None:
    with pytest.raises(ValueError, match="Int16: no table has a column of this type"):
        type_text(pl.Int16())
