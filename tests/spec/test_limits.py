"""What bounds a payment: the OPPS imaging cap, and the limits for physicians who don't participate."""

from decimal import Decimal

import pytest

from pfsetl.tables import derive
from tests.spec.rows import IN_FORCE, Row, paid, paid_in, rvu_rows

CAPPED: Row = {"hcpcs": "G0130", "modifier": "TC", "nonfacility_pe_rvu": "5.00", "facility_pe_rvu": "5.00"}


# Deficit Reduction Act section 5102(b): Medicare pays the lower of the two.
@pytest.mark.parametrize(
    ("opps_pe", "payment"),
    [("3.00", "30.00"), ("4.99", "49.90"), ("5.00", "50.00"), ("5.01", "50.00"), ("9.00", "50.00")],
)
def test_payment_is_the_lower_of_amount_and_opps_cap(opps_pe, payment):
    row = paid(**CAPPED, opps_nonfacility_pe_rvu=opps_pe)
    assert row["nonfacility_payment"] == Decimal(payment)


def test_the_cap_leaves_the_amount_as_the_formula_gives_it():
    assert paid(**CAPPED, opps_nonfacility_pe_rvu="3.00")["nonfacility_amount"] == Decimal("50.00")


def test_each_setting_is_capped_by_its_own_opps_expense():
    row = paid(**CAPPED, opps_nonfacility_pe_rvu="3.00", opps_facility_pe_rvu="4.00")
    assert (row["nonfacility_payment"], row["facility_payment"]) == (Decimal("30.00"), Decimal("40.00"))


def test_the_opps_amount_uses_the_locality_indices_of_its_parts():
    # (1.00 x 1.5 + 2.00 x 0.9 + 0.50 x 0.4) x 10 = 35.00
    row = paid_in("1.500", "0.900", "0.400", work_rvu="1", nonfacility_pe_rvu="9", mp_rvu="9",
                  opps_nonfacility_pe_rvu="2", opps_mp_rvu="0.5")  # fmt: skip
    assert row["nonfacility_opps_amount"] == Decimal("35.00")


def test_a_row_without_opps_expense_has_no_cap():
    row = paid(work_rvu="1")
    assert (row["nonfacility_opps_amount"], row["nonfacility_payment"]) == (None, Decimal("10.00"))


def test_a_carrier_priced_whole_service_is_capped_with_the_work_of_its_26_row():
    # CMS OPPSCAP: the whole service of status C prints work 0.00; (0.70 + 2.00 + 0.10) x 10 = 28.00.
    caps = {"opps_nonfacility_pe_rvu": "2.00", "opps_mp_rvu": "0.10"}
    rows = rvu_rows(
        {"hcpcs": "G0204", "modifier": "", "status": "C", **caps},
        {"hcpcs": "G0204", "modifier": "26", "status": "A", "work_rvu": "0.70"},
    )
    whole = derive.payment_national(rows, IN_FORCE).filter(modifier="").row(0, named=True)
    assert whole["nonfacility_opps_amount"] == Decimal("28.00")


def test_a_technical_component_doesnt_borrow_work():
    caps = {"opps_nonfacility_pe_rvu": "2.00", "opps_mp_rvu": "0.10"}
    rows = rvu_rows(
        {"hcpcs": "G0204", "modifier": "TC", "status": "C", **caps},
        {"hcpcs": "G0204", "modifier": "26", "status": "A", "work_rvu": "0.70"},
    )
    technical = derive.payment_national(rows, IN_FORCE).filter(modifier="TC").row(0, named=True)
    assert technical["nonfacility_opps_amount"] == Decimal("21.00")


# CMS Look-Up Tool 2020 for 61885 and 61888; RVUs x 36.0896.
@pytest.mark.parametrize(
    ("total_rvu", "payment", "limiting_charge"),
    [("14.93", "538.82", "588.66"), ("11.39", "411.06", "449.08")],
)
def test_limiting_charge_is_109_25_percent_of_the_rounded_payment(total_rvu, payment, limiting_charge):
    row = paid(work_rvu=total_rvu, conversion_factor="36.0896")
    assert (row["facility_payment"], row["facility_limiting_charge"]) == (Decimal(payment), Decimal(limiting_charge))


# 538.82 x 0.95 = 511.879; 40.30 x 0.95 = 38.285, half up; 0.10 x 0.95 = 0.095, half up.
@pytest.mark.parametrize(("payment", "reduced"), [("538.82", "511.88"), ("40.30", "38.29"), ("0.10", "0.10")])
def test_a_nonparticipating_physician_gets_95_percent_of_the_rounded_payment(payment, reduced):
    row = paid(work_rvu=payment, conversion_factor="1")
    assert row["nonfacility_nonparticipating_amount"] == Decimal(reduced)


def test_limits_follow_the_capped_payment():
    # 30.00 x 1.0925 = 32.775, half up.
    row = paid(**CAPPED, opps_nonfacility_pe_rvu="3.00")
    assert row["nonfacility_limiting_charge"] == Decimal("32.78")


def test_no_payment_no_limits():
    row = paid(status="N", work_rvu="1")
    assert (row["nonfacility_nonparticipating_amount"], row["nonfacility_limiting_charge"]) == (None, None)
