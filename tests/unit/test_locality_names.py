"""Names of localities and counties are held against those that CMS's files of 2009 to 2026 print."""

import polars as pl
import pytest

from pfsetl.checks.locality_names import unknown_names


def found(table: str, column: str, state: str, locality: str, name: str) -> dict[str, tuple[str, ...]]:
    rows = pl.DataFrame({"state": [state], "locality": [locality], column: [name]})
    columns = {"gpci": ["locality_name"], "locality_county": ["fee_schedule_area", "counties"]}
    rows = rows.with_columns(pl.lit("").alias(c) for c in columns[table] if c != column)
    return {f"{f.table}.{f.check}": f.examples for f in unknown_names({table: rows}) if f.violations}


@pytest.mark.parametrize("name", ["NAPA", "Napa", "NAPA, CA", " NAPA "])
def test_a_name_that_cms_printed_is_known_however_it_is_written(name):
    assert found("gpci", "locality_name", "CA", "51", name) == {}


@pytest.mark.parametrize("name", ["NAPB", "NAP", "ALABAMA", "#REF!"])
def test_another_name_is_named_with_its_locality(name):
    assert found("gpci", "locality_name", "CA", "51", name) == {"gpci.locality_name_known": (f"CA/51: {name}",)}


def test_the_area_and_the_counties_are_held_apart():
    assert found("locality_county", "fee_schedule_area", "AL", "00", "STATEWIDE") == {}
    assert "locality_county.counties_known" in found("locality_county", "counties", "AL", "00", "STATEWIDE")
    assert found("locality_county", "counties", "AL", "00", "ALL COUNTIES") == {}


def test_a_locality_that_is_new_has_no_name_to_be_held_against():
    assert found("gpci", "locality_name", "CA", "89", "NEW PLACE") == {}


def test_a_blank_name_is_named_where_others_have_one():
    rows = pl.DataFrame({"state": ["CA", "AL"], "locality": ["51", "00"], "locality_name": ["", "ALABAMA"]})
    assert [f.examples for f in unknown_names({"gpci": rows})] == [("CA/51: ",)]


def test_a_column_that_is_blank_throughout_names_none():
    assert found("gpci", "locality_name", "CA", "51", "") == {}


def test_a_long_name_that_a_text_file_cuts_is_known():
    """GPCI2017.txt prints Oakland's so."""
    cut = "SAN FRANCISCO-OAKLAND-HAYWARD (ALAME"
    assert found("gpci", "locality_name", "CA", "07", cut) == {}
    assert found("gpci", "locality_name", "CA", "07", cut[:20]) != {}
    assert found("gpci", "locality_name", "CA", "07", cut[1:]) != {}
