"""Heading lines that someone cut off: the last one is enough where it is one layout's alone, and that is said."""

from pathlib import Path

import pytest

from pfsetl.errors import LayoutError
from pfsetl.parsing import grid, grid_shape
from pfsetl.parsing.shape import Cut
from pfsetl.pipeline.examine import examine
from tests import synthetic as s

TITLES, HEADINGS = 5, 5  # lines of PPRRVU above its records


def cut(member: str, rows: list[list[str]]) -> Cut:
    return grid_shape.cut_grid(member, grid.delimited(s.csv_bytes(rows).decode(), ",", "f.csv"))


def refused(member: str, rows: list[list[str]]) -> str:
    with pytest.raises(LayoutError) as caught:
        cut(member, rows)
    return str(caught.value)


SHAPES = ["G31", "G32", "G37"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gone", range(TITLES + 1, TITLES + HEADINGS))
def test_cells_are_read_the_same_with_upper_heading_lines_gone(shape: str, gone: int) -> None:
    rows = s.pprrvu_cells(shape)
    whole, rest = cut("pprrvu", rows), cut("pprrvu", rows[gone:])
    assert (rest.layout, rest.counts["records"]) == (shape, whole.counts["records"])
    assert rest.frame.drop("line").equals(whole.frame.drop("line"))
    assert rest.note == f"heading lines above line 1 are missing; the rest fits layout {shape} alone"


@pytest.mark.parametrize("shape", SHAPES)
def test_titles_that_stayed_are_kept(shape: str) -> None:
    rows = s.pprrvu_cells(shape)
    rest = cut("pprrvu", rows[:TITLES] + rows[TITLES + HEADINGS - 1 :])
    assert rest.layout == shape
    assert "National Physician Fee Schedule" in rest.banner
    assert rest.note.startswith("heading lines above line 6 are missing")


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_said_where_only_titles_are_gone(shape: str) -> None:
    assert cut("pprrvu", s.pprrvu_cells(shape)[TITLES:]).note == ""


# GPCI of 2017 and 2018 has its headings in two lines, the lower one without a name for the contractor.
GPCI_2017 = [
    ["Carrier", "Locality Number", "Locality Name", "2017", "", ""],
    ["", "", "", "PW GPCI       (with 1.0 Floor)", "PE GPCI", "MP GPCI"],
    ["10112", "00", "ALABAMA", "0.988", "0.875", "0.566"],
    ["02102", "01", "ALASKA", "1.500", "1.065", "0.551"],
]


def test_a_last_heading_line_without_a_name_for_the_key_is_enough() -> None:
    whole, rest = cut("gpci", GPCI_2017), cut("gpci", GPCI_2017[1:])
    assert rest.frame.drop("line").equals(whole.frame.drop("line"))
    assert (whole.note, rest.note.startswith("heading lines above line 1 are missing")) == ("", True)


# --- what stays refused, and how --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("member", "rows"),
    [
        ("pprrvu", s.pprrvu_cells("G31")[TITLES + HEADINGS :]),
        ("pprrvu", s.pprrvu_cells("G32")[TITLES + HEADINGS :]),
        ("gpci", GPCI_2017[2:]),
        ("opps_cap", s.cells_of(s.opps_cap_csv("OPPSCAP7FN"))[1:]),
        ("anesthesia", s.cells_of(s.anes_csv("ANES5"))[1:]),
    ],
)
def test_a_table_without_any_heading_is_refused_as_that(member: str, rows: list[list[str]]) -> None:
    assert "f.csv: the heading lines are missing: line 1 is a record already. Give the file with" in refused(
        member, rows
    )


def test_a_last_line_that_fits_two_layouts_is_refused_with_both() -> None:
    # 2009: CAPPED AMT twice; which of them is the facility's stood in the line above
    rows = s.cells_of(s.opps_cap_csv("OPPSCAP7NF"))[2:]
    told = refused("opps_cap", rows)
    assert "heading lines are missing above line 1, and what is left fits OPPSCAP7FN and OPPSCAP7NF" in told


def swapped(rows: list[list[str]], one: int, two: int) -> list[list[str]]:
    for row in rows:
        row[one], row[two] = row[two], row[one]
    return rows


def test_columns_that_what_is_left_shows_as_swapped_are_refused() -> None:
    # columns 6 and 11 are WORK RVU and MP RVU; two lines of five are left
    told = refused("pprrvu", swapped(s.pprrvu_cells("G31")[TITLES + HEADINGS - 2 :], 5, 10))
    assert "heading lines are missing above line 1" in told
    assert "column 6 'MP RVU' isn't the end of 'WORK RVU' (work_rvu)" in told


def test_a_new_column_below_cut_headings_is_refused_by_its_name() -> None:
    rows = [[*row, "NEW" if row[0] == "HCPCS" else "9"] for row in s.pprrvu_cells("G31")[TITLES + HEADINGS - 1 :]]
    told = refused("pprrvu", rows)
    assert "heading lines are missing" in told
    assert "column 32 'NEW' isn't in G31" in told


def test_a_column_without_a_title_is_refused() -> None:
    rows = s.pprrvu_cells("G31")[TITLES + HEADINGS - 1 :]
    rows[0][5] = ""
    assert "column 6 '' isn't the end of 'WORK RVU' (work_rvu)" in refused("pprrvu", rows)


def test_whole_headings_that_changed_are_refused_by_column_as_ever() -> None:
    rows = s.pprrvu_cells("G31")
    rows[8] = ["" if cell == "WORK" else cell for cell in rows[8]]  # CMS's own change: WORK RVU becomes RVU
    told = refused("pprrvu", rows)
    assert "column 6 'RVU' isn't in G31" in told
    assert "missing above" not in told


# --- a release --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PPRRVU2025_JAN.csv", "PPRRVU2025_JAN.xlsx"])
def test_a_release_with_cut_headings_is_published_and_that_is_noticed(name: str, tmp_path: Path) -> None:
    rows = s.pprrvu_cells("G31")
    members = {k: v for k, v in s.release("RVU25A").items() if not k.startswith("PPRRVU")}
    data = [s.workbook(part) if name.endswith("xlsx") else s.csv_bytes(part) for part in (rows, rows[9:])]
    whole, rest = (
        examine("RVU25A", s.write_folder(tmp_path / str(i), members | {name: d}), records={}, sample=True)
        for i, d in enumerate(data)
    )
    assert rest.tables["rvu"].equals(whole.tables["rvu"])
    said = f"{name}: heading lines above line 1 are missing; the rest fits layout G31 alone"
    assert (said in rest.record.notices, said in whole.record.notices) == (True, False)


def test_without_titles_the_year_rests_on_the_name_and_that_is_said(tmp_path: Path) -> None:
    members = {k: v for k, v in s.release("RVU25A").items() if not k.startswith("PPRRVU")}
    rest = s.csv_bytes(s.pprrvu_cells("G31")[9:])
    found = [
        examine("RVU25A", s.write_folder(tmp_path / n, members | {n: rest}), records={}, sample=True).record
        for n in ("PPRRVU2025_JAN.csv", "PPRRVU.csv")
    ]
    unsaid = ["no name or title says the year of opps_cap, pprrvu: taken as RVU25A's like the rest"]
    assert [[n for n in f.notices if n in unsaid] for f in found] == [[], unsaid]
