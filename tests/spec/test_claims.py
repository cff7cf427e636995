"""What Medicare allows for the lines of a claim: one table per rule, cents worked out by hand.

Payments are invented round figures; the factors, their dates and the order of the rules are CMS's.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pfsetl.pricing.claims import price_claim
from pfsetl.pricing.lines import Line
from pfsetl.pricing.rules import therapy_share

TODAY = date(2025, 3, 3)


def line(number=1, hcpcs="G0001", payment=100_00, modifiers="", **changed):
    values: dict[str, Any] = {
        "units": 1, "date": TODAY, "reason": None, "technical": None, "professional": None, "therapy": None,
        "base_payment": None, "endoscopic_base": None, "multiple_procedure": "0", "bilateral": "0",
        "assistant_surgeon": "2", "co_surgeons": "2", "team_surgery": "2", "imaging_family": "99", "pctc": "0",
        "preoperative": Decimal("0.10"), "intraoperative": Decimal("0.69"), "postoperative": Decimal("0.21"),
    }  # fmt: skip
    return Line(number=number, hcpcs=hcpcs, payment=payment, modifiers=tuple(modifiers.split()), **(values | changed))


def allowed(*lines):
    return [one.allowed for one in price_claim(lines)]


def one(**changed):
    return price_claim([line(**changed)])[0]


def result(**changed):
    priced = one(**changed)
    return priced.allowed if priced.reason is None else priced.reason


def surgery(number, payment, **changed):
    return line(number, f"G000{number}", payment, **({"multiple_procedure": "2"} | changed))


def test_a_plain_line_is_units_times_payment():
    assert one(units=3).allowed == 300_00


def test_a_line_without_a_payment_keeps_its_reason():
    priced = one(payment=None, reason="bundled", modifiers="50 80", multiple_procedure="2")
    assert (priced.allowed, priced.reason, priced.steps) == (None, "bundled", ())


# CMS RVU record layout, bilateral surgery: 150 % for 1 only; 3 is paid per side; 0 and 2 as one.
@pytest.mark.parametrize(
    ("indicator", "cents"),
    [("0", 100_01), ("1", 150_02), ("2", 100_01), ("3", 200_02)],  # 100.01 x 1.5 = 150.015
)
def test_bilateral(indicator, cents):
    priced = one(payment=100_01, modifiers="50", bilateral=indicator)
    assert priced.allowed == cents
    assert [(step.rule, step.before, step.after) for step in priced.steps] == [("bilateral", 100_01, cents)]


# CMS RVU record layout: 9 is "concept does not apply", of which no share of a price follows.
def test_both_sides_of_a_code_that_the_concept_does_not_apply_to_have_no_amount():
    priced = one(modifiers="50", bilateral="9")
    assert (priced.allowed, priced.reason) == (None, "bilateral_not_applicable")


def test_without_modifier_50_there_is_no_bilateral_step():
    assert one(bilateral="1").steps == ()


# CMS RVU record layout, multiple procedure 2: by amount 100, 50, 50, 50, 50 %, then by report.
def test_multiple_procedures_are_ranked_by_amount():
    claim = [surgery(n, cents) for n, cents in enumerate([200_00, 700_00, 100_01, 500_00, 300_00, 50_00], start=1)]
    assert allowed(*claim) == [100_00, 700_00, 50_01, 250_00, 150_00, None]
    assert [one.reason for one in price_claim(claim)] == [None] * 5 + ["by_report"]


def test_a_procedure_with_indicator_0_is_neither_ranked_nor_reduced():
    assert allowed(surgery(1, 200_00), line(2, payment=900_00), surgery(3, 100_00)) == [200_00, 900_00, 50_00]


def test_each_day_is_ranked_for_itself():
    assert allowed(surgery(1, 200_00), surgery(2, 100_00, date=date(2025, 3, 4))) == [200_00, 100_00]


def test_a_procedure_that_isnt_paid_takes_no_rank():
    refused = surgery(1, 900_00, modifiers="80", assistant_surgeon="1")
    assert allowed(refused, surgery(2, 200_00), surgery(3, 100_00)) == [None, 200_00, 50_00]


def test_an_assistants_procedures_are_ranked_apart_from_the_surgeons():
    # The assistant: 16 % of 900.00 and of half of 300.00.
    claim = [surgery(1, 900_00), surgery(2, 900_00, modifiers="80"), surgery(3, 300_00, modifiers="80")]
    assert allowed(*claim) == [900_00, 144_00, 24_00]


# CMS RVU record layout, bilateral surgery: the adjustment comes before the ranking.
def test_bilateral_comes_before_ranking():
    # 80.00 x 1.5 = 120.00 ranks above 100.00.
    assert allowed(surgery(1, 100_00), surgery(2, 80_00, modifiers="50", bilateral="1")) == [50_00, 120_00]


def endoscopy(number, payment, base="G0100", base_payment=200_00, **changed):
    return surgery(number, payment, multiple_procedure="3", endoscopic_base=base, base_payment=base_payment, **changed)


def base(number, payment=200_00, hcpcs="G0100"):
    return line(number, hcpcs, payment, multiple_procedure="2")


FAMILY = [endoscopy(1, 275_12), endoscopy(2, 310_02), endoscopy(3, 270_13)]


# The worked example that coders use: 310.02 + (275.12 - 200) + (270.13 - 200) = 455.27.
def test_endoscopies_of_one_family():
    assert allowed(*FAMILY) == [75_12, 310_02, 70_13]
    assert sum(allowed(*FAMILY)) == 455_27


def test_the_base_procedure_is_not_paid_beside_another_of_its_family():
    assert allowed(*FAMILY, base(4)) == [75_12, 310_02, 70_13, 0]
    assert allowed(FAMILY[0], base(4)) == [275_12, 0]


def test_a_base_procedure_alone_is_paid():
    assert allowed(base(1)) == [200_00]


def test_a_family_ranks_by_its_total():
    # 455.27 ranks above 400.00 and below 500.00; 75.12, 310.02 and 70.13 halved are 37.56, 155.01 and 35.065.
    assert allowed(*FAMILY, surgery(4, 400_00)) == [75_12, 310_02, 70_13, 200_00]
    assert allowed(*FAMILY, surgery(4, 500_00)) == [37_56, 155_01, 35_07, 500_00]


def test_two_families_rank_against_each_other():
    # G0100: 300 + (250 - 200) = 350; G0200: 280 + (230 - 150) = 360, which ranks first.
    other = {"base": "G0200", "base_payment": 150_00}
    claim = [endoscopy(1, 300_00), endoscopy(2, 250_00), endoscopy(3, 280_00, **other), endoscopy(4, 230_00, **other)]
    assert allowed(*claim) == [150_00, 25_00, 280_00, 80_00]


def test_the_base_is_taken_off_as_often_as_the_line_has_units_and_sides():
    # 2 units: 500 - 2 x 200; both sides: 250 x 1.5 - 200 x 1.5.
    assert allowed(endoscopy(1, 900_00), endoscopy(2, 250_00, units=2)) == [900_00, 100_00]
    assert allowed(endoscopy(1, 900_00), endoscopy(2, 250_00, modifiers="50", bilateral="1")) == [900_00, 75_00]


def test_a_family_without_a_price_for_its_base_says_so():
    priced = price_claim([endoscopy(1, 300_00, base_payment=None), endoscopy(2, 250_00, base_payment=None)])
    assert [(one.allowed, one.reason) for one in priced] == [(300_00, None), (None, "endoscopic_base_not_priced")]


def image(number, technical, professional, family="88", **changed):
    """A whole service: technical and professional part."""
    parts = {"technical": technical, "professional": professional, "pctc": "1"}
    return line(number, f"G030{number}", technical + professional,
                **({"multiple_procedure": "4", "imaging_family": family} | parts | changed))  # fmt: skip


def part(number, modifier, cents, **changed):
    values = {"multiple_procedure": "4", "imaging_family": "88", "pctc": "1"} | changed
    return line(number, f"G030{number}", cents, modifier, **values)


# CMS RVU record layouts, multiple procedure 4. Technical 200.00 and 100.00, professional 40.00 and 30.00.
@pytest.mark.parametrize(
    ("day", "family", "second"),
    [
        ("2005-12-31", "02", 130_00),  # no rule yet
        ("2006-01-01", "02", 105_00),  # 100 x 75 % + 30
        ("2010-06-30", "02", 105_00),
        ("2010-07-01", "02", 80_00),  # 100 x 50 % + 30
        ("2011-12-31", "88", 80_00),
        ("2012-01-01", "88", 72_50),  # 50 + 30 x 75 %
        ("2016-12-31", "88", 72_50),
        ("2017-01-01", "88", 78_50),  # 50 + 30 x 95 %
    ],
)
def test_imaging_by_day(day, family, second):
    day = date.fromisoformat(day)
    assert allowed(image(1, 200_00, 40_00, family, date=day), image(2, 100_00, 30_00, family, date=day)) == [
        240_00,
        second,
    ]


def test_imaging_ranks_technical_and_professional_parts_apart():
    # 60.00 is the higher professional part, so the first line's 40.00 is paid at 95 %.
    assert allowed(image(1, 200_00, 40_00), image(2, 100_00, 60_00)) == [238_00, 110_00]


def test_component_lines_take_part_in_the_ranking():
    # The TC line leaves the whole service's 100.00 at half; its 30.00 is the only professional part.
    assert allowed(part(1, "TC", 200_00), image(2, 100_00, 30_00)) == [200_00, 80_00]
    assert allowed(part(1, "TC", 50_00), part(2, "26", 40_00), image(3, 100_00, 30_00)) == [25_00, 40_00, 128_50]


def test_imaging_families_are_apart_before_there_was_one():
    day = date(2010, 1, 4)
    assert allowed(image(1, 200_00, 40_00, "02", date=day), image(2, 100_00, 30_00, "05", date=day)) == [240_00, 130_00]


def test_imaging_outside_the_families_is_not_reduced():
    assert allowed(image(1, 200_00, 40_00, "99"), image(2, 100_00, 30_00, "99")) == [240_00, 130_00]


# CY2012 final rule: services of one session are reduced, and modifier 59 says that one was in another.
@pytest.mark.parametrize("modifiers", ["59", "XE"])
def test_imaging_in_a_session_of_its_own_is_neither_reduced_nor_reduces_another(modifiers):
    apart = image(1, 200_00, 40_00, modifiers=modifiers)
    assert allowed(apart, image(2, 100_00, 30_00)) == [240_00, 130_00]
    assert allowed(apart, image(2, 100_00, 30_00), image(3, 60_00, 20_00)) == [240_00, 130_00, 49_00]  # 30 + 19
    assert allowed(apart, part(2, "26", 30_00)) == [240_00, 30_00]


def test_another_unit_of_a_line_is_of_that_line_s_session():
    assert allowed(image(1, 200_00, 40_00, modifiers="59", units=2), image(2, 100_00, 30_00)) == [378_00, 130_00]


@pytest.mark.parametrize("modifiers", ["XS", "XU", "76", "51"])
def test_no_other_modifier_says_that_imaging_was_in_another_session(modifiers):
    assert allowed(image(1, 200_00, 40_00), image(2, 100_00, 30_00, modifiers=modifiers)) == [240_00, 78_50]


def test_the_imaging_cap_applies_after_the_reduction():
    # Medicare contractors reduce first: 160.00 x 50 % = 80.00 is under the capped 90.00; 250.00 x 50 % is not.
    first = part(1, "TC", 300_00)
    assert allowed(first, part(2, "TC", 90_00, uncapped_technical=160_00)) == [300_00, 80_00]
    assert allowed(first, part(2, "TC", 90_00, uncapped_technical=250_00)) == [300_00, 90_00]


# CMS RVU record layout, multiple procedure 6 and 7: technical part only, 75 % and 80 %, from 2013.
@pytest.mark.parametrize(
    ("indicator", "day", "second"),
    [
        ("6", "2012-12-31", 130_00),
        ("6", "2013-01-01", 105_00),
        ("7", "2012-12-31", 130_00),
        ("7", "2013-01-01", 110_00),
    ],
)
def test_cardiovascular_and_ophthalmology(indicator, day, second):
    changed = {"multiple_procedure": indicator, "family": "99", "date": date.fromisoformat(day)}
    assert allowed(image(1, 200_00, 40_00, **changed), image(2, 100_00, 30_00, **changed)) == [240_00, second]


def test_cardiovascular_and_ophthalmology_are_ranked_apart():
    claim = [
        image(1, 200_00, 40_00, "99", multiple_procedure="6"), image(2, 100_00, 30_00, "99", multiple_procedure="7")
    ]  # fmt: skip
    assert allowed(*claim) == [240_00, 130_00]


def test_a_technical_code_is_reduced_whole():
    # PC/TC indicator 3: the whole payment is technical.
    second = line(2, payment=80_00, multiple_procedure="6", pctc="3")
    assert allowed(image(1, 200_00, 40_00, "99", multiple_procedure="6"), second) == [240_00, 60_00]


def test_a_whole_test_whose_parts_are_unknown_says_so_beside_another():
    # PC/TC indicator 4: the parts are other codes.
    whole = line(2, payment=80_00, multiple_procedure="6", pctc="4")
    assert allowed(whole) == [80_00]
    priced = price_claim([image(1, 200_00, 40_00, "99", multiple_procedure="6"), whole])
    assert [one.reason for one in priced] == [None, "technical_part_not_known"]


def therapy(number, payment, reduced, units=1, **changed):
    return line(number, f"G040{number}", payment, units=units, therapy=reduced, multiple_procedure="5", **changed)


# CMS RVU record layout, multiple procedure 5: every unit of the day but the one with the most practice expense.
def test_therapy_reduces_every_unit_but_one():
    assert allowed(therapy(1, 30_00, 23_00)) == [30_00]
    assert allowed(therapy(1, 30_00, 23_00, units=3)) == [76_00]  # 30 + 23 + 23
    # 40 - 30 is the largest reduction spared, though 50.00 is the larger payment.
    assert allowed(therapy(1, 50_00, 45_00), therapy(2, 40_00, 30_00, units=2)) == [45_00, 70_00]


def test_therapy_is_not_reduced_before_2011():
    assert allowed(therapy(1, 30_00, 23_00, units=3, date=date(2010, 12, 31))) == [90_00]


def test_therapy_without_a_reduced_payment_says_so():
    assert [one.reason for one in price_claim([therapy(1, 30_00, None, units=2)])] == ["therapy_payment_not_known"]


@pytest.mark.parametrize(
    ("day", "facility", "share"),
    [
        ("2010-12-31", False, None),
        ("2011-01-01", False, (80, 100)),
        ("2011-01-01", True, (75, 100)),
        ("2013-03-31", False, (80, 100)),
        ("2013-03-31", True, (75, 100)),
        ("2013-04-01", False, (50, 100)),
        ("2013-04-01", True, (50, 100)),
    ],
)
def test_share_of_practice_expense_for_later_therapy_units(day, facility, share):
    assert therapy_share(date.fromisoformat(day), facility=facility) == share


# Social Security Act 1848(i)(2)(B): 16 %; for a physician assistant's AS, 85 % of it, 13.6 %.
@pytest.mark.parametrize(
    ("modifier", "indicator", "expected"),
    [
        ("80", "2", 16_00), ("81", "2", 16_00), ("82", "2", 16_00), ("AS", "2", 13_60),
        ("80", "0", "documentation_required"), ("AS", "1", "assistant_not_paid"),
        ("82", "9", "assistant_not_applicable"), ("80", None, "assistant_surgeon_not_applicable"),
    ],
)  # fmt: skip
def test_assistant_at_surgery(modifier, indicator, expected):
    assert result(modifiers=modifier, assistant_surgeon=indicator) == expected


# Social Security Act 1833(a)(1)(O) goes by who assists: AS says that it's no physician, also beside 80, 81 or 82.
@pytest.mark.parametrize("modifiers", ["80 AS", "AS 80", "81 AS", "AS 82"])
def test_an_assistant_with_as_is_paid_as_such_whatever_stands_beside_it(modifiers):
    assert result(modifiers=modifiers, assistant_surgeon="2") == 13_60


def test_the_share_of_an_assistant_is_not_cut_again_for_the_practitioner():
    assert result(modifiers="AS", practitioner="pa") == 13_60


# Medicare Claims Processing Manual chapter 12: each co-surgeon 62.5 %; teams by report.
@pytest.mark.parametrize(
    ("modifier", "field", "indicator", "expected"),
    [
        ("62", "co_surgeons", "0", "co_surgeons_not_permitted"),
        ("62", "co_surgeons", "1", "documentation_required"),
        ("62", "co_surgeons", "2", 62_50),
        ("62", "co_surgeons", "9", "co_surgeons_not_applicable"),
        ("66", "team_surgery", "0", "team_surgery_not_permitted"),
        ("66", "team_surgery", "1", "by_report"),
        ("66", "team_surgery", "2", "by_report"),
        ("66", "team_surgery", "9", "team_surgery_not_applicable"),
    ],
)
def test_surgeons_together(modifier, field, indicator, expected):
    assert result(modifiers=modifier, **{field: indicator}) == expected


# Medicare Claims Processing Manual chapter 12 section 40.4, on shares of 10, 69 and 21 %: 54 is what the surgeon did
# before and during, 55 the days of care out of the global period, and the preoperative share goes with 54.
@pytest.mark.parametrize(
    ("modifiers", "changed", "expected"),
    [
        ("54", {}, 79_00),
        ("55", {}, 21_00),
        ("54 55", {}, 100_00),
        ("55", {"days": 45}, 10_50),
        ("55", {"days": 90}, 21_00),
        ("55", {"days": 1}, 23),  # 21.00 / 90 = 0.2333
        ("55", {"days": 3}, 70),
        ("55", {"days": 5, "global_days": "010"}, 10_50),
        ("54 55", {"days": 45}, 89_50),
        ("56", {}, "preoperative_paid_with_54"),
        ("54 56", {}, "preoperative_paid_with_54"),
        ("55", {"days": 91}, "more_days_than_global_period"),
        ("55", {"days": 11, "global_days": "010"}, "more_days_than_global_period"),
        ("", {"days": 45}, "days_without_postoperative_care"),
        ("54", {"days": 45}, "days_without_postoperative_care"),
    ],
)
def test_parts_of_the_global_package(modifiers, changed, expected):
    assert result(modifiers=modifiers, **({"global_days": "090"} | changed)) == expected


def reasons(*lines):
    return [one.reason for one in price_claim(lines)]


def test_the_days_of_all_who_cared_fit_the_global_period():
    cared = [line(n, modifiers="55", global_days="090", days=days) for n, days in ((1, 50), (2, 41))]
    assert reasons(*cared) == ["more_days_than_global_period"] * 2


def test_days_of_procedures_of_two_days_are_counted_apart():
    cared = [line(n, modifiers="55", global_days="090", days=60, date=date(2025, 3, n)) for n in (1, 2)]
    assert reasons(*cared) == [None, None]


def test_a_procedure_is_operated_on_once():
    assert reasons(*(line(n, modifiers="54") for n in (1, 2))) == ["operated_on_more_than_once"] * 2


@pytest.mark.parametrize("second", ["54 LT", "54 76"])
def test_the_other_side_and_a_repeated_procedure_are_other_procedures(second):
    assert reasons(line(1, modifiers="54 RT"), line(2, modifiers=second)) == [None, None]


def test_a_code_without_a_global_package_has_no_parts():
    none = dict.fromkeys(["preoperative", "intraoperative", "postoperative"], Decimal("0.00"))
    assert result(modifiers="54", **none) == "no_global_package"


@pytest.mark.parametrize(
    ("modifiers", "row", "expected"),
    [
        ("52", "", "carrier_priced"),
        ("53", "", "carrier_priced"),
        ("53", "53", 100_00),
        ("52 53", "53", "carrier_priced"),
    ],
)
def test_reduced_and_discontinued_services(modifiers, row, expected):
    assert result(modifiers=modifiers, row_modifier=row) == expected


# Social Security Act 1833(a)(1)(F), (K), (O).
@pytest.mark.parametrize(
    ("practitioner", "day", "expected"),
    [
        ("physician", "2025-03-03", 100_00), ("pa", "2025-03-03", 85_00), ("np", "2025-03-03", 85_00),
        ("cns", "2025-03-03", 85_00), ("csw", "2025-03-03", 75_00),
        ("cnm", "2010-12-31", 65_00), ("cnm", "2011-01-01", 100_00), ("wizard", "2025-03-03", "unknown_practitioner"),
    ],
)  # fmt: skip
def test_practitioner(practitioner, day, expected):
    assert result(practitioner=practitioner, date=date.fromisoformat(day)) == expected


# CMS RVU record layout: payment is the lower of the actual charge and the amount.
@pytest.mark.parametrize(("charge", "cents"), [(None, 50_00), (50_01, 50_00), (49_99, 49_99)])
def test_lower_of_charge_and_amount(charge, cents):
    assert allowed(surgery(1, 900_00), surgery(2, 100_00, charge=charge)) == [900_00, cents]


# 2 % of the 80 % that Medicare pays of 100.00; suspended 2020-05-01 to 2022-03-31, 1 % to 2022-06-30.
@pytest.mark.parametrize(
    ("day", "cents"),
    [
        ("2013-03-31", 0), ("2013-04-01", 1_60), ("2020-04-30", 1_60), ("2020-05-01", 0), ("2022-03-31", 0),
        ("2022-04-01", 80), ("2022-06-30", 80), ("2022-07-01", 1_60),
    ],
)  # fmt: skip
def test_sequestration_is_shown_apart(day, cents):
    priced = one(date=date.fromisoformat(day))
    assert (priced.allowed, priced.sequestration) == (100_00, cents)


def test_every_rule_that_touched_a_line_is_a_step():
    # 150.00, ranked second 75.00, co-surgeon 46.875, nurse practitioner 85 % of 46.88 = 39.848, charge 30.00.
    claim = [surgery(1, 900_00, practitioner="np"),
             surgery(2, 100_00, modifiers="50 62", bilateral="1", practitioner="np", charge=30_00)]  # fmt: skip
    steps = price_claim(claim)[1].steps
    assert [(step.rule, step.after) for step in steps] == [
        ("bilateral", 150_00), ("surgery", 75_00), ("co_surgeons", 46_88), ("practitioner", 39_85), ("charge", 30_00)
    ]  # fmt: skip
    assert all(step.source for step in steps)


def test_a_family_is_of_one_day():
    assert allowed(endoscopy(1, 300_00), endoscopy(2, 250_00, date=date(2025, 3, 4))) == [300_00, 250_00]


def test_imaging_of_another_day_is_not_reduced():
    assert allowed(image(1, 200_00, 40_00), image(2, 100_00, 30_00, date=date(2025, 3, 4))) == [240_00, 130_00]


def test_a_sixth_procedure_is_by_report_as_a_family_too():
    claim = [*(surgery(n, 900_00) for n in range(1, 6)), endoscopy(6, 300_00), endoscopy(7, 250_00)]
    assert [one.reason for one in price_claim(claim)] == [None] * 5 + ["by_report"] * 2


@pytest.mark.parametrize(("pctc", "modifiers"), [("2", ""), ("6", "26")])
def test_a_professional_service_is_reduced_whole(pctc, modifiers):
    # 30.00 x 95 %.
    second = line(2, payment=30_00, modifiers=modifiers, multiple_procedure="4", imaging_family="88", pctc=pctc)
    assert allowed(image(1, 200_00, 40_00), second) == [240_00, 28_50]


def test_equal_amounts_rank_by_what_they_are_not_by_where_they_stand():
    # The line with a charge of 10.00 goes first: 10.00 + 50.00, whichever number it has.
    charged, free = line(1, multiple_procedure="2", charge=10_00), line(2, multiple_procedure="2")
    swapped = line(2, multiple_procedure="2", charge=10_00), line(1, multiple_procedure="2")
    assert allowed(charged, free) == allowed(*swapped) == [10_00, 50_00]
    assert allowed(free, charged) == [50_00, 10_00]


def test_equal_endoscopies_are_ordered_by_what_they_are():
    # Both come to 300.00; the base is taken off once from the one, twice from the other.
    pair = [endoscopy(1, 300_00), endoscopy(1, 150_00, units=2)]
    assert allowed(*pair) == allowed(*reversed(pair))[::-1]


# Social Security Act 1848(a)(4)(B): from 1998 on, each of the two who share an anesthesia service is paid half.
@pytest.mark.parametrize(
    ("modifiers", "day", "cents"),
    [
        ("QK", TODAY, 50_01),
        ("QX", TODAY, 50_01),
        ("QY", TODAY, 50_01),
        ("QX QS", TODAY, 50_01),
        ("AA", TODAY, 100_01),
        ("QZ", TODAY, 100_01),
        ("", TODAY, 100_01),
        ("QK", date(1998, 1, 1), 50_01),
        ("QK", date(1997, 12, 31), 100_01),
    ],
)  # fmt: skip
def test_medical_direction_is_shared_in_halves(modifiers, day, cents):
    assert result(payment=100_01, modifiers=modifiers, date=day, status="J") == cents


# Social Security Act 1833(a)(1)(H): a nurse anesthetist is paid as an anesthesiologist.
@pytest.mark.parametrize(("modifiers", "cents"), [("QZ", 100_01), ("QX", 50_01)])
def test_a_nurse_anesthetist_has_no_share_of_their_own(modifiers, cents):
    assert result(payment=100_01, modifiers=modifiers, practitioner="crna", status="J") == cents


def test_medical_direction_comes_before_the_charge():
    assert result(payment=100_01, modifiers="QK", charge=60_00, status="J") == 50_01
    assert result(payment=100_01, modifiers="QK", charge=40_00, status="J") == 40_00


# SSA 1848(a)(4)(B) halves anesthesia services alone; on a visit the modifier can't be right.
def test_medical_direction_is_of_anesthesia_alone():
    assert result(modifiers="QK") == "medical_direction_not_applicable"


# CMS RVU record layout, status T: "only paid if there are no other services payable under the physician fee schedule
# billed on the same date by the same provider".
@pytest.mark.parametrize(
    ("other", "cents"),
    [
        (line(2, "G0002", 100_00), 0),
        (line(2, "G0002", 100_00, date=date(2025, 3, 4)), 3_28),
        (line(2, "G0002", None, reason="noncovered"), 3_28),
        (line(2, "G0002", 5_00, status="T"), 3_28),
    ],
)
def test_a_service_of_status_t_is_paid_only_as_the_only_one_of_its_day(other, cents):
    assert allowed(line(1, payment=3_28, status="T"), other)[0] == cents


def test_a_service_of_status_t_takes_nothing_from_the_others():
    first, second = price_claim([line(1, payment=3_28, status="T"), line(2, "G0002", 100_00)])
    assert (second.allowed, [step.rule for step in first.steps]) == (100_00, ["only_service"])


# CMS RVU record layout, bilateral 1: "reported twice on the same day by any other means (e.g. ... a 2 in the units
# field)" is paid 150 %, as are two lines of one procedure by the rule on multiple procedures.
@pytest.mark.parametrize("units", [2, 3, 5])
def test_units_of_a_procedure_are_ranked_as_lines_are(units):
    lines = [surgery(1, 100_00) for _ in range(units)]
    assert result(payment=100_00, units=units, multiple_procedure="2") == sum(allowed(*lines))


def test_a_dearer_procedure_comes_before_the_units_of_another():
    assert allowed(surgery(1, 80_00, units=2), surgery(2, 100_00)) == [80_00, 100_00]


def test_a_sixth_unit_is_by_report():
    assert result(payment=100_00, units=6, multiple_procedure="2") == "by_report"


@pytest.mark.parametrize("indicator", ["4", "6", "7"])
def test_units_and_sides_of_a_test_are_reduced_as_lines_are(indicator):
    scan = {"technical": 100_00, "professional": 50_00, "pctc": "1", "imaging_family": "88"}
    scan |= {"payment": 150_00, "multiple_procedure": indicator, "bilateral": "3"}
    two = sum(allowed(line(1, **scan, modifiers="RT"), line(2, **scan, modifiers="LT")))
    assert result(**scan, units=2) == two < 300_00
    assert result(**scan, modifiers="50") == two


def test_units_of_an_endoscopy_are_paid_as_lines_are():
    twice = allowed(endoscopy(1, 500_00), endoscopy(2, 500_00))
    (both,) = price_claim([endoscopy(1, 500_00, units=2)])
    assert both.allowed == sum(twice) == 500_00 + 300_00


# --- one service on two lines: Medicare Claims Processing Manual chapter 1 section 120 ----------------------------


def test_lines_that_are_the_same_are_priced_and_said_to_be_duplicates():
    again = price_claim([line(1), line(2), line(3, modifiers="25")])
    assert [one.allowed for one in again] == [100_00, 100_00, 100_00]
    assert [[step.rule for step in one.steps] for one in again] == [["duplicate"], ["duplicate"], []]


@pytest.mark.parametrize(
    "other",
    [
        {"modifiers": "59"}, {"modifiers": "76"}, {"units": 2}, {"date": date(2026, 1, 9)}, {"practitioner": "np"},
        {"facility": True}, {"hcpcs": "G0002"},
    ],
)  # fmt: skip
def test_lines_that_something_tells_apart_are_no_duplicates(other):
    assert not [
        step for one in price_claim([line(1), line(2, **other)]) for step in one.steps if step.rule == "duplicate"
    ]


def test_two_assistants_and_what_was_done_again_by_its_modifier_are_no_duplicates():
    for names in ("76", "59", "80"):
        priced = price_claim([line(n, modifiers=names, assistant_surgeon="2") for n in (1, 2)])
        assert not [step for one in priced for step in one.steps if step.rule == "duplicate"]


# --- both sides on two lines: CMS's record layout, bilateral surgery, RT and LT -----------------------------------


@pytest.mark.parametrize(
    ("indicator", "total"), [("0", 100_00), ("1", 150_00), ("2", 100_00), ("3", 200_00), ("9", 200_00)]
)
def test_right_and_left_on_two_lines_are_paid_as_one_bilateral_procedure(indicator, total):
    lines = allowed(line(1, bilateral=indicator, modifiers="RT"), line(2, bilateral=indicator, modifiers="LT"))
    assert sum(lines) == total


def test_two_sides_on_two_lines_equal_modifier_50_beside_another_procedure():
    side = {"bilateral": "1", "multiple_procedure": "2"}
    other = surgery(9, 120_00)
    assert allowed(line(1, **side, modifiers="RT"), line(2, **side, modifiers="LT"), other) == [150_00, 0, 60_00]
    assert allowed(line(1, **side, modifiers="50"), other) == [150_00, 60_00]


def test_the_line_of_the_other_side_says_where_it_is_priced():
    _, left = price_claim([line(1, bilateral="1", modifiers="RT"), line(2, bilateral="1", modifiers="LT")])
    assert [(step.rule, step.text) for step in left.steps] == [("two_sides", "both sides are priced on line 1")]


def test_one_side_alone_is_one_procedure():
    assert allowed(line(1, bilateral="1", modifiers="RT")) == [100_00]


def test_two_lines_of_the_same_side_are_no_pair():
    lines = line(1, bilateral="1", modifiers="RT"), line(2, bilateral="1", modifiers="RT 59")
    assert allowed(*lines) == [100_00, 100_00]


def test_sides_of_different_days_are_no_pair():
    lines = line(1, bilateral="1", modifiers="RT"), line(2, bilateral="1", modifiers="LT", date=date(2026, 1, 9))
    assert allowed(*lines) == [100_00, 100_00]


# Each side keeps the rule that its own line names: one on film, one computed; one operation, one aftercare.
@pytest.mark.parametrize(("one_side", "other"), [("FX", "FY"), ("FX", ""), ("54", "55")])
def test_sides_under_different_rules_are_no_pair(one_side, other):
    part = {"hcpcs": "G0279", "bilateral": "1", "pctc": "1", "technical": 70_00, "global_days": "090"}
    lines = [line(1, modifiers=f"RT {one_side}", **part), line(2, modifiers=f"LT {other}", **part)]
    assert allowed(*lines) == [allowed(one)[0] for one in lines]


def test_charges_of_both_sides_count_together():
    lines = line(1, bilateral="1", modifiers="RT", charge=60_00), line(2, bilateral="1", modifiers="LT", charge=70_00)
    assert allowed(*lines) == [130_00, 0]


@pytest.mark.parametrize(("charges", "is_said"), [((60_00, None), True), ((None, 60_00), True), ((None, None), False)])
def test_a_charge_of_one_side_alone_is_said_not_to_count(charges, is_said):
    right, left = price_claim(
        [
            line(1, bilateral="1", modifiers="RT", charge=charges[0]),
            line(2, bilateral="1", modifiers="LT", charge=charges[1]),
        ]
    )
    assert (right.allowed, left.allowed) == (150_00, 0)
    assert left.steps[0].text.endswith("without the charge: only one of them has one") == is_said
