"""What is said of a line's modifiers where they leave its amount alone, or there is none."""

import pytest

from pfsetl.pricing.rule_notes import rule_notes
from pfsetl.pricing.service import modifier_of
from tests.golden.claim_lines import line


def notes(hcpcs, *modifiers, **changed):
    """Return what is said besides the words of the modifiers themselves."""
    given = {"number": 1, "units": 1, "date": "2025-03-03", "hcpcs": hcpcs, "modifiers": modifiers}
    words = {f"modifier {name}: {modifier_of(name).note}" for name in modifiers}
    return " | ".join(note for note in rule_notes(line(given | changed)) if note not in words)


@pytest.mark.parametrize(("hcpcs", "modifier"), [("R0075", "UP"), ("G0001", "62"), ("G0001", "78")])
def test_a_modifier_with_a_rule_is_said_in_words_first(hcpcs, modifier):
    given = {"number": 1, "units": 1, "date": "2025-03-03", "hcpcs": hcpcs, "modifiers": (modifier,)}
    assert next(rule_notes(line(given))) == f"modifier {modifier}: {modifier_of(modifier).note}"


# Medicare Claims Processing Manual chapter 13 section 90.3: R0070 serves one patient, R0075 several.
def test_a_trip_for_one_patient_has_no_modifier_of_several():
    assert "R0070 isn't a trip for several patients, R0075 is" in notes("R0070", "UN")


def test_a_trip_for_several_patients_says_for_how_many():
    assert "R0075 is a trip for several patients: UN UP UQ UR US say for how many" in notes("R0075")


def test_a_trip_that_says_for_how_many_is_paid_in_part():
    assert notes("R0075", "UP").startswith("of the contractor's price 1/3 is paid")


# Medicare Claims Processing Manual chapter 5 section 20.1: claims without the plan's modifier are returned.
@pytest.mark.parametrize(("assistant", "plan"), [("CQ", "GP"), ("CO", "GO")])
def test_an_assistants_modifier_goes_with_its_plan(assistant, plan):
    alone = notes("G0001", assistant, multiple_procedure="5")
    assert f"modifier {assistant} without {plan}: contractors return the line" in alone
    assert "without" not in notes("G0001", assistant, plan, multiple_procedure="5")


# CMS RVU record layout, PC/TC: 5 and 7 aren't paid for hospital patients. Medicare Claims Processing Manual chapter 13
# section 20.2.1: nor is a technical part.
@pytest.mark.parametrize(
    ("pctc", "modifiers", "is_said"),
    [("0", "", False), ("1", "", True), ("1", "TC", True), ("1", "26", False), ("2", "", False), ("3", "", True),
     ("4", "", True), ("5", "", True), ("6", "26", False), ("7", "", True), ("9", "", False)],
)  # fmt: skip
def test_what_is_the_hospital_s_is_said_of_a_facility(pctc, modifiers, is_said):
    said = [
        "not paid by this schedule for a hospital's patient"
        in notes("G0001", *modifiers.split(), pctc=pctc, payment="10.00", facility=facility)
        for facility in (True, False)
    ]
    assert said == [is_said, False]


# CMS RVU record layout, bilateral surgery: a 2 in the units field may report both sides, paid 150 % (1) or 100 % (2).
@pytest.mark.parametrize(
    ("bilateral", "units", "modifier", "percent"),
    [("1", 2, "", "150"), ("2", 2, "", "100"), ("2", 2, "26", "100"), ("0", 2, "", None), ("3", 2, "", None),
     ("9", 2, "", None), ("1", 1, "", None), ("1", 3, "", None), ("1", 2, "59", None), ("1", 2, "RT", None)],
)  # fmt: skip
def test_two_units_that_may_be_both_sides_are_said(bilateral, units, modifier, percent):
    said = notes("G0001", *modifier.split(), bilateral=bilateral, units=units, payment="10.00")
    assert ("2 units are priced as two services" in said) == bool(percent)
    assert percent is None or f"{percent} % of one for both: give 1 unit with modifier 50" in said


def test_documentation_of_a_line_without_an_amount_changes_nothing():
    assert notes("G0001", "62", co_surgeons="1", documented=True) == (
        "documented: it changes nothing, as the line has no amount"
    )
