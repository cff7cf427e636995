"""A surgery shared by two: the parts of its package in dollars, by hand from CMS's amount and shares.

RVU25A, CA/18, facility: 27447 is paid $1,340.36 (10, 69 and 21 %), nationally 66984 $521.75 (10, 70 and 20 %).
Medicare Claims Processing Manual chapter 12 section 40.4.
"""

from decimal import Decimal

import polars as pl
import pytest

import pfsetl

KNEE = {"hcpcs": "27447", "locality": "CA/18"}
CATARACT = {"hcpcs": "66984"}


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (KNEE | {"modifiers": "54"}, "1058.88"),
        (KNEE | {"modifiers": "55"}, "281.48"),
        (KNEE | {"modifiers": "55", "days": 45}, "140.74"),
        (CATARACT | {"modifiers": "55", "units": 3}, "3.48"),
    ],
)
def test_each_part_is_paid(built, line, allowed):
    answer = pfsetl.price(line.pop("hcpcs"), "2025-02-01", setting="facility", output=built("RVU25A"), **line)
    assert answer["allowed"] == Decimal(allowed)


def test_operation_and_care_together_come_to_the_whole_package_in_every_surgery(built):
    version = built("RVU25A")
    shares = pl.col("preoperative") + pl.col("intraoperative") + pl.col("postoperative")
    codes = version.scan("rvu", "RVU25A").filter(shares > 0, modifier="").collect()["hcpcs"].unique().sort()
    asked = [("", 0), ("54", 1), ("55", 2)]
    lines = [
        {"hcpcs": code, "date": "2025-02-01", "setting": "facility", "modifiers": modifiers, "claim": f"{code} {n}"}
        for code in codes.sample(150, seed=54)
        for modifiers, n in asked
    ]
    allowed = [one["allowed"] for one in pfsetl.claim(lines, output=version)["lines"]]
    apart = [(whole, operated, cared) for whole, operated, cared in zip(*[iter(allowed)] * 3, strict=True) if whole]
    assert len(apart) > 100
    assert [one for one in apart if abs(one[0] - one[1] - one[2]) > Decimal("0.01")] == []
