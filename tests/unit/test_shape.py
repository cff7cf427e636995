"""Exactly one declared layout fits a member; what fits none is refused with the difference to the nearest."""

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import registry
from pfsetl.errors import LayoutError, proposing
from pfsetl.parsing import grid, grid_shape, headings, text_shape
from pfsetl.parsing.encoding import decode
from pfsetl.parsing.read import RawTable, read
from pfsetl.source.archive import open_archive
from tests import synthetic as s

# every shape as CMS printed it: file name, bytes, layout, records
SHAPES: dict[str, tuple[str, bytes, str, int]] = {
    "W206": ("PPRRVU09.txt", s.pprrvu_txt("W206"), "W206", 7),
    "W207": ("PPRRVU11.txt", s.pprrvu_txt("W207"), "W207", 7),
    "N171": ("PPRRVU25.txt", s.pprrvu_txt("N171"), "N171", 7),
    "N171P": ("PPRRVU26.txt", s.pprrvu_txt("N171P"), "N171P", 7),
    "N171 without trailer": ("PPRRVU25.txt", s.pprrvu_txt("N171", end=""), "N171", 7),
    "N171 padded": (
        "PPRRVU25.txt", b"".join(line.ljust(256) + b"\r\n" for line in s.pprrvu_txt("N171").splitlines()), "N171", 7
    ),
    "N171 prn": ("PPRRVU25.prn", s.pprrvu_txt("N171"), "N171", 7),
    "G37": ("PPRRVU09.csv", s.pprrvu_csv("G37"), "G37", 7),
    "G31": ("PPRRVU25.csv", s.pprrvu_csv("G31"), "G31", 7),
    "G31 with bare CR": ("PPRRVU25.csv", s.pprrvu_csv("G31", line_end="\r"), "G31", 7),
    "G32": ("PPRRVU26.csv", s.pprrvu_csv("G32"), "G32", 7),
    "G31 workbook": ("PPRRVU25.xlsx", s.workbook(s.pprrvu_cells("G31")), "G31", 7),
    "G32 workbook": ("PPRRVU26.xlsx", s.workbook(s.pprrvu_cells("G32")), "G32", 7),
    "G37 workbook": ("PPRRVU09.xls", s.workbook(s.pprrvu_cells("G37")), "G37", 7),
    "GPCI6": ("GPCI09.csv", s.gpci_csv("GPCI6"), "GPCI6", 4),
    "GPCI7": ("GPCI25.csv", s.gpci_csv("GPCI7"), "GPCI7", 4),
    "GPCI8": ("GPCI26.csv", s.gpci_csv("GPCI8"), "GPCI8", 4),
    "GPCI6L": ("GPCI09.txt", s.gpci_txt("GPCI6"), "GPCI6L", 4),
    "GPCI7L": ("GPCI25.txt", s.gpci_txt("GPCI7"), "GPCI7L", 4),
    "GPCI8L": ("GPCI26.txt", s.gpci_txt("GPCI8"), "GPCI8L", 4),
    "GPCI7 workbook": ("GPCI25.xlsx", s.workbook(s.cells_of(s.gpci_csv("GPCI7"))), "GPCI7", 4),
    "LOCCO5": ("25LOCCO.csv", s.locco_csv(), "LOCCO5", 4),
    "LOCCO5 with trailing comma": ("26LOCCO.csv", s.locco_csv(trailing_comma=True), "LOCCO5", 4),
    "LOCCO5L": ("25LOCCO.txt", s.locco_txt(), "LOCCO5L", 4),
    "ANES4": ("ANES25.csv", s.anes_csv("ANES4"), "ANES4", 4),
    "ANES5": ("ANES26.csv", s.anes_csv("ANES5"), "ANES5", 4),
    "ANES4N": ("ANES15.csv", s.anes_csv("ANES4N"), "ANES4N", 4),
    "ANES4L": ("ANES25.txt", s.anes_txt(), "ANES4L", 4),
    "OPPSCAP38": ("OPPSCAP.txt", s.opps_cap_txt(), "OPPSCAP38", 10),
    "OPPSCAP7NF": ("OPPSCAP.csv", s.opps_cap_csv("OPPSCAP7NF"), "OPPSCAP7NF", 10),
    "OPPSCAP7FN": ("OPPSCAP.csv", s.opps_cap_csv("OPPSCAP7FN"), "OPPSCAP7FN", 10),
    "OPPSCAP6": ("OPPSCAP.csv", s.opps_cap_csv("OPPSCAP6"), "OPPSCAP6", 10),
}  # fmt: skip


def raw(folder: Path, name: str, data: bytes) -> RawTable:
    members = {name: data} if name.lower().startswith("pprrvu") else {"PPRRVU25.txt": s.pprrvu_txt("N171"), name: data}
    archive = open_archive(s.write_folder(folder / "members", members))
    return next(table for table in read(archive) if table.file == name)


@pytest.mark.parametrize("case", SHAPES)
def test_the_layout_is_chosen(case: str, tmp_path: Path) -> None:
    name, data, layout, _ = SHAPES[case]
    assert raw(tmp_path, name, data).layout == layout


@pytest.mark.parametrize("case", SHAPES)
def test_every_record_is_read(case: str, tmp_path: Path) -> None:
    name, data, _, records = SHAPES[case]
    table = raw(tmp_path, name, data)
    assert (table.frame.height, table.counts["records"]) == (records, records)


@pytest.mark.parametrize("case", [c for c in SHAPES if "workbook" not in c])
def test_every_line_is_accounted_for(case: str, tmp_path: Path) -> None:
    name, data, _, _ = SHAPES[case]
    text = data.decode("cp1252").replace("\r\n", "\n").replace("\r", "\n")
    assert sum(raw(tmp_path, name, data).counts.values()) == text.count("\n")


PPRRVUS = [c for c in SHAPES if SHAPES[c][0].startswith("PPRRVU")]
NAMES = {"work_rvu": "work", "nonfacility_na": "nonfacility_na", "facility_pe_rvu": "facility_pe", "mp_rvu": "mp",
         "facility_total_rvu": "facility_total", "global_days": "global", "team_surgery": "team",
         "endoscopic_base": "endo", "conversion_factor": "factor", "imaging_family": "imaging",
         "opps_mp_rvu": "opps_mp", "description": "description"}  # fmt: skip


@pytest.mark.parametrize("case", PPRRVUS)
def test_cells_land_in_their_fields(case: str, tmp_path: Path) -> None:
    frame = raw(tmp_path, *SHAPES[case][:2]).frame.select(*NAMES)
    assert frame.rows() == [tuple(row[name] for name in NAMES.values()) for row in s.CODES]


@pytest.mark.parametrize("case", ["N171P", "G32"])
def test_the_pricing_indicator_of_2026_is_read(case: str, tmp_path: Path) -> None:
    assert raw(tmp_path, *SHAPES[case][:2]).frame["pricing_indicator"].unique().to_list() == ["9"]


@pytest.mark.parametrize("case", ["W206", "W207", "G37"])
def test_transitioned_and_full_values_stay_apart(case: str, tmp_path: Path) -> None:
    name, write = SHAPES[case][0], s.pprrvu_txt if case[0] == "W" else s.pprrvu_csv
    row = s.changed(s.VISIT, nonfacility_pe_full="9.11", facility_pe_full="8.22", nonfacility_na_full="NA")
    cut = raw(tmp_path, name, write(case, [row])).frame.row(0, named=True)
    names = ("nonfacility_pe_rvu", "facility_pe_rvu", "nonfacility_na", "facility_total_rvu")
    found = [cut[f"{name}_full"] for name in names]
    assert found == ["9.11", "8.22", "NA", "9.52"]


def test_facility_comes_before_non_facility_from_2014(tmp_path: Path) -> None:
    rows = [{**s.CAPS[0], "nonfacility_amount": "2.00", "facility_amount": "1.00"}]
    cut = raw(tmp_path, "OPPSCAP.csv", s.opps_cap_csv("OPPSCAP7FN", rows)).frame
    assert cut.select("nonfacility_amount", "facility_amount").row(0) == ("2.00", "1.00")


def test_the_index_with_floor_is_the_second_of_2026(tmp_path: Path) -> None:
    cut = raw(tmp_path, "GPCI26.csv", s.gpci_csv("GPCI8")).frame
    assert cut.select("work_gpci_without_floor", "work_gpci").row(0) == ("0.988", "1.000")


def test_the_qualifying_factor_is_the_first_of_2026(tmp_path: Path) -> None:
    cut = raw(tmp_path, "ANES26.csv", s.anes_csv("ANES5")).frame
    assert cut.select("anesthesia_factor_qp", "anesthesia_factor_non_qp").row(0) == ("19.63", "19.53")


def test_the_banner_is_kept(tmp_path: Path) -> None:
    assert "2025 National Physician Fee Schedule" in raw(tmp_path, *SHAPES["G31"][:2]).banner


def test_a_line_number_is_that_of_the_file(tmp_path: Path) -> None:
    assert raw(tmp_path, *SHAPES["G31"][:2]).frame["line"].to_list() == list(range(11, 18))


def test_formats_are_trusted_in_the_declared_order(tmp_path: Path) -> None:
    both = {"PPRRVU25.csv": s.pprrvu_csv("G31"), "PPRRVU25.txt": s.pprrvu_txt("N171"),
            "GPCI25.csv": s.gpci_csv("GPCI7"), "GPCI25.txt": s.gpci_txt("GPCI7")}  # fmt: skip
    archive = open_archive(s.write_folder(tmp_path / "members", both))
    assert [table.file for table in read(archive)] == ["PPRRVU25.txt", "GPCI25.csv"]


# --- what doesn't fit -------------------------------------------------------------------------------------------


def refused_grid(rows: list[list[str]]) -> str:
    with pytest.raises(LayoutError) as caught:
        grid_shape.cut_grid("pprrvu", grid.delimited(s.csv_bytes(rows).decode(), ",", "f.csv"))
    return str(caught.value)


def test_a_pricing_indicator_without_its_header_is_refused() -> None:
    rows = s.pprrvu_cells("G31")[:10] + s.pprrvu_cells("G32")[10:]
    assert "column 32 has no header but a value at line 11" in refused_grid(rows)


def test_a_pricing_indicator_elsewhere_is_refused_as_moved() -> None:
    rows = [[*r[:23], r[24], r[23], *r[25:]] for r in s.pprrvu_cells("G32")]
    assert "'PRIC IND' (pricing_indicator) moved from column 24 to 25" in refused_grid(rows)


def test_a_record_of_2026_in_the_positions_of_2025_is_refused() -> None:
    record = s.pprrvu_record("N171P", s.VISIT)
    moved = record[:121] + record[120] + record[122:]
    text = grid.lines(f"{record[:120]} {moved[121:]}\n")
    with pytest.raises(LayoutError, match=r"f.txt: .*line 1: columns 12\d-127 hold data"):
        text_shape.cut_text("pprrvu", text, "f.txt")


def test_two_shapes_in_one_file_are_refused() -> None:
    text = s.pprrvu_record("N171", s.VISIT) + "\n" + s.pprrvu_record("W206", s.SCAN) + "\n"
    with pytest.raises(LayoutError, match=r"line \d has \d+ characters, a record of (N171 has 171|W206 has 206)"):
        text_shape.cut_text("pprrvu", grid.lines(text), "f.txt")


def test_a_line_between_records_is_refused() -> None:
    lines = s.gpci_txt("GPCI7").decode().replace("02102", "O2102")
    with pytest.raises(LayoutError, match=r"line 5 stands between records and isn't one"):
        text_shape.cut_text("gpci", grid.lines(decode(lines.encode())), "f.txt")


def test_a_damaged_index_is_refused() -> None:
    lines = s.gpci_txt("GPCI7").decode().replace("1.065", "1.O65")
    with pytest.raises(LayoutError, match=r"GPCI7L .*line 5 isn't mac state locality"):
        text_shape.cut_text("gpci", grid.lines(decode(lines.encode())), "f.txt")


def test_the_refusal_says_where_to_declare_a_new_shape() -> None:
    message = refused_grid([["HCPCS", "RVU"], ["G9901", "1.00"]])
    assert re.search(r"schemas/layouts/shapes\.csv \(first line .*schemas/layouts/pprrvu\.csv \(first line", message)


def test_a_refused_shape_names_the_command_with_label_and_path_for_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    with pytest.raises(LayoutError) as refused, proposing("RVU27A", Path("my zips/a.zip")):
        grid_shape.cut_grid("pprrvu", grid.delimited("HCPCS,RVU\r\nG9901,1.00\r\n", ",", "f.csv"))
    assert "To see the rows that it needs: pfsetl declare RVU27A --archive '/my zips/a.zip' (--out DIR" in str(
        refused.value
    )


def test_no_command_is_named_for_a_file_whose_columns_a_person_has_to_tell() -> None:
    with pytest.raises(LayoutError) as refused, proposing("RVU27A", Path("a.zip")):
        text_shape.cut_text("gpci", grid.lines("one\ntwo\n"), "f.txt")
    assert "pfsetl declare" not in str(refused.value)


@pytest.mark.parametrize(
    ("cells", "title"),
    [
        (["", "NON-FAC", "PE RVU"], "NON FAC PE RVU"),
        (["Work** GPCI"], "WORK GPCI"),
        ([" 2011    Work      GPCI 3 "], "2011 WORK GPCI 3"),
        (["2011 Anes. Conversion Factor"], "2011 ANES CONVERSION FACTOR"),
        (["2025 PW GPCI (with 1.0 Floor)"], "2025 PW GPCI WITH 1.0 FLOOR"),
        (["", "", ""], ""),
    ],
)
def test_stacked_header_cells_are_one_title(cells: list[str], title: str) -> None:
    assert headings.header_text(cells) == title


def test_text_without_records_is_refused() -> None:
    with pytest.raises(LayoutError, match="a shape that isn't declared"):
        text_shape.cut_text("pprrvu", pl.DataFrame({"line": [1], "text": ["nothing"]}), "f.txt")


@pytest.mark.parametrize(("change", "length"), [(1, 172), (-1, 170)])
def test_a_record_of_another_length_among_records_is_refused(change: int, length: int) -> None:
    record = s.pprrvu_record("N171", s.VISIT)
    other = record + " " if change > 0 else record[:-1]
    with pytest.raises(LayoutError, match=rf"line 2 has {length} characters, a record of N171 has 171"):
        text_shape.cut_text("pprrvu", grid.lines(f"{record}\n{other}\n{record}\n"), "f.txt")


def test_a_member_that_fits_two_layouts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = registry.layouts("pprrvu")
    again = [replace(layout, name="AGAIN") for layout in declared if layout.name == "N171"]
    monkeypatch.setattr(registry, "layouts", lambda member: (*declared, *again))
    with pytest.raises(LayoutError, match=r"f\.txt: fits N171 and AGAIN"):
        text_shape.cut_text("pprrvu", grid.lines(decode(s.pprrvu_txt("N171"))), "f.txt")
