"""A surgery shared by two: the parts of its package in dollars, by hand from CMS's amount and shares.

RVU25A, CA/18, facility: 27447 is paid $1,340.36 (10, 69 and 21 %), nationally 66984 $521.75 (10, 70 and 20 %).
Medicare Claims Processing Manual chapter 12 section 40.4.
"""

from decimal import Decimal

import polars as pl
import pytest

import pfsetl
from pfsetl.pricing.claims import price_claim
from tests.golden.claim_lines import SHARES, line
from tests.kinds import Built

KEY = ["participant", "hcpcs", "modifier"]
INDICATORS = ("multiple_procedure", "bilateral", "global_days", "status")
LINE = {"number": 1, "units": 1, "date": "2025-02-01"}
KNEE = {"hcpcs": "27447", "locality": "CA/18"}
CATARACT = {"hcpcs": "66984"}
LOCAL = {"date": "2025-02-01", "locality": "CA/18", "setting": "facility"}


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (KNEE | {"modifiers": "54"}, "1058.88"),
        (KNEE | {"modifiers": "55"}, "281.48"),
        (KNEE | {"modifiers": "78"}, "924.85"),
        (KNEE | {"modifiers": "55", "days": 45}, "140.74"),
        (CATARACT | {"modifiers": "55", "units": 3}, "3.48"),
    ],
)
def test_each_part_is_paid(built: Built, line, allowed):
    answer = pfsetl.price(line.pop("hcpcs"), "2025-02-01", setting="facility", output=built("RVU25A"), **line)
    assert answer["allowed"] == Decimal(allowed)


# 10 % and 69 % of 1,340.36, 21 % by days; 66984: 577.86 in CA/18, 150 % for both eyes, 20 % of it for aftercare.
# 44120 (1,237.24) and 44005 (1,107.45) on a return: 81 % of each, without a rank; 69436 both sides: without 150 %.
@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ([("27447", "54", None), ("27447", "55", 90)], ["1058.88", "281.48"]),
        ([("27447", "54 RT", None), ("27447", "55 RT", 90)], ["1058.88", "281.48"]),
        ([("27447", "55", None), ("29881", "", None)], ["281.48", "585.44"]),
        ([("27447", "55", 40), ("27447", "55", 50)], ["125.10", "156.38"]),
        ([("66984", "54 50", None), ("66984", "55 50", 90)], ["693.43", "173.36"]),
        ([("66984", "55 RT", 60), ("66984", "55 LT", 40)], ["96.31", "0.00"]),
        ([("66984", "54 RT", None), ("66984", "55 LT", 90)], ["462.29", "115.57"]),
        ([("44120", "78", None), ("44005", "78", None)], ["1002.16", "897.03"]),
        ([("69436", "78 50", None)], ["138.17"]),
    ],
)
def test_parts_and_returns_on_one_claim(built: Built, lines, allowed):
    answer = pfsetl.claim(
        [{**LOCAL, "hcpcs": code, "modifiers": names, "days": days} for code, names, days in lines],
        output=built("RVU25A"),
    )
    assert [one["allowed"] for one in answer["lines"]] == [Decimal(one) for one in allowed]


@pytest.mark.parametrize("setting", ["nonfacility", "facility"])
def test_operation_and_care_together_come_to_the_whole_package_in_every_surgery(built: Built, setting):
    version, release = built("RVU25A"), "RVU25A"
    paid = (
        version.scan("payment_national", release).select(*KEY, pl.col(f"{setting}_payment").alias("payment")).collect()
    )
    shares = pl.col("preoperative") + pl.col("intraoperative") + pl.col("postoperative")
    rows = version.scan("rvu", release).filter(shares > 0).collect().join(paid, on=KEY).drop_nulls("payment")
    apart = [
        (row["hcpcs"], row["participant"])
        for row in rows.rows(named=True)
        if abs(allowed(row, "54") + allowed(row, "55") - allowed(row)) > 1
    ]
    assert (apart, rows.height > 3000) == ([], True)


def allowed(row, *modifiers):
    """Cents of a surgical row as a line of its own."""
    cents = int(row["payment"].scaleb(2))
    fields = {name: row[name] for name in (*SHARES, *INDICATORS)}
    (priced,) = price_claim(
        [line(LINE | fields | {"hcpcs": row["hcpcs"], "modifiers": modifiers, "payment": cents / 100})]
    )
    return priced.allowed
