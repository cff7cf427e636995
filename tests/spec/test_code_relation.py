"""What goes with a code: its parts, its endoscopic family, the codes nearest in work."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from pfsetl.tables import relations
from tests.spec.rows import Row, add_ons, rvu_rows

PLACE = {"section": "Surgery", "subsection": "Digestive"}


def related(hcpcs: str, relation: str, *rows: Row) -> list[str]:
    found = relations.code_relation(None, {"rvu": rvu_rows(*(PLACE | row for row in rows))})
    return found.filter(hcpcs=hcpcs, relation=relation).sort("rank", "other")["other"].to_list()


def works(**work: str) -> list[Row]:
    return [{"hcpcs": code, "work_rvu": value} for code, value in work.items()]


# --- parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modifier", "relation"), [("26", "professional_part"), ("TC", "technical_part"), ("53", "discontinued")]
)
def test_a_row_with_a_modifier_is_a_part_of_its_code(modifier, relation):
    assert related("G0001", relation, {"hcpcs": "G0001"}, {"hcpcs": "G0001", "modifier": modifier}) == ["G0001"]


def test_a_code_without_such_a_row_has_no_parts():
    assert related("G0001", "professional_part", {"hcpcs": "G0001"}) == []


# --- endoscopic families ----------------------------------------------------------------------------------------

FAMILY: list[Row] = [
    {"hcpcs": "G0001"},
    {"hcpcs": "G0002", "endoscopic_base": "G0001"},
    {"hcpcs": "G0003", "endoscopic_base": "G0001"},
    {"hcpcs": "G0004", "endoscopic_base": "G0005"},
]


def test_an_endoscopy_has_its_base():
    assert related("G0002", "endoscopic_base", *FAMILY) == ["G0001"]


def test_a_base_has_its_endoscopies():
    assert related("G0001", "endoscopy", *FAMILY) == ["G0002", "G0003"]


def test_endoscopies_of_one_base_are_siblings():
    assert related("G0002", "endoscopic_sibling", *FAMILY) == ["G0003"]


def test_a_base_that_the_release_does_not_list_is_said_all_the_same():
    assert related("G0004", "endoscopic_base", *FAMILY) == ["G0005"]


def test_the_parts_of_an_endoscopy_name_its_base_once():
    parts = [FAMILY[1], FAMILY[1] | {"modifier": "53"}]
    assert related("G0002", "endoscopic_base", *parts) == ["G0001"]


# --- add-on codes -----------------------------------------------------------------------------------------------

TWO = [{"hcpcs": "G0001", "release": "RVU26A"}, {"hcpcs": "G0002", "release": "RVU26A"}]


def listed(hcpcs: str, relation: str, add_on: pl.DataFrame) -> list[str]:
    found = relations.code_relation(None, {"rvu": rvu_rows(*TWO), "add_on": add_on})
    return found.filter(hcpcs=hcpcs, relation=relation).sort("other")["other"].to_list()


@pytest.mark.parametrize(("hcpcs", "relation", "other"), [("G0001", "primary", "G0002"), ("G0002", "add_on", "G0001")])
def test_an_add_on_has_its_primary_and_a_primary_its_add_on(hcpcs, relation, other):
    assert listed(hcpcs, relation, add_ons(("G0001", "G0002"))) == [other]


def test_what_the_contractor_decides_is_no_code():
    assert listed("G0001", "primary", add_ons(("G0001", "CCCCC"))) == []


@pytest.mark.parametrize("end", ["valid_to", "add_on_to", "primary_to"])
@pytest.mark.parametrize(("last", "others"), [(date(2025, 12, 31), []), (date(2026, 1, 1), ["G0002"])])
def test_a_pair_holds_until_its_last_day(end, last, others):
    assert listed("G0001", "primary", add_ons(("G0001", "G0002"), **{end: last})) == others


def test_a_pair_that_begins_later_does_not_hold_yet():
    assert listed("G0001", "primary", add_ons(("G0001", "G0002"), valid_from=date(2026, 1, 2))) == []


def test_codes_that_the_release_does_not_list_have_no_rows():
    assert listed("G0003", "primary", add_ons(("G0003", "G0002"))) == []


def test_an_add_on_says_of_which_day_its_list_is():
    found = relations.code_relation(None, {"rvu": rvu_rows(*TWO), "add_on": add_ons(("G0001", "G0002"))})
    assert found.filter(relation="primary")["companion_from"].to_list() == [date(2026, 1, 1)]


# --- nearest in work --------------------------------------------------------------------------------------------

SEVEN = works(G0001="1.00", G0002="1.10", G0003="1.25", G0004="1.30", G0005="2.00", G0006="3.00", G0007="9.00")


def test_the_five_nearest_come_nearest_first():
    # from 1.30 it's 0.05 to G0003, 0.20 to G0002, 0.30 to G0001, 0.70 to G0005, 1.70 to G0006
    assert related("G0004", "nearest_in_work", *SEVEN) == ["G0003", "G0002", "G0001", "G0005", "G0006"]


def test_the_largest_has_its_five_all_below():
    assert related("G0007", "nearest_in_work", *SEVEN) == ["G0006", "G0005", "G0004", "G0003", "G0002"]


def test_the_difference_is_that_of_the_other_code():
    found = relations.code_relation(None, {"rvu": rvu_rows(*(PLACE | row for row in SEVEN))})
    assert found.filter(hcpcs="G0004", other="G0003")["work_rvu_difference"].to_list() == [Decimal("-0.05")]


def test_of_equal_distances_the_lower_code_comes_first():
    assert related("G0002", "nearest_in_work", *works(G0003="1.10", G0002="1.00", G0001="0.90")) == ["G0001", "G0003"]


def test_of_equal_values_the_nearest_by_code_are_chosen():
    equal = works(**{f"G000{at}": "1.00" for at in range(1, 9)})
    assert set(related("G0008", "nearest_in_work", *equal)) == {"G0007", "G0006", "G0005", "G0004", "G0003"}


def test_a_code_of_another_subsection_is_not_near():
    other: Row = {"hcpcs": "G0002", "work_rvu": "1.00", "subsection": "Urinary"}
    assert related("G0001", "nearest_in_work", *works(G0001="1.00"), other) == []


def test_a_section_without_subsections_is_one():
    rows = [row | {"section": "HCPCS Level II G", "subsection": None} for row in works(G0001="1.00", G0002="2.00")]
    assert related("G0001", "nearest_in_work", *rows) == ["G0002"]


def test_a_code_without_work_is_not_compared():
    assert related("G0001", "nearest_in_work", *works(G0001="1.00", G0002="0.00")) == []


def test_a_code_stands_by_its_largest_row():
    parts: list[Row] = [{"hcpcs": "G0001", "modifier": m, "work_rvu": w} for m, w in (("", "0.00"), ("26", "2.00"))]
    assert related("G0001", "nearest_in_work", *parts, *works(G0002="2.10")) == ["G0002"]


# --- participants -----------------------------------------------------------------------------------------------


def test_both_participants_make_one_row():
    rows: list[Row] = [{"hcpcs": "G0001", "modifier": "26", "participant": p} for p in ("qp", "non_qp")]
    assert related("G0001", "professional_part", *rows) == ["G0001"]


def test_a_code_that_only_one_participants_file_lists_is_there():
    rows = [{"hcpcs": "G0001", "participant": "qp", "modifier": "26"}, {"hcpcs": "G0002", "participant": "non_qp"}]
    assert related("G0001", "professional_part", *rows) == ["G0001"]
