"""The OPPSCAP members that CMS computed, row by row, from RVUs, GPCIs and factor of the same archive."""

from collections.abc import Callable
from functools import cache

import polars as pl
import pytest

from tests.golden.comparison import beside, differing
from tests.golden.mistakes import MISTAKES, RIGHT, missed, terms
from tests.golden.published import SETTINGS, member_bytes, opps_cap_member
from tests.golden.sources import OPPS, OWN_FACILITY_EXPENSE, cap_member
from tests.kinds import Built

# Rows that join with the contractor and locality of the archive's GPCI member. The others are localities of
# Southern California listed a second time under a contractor that GPCI doesn't have.
ROWS = {
    "RVU09A": 31_486, "RVU11A": 13_680, "RVU13A": 11_250, "RVU14A": 16_560, "RVU15A": 13_410, "RVU17A": 21_056,
    "RVU18A": 19_264, "RVU20A": 17_136, "RVU22A": 17_472, "RVU24A": 16_786, "RVU25A": 15_260, "RVU25C": 15_260,
    "RVU25D": 15_260,
}  # fmt: skip
FULLY_IMPLEMENTED, WITHOUT_FLOOR, CONTRACTOR, NO_CAP = (
    next(m for m in MISTAKES if words in m.name)
    for words in ("fully implemented", "without its floor", "contractor", "cap left out")
)


Compared = Callable[[str], pl.DataFrame]


@pytest.fixture(scope="module", params=ROWS)
def release(request) -> str:
    """Return one release after the other."""
    return request.param


@pytest.fixture(scope="module")
def compared_of(release_path, built: Built) -> Compared:
    """CMS's prices of a release with ours beside each."""

    @cache
    def of(release: str) -> pl.DataFrame:
        source = cap_member(release, release_path(release))
        assert source is not None
        return beside(source.rows, built(release), release)

    return of


@pytest.fixture(scope="module")
def recomputed_of(compared_of: Compared, built: Built) -> Compared:
    """CMS's prices with the RVUs, indices and factor of each; RVU26A alone prints indices without the floor."""
    indices = built("RVU26A").scan("gpci", "RVU26A").select("state", "locality", "work_gpci_without_floor").collect()
    return cache(lambda release: terms(compared_of(release), built(release), release, indices))


@pytest.fixture
def compared(release, compared_of: Compared) -> pl.DataFrame:
    return compared_of(release)


@pytest.fixture
def recomputed(release, recomputed_of: Compared) -> pl.DataFrame:
    return recomputed_of(release)


def test_every_price_is_the_lower_of_amount_and_cap_or_the_carriers_ceiling(compared):
    assert differing(compared).rows() == []


def test_as_many_rows_as_the_indices_have_contractors_for(release, compared):
    assert compared.filter("listed").height == ROWS[release] * len(SETTINGS)


def test_the_other_rows_are_californian(release, compared):
    assert set(compared.filter(pl.col("listed").not_())["state"]) == {"CA"}


def test_the_facility_price_of_the_exception_is_the_opps_amount_although_medicare_pays_less(
    compared_of: Compared, built: Built
):
    release, code = OWN_FACILITY_EXPENSE
    rows = compared_of(release).filter(pl.col("listed"), hcpcs=code, setting="facility")
    amounts = built(release).scan("payment_locality", release).filter(hcpcs=code).collect()
    less = amounts.filter(pl.col("facility_amount") < pl.col("facility_opps_amount"))
    assert (rows["kind"].unique().to_list(), rows.height, less.height) == ([OPPS], 90, amounts.height)


# Controls.
def test_the_right_formula_of_the_controls_misses_nothing(recomputed):
    assert missed(recomputed, RIGHT) == (recomputed.height, 0)


def test_fully_implemented_expenses_miss_the_1800_rows_that_can_tell(recomputed_of: Compared):
    assert missed(recomputed_of("RVU11A").filter("listed"), FULLY_IMPLEMENTED)[1] == 1_800 * len(SETTINGS)


def test_without_the_work_floor_amounts_are_missed(recomputed_of: Compared):
    count, wrong = missed(recomputed_of("RVU25D"), WITHOUT_FLOOR)
    assert 0 < wrong <= count


def test_by_contractor_the_840_rows_of_southern_california_find_no_indices(recomputed_of: Compared):
    assert missed(recomputed_of("RVU25D"), CONTRACTOR) == (32_200, 840 * len(SETTINGS))


def test_without_the_cap_prices_are_missed(recomputed):
    assert missed(recomputed, NO_CAP)[1] > 0


def test_the_second_listing_of_southern_california_has_the_same_prices(release_path):
    member = member_bytes(release_path("RVU25D"))
    assert member is not None
    rows = opps_cap_member(member)
    key = ["hcpcs", "modifier", "locality", "status", *SETTINGS]
    moved = ["17", "18", "26", "71", "72", "73", "74"]
    old = rows.filter(pl.col("locality").is_in(moved), mac="01112").select(key)
    new = rows.filter(pl.col("locality").is_in(moved), mac="01182").select(key)
    assert (old.height, old.join(new, on=key, how="anti").height) == (840, 0)
