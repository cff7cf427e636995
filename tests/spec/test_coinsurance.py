"""What sequestration takes of 100.00 where Medicare pays more than 80 %: 2 % of Medicare's part.

Social Security Act 1833(a)(1)(Y): all of a preventive service. Consolidated Appropriations Act, 2021, section 122: of a
screening of the colon that became treatment 80 % through 2022, 85 % in 2023 to 2026, 90 % to 2029, then all. Families
First Coronavirus Response Act, section 6002: all of a visit that led to a COVID-19 test, from its enactment on
2020-03-18 to the end of the emergency, 2023-05-11.
"""

import pytest

from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.medicare_share import own_share
from tests.golden.claim_lines import line


def priced(hcpcs="G0001", modifiers=(), date="2025-03-03", **changed):
    given = {"number": 1, "units": 1, "payment": 100, "hcpcs": hcpcs, "modifiers": modifiers, "date": date}
    return price_claim([line(given | changed)])[0]


@pytest.mark.parametrize(
    ("modifier", "day", "cents"),
    [
        ("33", "2025-03-03", 2_00),
        ("CS", "2020-03-17", 1_60),
        ("CS", "2020-03-18", 2_00),
        ("CS", "2023-05-11", 2_00),
        ("CS", "2023-05-12", 1_60),
        ("PT", "2022-12-31", 1_60),
        ("PT", "2023-01-01", 1_70),
        ("PT", "2026-12-31", 1_70),
        ("PT", "2027-01-01", 1_80),
        ("PT", "2029-12-31", 1_80),
        ("PT", "2030-01-01", 2_00),
    ],
)
def test_a_modifier_lowers_the_coinsurance(modifier, day, cents):
    assert priced(modifiers=(modifier,), date=day).sequestration == cents


@pytest.mark.parametrize("hcpcs", ["G0101", "G0105", "G0121", "G0402", "G0439", "G0444", "77067", "Q0091"])
def test_a_preventive_service_has_none(hcpcs):
    assert priced(hcpcs).sequestration == 2_00


# The days before and on which CMS took the coinsurance away: CY2025 final rule, CR 10956, and NCD 210.15.
@pytest.mark.parametrize(
    ("hcpcs", "before", "first"),
    [
        ("74263", "2024-12-31", "2025-01-01"),
        ("77085", "2014-12-31", "2015-01-01"),
        ("G0011", "2024-09-29", "2024-09-30"),
        ("G0012", "2024-09-29", "2024-09-30"),
        ("G0013", "2024-09-29", "2024-09-30"),
    ],
)
def test_what_became_preventive_later_has_none_from_that_day_on(hcpcs, before, first):
    assert [priced(hcpcs, date=day).sequestration for day in (before, first)] == [1_60, 2_00]


# CMS's list has coinsurance for the digital rectal exam and the barium enema that takes the place of a colonoscopy.
@pytest.mark.parametrize("hcpcs", ["G0102", "G0106", "G0120", "99213"])
def test_any_other_service_has_the_usual_one(hcpcs):
    assert priced(hcpcs).sequestration == 1_60


def test_the_patient_pays_nothing_of_a_preventive_service():
    one = priced("G0101")
    assert (one.allowed, one.medicare, one.patient) == (100_00, 100_00, 0)


def test_a_lower_charge_is_what_medicare_pays():
    assert priced("G0101", charge=50).medicare == 50_00


# Social Security Act 1833(c), MIPPA section 102: of a mental disorder's treatment outside a hospital's stay 62.5 %
# count through 2009, 68.75 % in 2010 and 2011, 75 % in 2012, 81.25 % in 2013, all from 2014 on; Medicare pays 80 %.
@pytest.mark.parametrize(
    ("day", "cents"),
    [
        ("2009-12-31", 50_00), ("2010-01-01", 55_00), ("2011-12-31", 55_00), ("2012-01-01", 60_00),
        ("2012-12-31", 60_00), ("2013-01-01", 65_00), ("2013-12-31", 65_00), ("2014-01-01", None),
    ],
)  # fmt: skip
def test_of_psychotherapy_medicare_pays_less_until_2013(day, cents):
    assert priced("90845", date=day).medicare == cents


@pytest.mark.parametrize(
    ("hcpcs", "changed", "cents"),
    [
        ("90845", {"facility": True}, 80_00),  # of a hospital's inpatient, and a note says what an outpatient has
        ("90801", {}, None),  # an evaluation is no treatment
        ("99213", {}, None),
    ],
)
def test_the_limit_is_on_treatment_outside_a_hospitals_stay(hcpcs, changed, cents):
    assert priced(hcpcs, date="2009-02-03", **changed).medicare == cents


def test_what_the_share_of_psychotherapy_hangs_on_is_told_by_its_source():
    inside = own_share(priced("90845", date="2013-06-03", facility=True).line)
    said = "hospital's inpatient; of an outpatient's treatment of a mental disorder (ICD-9 290 to 319)"
    assert inside
    assert said in inside.source


def test_sequestration_is_of_what_medicare_pays_of_psychotherapy():
    assert priced("90845", date="2013-06-03").sequestration == 1_30  # 2 % of 65.00
