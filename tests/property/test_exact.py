"""Integer arithmetic on scaled columns equals decimal.Decimal, rounded half up once, over CMS's whole ranges."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfsetl.declared import registry
from pfsetl.errors import ValueRefused
from pfsetl.tables.exact import amount_cents, crossed_cents, crossed_share, dollars, refuse_too_much, scaled, share

NAMES = ("work", "pe", "mp", "work_gpci", "pe_gpci", "mp_gpci", "factor")
Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
SCALES = dict(zip(NAMES, (2, 2, 2, 3, 3, 3, 4), strict=True))

rvus = st.integers(0, 999_999)  # 0 to 9,999.99
gpcis = st.integers(0, 9_999)  # 0 to 9.999
factors = st.integers(0, 9_999_999)  # 0 to 999.9999
formulas = st.tuples(rvus, rvus, rvus, gpcis, gpcis, gpcis, factors)


def by_decimal(row: tuple[int, ...], pe_share: tuple[int, int] = (1, 1)) -> int:
    work, pe, mp, work_gpci, pe_gpci, mp_gpci, factor = (
        Decimal(value).scaleb(-scale) for value, scale in zip(row, SCALES.values(), strict=True)
    )
    with localcontext(prec=60):
        expense = pe * pe_gpci * pe_share[0] / pe_share[1]
        exact = (work * work_gpci + expense + mp * mp_gpci) * factor
        return int(exact.quantize(Decimal("0.01"), ROUND_HALF_UP).scaleb(2))


@settings(deadline=None)
@given(st.lists(formulas, min_size=1, max_size=200))
@example([(999_999, 999_999, 999_999, 9_999, 9_999, 9_999, 9_999_999)])
@example([(1, 0, 0, 1_000, 0, 0, 5_000), (1, 0, 0, 1_000, 0, 0, 4_999)])
@example([(201, 0, 0, 1_000, 0, 0, 325_000)])
def test_amounts_equal_decimal_arithmetic(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.Int64), orient="row")
    ours = frame.select(amount_cents(*(pl.col(name) for name in NAMES))).to_series().to_list()
    assert ours == [by_decimal(row) for row in rows]


# Those that CMS has had for a second therapy unit, and others whose decimals end.
shares = st.sampled_from([(50, 100), (75, 100), (80, 100), (1, 1), (0, 1), (19, 20), (3, 8)])


@settings(deadline=None)
@given(st.lists(formulas, min_size=1, max_size=100), shares)
@example([(999_999, 999_999, 999_999, 9_999, 9_999, 9_999, 9_999_999)], (19, 20))
@example([(0, 1, 0, 0, 1_000, 0, 10_000)], (50, 100))
def test_a_share_of_the_practice_expense_equals_decimal_arithmetic(rows, pe_share):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.Int64), orient="row")
    ours = frame.select(amount_cents(*(pl.col(name) for name in NAMES), pe_share=pe_share)).to_series().to_list()
    assert ours == [by_decimal(row, pe_share) for row in rows]


@given(formulas, shares)
def test_plain_numbers_equal_decimal_arithmetic(row, pe_share):
    assert amount_cents(*row, pe_share=pe_share) == by_decimal(row, pe_share)


@given(formulas, st.sampled_from(range(len(NAMES))), st.integers(0, 99_999))
def test_more_of_any_term_never_makes_less(row, raised, more):
    larger = tuple(value + more if i == raised else value for i, value in enumerate(row))
    assert amount_cents(*row) <= amount_cents(*larger)


@given(formulas, shares)
def test_part_of_the_practice_expense_never_makes_more_than_the_whole(row, pe_share):
    assert amount_cents(*row, pe_share=pe_share) <= amount_cents(*row)


halves = st.tuples(st.integers(0, 99_999), st.integers(1, 99_999)).map(
    # work x 1.000 x factor whose product ends in exactly half a cent: odd x odd x 5 of the last digit
    lambda pair: (2 * pair[0] % 99_999 + 1, 0, 0, 1_000, 0, 0, (2 * pair[1] % 1_999 + 1) * 5_000)
)


@settings(deadline=None)
@given(st.lists(halves, min_size=1, max_size=100))
def test_exact_ties_go_up(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.Int64), orient="row")
    ours = frame.select(amount_cents(*(pl.col(name) for name in NAMES))).to_series().to_list()
    assert ours == [(work * factor + 5_000) // 10_000 for work, *_, factor in rows]


@settings(deadline=None)
@given(st.lists(st.integers(0, 999_999_999), min_size=1), st.sampled_from([9_500, 10_925]))
def test_shares_equal_decimal_arithmetic(cents, parts):
    ours = pl.DataFrame({"cents": cents}).select(share(pl.col("cents"), parts)).to_series().to_list()
    assert ours == [int((Decimal(c) * parts / 10_000).quantize(Decimal(1), ROUND_HALF_UP)) for c in cents]


@settings(deadline=None)
@given(st.lists(st.integers(0, 999_999_999), min_size=1))
def test_dollars_hold_every_cent(cents):
    ours = pl.DataFrame({"cents": cents}).select(dollars(pl.col("cents"))).to_series().to_list()
    assert ours == [Decimal(c).scaleb(-2) for c in cents]


@settings(deadline=None)
@given(st.lists(st.integers(0, 9_999_999), min_size=1), st.sampled_from([2, 3, 4]))
def test_a_decimal_column_is_taken_at_its_own_scale(numbers, scale):
    column = pl.Series("x", [Decimal(n).scaleb(-scale) for n in numbers], dtype=pl.Decimal(9, scale))
    assert column.to_frame().select(scaled("x")).to_series().to_list() == numbers


@settings(deadline=None)
@given(
    st.lists(st.tuples(rvus, rvus, rvus, rvus, factors), max_size=20),
    st.lists(st.tuples(gpcis, gpcis, gpcis), max_size=9),
)
@example([(999_999, 999_999, 999_999, 999_999, 9_999_999)], [(9_999, 9_999, 9_999)])
@example([(1, 0, 0, 0, 5_000), (1, 0, 0, 0, 4_999)], [(1_000, 0, 0)])
def test_every_row_in_every_place_equals_decimal_arithmetic(rows, places):
    work, nonfacility, facility, mp, factor = columns(rows, 5)
    indices = columns(places, 3)
    found = crossed_cents(work, (nonfacility, facility), mp, indices, factor)
    for setting, cents in enumerate(found):
        assert cents.tolist() == [
            [by_decimal((row[0], row[1 + setting], row[3], *place, row[4])) for place in places] for row in rows
        ]


@given(st.lists(st.integers(0, 999_999_999), min_size=1), st.sampled_from([9_500, 10_925]))
def test_shares_of_whole_columns_equal_decimal_arithmetic(cents, parts):
    ours = crossed_share(np.array(cents, np.int64), parts).tolist()
    assert ours == [int((Decimal(c) * parts / 10_000).quantize(Decimal(1), ROUND_HALF_UP)) for c in cents]


# Half a cent below 10,000,000.00 dollars is the most that rounds to an amount of nine digits.
@pytest.mark.parametrize(
    ("factor", "is_refused"), [(9_999_999, False), (99_999_999, False), (100_000_000, True), (999_999_999, True)]
)
def test_what_comes_to_more_than_an_amount_may_is_refused(factor, is_refused):
    row, place = (100_000, 0, 0), (1_000, 1_000, 1_000)  # 1,000 RVUs times 999.9999, 9,999.9999, 10,000 and 99,999.9999
    (work, pe, mp), indices, factors = columns([row], 3), columns([place], 3), np.array([factor], np.int64)
    if is_refused:
        with pytest.raises(ValueRefused, match=r"1000\.00, 0\.00 and 0\.00 RVUs"):
            refuse_too_much(work, pe, mp, indices, factors)
    else:
        refuse_too_much(work, pe, mp, indices, factors)
        assert next(crossed_cents(work, [pe], mp, indices, factors)).item() == factor * 10


declared = {name: 10 ** (field.whole + field.scale) - 1 for name, field in registry.fields().items() if field.scale}


@settings(deadline=None)
@given(
    *(st.integers(-declared[name], declared[name]) for name in ("work_rvu", "nonfacility_pe_rvu", "mp_rvu")),
    *(st.integers(-declared[name], declared[name]) for name in ("work_gpci", "pe_gpci", "mp_gpci")),
    st.integers(0, declared["conversion_factor"]),
)
@example(
    *(
        declared[name]
        for name in ("work_rvu", "facility_pe_rvu", "mp_rvu", "work_gpci", "pe_gpci", "mp_gpci", "conversion_factor")
    )
)
def test_no_number_of_the_declared_digits_leaves_64_bits_unseen(work, pe, mp, work_gpci, pe_gpci, mp_gpci, factor):
    """Python's integers have no end: what isn't refused has the same value in 64 bits and in 32."""
    works, pes, mps = columns([(work, pe, mp)], 3)
    indices, factors = columns([(work_gpci, pe_gpci, mp_gpci)], 3), np.array([factor], np.int64)
    try:
        refuse_too_much(works, pes, mps, indices, factors)
    except ValueRefused:
        assert (abs(work * work_gpci) + abs(pe * pe_gpci) + abs(mp * mp_gpci)) * factor > 999_999_999 * 10**7 - factor
    else:
        whole = (work * work_gpci + pe * pe_gpci + mp * mp_gpci) * factor
        [cents] = crossed_cents(works, [pes], mps, indices, factors)
        assert cents.astype(np.int32).item() == (whole + 5 * 10**6) // 10**7


def columns(rows: Sequence[tuple[int, ...]], count: int) -> list[Integers]:
    return [np.array([row[n] for row in rows], np.int64) for n in range(count)]
