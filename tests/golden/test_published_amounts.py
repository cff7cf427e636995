"""Every published amount whose release is at hand, by the rule that makes it.

Not covered: the 10 amounts of CPT codes in RVU20B, which no archive at hand holds; its Level II codes are tested below.
"""

from decimal import Decimal

import polars as pl
import pytest

from pfsetl.declared import registry
from tests.golden import comparison
from tests.golden.comparison import of_setting
from tests.golden.published import PLACE, published_amounts
from tests.golden.sources import AMOUNT, LIMITING, LOWER, THERAPY
from tests.golden.sources import OPPS as OPPS_AMOUNT
from tests.kinds import Built
from tests.spec.rows import by_place, rvu_rows

JANUARY = [
    "RVU09A", "RVU11A", "RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A", "RVU20A", "RVU22A", "RVU24A", "RVU25A",
]  # fmt: skip
MPFS, UNCAPPED, OPPS = "mpfs", "mpfs (before OPPS cap)", "opps cap amount"
BINDS, FREE, CEILING = (
    f"lower of mpfs and opps cap: {outcome}"
    for outcome in ("cap binds", "cap does not bind", "opps cap (carrier priced)")
)


@pytest.fixture(scope="module")
def amounts(oracles) -> pl.DataFrame:
    return published_amounts(oracles / "published_amounts.csv")


@pytest.fixture(scope="module")
def beside(amounts, built: Built):
    """Return the published amounts of a release and some rules, with our amount of a kind beside each."""

    def rows(release: str, kind: str, *rules: str) -> pl.DataFrame:
        wanted = amounts.filter(pl.col("rule").is_in(rules), release=release)
        return comparison.beside(
            wanted.select(*PLACE, "setting", "published", kind=pl.lit(kind)), built(release), release
        )

    return rows


def count_and_equal(rows: pl.DataFrame) -> tuple[int, int]:
    return rows.height, rows.height - comparison.differing(rows).height


def test_all_amounts_of_the_2020_ohio_file_are_ours(beside):
    assert count_and_equal(beside("RVU20A", AMOUNT, MPFS)) == (16_036, 16_036)


def test_amounts_before_the_cap_are_ours(beside):
    assert count_and_equal(beside("RVU20A", AMOUNT, UNCAPPED)) == (1_918, 1_918)


def test_amounts_of_the_october_2025_release_are_ours(beside):
    assert count_and_equal(beside("RVU25D", AMOUNT, MPFS)) == (1_526, 1_526)


@pytest.mark.parametrize(("release", "n"), [("RVU20A", 1_918), ("RVU24A", 600)])
def test_opps_amounts_are_ours(beside, release, n):
    assert count_and_equal(beside(release, OPPS_AMOUNT, OPPS)) == (n, n)


@pytest.mark.parametrize(("release", "n"), [("RVU20A", 51), ("RVU24A", 393)])
def test_a_second_therapy_unit_is_ours(beside, release, n):
    assert count_and_equal(beside(release, THERAPY, "therapy mppr 50% of PE")) == (n, n)


@pytest.mark.parametrize("release", JANUARY)
def test_medicare_pays_the_lower_of_amount_and_cap(beside, release):
    rows = beside(release, LOWER, BINDS, FREE)
    assert count_and_equal(rows) == (rows.height, rows.height)


@pytest.mark.parametrize("release", ["RVU11A", "RVU13A"])
def test_a_release_never_in_force_pays_nothing(built: Built, release):
    # They carry the SGR cut that Congress reversed.
    payments = built(release).scan("payment_locality", release).select(pl.col("^.*_payment$").count()).collect()
    assert payments.row(0) == (0, 0)


@pytest.mark.parametrize("release", JANUARY)
def test_the_carriers_ceiling_is_the_opps_amount(beside, release):
    rows = beside(release, OPPS_AMOUNT, CEILING)
    assert count_and_equal(rows) == (rows.height, rows.height)


def test_the_cap_rows_are_250_of_every_january_release(amounts):
    rows = amounts.filter(pl.col("rule").is_in([BINDS, FREE, CEILING]))
    assert rows.group_by("release").len().sort("release").rows() == [(release, 250) for release in JANUARY]


def test_there_are_1515_amounts_under_the_cap_and_1235_carrier_priced(amounts):
    counts = dict(amounts.group_by("rule").len().iter_rows())
    assert (counts[BINDS] + counts[FREE], counts[CEILING]) == (1_515, 1_235)


@pytest.mark.parametrize(
    ("rule", "kind"),
    [("mpfs national (GPCI 1)", AMOUNT), ("limiting charge = 1.0925 x rounded amount", LIMITING)],
)
def test_the_look_up_tools_national_figures_are_ours(beside, rule, kind):
    assert count_and_equal(beside("RVU20A", kind, rule)) == (2, 2)


# From CMS's RVU20B: its Level II codes of the 2020 Ohio file, changed or new after January.
RVU20B = [
    ("G0105", "53", "1.63", "2.88", "0.84", "0.20"), ("G0121", "53", "1.63", "2.88", "0.84", "0.21"),
    ("G2001", "", "1.01", "0.48", "0.48", "0.05"), ("G2002", "", "1.52", "0.61", "0.61", "0.08"),
    ("G2003", "", "2.53", "0.97", "0.97", "0.13"), ("G2004", "", "3.38", "1.55", "1.55", "0.22"),
    ("G2005", "", "4.09", "1.90", "1.90", "0.28"), ("G2006", "", "1.00", "0.49", "0.49", "0.05"),
    ("G2007", "", "1.56", "0.72", "0.72", "0.09"), ("G2008", "", "2.33", "1.17", "1.17", "0.13"),
    ("G2009", "", "3.28", "1.56", "1.56", "0.22"), ("G2013", "", "4.09", "1.90", "1.90", "0.28"),
]  # fmt: skip


def test_level_two_amounts_of_the_april_2020_release_are_ours(amounts, built: Built):
    names = ("hcpcs", "modifier", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu")
    rvu = rvu_rows(*({**dict(zip(names, row, strict=True)), "conversion_factor": "36.0896"} for row in RVU20B))
    ohio = built("RVU20A").scan("gpci", "RVU20A").filter(state="OH").collect()
    mine = by_place(rvu, ohio, registry.find("RVU20B"))
    wanted = amounts.filter(pl.col("hcpcs").str.starts_with("G"), release="RVU20B")
    rows = wanted.select(*PLACE, "setting", "published").join(mine, on=PLACE, how="left")
    assert count_and_equal(rows.with_columns(ours=of_setting("amount"))) == (24, 24)


def test_one_office_visit_in_one_california_locality_in_2026(built: Built):
    visit = built("RVU26A").scan("payment_locality", "RVU26A").filter(
        hcpcs="99213", participant="non_qp", state="CA", locality="18"
    )  # fmt: skip
    assert visit.collect()["nonfacility_payment"].to_list() == [Decimal("104.89")]
