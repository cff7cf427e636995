"""Integer arithmetic on scaled columns equals decimal.Decimal, rounded half up once, over CMS's whole ranges."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfsetl.tables.exact import amount_cents, dollars, scaled, share

NAMES = ("work", "pe", "mp", "work_gpci", "pe_gpci", "mp_gpci", "factor")
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
