"""Which rows Medicare pays nationally, and the reason where it doesn't.

Source: CMS RVU record layout, attachment A: "Only RVUs associated with status codes of A, R, or T are used for
Medicare payment"; the not-used flag `+`; R without RVUs is priced by the contractor.
"""

from decimal import Decimal

import pytest

from tests.spec.rows import NEVER_IN_FORCE, Row, paid

WITH_RVUS: Row = {"work_rvu": "1.00", "nonfacility_pe_rvu": "2.00"}  # x 10 = 30.00
BY_STATUS = {
    "A": None,
    "R": None,
    "T": None,
    "B": "bundled",
    "C": "carrier_priced",
    "D": "deleted",
    "E": "excluded_by_regulation",
    "F": "deleted_no_grace",
    "G": "use_other_code",
    "H": "deleted_modifier",
    "I": "not_valid_for_medicare",
    "J": "anesthesia",
    "L": "local_code",
    "M": "measurement_only",
    "N": "noncovered",
    "P": "bundled_supply",
    "Q": "functional_information",
    "X": "statutory_exclusion",
}


@pytest.mark.parametrize(("status", "reason"), BY_STATUS.items())
def test_status_says_why_there_is_no_price(status, reason):
    assert paid(status=status, **WITH_RVUS)["reason"] == reason


@pytest.mark.parametrize(("status", "reason"), BY_STATUS.items())
def test_a_row_is_paid_exactly_when_it_has_no_reason(status, reason):
    expected = Decimal("30.00") if reason is None else None
    assert paid(status=status, **WITH_RVUS)["nonfacility_payment"] == expected


@pytest.mark.parametrize("status", BY_STATUS)
def test_the_amount_is_there_whatever_the_status(status):
    assert paid(status=status, **WITH_RVUS)["nonfacility_amount"] == Decimal("30.00")


@pytest.mark.parametrize(
    ("status", "reason"), [("A", "no_rvus"), ("T", "no_rvus"), ("R", "carrier_priced"), ("J", "anesthesia")]
)
def test_without_rvus_there_is_no_national_price(status, reason):
    assert paid(status=status)["reason"] == reason


def test_a_row_marked_not_used_isnt_paid():
    row = paid(status="A", not_used=True, **WITH_RVUS)
    assert (row["nonfacility_payment"], row["reason"]) == (None, "not_used_for_payment")


def test_a_status_reason_is_named_before_the_not_used_mark():
    assert paid(status="I", not_used=True, **WITH_RVUS)["reason"] == "not_valid_for_medicare"


def test_a_release_that_never_took_effect_pays_nothing():
    row = paid(NEVER_IN_FORCE, **WITH_RVUS)
    assert (row["nonfacility_payment"], row["reason"]) == (None, "never_effective")


def test_a_release_that_never_took_effect_keeps_its_amounts():
    assert paid(NEVER_IN_FORCE, **WITH_RVUS)["nonfacility_amount"] == Decimal("30.00")


@pytest.mark.parametrize("setting", ["nonfacility", "facility"])
def test_na_keeps_the_amount(setting):
    # CMS's 2020 payment file lists an amount on every NA row: NA means rarely performed there, not unpriced.
    na: Row = {f"{setting}_na": True}
    row = paid(work_rvu="1", nonfacility_pe_rvu="2", facility_pe_rvu="2", **na)
    assert row[f"{setting}_amount"] == Decimal("30.00")


@pytest.mark.parametrize(("flag", "other"), [("nonfacility_na", "facility_na"), ("facility_na", "nonfacility_na")])
def test_na_is_carried_for_its_own_setting_only(flag, other):
    row = paid(**(WITH_RVUS | {flag: True}))
    assert (row[flag], row[other]) == (True, False)
