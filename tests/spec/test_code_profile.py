"""What a code is: what CMS's indicators and lists say of it, its words, its family and its limit."""

from datetime import date

import polars as pl
import pytest

from pfsetl.declared import contracts
from pfsetl.tables import derive, profile
from tests.spec.rows import IN_FORCE, Row, add_ons, rvu_rows


def profiled(*rows: Row, hcpcs: str = "G0001", release: str = "RVU99A", **beside: pl.DataFrame) -> Row:
    """The profile of a code of invented rows, beside files that are loaded."""
    rvu = rvu_rows(*({"release": release} | row for row in rows))
    now = {
        "rvu": rvu,
        "payment_national": derive.payment_national(rvu, IN_FORCE),
        "code_text": contracts.load().tables["code_text"].empty(),
        "code_modifier": contracts.load().tables["code_modifier"].empty(),
    }
    return profile.code_profile(None, now | beside).filter(hcpcs=hcpcs).row(0, named=True)


# --- what it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trait", "cells"),
    [
        ("add_on", {"global_days": "ZZZ"}),
        ("anesthesia", {"status": "J"}),
        ("anesthesia", {"hcpcs": "00100"}),
        ("endoscopy", {"multiple_procedure": "3"}),
        ("global_surgery", {"global_days": "000"}),
        ("global_surgery", {"global_days": "010"}),
        ("global_surgery", {"global_days": "090"}),
        ("imaging", {"multiple_procedure": "4"}),
        ("imaging", {"imaging_family": "05"}),
        ("imaging", {"imaging_family": "88"}),
        ("incident_to", {"pctc": "5"}),
        ("laboratory", {"pctc": "6"}),
        ("laboratory", {"hcpcs": "80048"}),
        ("maternity", {"global_days": "MMM"}),
        ("radiology", {"hcpcs": "71046"}),
        ("reporting_only", {"status": "M"}),
        ("supply", {"status": "P"}),
        ("test_or_radiology", {"pctc": "1"}),
        ("test_or_radiology", {"pctc": "4"}),
        ("therapy", {"multiple_procedure": "5"}),
        ("therapy", {"pctc": "7"}),
        ("timed", {"hcpcs": "97110"}),
        ("timed", {"status": "J"}),
    ],
)
def test_an_indicator_or_a_number_says_a_trait(trait, cells):
    code = {"hcpcs": "G0001"} | cells
    assert profiled(code, hcpcs=code["hcpcs"])[trait] is True


@pytest.mark.parametrize(
    ("trait", "cells"),
    [
        ("global_surgery", {"global_days": "XXX"}),
        ("imaging", {"imaging_family": "99"}),
        ("test_or_radiology", {"pctc": "5"}),
        ("anesthesia", {"hcpcs": "0001F"}),  # between 00000 and 01999 as text
        ("radiology", {"hcpcs": "G7100"}),
        ("timed", {"hcpcs": "97150"}),  # group therapy, one unit whatever it takes
        ("therapy", {"multiple_procedure": None}),
    ],
)
def test_what_says_nothing_of_a_trait(trait, cells):
    code = {"hcpcs": "G0001"} | cells
    assert profiled(code, hcpcs=code["hcpcs"])[trait] is False


def test_a_code_has_one_row_whatever_its_modifiers():
    rows = [{"modifier": m, "pctc": p} for m, p in (("26", "2"), ("", "1"), ("TC", "3"))]
    told = profiled(*rows)
    assert (told["pctc"], told["has_parts"]) == ("1", True)


def test_a_code_without_parts_has_none():
    assert profiled({"modifier": ""})["has_parts"] is False


# --- where it's done and paid -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "settings"),
    [
        ({}, (True, True)),
        ({"nonfacility_na": True}, (False, True)),
        ({"facility_na": True}, (True, False)),
        ({"status": "N"}, (None, None)),
    ],
)
def test_a_code_is_done_where_it_is_paid_and_not_marked_na(cells, settings):
    told = profiled({"work_rvu": "1.00"} | cells)
    assert (told["in_nonfacility"], told["in_facility"]) == settings


def test_a_row_that_is_not_paid_says_nothing_of_where_a_code_is_done():
    told = profiled({"status": "C"}, {"modifier": "26", "work_rvu": "1.00", "nonfacility_na": True})
    assert told["in_nonfacility"] is False


def test_a_contractor_priced_whole_with_a_priced_part_is_paid():
    assert profiled({"status": "C"}, {"modifier": "26", "work_rvu": "1.00"})["paid"] is True


def test_what_medicare_does_not_pay_is_not():
    assert profiled({"status": "N", "work_rvu": "1.00"})["paid"] is False


def test_relations_are_counted_without_the_nearest_in_work():
    rows: list[Row] = [
        {"hcpcs": "G0001", "section": "S", "work_rvu": "1.00"},
        {"hcpcs": "G0002", "section": "S", "work_rvu": "1.00", "endoscopic_base": "G0001"},
    ]
    assert profiled(*rows)["relations"] == 1


@pytest.mark.parametrize(
    ("lines", "modifiers"),
    [
        ([("50", True), ("62", False), ("80", True)], 2),
        ([("50", True), ("50", False), ("50", True)], 1),  # in one setting, not in another; of two participants
        ([("50", False)], 0),
        ([], None),
    ],
)
def test_modifiers_that_go_with_a_code_are_counted_once(lines, modifiers):
    rows = [{"hcpcs": "G0001", "modifier": modifier, "applies": applies} for modifier, applies in lines]
    given = pl.DataFrame(rows, schema={"hcpcs": pl.String, "modifier": pl.String, "applies": pl.Boolean})
    assert profiled({}, code_modifier=given)["modifiers"] == modifiers


# --- words ------------------------------------------------------------------------------------------------------


def test_words_are_those_of_the_code():
    words = pl.DataFrame({"release": ["RVU99A"] * 2, "hcpcs": ["G0001", "G0002"], "text": ["One", "Two"]})
    assert profiled({"hcpcs": "G0002"}, hcpcs="G0002", code_text=words)["text"] == "Two"


# --- files beside the release -----------------------------------------------------------------------------------


FAMILY = ("RT021N", date(2020, 1, 1), True)


def limits(day: date, **units: int) -> pl.DataFrame:
    rows = [
        {"effective_from": day, "hcpcs": code, "most_units": most, "indicator": "3", "rationale": "Clinical: Data"}
        for code, most in units.items()
    ]
    return pl.DataFrame(rows)


def families(*rows: tuple[str, date, bool]) -> pl.DataFrame:
    told = [
        {"effective_from": date(2024, 1, 1), "hcpcs": "G0001", "rbcs_id": rbcs, "valid_from": first, "latest": latest,
         "category_name": "Treatment", "subcategory_name": "Therapy", "family_name": None}
        for rbcs, first, latest in rows
    ]  # fmt: skip
    return pl.DataFrame(told, schema_overrides={"family_name": pl.String})


def test_a_limit_comes_with_the_first_day_of_its_file():
    told = profiled({}, release="RVU26A", mue=limits(date(2026, 1, 1), G0001=6))
    assert (told["mue_units"], told["mue_indicator"], told["mue_from"]) == (6, "3", date(2026, 1, 1))


def test_a_code_without_a_limit_still_says_which_file_was_looked_at():
    told = profiled({}, release="RVU26A", mue=limits(date(2026, 1, 1), G0002=6))
    assert (told["mue_units"], told["mue_from"]) == (None, date(2026, 1, 1))


@pytest.mark.parametrize(("release", "units"), [("RVU26A", 6), ("RVU27A", 6), ("RVU25D", None)])
def test_limits_of_a_later_year_say_nothing_of_a_release(release, units):
    assert profiled({}, release=release, mue=limits(date(2026, 4, 1), G0001=6))["mue_units"] == units


def test_the_family_is_that_of_the_latest_assignment():
    rows = families(("OA001N", date(2021, 1, 1), False), FAMILY)
    assert profiled({}, rbcs=rows)["rbcs_id"] == "RT021N"


def test_a_code_in_no_family_has_its_category_all_the_same():
    told = profiled({}, rbcs=families(("RT000N", date(2020, 1, 1), True)))
    assert (told["rbcs_category"], told["rbcs_family"]) == ("Treatment", None)


def test_what_is_not_loaded_is_named():
    assert profiled({})["missing"] == "add_on, mue, rbcs"


def test_limits_of_a_later_year_are_missing():
    told = profiled({}, release="RVU25D", mue=limits(date(2026, 4, 1), G0001=6), rbcs=families(FAMILY))
    assert told["missing"] == "add_on, mue"


def test_with_all_files_nothing_is_missing():
    mue, rbcs = limits(date(2026, 1, 1), G0001=6), families(FAMILY)
    assert profiled({}, release="RVU26A", add_on=add_ons(("G0001", "G0002")), mue=mue, rbcs=rbcs)["missing"] is None


def test_an_add_on_has_its_type_and_the_day_of_its_list():
    told = profiled({}, release="RVU26A", add_on=add_ons(("G0001", "G0002")))
    assert (told["add_on_type"], told["add_on_from"]) == ("1", date(2026, 1, 1))


def test_primaries_of_the_list_count_as_relations():
    assert profiled({}, release="RVU26A", add_on=add_ons(("G0001", "G0002"), ("G0001", "G0003")))["relations"] == 2
