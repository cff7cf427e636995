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


def by_decimal(row: tuple[int, ...]) -> int:
    work, pe, mp, work_gpci, pe_gpci, mp_gpci, factor = (
        Decimal(value).scaleb(-scale) for value, scale in zip(row, SCALES.values(), strict=True)
    )
    with localcontext(prec=60):
        exact = (work * work_gpci + pe * pe_gpci + mp * mp_gpci) * factor
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
