"""A modifier that says who gave the service says it for a line that names no practitioner."""

import pytest

from pfsetl.pricing.modifier_reasons import modifier_notes
from pfsetl.pricing.service import service

DAY = "2025-03-03"


def of(modifiers, **given):
    return service("90834", DAY, modifiers=modifiers, **given)


@pytest.mark.parametrize(
    ("modifier", "practitioner"),
    [("AJ", "csw"), ("AH", "psychologist"), ("AE", "dietitian"), ("QX", "crna"), ("QZ", "crna"), ("25", "physician")],
)
def test_the_modifier_names_the_practitioner(modifier, practitioner):
    assert of(modifier).practitioner == practitioner


def test_the_practitioner_that_is_given_wins():
    assert of("AJ", practitioner="physician").practitioner == "physician"


def test_two_who_are_named_leave_the_physician():
    assert of("AJ AH").practitioner == "physician"


def test_a_practitioner_by_modifier_is_said():
    assert "practitioner csw: by modifier AJ; none was given" in modifier_notes(of("AJ"))


@pytest.mark.parametrize(("modifiers", "given"), [("AJ", {"practitioner": "physician"}), ("AJ AH", {})])
def test_a_practitioner_against_a_modifier_is_said(modifiers, given):
    assert "modifier AJ says csw; priced as of practitioner physician" in modifier_notes(of(modifiers, **given))
