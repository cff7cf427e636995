"""CMS's formula: (work x GPCI + PE x GPCI + MP x GPCI) x conversion factor, rounded once, half up, to cents.

Source: CMS RVU record layout, every year 2009-2026. The figures are invented and were worked out by hand; the
comment beside each is the exact product.
"""

from decimal import Decimal

import pytest

from pfsetl.tables import by_locality
from tests.spec.rows import IN_FORCE, gpci_rows, paid, paid_in, rvu_rows

# fmt: off
WORKED = [
    # RVUs                    GPCIs                      factor       amount       exact product
    ("1.00", "2.00", "0.10",  "1.000", "1.000", "1.000", "33.4009",   "103.54"),   # 103.54279
    ("1.00", "2.00", "0.10",  "1.500", "1.000", "0.500", "10.0000",   "35.50"),    # (1.5 + 2 + 0.05) x 10
    ("0.00", "1.00", "0.00",  "1.500", "0.869", "2.000", "32.3465",   "28.11"),    # 28.1091085
    ("1.30", "1.35", "0.10",  "1.045", "1.210", "0.666", "33.4009",   "102.16"),   # 102.15999274
    ("0.00", "0.00", "0.01",  "1.000", "1.000", "0.300", "1.0000",    "0.00"),     # 0.003
    ("500.00", "0.00", "0.00", "1.000", "1.000", "1.000", "40.0000",  "20000.00"),
]
TIES = [
    ("0.50", "0.00", "0.00",  "1.000", "1.000", "1.000", "33.0100",   "16.51"),    # 16.505: half even gives 16.50
    ("0.50", "0.00", "0.00",  "1.000", "1.000", "1.000", "33.0300",   "16.52"),    # 16.515
    ("0.01", "0.00", "0.00",  "1.000", "1.000", "1.000", "0.5000",    "0.01"),     # 0.005: half even gives 0.00
    ("0.01", "0.00", "0.00",  "1.000", "1.000", "1.000", "0.4999",    "0.00"),     # 0.004999
    ("2.01", "0.00", "0.00",  "1.000", "1.000", "1.000", "32.5000",   "65.33"),    # 65.325: floats give 65.32
    ("0.25", "0.25", "0.00",  "1.000", "1.000", "1.000", "0.0100",    "0.01"),     # 0.0025 + 0.0025 = 0.005
    ("0.00", "0.00", "0.05",  "1.000", "1.000", "0.100", "1.0000",    "0.01"),     # 0.005
]
ROUNDED_TOO_EARLY = [
    # Rounding each product to cents would give 0.00; the sum is 0.012.
    ("0.01", "0.01", "0.01",  "1.000", "1.000", "1.000", "0.4000",    "0.01"),     # 3 x 0.004
    # Rounding the indexed RVUs to two places would give 1.00 x 100.
    ("1.00", "0.00", "0.00",  "1.004", "1.000", "1.000", "100.0000",  "100.40"),
    # Rounding the factor to cents would give 3235.00.
    ("100.00", "0.00", "0.00", "1.000", "1.000", "1.000", "32.3465",  "3234.65"),
]
# fmt: on


def amount(case: tuple[str, ...]) -> Decimal:
    work, pe, mp, work_gpci, pe_gpci, mp_gpci, factor, _ = case
    row = paid_in(
        work_gpci, pe_gpci, mp_gpci, work_rvu=work, nonfacility_pe_rvu=pe, mp_rvu=mp, conversion_factor=factor
    )
    return row["nonfacility_amount"]


@pytest.mark.parametrize("case", WORKED, ids="-".join)
def test_amount_is_the_sum_of_indexed_rvus_times_the_factor(case):
    assert amount(case) == Decimal(case[-1])


@pytest.mark.parametrize("case", TIES, ids="-".join)
def test_half_a_cent_is_rounded_up(case):
    assert amount(case) == Decimal(case[-1])


@pytest.mark.parametrize("case", ROUNDED_TOO_EARLY, ids="-".join)
def test_nothing_is_rounded_before_the_end(case):
    assert amount(case) == Decimal(case[-1])


def test_each_setting_has_its_own_practice_expense():
    row = paid(work_rvu="1", nonfacility_pe_rvu="2", facility_pe_rvu="0.5", conversion_factor="10")
    assert (row["nonfacility_amount"], row["facility_amount"]) == (Decimal("30.00"), Decimal("15.00"))


def test_national_amount_is_the_formula_with_every_index_one():
    # CMS Look-Up Tool 2020, code 61885: 14.93 RVUs x 36.0896 = 538.817728.
    assert paid(work_rvu="14.93", conversion_factor="36.0896")["facility_amount"] == Decimal("538.82")


def test_a_row_that_cms_gives_no_rvus_is_not_listed_by_locality():
    place = gpci_rows({"state": "AL", "locality": "00", "work_gpci": "1", "pe_gpci": "1", "mp_gpci": "1"})
    assert list(by_locality.payment_locality(rvu_rows({"status": "X"}), place, IN_FORCE)) == []
