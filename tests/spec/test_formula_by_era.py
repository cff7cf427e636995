"""What the formula had besides RVUs, indices and factor in earlier years; figures worked out by hand.

Sources: CMS's page of 2008-01-07 (work adjuster 0.8806, product rounded to two decimals before the index); CMS record
layouts 2009 and 2011-2014 (calculation flags 2 and 3, applied to the fee schedule amount).
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pfsetl.declared.registry import Release
from tests.spec.rows import paid


def release(first: str) -> Release:
    day = date.fromisoformat(first)
    quarter = 1 + (day.month - 1) // 3
    return Release("RVU99A", day.year, quarter, "initial", day, None, False, None, None, None, None, known=False)


@pytest.mark.parametrize(
    ("first", "work", "expected"),
    [
        ("2006-10-01", "1.00", "100.00"),
        ("2007-01-01", "1.00", "90.00"),  # 0.8994 is 0.90 before it meets index and factor
        ("2008-01-01", "1.00", "88.00"),  # 0.8806 is 0.88
        ("2008-07-01", "0.57", "50.00"),  # 0.501942 is 0.50
        ("2009-01-01", "1.00", "100.00"),
    ],
)
def test_budget_neutrality_adjusts_the_work_of_2007_and_2008(first: str, work: str, expected: str) -> None:
    row = paid(release(first), work_rvu=work, conversion_factor="100")
    assert row["nonfacility_amount"] == Decimal(expected)


# fmt: off
FLAGS = [
    # first day     flag  RVU     factor     amount
    ("2008-04-01", "2",  "3.92", "36.0666", "141.38"),  # flag 2 starts on 1 July 2008
    ("2009-01-01", "2",  "3.92", "36.0666", "148.45"),  # 141.381072 is 141.38, x 1.05 = 148.449
    ("2009-01-01", "3",  "1.00", "36.0666", "36.07"),   # flag 3 starts in 2010
    ("2014-01-01", "3",  "1.00", "35.8228", "35.10"),   # 35.82 x 0.98 = 35.1036
    ("2014-07-01", "3",  "1.00", "35.8228", "35.82"),
    ("2009-01-01", "0",  "3.92", "36.0666", "141.38"),
]
# fmt: on


@pytest.mark.parametrize(("first", "flag", "pe", "factor", "expected"), FLAGS)
def test_the_calculation_flag_adjusts_the_rounded_amount(
    first: str, flag: str, pe: str, factor: str, expected: str
) -> None:
    row: dict[str, Any] = paid(
        release(first), nonfacility_pe_rvu=pe, facility_pe_rvu=pe, calculation_flag=flag, conversion_factor=factor
    )
    assert (row["nonfacility_amount"], row["nonfacility_payment"]) == (Decimal(expected), Decimal(expected))
