"""What modifiers say together on one line: contradictions, repetition, days, and what goes with anesthesia alone."""

import re
from pathlib import Path

import pytest

import pfsetl
from pfsetl.declared import declarations
from pfsetl.declared.records.rules import COMPONENTS, REDUCTIONS
from pfsetl.errors import UsageError
from pfsetl.pricing.modifier_reasons import modifier_notes, reason_of
from pfsetl.pricing.same_day import OTHER_SESSION, relations
from pfsetl.pricing.service import modifiers, service

KINDS = {
    "ambulance", "amount_of_work", "anesthesia", "component", "demonstration", "dialysis", "drug",
    "functional_severity", "global_package", "imaging", "assistant_or_team", "informational", "laboratory",
    "never_event", "physical_status",
    "practitioner", "quality", "repeat_or_separate", "research", "side_or_site", "state_program", "statutory_notice",
    "substitute", "supplier_dme", "teaching", "telehealth", "therapy",
}  # fmt: skip


def asked(modifiers, day="2025-02-01"):
    return service("99213", day, modifiers=modifiers)


def reason(modifiers, status="A", day="2025-02-01"):
    return reason_of(asked(modifiers, day), status)


# MCPM chapter 12, section 50: these are reported with anesthesia services.
@pytest.mark.parametrize("modifier", ["P1", "P6", "23", "AA", "QS", "QZ", "G8", "G9"])
def test_what_is_said_of_anesthesia_leaves_another_service_without_an_amount(modifier):
    assert reason(modifier) == f"modifier_{modifier}_without_anesthesia"


@pytest.mark.parametrize("modifier", ["P1", "P6", "23", "AA", "QS", "QZ", "G8", "G9"])
def test_what_is_said_of_anesthesia_is_taken_with_anesthesia(modifier):
    assert reason(modifier, status="J") is None


# MCPM chapter 12, sections 20.4.3, 40.2, 40.7, 40.8 and 50, chapter 5, section 20.1, chapter 30, section 50.
@pytest.mark.parametrize(
    "pair",
    [
        "P1 P3",
        "QK QX",
        "AA QZ",
        "LT RT",
        "62 66",
        "62 80",
        "66 AS",
        "80 82",
        "UN UP",
        "CQ GO",
        "CO CQ",
        "GN GP",
        "GA GZ",
        "GA GX",
    ],
)
def test_two_that_contradict_each_other_leave_no_amount_and_both_are_named(pair):
    first, second = pair.split()
    both = {f"modifiers_{first}_and_{second}_contradict"}
    assert {reason(pair, status="J"), reason(f"{second} {first}", status="J")} == both


# MCPM chapter 12, sections 40.4 and 20.4.3: 54 and 55 by one surgeon, AS beside 80.
@pytest.mark.parametrize("pair", ["54 55", "80 AS", "25 57", "50 RT", "59 XS"])
def test_two_that_go_together_leave_the_amount(pair):
    assert reason(pair) is None


# 42 CFR 410.59 and 410.60: CQ and CO are of 2020.
def test_a_contradiction_holds_on_its_own_days():
    told = [note for note in modifier_notes(asked("CO CQ", "2019-12-31")) if note.startswith("modifiers ")]
    assert told == []


# Social Security Act 1862(a) (excluded by statute); CMS change request 7228 (GZ).
@pytest.mark.parametrize("modifier", ["GY", "GZ"])
def test_what_medicare_denies_has_a_reason(modifier):
    assert reason(modifier) == f"modifier_{modifier}_not_paid"


# Functional reporting: 2013-01-01 to 2018-12-31; XE to XU: CMS change request 8863, from 2015 on.
@pytest.mark.parametrize(
    ("modifier", "day", "told"),
    [
        ("CH", "2012-12-31", "modifier CH: known from 2013-01-01 on, not on 2012-12-31"),
        ("CH", "2013-01-01", None),
        ("CH", "2018-12-31", None),
        ("CH", "2019-01-01", "modifier CH: known until 2018-12-31, not on 2019-01-01"),
        ("XS", "2014-12-31", "modifier XS: known from 2015-01-01 on, not on 2014-12-31"),
        ("XS", "2015-01-01", None),
    ],
)
def test_a_day_outside_a_modifiers_own_is_told(modifier, day, told):
    assert [n for n in modifier_notes(asked(modifier, day)) if "known" in n] == ([told] if told else [])


def test_a_modifier_given_twice_counts_once_and_is_told():
    twice = asked("25 59 25")
    assert twice.modifiers == ("25", "59")
    assert "modifier 25: given more than once, counted once" in modifier_notes(twice)


def test_a_modifier_of_a_rule_on_the_day_isnt_said_to_change_nothing():
    of_session = {name for row in relations() if row.rule == OTHER_SESSION for name in row.modifier}
    assert of_session == {"59", "XE"}
    assert not [name for name in of_session if "doesn't change" in modifiers()[name].note]


def test_an_ambulance_trip_isnt_priced_here():
    assert reason("RH") == "modifier_RH_not_computed"


# ER is also an ambulance's way from a care home to a residence; CP, QU and QV ended, and claims of then have them.
@pytest.mark.parametrize("modifier", ["ER", "H9", "JF", "JK", "JL", "CP", "QU", "QV"])
def test_a_modifier_of_professional_claims_leaves_the_amount(modifier):
    assert reason(modifier) is None


def test_what_is_no_modifier_is_refused():
    with pytest.raises(UsageError, match="not known"):
        asked("9Z")


def test_every_modifier_has_a_short_name_of_its_own():
    names = [m.name for m in modifiers().values()]
    assert all(names)
    assert len(set(names)) == len(names)


def test_kinds_effects_and_certainties_are_of_closed_lists():
    known = modifiers().values()
    assert {m.kind for m in known} == KINDS
    assert {m.effect for m in known} == {"none", "row", "rule", "not_computed", "not_paid"}
    assert {m.certainty for m in known} == {"certain", "likely"}


def test_conflicts_name_known_modifiers_each_pair_once():
    pairs = [(row["modifier"], row["other"]) for row in declarations.texts("modifier_conflicts.csv")]
    assert [p for p in pairs if p != tuple(sorted(p)) or not set(p) <= set(modifiers())] == []
    assert {row["effect"] for row in declarations.texts("modifier_conflicts.csv")} == {"no_amount", "note"}


def test_every_rule_on_claims_is_applied_by_code():
    """A rule that is declared, and that no step asks for, would leave its lines as they are without a word."""
    code = "\n".join(path.read_text() for path in (Path(pfsetl.__file__).parent / "pricing").glob("*.py"))
    assert "for name in COMPONENTS" in code
    rules = {row.rule for row in declarations.rows(REDUCTIONS)} - set(COMPONENTS)
    assert sorted(rule for rule in rules if not re.search(rf'"{rule}"(?!: lambda)', code)) == []
