"""The contract is valid ODCS, promises what consumers rely on, and its rules catch what they say."""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path

import duckdb
import jsonschema
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pfsetl.checks.violations import counted
from pfsetl.declared import contracts, declarations, registry, table_schemas
from pfsetl.declared.contracts import Contract, Rule, Table
from pfsetl.errors import ContractError
from tools import dictionary

CONTRACT = contracts.load()
CODE_COLUMNS = [
    "status", "modifier", "pctc", "global_days", "multiple_procedure", "bilateral", "assistant_surgeon",
    "co_surgeons", "team_surgery", "supervision", "calculation_flag", "imaging_family",
]  # fmt: skip
POLICY = CODE_COLUMNS[4:9]

Row = dict[str, object]

# What consumers rely on: primary key | other columns. A name may be added here, never removed.
PAID_COLUMNS = """status nonfacility_amount facility_amount nonfacility_opps_amount facility_opps_amount
    nonfacility_payment facility_payment reason nonfacility_na facility_na nonfacility_nonparticipating_amount
    facility_nonparticipating_amount nonfacility_limiting_charge facility_limiting_charge"""
PROMISE = {
    "rvu": """release participant hcpcs modifier | status not_used section subsection work_rvu
        nonfacility_pe_rvu nonfacility_na facility_pe_rvu facility_na mp_rvu nonfacility_total_rvu
        facility_total_rvu pctc global_days preoperative intraoperative postoperative multiple_procedure
        bilateral assistant_surgeon co_surgeons team_surgery pricing_indicator endoscopic_base
        conversion_factor supervision calculation_flag imaging_family opps_nonfacility_pe_rvu
        opps_facility_pe_rvu opps_mp_rvu nonfacility_pe_rvu_full nonfacility_na_full facility_pe_rvu_full
        facility_na_full nonfacility_total_rvu_full facility_total_rvu_full""",
    "gpci": """release state locality
        | mac macs locality_name work_gpci pe_gpci mp_gpci work_gpci_without_floor""",
    "locality_county": "release state locality counties | mac macs fee_schedule_area",
    "anesthesia": "release participant state locality | mac macs conversion_factor",
    "opps_cap": "release hcpcs modifier state locality | mac macs status nonfacility_amount facility_amount",
    "conversion_factor": "release participant | conversion_factor effective_from effective_to",
    "payment_national": f"release participant hcpcs modifier | {PAID_COLUMNS}",
    "payment_locality": f"release participant hcpcs modifier state locality | mac {PAID_COLUMNS}",
    "section_stats": """release participant section measure
        | parent_section n mean min p10 p25 median p75 p90 p95 max max_hcpcs""",
    "code_comparison": """release participant hcpcs measure
        | section value n rank percentile section_median ratio_to_median section_max""",
    "section_values": "release participant section measure population bin | lower upper codes",
    "code_relation": "release hcpcs relation other | rank work_rvu_difference companion_from",
    "code_text": "release hcpcs | text",
    "code_profile": """release hcpcs | section subsection text status pctc global_days has_parts add_on anesthesia
        endoscopy global_surgery imaging incident_to laboratory maternity radiology reporting_only supply
        test_or_radiology therapy timed paid in_nonfacility in_facility relations modifiers add_on_type add_on_from
        mue_units mue_indicator mue_rationale mue_from rbcs_id rbcs_category rbcs_subcategory rbcs_family rbcs_from
        missing""",
    "release_changes": "release participant hcpcs modifier column | previous_release change old new",
    "code_history": """hcpcs modifier participant release | effective_from effective_to standing status not_used
        work_rvu nonfacility_pe_rvu facility_pe_rvu mp_rvu nonfacility_total_rvu facility_total_rvu conversion_factor
        conversion_factor_paid nonfacility_amount facility_amount nonfacility_payment facility_payment reason
        nonfacility_na facility_na calculation_flag previous_release previous_participant not_compared
        nonfacility_change nonfacility_change_work nonfacility_change_pe nonfacility_change_mp
        nonfacility_change_factor nonfacility_change_rounding facility_change facility_change_work facility_change_pe
        facility_change_mp facility_change_factor facility_change_rounding""",
    "code_events": """hcpcs modifier release | event is_there previous_release first_release last_release
        appeared_when_gone appeared_when_gone_count""",
    "release_calendar": "release participant effective_from | effective_to conversion_factor source",
    "code_modifier": """release hcpcs modifier participant setting | applies indicator indicator_value payment
        payment_change reason documentation_required certainty""",
    "code_values": "column code valid_from | valid_to title meaning source",
    "modifier": "modifier | name category effect valid_from valid_to note source certainty",
    "rejects": "release file line | member reason text",
    "source_lines": "release table participant hcpcs modifier state locality counties | file line",
    "releases": """release revision | year quarter kind effective_from effective_to never_effective
        supersedes published_at archive_name archive_sha256 url note""",
}

# Invented rows. A whole service and its components, active and consistent: no rule has anything against them.
WHOLE: Row = {
    "release": "RVU26A", "participant": "non_qp", "hcpcs": "G0001", "modifier": "",
    "status": "A", "not_used": False, "nonfacility_na": False, "facility_na": False,
    "work_rvu": "1.00", "nonfacility_pe_rvu": "2.00", "facility_pe_rvu": "1.50", "mp_rvu": "0.10",
    "preoperative": "0.00", "intraoperative": "0.00", "postoperative": "0.00",
    "nonfacility_total_rvu": "3.10", "facility_total_rvu": "2.60",
    "nonfacility_pe_rvu_full": "2.20", "facility_pe_rvu_full": "1.60",
    "nonfacility_total_rvu_full": "3.30", "facility_total_rvu_full": "2.70",
    "opps_nonfacility_pe_rvu": "0.00", "opps_facility_pe_rvu": "0.00", "opps_mp_rvu": "0.00",
    "conversion_factor": "33.4009", "pricing_indicator": "9",
} | dict.fromkeys(CODE_COLUMNS[2:-1], "1") | {"imaging_family": "99"}  # fmt: skip
PROFESSIONAL = WHOLE | {
    "modifier": "26", "nonfacility_pe_rvu": "0.40", "facility_pe_rvu": "0.40", "mp_rvu": "0.06",
    "nonfacility_total_rvu": "1.46", "facility_total_rvu": "1.46",
    "nonfacility_total_rvu_full": None, "facility_total_rvu_full": None,
}  # fmt: skip
TECHNICAL = PROFESSIONAL | {
    "modifier": "TC", "work_rvu": "0.00",
    "nonfacility_pe_rvu": "1.60", "facility_pe_rvu": "1.10", "mp_rvu": "0.04",
    "nonfacility_total_rvu": "1.64", "facility_total_rvu": "1.14",
}  # fmt: skip
QP = WHOLE | {"participant": "qp", "pricing_indicator": "1", "conversion_factor": "33.5675"}
OPERATION = WHOLE | {
    "global_days": "090", "preoperative": "0.10", "intraoperative": "0.69", "postoperative": "0.21",
    "assistant_surgeon": "2", "co_surgeons": "1", "team_surgery": "0", "nonfacility_na": True,
}  # fmt: skip
CARRIER_PRICED = WHOLE | {"hcpcs": "G0003", "status": "C"}
CAPPED = WHOLE | {"opps_nonfacility_pe_rvu": "1.50", "opps_facility_pe_rvu": "1.50", "opps_mp_rvu": "0.09"}
LOCALITY: Row = {"release": "RVU26A", "state": "AL", "locality": "00"}
GPCI: Row = LOCALITY | {"work_gpci": "1.000", "pe_gpci": "0.900", "mp_gpci": "0.600"}
COUNTY = LOCALITY | {"counties": "ALL COUNTIES"}
ANESTHESIA = LOCALITY | {"participant": "non_qp", "conversion_factor": "20.0000"}
VALUE: Row = {"column": "bilateral", "code": "0", "valid_from": date(1992, 1, 1), "meaning": "none"}
OPPS_CAP = LOCALITY | {"hcpcs": "G0001", "modifier": "TC"}
PAID: Row = {
    "nonfacility_amount": "103.54", "facility_amount": "86.84",
    "nonfacility_payment": "90.00", "facility_payment": "86.84", "reason": None,
}  # fmt: skip
GROUP: Row = {"release": "RVU26A", "participant": "non_qp", "section": "Medicine", "measure": "work_rvu"}
BIN = GROUP | {"population": "valued", "bin": 1, "codes": 3}
NEAR: Row = {"release": "RVU26A", "hcpcs": "G0001", "relation": "nearest_in_work", "other": "G0003", "rank": 1}
OF_RVU26A: Row = {"release": "RVU26A", "participant": "non_qp", "hcpcs": "G0001", "modifier": ""}
MOVED: Row = PAID | OF_RVU26A | {"previous_release": "RVU25D", "previous_participant": "all", "not_compared": None} | {
    f"{setting}_change{cause}": value
    for setting in ("nonfacility", "facility")
    for cause, value in {
        "": "0.01", "_work": "-0.500000", "_pe": "0.000000", "_mp": "0.000000", "_factor": "0.506000",
        "_rounding": "0.004000",
    }.items()
}  # fmt: skip
GONE: Row = {
    "release": "RVU26A", "hcpcs": "G0001", "modifier": "", "event": "gone", "is_there": False,
    "previous_release": "RVU25D", "appeared_when_gone_count": 0,
}  # fmt: skip
OF_97761: Row = {"hcpcs": "97761"}
LICENSED_CODES = ("97761", "D0120", "0001F", "0075T", "0001U", "W0001", "GXXX1")
CLEAN: dict[str, list[Row]] = {
    "conversion_factor": [{"release": "RVU26A", "participant": "qp", "conversion_factor": "33.5675"}],
    "rvu": [WHOLE, PROFESSIONAL, TECHNICAL],
    "gpci": [GPCI],
    "locality_county": [COUNTY],
    "anesthesia": [ANESTHESIA],
    "opps_cap": [OPPS_CAP],
    "payment_national": [PAID],
    "payment_locality": [PAID],
    "code_relation": [NEAR],
    "code_text": [{"hcpcs": "G0101", "text": "x"}],
    "code_profile": [{"hcpcs": "G0101", "text": "x"}, OF_97761],
    "section_stats": [GROUP | {"n": 3}],
    "section_values": [BIN, BIN | {"population": "paid", "codes": 2}],
    "code_history": [MOVED],
    "code_events": [GONE],
}

# rule: the rows of its table that break it, and how many violations they make
CRAFTED: dict[str, tuple[list[Row], int]] = {
    "rvu.totals_add_up": (
        [WHOLE | {"nonfacility_total_rvu": "3.11"}, WHOLE | {"facility_total_rvu": "2.59"}],
        2,
    ),
    "rvu.full_totals_add_up": ([WHOLE | {"facility_total_rvu_full": "2.71"}, WHOLE], 1),
    "rvu.no_negative_rvu": ([WHOLE | {"opps_mp_rvu": "-0.01"}], 1),
    "rvu.one_conversion_factor": ([WHOLE, TECHNICAL | {"conversion_factor": "33.5675"}], 1),
    "rvu.conversion_factor_positive": ([WHOLE | {"conversion_factor": "0.0000"}], 1),
    "rvu.na_copies_other_setting": ([WHOLE | {"nonfacility_na": True}, WHOLE | {"facility_na": True}], 2),
    "rvu.components_add_up": ([WHOLE | {"work_rvu": "1.01"}, PROFESSIONAL, TECHNICAL], 1),
    "rvu.no_work_on_technical_component": ([TECHNICAL | {"work_rvu": "0.01"}], 1),
    "rvu.qp_pricing_indicator": ([WHOLE | {"pricing_indicator": None}, WHOLE | {"participant": "qp"}], 2),
    "rvu.unused_rows_flagged": ([WHOLE | {"status": "N"}, WHOLE | {"status": "N", "not_used": True}], 1),
    "rvu.unpriced_without_indicators": (
        [WHOLE | {"status": "X"}, WHOLE | {"status": "X"} | dict.fromkeys(POLICY, "9"), WHOLE],
        1,
    ),
    "rvu.supervision_where_it_applies": (
        [OPERATION | {"supervision": level} for level in ("02", "09", None)] + [WHOLE | {"status": "M"}, WHOLE],
        2,
    ),
    "rvu.components_with_one_expense_are_na": (
        [
            WHOLE | {"pctc": "1", "facility_pe_rvu": "2.00"},
            WHOLE | {"pctc": "1", "facility_pe_rvu": "2.00", "facility_na": True},
            PROFESSIONAL | {"pctc": "1", "facility_pe_rvu": PROFESSIONAL["nonfacility_pe_rvu"]},
        ],
        1,
    ),
    "rvu.endoscopic_base_in_rvu": (
        [
            WHOLE | {"hcpcs": code, "endoscopic_base": base}
            for code, base in (("G0001", None), ("G0002", "G0001"), ("G0003", "G0002"), ("G0004", "45378"))
        ],
        2,
    ),
    "rvu.endoscopy_names_its_base": (
        [WHOLE | {"endoscopic_base": base, "multiple_procedure": "3"} for base in (None, "G0001")],
        1,
    ),
    "rvu.endoscopy_with_base": (
        [WHOLE | {"endoscopic_base": "45378", "multiple_procedure": m} for m in ("3", "2", None)],
        2,
    ),
    "rvu.indicators_filled": (  # files before 2006 have no imaging family
        [WHOLE | {"pctc": None}, TECHNICAL | {"pctc": None}, QP | {"bilateral": None}]
        + 4 * [WHOLE | {"release": "RVU05C", "pctc": None, "imaging_family": None}],
        1,
    ),
    "rvu.components_mostly_of_their_indicator": (
        [
            *[PROFESSIONAL | {"pctc": "6"}] * 49,
            TECHNICAL | {"pctc": "0"},
            TECHNICAL | {"pctc": None},
            *[TECHNICAL] * 49,
        ],
        51,
    ),
    "rvu.indicators_on_every_row": ([WHOLE | {"pctc": pctc} for pctc in ("0", None, "1", None)], 2),
    "rvu.imaging_reduction_with_family": (
        [WHOLE | {"multiple_procedure": m, "imaging_family": f} for m in "40" for f in ("99", None, "88")],
        3,
    ),
    "rvu.no_work_on_technical_service": ([WHOLE | {"pctc": "3"}, TECHNICAL | {"pctc": "3"}], 1),
    "rvu.known_modifier": ([WHOLE, TECHNICAL | {"modifier": "27"}], 1),
    "rvu.status_of_its_days": ([WHOLE, WHOLE | {"status": "?"}], 1),
    "rvu.modifier_of_its_days": ([WHOLE, TECHNICAL | {"modifier": "27"}], 1),
    "rvu.known_pricing_indicator": ([WHOLE, WHOLE | {"pricing_indicator": "?"}], 1),
    **{f"rvu.known_{name}": ([WHOLE, WHOLE | {name: "?"}], 1) for name in CODE_COLUMNS if name != "modifier"},
    "rvu.package_shares_make_one": (
        [
            WHOLE | dict(zip(("preoperative", "intraoperative", "postoperative"), shares, strict=True))
            for shares in (
                ("0.00", "0.00", "0.00"),
                ("0.10", "0.69", "0.21"),
                ("0.10", "0.80", "0.00"),
                ("1.00", "0.00", "0.00"),
            )
        ],
        2,
    ),
    "rvu.package_shares_of_a_period": (
        [
            WHOLE | {"global_days": days, "preoperative": "0.10", "intraoperative": "0.80", "postoperative": "0.10"}
            for days in ("010", "090", "000", "XXX")
        ],
        2,
    ),
    "rvu.parts_share_the_package": (
        [WHOLE, PROFESSIONAL | {"preoperative": "1.00"}, TECHNICAL | {"endoscopic_base": "G0002"}],
        2,
    ),
    "rvu.parts_share_indicators": ([WHOLE, TECHNICAL | {"status": "N"}, PROFESSIONAL | {"status": "N"}], 1),
    "rvu.facility_seldom_above_nonfacility": (
        [
            *[WHOLE] * 57,
            *[WHOLE | {"facility_pe_rvu": "2.01"}] * 7,
            *[QP] * 20,
            *[QP | {"facility_pe_rvu": "2.01"}] * 2,
        ],
        7,
    ),
    # What is asked of a whole schedule isn't asked of a part of it: 1,999 services.
    "rvu.preoperative_seldom_above_postoperative": (
        [
            *[OPERATION] * 1400,
            *[OPERATION | {"preoperative": "0.21", "postoperative": "0.10"}] * 701,
            *[OPERATION | {"participant": "qp"}] * 1400,
            *[OPERATION | {"participant": "qp", "preoperative": "0.21", "postoperative": "0.10"}] * 700,
            *[OPERATION | {"participant": "part", "preoperative": "0.21", "postoperative": "0.10"}] * 1999,
        ],
        701,
    ),
    "rvu.surgeons_in_their_columns": (
        [
            *[OPERATION] * 1000,
            *[OPERATION | {"assistant_surgeon": "1", "co_surgeons": "2"}] * 1000,
            *[OPERATION | {"participant": "qp"}] * 1001,
            *[OPERATION | {"participant": "qp", "assistant_surgeon": "1", "team_surgery": "2"}] * 1000,
            *[OPERATION | {"participant": "part", "assistant_surgeon": "1", "co_surgeons": "2"}] * 1999,
        ],
        2000,
    ),
    "rvu.surgery_mostly_na_outside_a_facility": (
        [
            *[OPERATION] * 1000,
            *[OPERATION | {"nonfacility_na": False}] * 1000,
            *[OPERATION | {"participant": "qp"}] * 1000,
            *[OPERATION | {"participant": "qp", "facility_na": True}] * 500,
            *[OPERATION | {"participant": "qp", "nonfacility_na": False}] * 501,
            *[OPERATION | {"participant": "part", "nonfacility_na": False}] * 1999,
        ],
        2001,
    ),
    "rvu.opps_parts_add_up": (
        [CAPPED, PROFESSIONAL, TECHNICAL | {"opps_nonfacility_pe_rvu": "1.11", "opps_mp_rvu": "0.03"}],
        1,
    ),
    "rvu.opps_malpractice_with_expense": (
        [CAPPED, CAPPED | {"opps_nonfacility_pe_rvu": "0.00", "opps_facility_pe_rvu": "0.00", "opps_mp_rvu": "0.01"}],
        1,
    ),
    "rvu.opps_same_in_both_settings": ([CAPPED | {"opps_facility_pe_rvu": "1.51"}], 1),
    "rvu.opps_same_dollars_for_both_participants": (
        [CAPPED, CAPPED | {"participant": "qp", "conversion_factor": "33.5675", "opps_nonfacility_pe_rvu": "1.53"}],
        1,
    ),
    "gpci.floor_in_both_columns": (
        [GPCI | {"work_gpci_without_floor": "0.988"}, GPCI | {"work_gpci_without_floor": "1.001"}],
        1,
    ),
    "gpci.indices_in_range": (
        [
            GPCI | {"mp_gpci": "0.199"},
            GPCI | {"work_gpci_without_floor": "4.001"},
            *(GPCI | {"work_gpci_without_floor": index} for index in ("0.749", "0.750")),
        ],
        3,
    ),
    "anesthesia.factor_in_range": ([ANESTHESIA | {"conversion_factor": "2000.0000"}], 1),
    "anesthesia.same_localities_as_gpci": ([ANESTHESIA | {"locality": "01"}], 2),
    "rvu.rows_near_neighbour": ([WHOLE] * 4, 1),
    "rvu.qp_rows_in_non_qp": ([WHOLE, TECHNICAL, QP, QP | {"modifier": "26"}, QP | {"hcpcs": "G0002"}], 2),
    "rvu.qp_values_of_non_qp": (
        [WHOLE, QP, TECHNICAL, QP | TECHNICAL | {"participant": "qp", "imaging_family": None}],
        1,
    ),
    "rvu.payable_rows_in_qp": ([WHOLE, QP, TECHNICAL, PROFESSIONAL | {"status": "N"}, CARRIER_PRICED], 2),
    "rvu.technical_component_has_the_rest": (
        [TECHNICAL, PROFESSIONAL, TECHNICAL | {"hcpcs": "G0002"}, QP, QP | TECHNICAL | {"participant": "qp"}],
        3,
    ),
    "locality_county.same_localities_as_gpci": ([COUNTY, COUNTY | {"locality": "01"}, COUNTY | {"state": "GA"}], 2),
    "anesthesia.same_localities_as_counties": ([ANESTHESIA | {"locality": "01"}], 2),
    "anesthesia.participants_in_the_ratio_of_their_factors": (
        [
            ANESTHESIA | {"conversion_factor": "20.1000"},
            ANESTHESIA | {"participant": "qp"},
            ANESTHESIA | {"locality": "01"},
            ANESTHESIA | {"locality": "01", "participant": "qp", "conversion_factor": "20.0100"},
            ANESTHESIA | {"locality": "02"},
            ANESTHESIA | {"locality": "02", "participant": "qp", "conversion_factor": "20.1000"},
        ],
        2,
    ),
    "anesthesia.participants_of_rvu": ([ANESTHESIA | {"participant": "all"}], 1),
    "anesthesia.further_participants_of_rvu": ([ANESTHESIA], 1),
    "opps_cap.every_locality_of_a_service": (
        [OPPS_CAP, OPPS_CAP | {"locality": "01"}, OPPS_CAP | {"modifier": ""}, OPPS_CAP | {"hcpcs": "G0002"}],
        2,
    ),
    "opps_cap.contractors_of_a_locality": (
        [OPPS_CAP, OPPS_CAP | {"modifier": ""}, *(OPPS_CAP | {"locality": "01", "macs": m} for m in ("1", "1,2"))],
        1,
    ),
    "opps_cap.same_localities_as_gpci": ([OPPS_CAP | {"locality": "01"}], 2),
    "rejects.only_repetitions": ([{"reason": "repeats line 3"}, {"reason": "hcpcs is '?'"}], 1),
    "code_history.causes_add_up": (
        [MOVED, MOVED | {"nonfacility_change_pe": "0.000001"}, MOVED | {"facility_change_rounding": "-0.000001"}],
        2,
    ),
    "code_history.change_or_why_not": (
        [
            MOVED,
            MOVED | {"not_compared": "not_in_release_before"},
            MOVED | {"facility_change": None},
            MOVED | {"previous_participant": None},
        ],
        3,
    ),
    "code_history.amounts_of_payment_national": (
        [
            MOVED,
            MOVED | {"nonfacility_amount": "103.55"},
            MOVED | {"facility_payment": None},
            MOVED | {"hcpcs": "G9999", "nonfacility_amount": "1.00"},
        ],
        2,
    ),
    "code_events.gone_is_not_there": (
        [GONE, GONE | {"is_there": True}, GONE | {"appeared_when_gone_count": None}, GONE | {"previous_release": None}],
        3,
    ),
    "code_modifier.modifier_payment_or_reason": (
        [{"payment": "1.00"}, {"payment": "1.00", "reason": "by_report"}, {}, {"reason": "by_report"}],
        2,
    ),
    "code_values.values_one_meaning_a_day": (
        [
            VALUE | {"valid_to": date(2009, 12, 31)},
            VALUE | {"valid_from": date(2010, 1, 1)},
            VALUE | {"code": "1"},
            VALUE | {"code": "1", "valid_from": date(2010, 1, 1)},
            VALUE | {"code": "2", "valid_to": date(1991, 12, 31)},
        ],
        2,
    ),
    "modifier.modifier_days_in_order": ([{"valid_from": date(2026, 1, 2), "valid_to": date(2026, 1, 1)}], 1),
    "release_calendar.days_in_order": ([{"effective_from": date(2026, 1, 2), "effective_to": date(2026, 1, 1)}], 1),
    "release_calendar.factor_of_the_file": (
        [{"release": "RVU26A", "participant": "qp", "conversion_factor": "33.4009"}],
        1,
    ),
    "opps_cap.no_negative_amount": ([OPPS_CAP, OPPS_CAP | {"modifier": "TC", "facility_amount": "-0.01"}], 1),
    "opps_cap.status_of_the_service": ([OPPS_CAP | {"modifier": "TC", "status": "C"}], 1),
    "opps_cap.capped_services_listed": ([OPPS_CAP | {"hcpcs": "G9999"}], 1),
    "opps_cap.most_codes_in_rvu": ([OPPS_CAP, OPPS_CAP | {"hcpcs": "G9999"}], 1),
    "opps_cap.code_in_rvu": ([OPPS_CAP, OPPS_CAP | {"hcpcs": "G9999"}], 1),
    "opps_cap.locality_in_gpci": ([OPPS_CAP, OPPS_CAP | {"state": "AK"}], 1),
    "payment_national.cap_never_raises": ([PAID | {"nonfacility_payment": "103.55"}], 1),
    "payment_national.payment_or_reason": (
        [
            PAID | {"reason": "x"},
            PAID | {"facility_payment": None},
            PAID | {"facility_payment": None, "reason": "x"},
        ],
        2,
    ),
    "payment_locality.cap_never_raises": ([PAID | {"facility_payment": "86.85"}], 1),
    "payment_locality.payment_or_reason": ([PAID | {"nonfacility_payment": None}], 1),
    "code_relation.nearest_by_rank": (
        [NEAR, NEAR | {"rank": 6}, NEAR | {"rank": None}, NEAR | {"relation": "endoscopic_base"}],
        3,
    ),
    "code_text.only_cms_own_codes": ([{"hcpcs": code, "text": "x"} for code in ("G0101", "V2020", *LICENSED_CODES)], 7),
    "code_profile.only_cms_own_words": (
        [OF_97761, *(OF_97761 | {"hcpcs": code, "text": "x"} for code in ("A0021", "G0101", *LICENSED_CODES))],
        7,
    ),
    "section_values.every_code_in_a_bin": ([BIN, BIN | {"bin": 2, "codes": 4}, BIN | {"population": "paid"}], 1),
    "section_values.paid_among_valued": ([BIN, BIN | {"population": "paid", "codes": 4}, BIN | {"bin": 2}], 1),
}
# what has to stand in other tables for a rule to be broken
BESIDE: dict[str, dict[str, list[Row]]] = {
    "anesthesia.further_participants_of_rvu": {"rvu": [WHOLE, WHOLE | {"participant": "further"}]},
    "anesthesia.participants_in_the_ratio_of_their_factors": {
        "conversion_factor": [
            {"release": "RVU26A", "participant": "qp", "conversion_factor": "33.5675"},
            {"release": "RVU26A", "participant": "non_qp", "conversion_factor": "33.4009"},
        ],
    },
    "opps_cap.capped_services_listed": {"rvu": [CAPPED, PROFESSIONAL]},
    "section_values.every_code_in_a_bin": {"section_stats": [GROUP | {"n": 8}]},
    "code_history.amounts_of_payment_national": {"payment_national": [PAID | OF_RVU26A]},
}
RULES = {f"{rule.table}.{rule.name}": rule for table in CONTRACT.tables.values() for rule in table.rules}


def frame(table: Table, rows: list[Row]) -> pl.DataFrame:
    """The rows as the table's columns, decimals written as strings; what a row leaves out is null."""
    if not rows:
        return table.empty()
    columns = [
        pl.Series(column.name, [row.get(column.name) for row in rows], strict=False).cast(column.dtype)
        for column in table.columns
    ]
    return pl.DataFrame(columns)


def tables(rows: dict[str, list[Row]]) -> dict[str, pl.DataFrame]:
    """Every public table with these rows, and the code lists that hold what the clean rows use."""
    public = {name: frame(table, rows.get(name, [])) for name, table in CONTRACT.tables.items()}
    known = {"status": ["A", "N"], "modifier": ["26", "TC"], "pricing_indicator": ["1", "9"], "imaging_family": ["99"]}
    public["neighbour"] = pl.DataFrame({"release": ["RVU24D"], "participant": ["non_qp"], "rows": [3]})
    lists = {name: pl.DataFrame({"code": known.get(name, ["1"])}) for name in (*CODE_COLUMNS, "pricing_indicator")}
    return {f"{kind}_{name}": codes for name, codes in lists.items() for kind in ("code", "listed", "current")} | public


@pytest.fixture(scope="module")
def empty() -> dict[str, pl.DataFrame]:
    """Every table without rows."""
    return tables({})


@pytest.fixture(scope="module")
def clean() -> dict[str, pl.DataFrame]:
    """Every table with rows that break no rule."""
    return tables(CLEAN)


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for one query after another, each with the tables that it names."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def with_rows(frames: dict[str, pl.DataFrame], rows: dict[str, list[Row]]) -> dict[str, pl.DataFrame]:
    """The tables, some of them with other rows."""
    return frames | {name: frame(CONTRACT.tables[name], given) for name, given in rows.items()}


def violations(rule: Rule, frames: dict[str, pl.DataFrame], duck: duckdb.DuckDBPyConnection) -> set[int]:
    """What the rule counts, by a build, by Polars and by DuckDB: one number where they agree."""
    named = {name: frames[name] for name in frames.keys() & set(re.findall(r"\w+", rule.query))}
    by_polars = pl.SQLContext(named).execute(rule.query, eager=True).item()
    for name, each in named.items():
        duck.register(name, each.to_arrow())
    ((by_duckdb,),) = duck.execute(rule.query).fetchall()
    for name in named:
        duck.unregister(name)
    return {counted([rule], named, "RVU26A")[0][0], by_polars, by_duckdb}


def test_contract_is_valid_odcs() -> None:
    schema = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text())
    document = yaml.safe_load((declarations.folder() / "pfs.odcs.yaml").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(document)
    assert document["apiVersion"] == "v3.1.0"


def test_logical_and_physical_types_agree() -> None:
    logical = {"int32": "integer", "float64": "number", "decimal": "number"}
    document = yaml.safe_load((declarations.folder() / "pfs.odcs.yaml").read_text())
    for table in document["schema"]:
        for column in table["properties"]:
            physical = column["physicalType"].partition("(")[0]
            assert column["logicalType"] == logical.get(physical, physical), (table["name"], column["name"])


def test_tables_keep_the_promise() -> None:
    assert list(CONTRACT.tables) == list(PROMISE)
    for name, promise in PROMISE.items():
        key, rest = (part.split() for part in promise.split("|"))
        assert CONTRACT.tables[name].key == tuple(key)
        assert set(key + rest) <= set(CONTRACT.tables[name].schema), name


@pytest.mark.parametrize(
    ("ending", "dtype", "unit"),
    [
        ("_rvu", pl.Decimal(9, 2), "RVU"),
        ("_rvu_full", pl.Decimal(9, 2), "RVU"),
        ("_gpci", pl.Decimal(6, 3), "index"),
        ("_amount", pl.Decimal(9, 2), "USD"),
        ("_payment", pl.Decimal(9, 2), "USD"),
        ("_charge", pl.Decimal(9, 2), "USD"),
    ],
)
def test_name_says_type_and_unit(ending: str, dtype: pl.DataType, unit: str) -> None:
    columns = [column for table in CONTRACT.tables.values() for column in table.columns]
    named = [column for column in columns if column.name.endswith(ending)]
    assert {(column.dtype, column.unit) for column in named} == {(dtype, unit)}


def test_same_name_has_same_type() -> None:
    seen: dict[str, pl.DataType] = {}
    for table in CONTRACT.tables.values():
        for column in table.columns:
            assert seen.setdefault(column.name, column.dtype) == column.dtype, column.name


def test_dictionary_is_fresh() -> None:
    page = Path(__file__).parents[2] / "docs" / "tables.md"
    assert page.read_text() == dictionary.dictionary(CONTRACT), "docs/tables.md is stale: run `make docs`"


def test_the_page_of_the_companions_is_that_of_their_contract() -> None:
    page = Path(__file__).parents[2] / "docs" / "companions.md"
    expected = dictionary.dictionary(contracts.companions(), "Companions")
    assert page.read_text() == expected, "docs/companions.md is stale: run `make docs`"


def test_dictionary_tells_column_and_rule() -> None:
    page = dictionary.dictionary(CONTRACT)
    assert "| `work_gpci` | decimal(6,3) |  | index |" in page
    assert "| `release` | string | key |" in page
    assert "| `totals_add_up` | error |" in page


def write(path: Path, *properties: Row, **extra: object) -> Path:
    """A contract of one table `t` with these columns; a key `k` comes first unless one is given."""
    key = Row(name="k", physicalType="string", required=True, primaryKey=True, primaryKeyPosition=1)
    columns = [Row(description="d") | column for column in (key, *properties)]
    table = {"name": "t", "description": "d", "properties": columns} | extra
    path.write_text(yaml.safe_dump({"id": "x", "version": "1.0.0", "schema": [table]}))
    return path


def rule(**changes: object) -> Row:
    return {
        "name": "r", "type": "sql", "query": "SELECT 1", "mustBe": 0, "severity": "warn", "description": "d",
    } | changes  # fmt: skip


def test_small_contract_compiles(tmp_path: Path) -> None:
    unit = [{"property": "unit", "value": "USD"}]
    column: Row = {"name": "price", "physicalType": "decimal(9,2)", "customProperties": unit}
    contract = contracts.load(write(tmp_path / "c.yaml", column, quality=[rule()]))
    assert contract == Contract(
        "x",
        "1.0.0",
        {
            "t": Table(
                "t",
                "d",
                (
                    contracts.Column("k", pl.String(), False, True, None, "d"),
                    contracts.Column("price", pl.Decimal(9, 2), True, False, "USD", "d"),
                ),
                (Rule("r", "t", "SELECT 1", "warn", "d"),),
            )
        },
    )


@pytest.mark.parametrize(
    ("column", "extra", "message"),
    [
        ({"name": "a", "physicalType": "varchar"}, {}, r"t\.a: physicalType 'varchar' is none of string"),
        ({"name": "a", "physicalType": "decimal(9)"}, {}, r"t\.a: physicalType 'decimal\(9\)'"),
        ({"name": "a"}, {}, r"t\.a: 'physicalType' is missing"),
        ({"name": "a", "physicalType": "date", "description": ""}, {}, r"t\.a: 'description' is missing"),
        ({"name": "k", "physicalType": "date"}, {}, r"t\.k: the name occurs 2 times"),
        (
            {"name": "a", "physicalType": "date", "primaryKey": True},
            {},
            r"t\.a: a primaryKey column must be required",
        ),
        (
            {
                "name": "a",
                "physicalType": "date",
                "required": True,
                "primaryKey": True,
                "primaryKeyPosition": 3,
            },
            {},
            r"t: primaryKeyPosition must count 1, 2, 3 in column order, found \[1, 3\]",
        ),
        (
            None,
            {"properties": [{"name": "a", "physicalType": "date", "description": "d"}]},
            r"t: primaryKeyPosition must count 1, 2, 3 in column order, found \[\]",
        ),
        (None, {"properties": []}, "t: 'properties' is missing"),
        (None, {"quality": [rule(), rule()]}, r"t\.r: the name occurs 2 times"),
        (
            None,
            {"quality": [rule(severity="fatal")]},
            "t, rule 'r': severity is 'fatal', expected 'error' or 'warn'",
        ),
        (None, {"quality": [rule(mustBe=1)]}, "t, rule 'r': expected type 'sql' and mustBe 0"),
        (None, {"quality": [rule(query="")]}, "t, rule 'r': 'query' is missing"),
    ],
)
def test_unsound_contract_is_refused(tmp_path: Path, column: Row | None, extra: Row, message: str) -> None:
    path = write(tmp_path / "c.yaml", *([column] if column else []), **extra)
    with pytest.raises(ContractError, match=message):
        contracts.load(path)


@pytest.mark.parametrize("text", ["a: [", "just words", "id: x\nversion: 1.0.0\n"])
def test_unreadable_contract_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(ContractError, match=r"c\.yaml"):
        contracts.load(path)


def test_every_member_that_a_table_is_made_of_is_declared() -> None:
    declared = {kind.member for kind in registry.member_kinds()}
    assert {member for table in CONTRACT.tables.values() for member in table.members} == declared


def test_conform_orders_columns() -> None:
    table = CONTRACT.tables["gpci"]
    reverse = table.empty().select(reversed(table.schema.names()))
    assert contracts.conform(reverse, table).schema == table.schema


def cast(**dtypes: pl.DataType) -> list[pl.Expr]:
    """Every column, these ones cast."""
    return [pl.all().exclude(*dtypes), *(pl.col(name).cast(dtype) for name, dtype in dtypes.items())]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ([pl.all().exclude("mac")], "gpci.mac: expected string, found no such column"),
        ([pl.all(), pl.lit(1, pl.Int64).alias("x")], "gpci.x: expected no such column, found Int64"),
        (cast(work_gpci=pl.Decimal(6, 2)), r"gpci.work_gpci: expected decimal\(6,3\), found decimal\(6,2\)"),
        (cast(mp_gpci=pl.Float64()), r"gpci.mp_gpci: expected decimal\(6,3\), found float64"),
    ],
)
def test_conform_refuses(change: list[pl.Expr], message: str) -> None:
    table = CONTRACT.tables["gpci"]
    with pytest.raises(ContractError, match=message):
        contracts.conform(table.empty().select(change), table)


def sample(dtype: pl.DataType) -> object:
    if isinstance(dtype, pl.Decimal):
        return Decimal(1)
    values = {pl.Boolean(): True, pl.Int32(): 1, pl.Float64(): 0.5, pl.Date(): date(2026, 1, 1)}
    return values.get(dtype, "é")


@pytest.mark.parametrize("table", CONTRACT.tables.values(), ids=CONTRACT.tables)
def test_parquet_carries_description_and_unit(table: Table, tmp_path: Path) -> None:
    row = {column.name: None if column.nullable else sample(column.dtype) for column in table.columns}
    one = pl.DataFrame([row], schema=table.schema)
    for rows in (one, table.empty()):
        rows.write_parquet(tmp_path / "t.parquet", arrow_schema=table_schemas.arrow_schema(table))
        written = pq.read_schema(tmp_path / "t.parquet")
        for column, field in zip(table.columns, written, strict=True):
            assert (field.name, field.nullable) == (column.name, column.nullable)
            expected = {b"description": column.description.encode()}
            assert field.metadata == expected | ({b"unit": column.unit.encode()} if column.unit else {})
        assert pl.read_parquet(tmp_path / "t.parquet").equals(rows)


def test_arrow_types() -> None:
    types = {field.name: field.type for field in table_schemas.arrow_schema(CONTRACT.tables["code_comparison"])}
    assert types["hcpcs"] == pa.large_string()
    assert types["value"] == pa.decimal128(12, 2)
    assert types["rank"] == pa.int32()
    assert types["percentile"] == pa.float64()


def test_table_schema() -> None:
    described = table_schemas.table_schema(CONTRACT.tables["conversion_factor"])
    assert described["primaryKey"] == ["release", "participant"]
    assert described["missingValues"] == []
    fields = described["fields"]
    assert [(field["name"], field["type"], field["constraints"]["required"]) for field in fields] == [
        ("release", "string", True),
        ("participant", "string", True),
        ("conversion_factor", "number", True),
        ("effective_from", "date", False),
        ("effective_to", "date", False),
    ]
    assert [field.get("unit") for field in fields] == [None, None, "USD per RVU", None, None]


def test_every_rule_has_a_crafted_violation() -> None:
    assert set(CRAFTED) == set(RULES)


@pytest.mark.long
def test_no_rule_finds_anything_in_empty_tables(empty, duck) -> None:
    assert {name: violations(rule, empty, duck) for name, rule in RULES.items()} == {name: {0} for name in RULES}


@pytest.mark.long
def test_no_rule_finds_anything_in_clean_rows(clean, duck) -> None:
    assert {name: violations(rule, clean, duck) for name, rule in RULES.items()} == {name: {0} for name in RULES}


def test_every_rule_counts_crafted_violations(clean, duck) -> None:
    found = {}
    for name, (rows, _) in CRAFTED.items():
        frames = with_rows(clean, BESIDE.get(name, {}) | {RULES[name].table: rows})
        found[name] = violations(RULES[name], frames, duck)
    assert found == {name: {expected} for name, (_, expected) in CRAFTED.items()}


@pytest.mark.parametrize("name", ["anesthesia.same_localities_as_gpci", "opps_cap.locality_in_gpci"])
def test_rule_between_tables_skips_a_release_that_lacks_one(name: str, empty, duck) -> None:
    rows, _ = CRAFTED[name]
    frames = with_rows(empty, {"gpci": [GPCI | {"release": "RVU25D"}], RULES[name].table: rows})
    assert violations(RULES[name], frames, duck) == {0}
