"""Our amounts by locality equal, to the cent, those of the payment files that CMS itself computed and published."""

from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest

from pfsetl.declared import registry
from pfsetl.tables import derive
from tests.golden.published import PLACE, SETTINGS, payment_file

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def revision_d(oracles) -> pl.DataFrame:
    return payment_file(oracles / "pfrev25d" / "PFREV4.txt")


@pytest.fixture(scope="module")
def revision_c(oracles) -> pl.DataFrame:
    return payment_file(oracles / "pfrev25c" / "PFREV25C.txt")


def equal_amounts(published: pl.DataFrame, ours: pl.LazyFrame) -> tuple[int, int]:
    """Return how many published amounts have one of ours beside them, and how many are equal."""
    both = published.lazy().join(ours, on=PLACE, how="inner").collect()
    hits = sum(int((both[s] == both[f"{s}_amount"]).sum()) for s in SETTINGS)
    return both.height * len(SETTINGS), hits


def test_all_1526_amounts_of_revision_d_are_ours(revision_d, built):
    assert equal_amounts(revision_d, built("RVU25D").scan("payment_locality", "RVU25D")) == (1_526, 1_526)


def test_all_218_amounts_of_revision_c_are_ours(revision_c, built):
    assert equal_amounts(revision_c, built("RVU25C").scan("payment_locality", "RVU25C")) == (218, 218)


# Controls: known mistakes, so that the comparison is seen to find them. The counts of equal amounts are those that
# others measured on this file with their own code.


def recomputed(version, published: pl.DataFrame, formula) -> int:
    """Return how many published amounts another formula, computed here with decimal.Decimal, hits."""
    gpci = version.scan("gpci", "RVU25D").select("mac", "locality", "work_gpci", "pe_gpci", "mp_gpci")
    rvu = version.scan("rvu", "RVU25D").select(
        "hcpcs", "modifier", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu", "mp_rvu", "conversion_factor"
    )
    rows = published.lazy().join(rvu, on=["hcpcs", "modifier"]).join(gpci, on=["mac", "locality"]).collect()
    assert rows.height == 763
    return sum(formula(row, row[f"{s}_pe_rvu"]) == row[s] for row in rows.iter_rows(named=True) for s in SETTINGS)


def cents(exact: Decimal) -> Decimal:
    return exact.quantize(CENT, ROUND_HALF_UP)


def products(row: dict, pe: Decimal) -> list[Decimal]:
    return [row["work_rvu"] * row["work_gpci"], pe * row["pe_gpci"], row["mp_rvu"] * row["mp_gpci"]]


def rounded_once(row: dict, pe: Decimal) -> Decimal:
    return cents(sum(products(row, pe)) * row["conversion_factor"])


def each_component_rounded(row: dict, pe: Decimal) -> Decimal:
    return cents(sum(cents(part) for part in products(row, pe)) * row["conversion_factor"])


def total_rounded(row: dict, pe: Decimal) -> Decimal:
    return cents(cents(sum(products(row, pe))) * row["conversion_factor"])


@pytest.mark.parametrize(
    ("formula", "hits"), [(rounded_once, 1_526), (each_component_rounded, 60), (total_rounded, 62)]
)
def test_only_the_formula_rounded_once_gives_what_cms_published(revision_d, built, formula, hits):
    assert recomputed(built("RVU25D"), revision_d, formula) == hits


def test_a_conversion_factor_rounded_to_cents_is_found_out(revision_d, built):
    version = built("RVU25D")
    wrong = version.scan("rvu", "RVU25D").with_columns(conversion_factor=pl.lit("32.35").cast(pl.Decimal(9, 4)))
    few = wrong.join(revision_d.lazy().select("hcpcs").unique(), on="hcpcs", how="semi").collect()
    parts = derive.payment_locality(few, version.scan("gpci", "RVU25D").collect(), registry.find("RVU25D"))
    plain = pl.concat(p.cast({"hcpcs": pl.String, "modifier": pl.String, "mac": pl.String, "locality": pl.String})
                      for p in parts)  # fmt: skip
    assert equal_amounts(revision_d, plain.lazy()) == (1_526, 418)
