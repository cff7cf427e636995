"""Years nobody has seen: a shape that is exactly a declared one builds, every other is refused by name.

2010 lies between two known years, 2003 to 2008 are told of only, 2027 is yet to come. What is told: the record of
2003 to 2006 is that of 2009 without its last fields, headers stand at row 8 or 9, indices come in threes twice.
"""

from datetime import date
from pathlib import Path

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.cli import main
from pfsetl.errors import LayoutError
from pfsetl.pipeline.backfill import backfill
from pfsetl.pipeline.build import Build
from pfsetl.pipeline.examine import Examined, examine
from pfsetl.publication.digest import rows_digest
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.synthetic import Members

pytestmark = pytest.mark.long

WIDE = ("W206", "W207", "G37")


def pprrvu(shape: str, year: str) -> Members:
    """A PPRRVU of a shape, named as of a year."""
    if shape.startswith("G"):
        return {f"PPRRVU{year[2:]}.csv": s.pprrvu_csv(shape, title=year)}
    return {f"PPRRVU{year[2:]}.txt": s.pprrvu_txt(shape)}


def old(year: str, shape: str = "G37") -> Members:
    """The members of a release between 2003 and 2012, in the shapes of 2009."""
    companions = {
        f"GPCI{year}.csv": s.gpci_csv("GPCI6", year=year),
        f"{year[2:]}LOCCO.csv": s.locco_csv(year=year),
        f"ANES{year}.csv": s.anes_csv("ANES4", year=year),
        "OPPSCAP.csv": s.opps_cap_csv("OPPSCAP7NF", year=year),
    }
    return pprrvu(shape, year) | companions


def build(folder: Path, label: str, members: Members) -> Build:
    archive = s.write_zip(folder / f"{label}.zip", members)
    return pfsetl.build(label, store=LocalStore(folder / "store"), archive=archive, sample=True)


def examined(folder: Path, label: str, members: Members) -> Examined:
    """What a build would publish."""
    found = examine(label, s.write_zip(folder / f"{label}.zip", members), records={}, sample=True)
    found.report.raise_if_bad()
    return found


def all_of(folder: Path, releases: dict[str, Members]) -> Version:
    """A version of these releases."""
    archives = {label: s.write_zip(folder / f"{label}.zip", members) for label, members in releases.items()}
    done = backfill(archives, store=LocalStore(folder / "store"), sample=True)
    assert not done.failed
    return done.version


def refused(folder: Path, label: str, members: Members) -> str:
    with pytest.raises(LayoutError) as caught:
        build(folder, label, members)
    assert caught.value.exit_code == 1
    assert not (folder / "store" / "versions").exists()
    return str(caught.value)


def assert_names(message: str, *fragments: str) -> None:
    missing = [f for f in fragments if f not in message]
    assert not missing, message


# --- 2010: exactly a declared shape -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_2010(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Examined]:
    """A release of 2010 in each of its neighbours' shapes."""
    return {shape: examined(tmp_path_factory.mktemp(shape), "RVU10AR1", old("2010", shape)) for shape in WIDE}


@pytest.mark.parametrize("shape", WIDE)
def test_2010_builds_in_each_of_its_neighbours_shapes(shape: str, of_2010: dict[str, Examined]) -> None:
    assert [m.layout for m in of_2010[shape].record.members if m.member == "pprrvu"] == [shape]


@pytest.mark.parametrize("shape", WIDE)
def test_2010_has_every_record_in_each_of_its_neighbours_shapes(shape: str, of_2010: dict[str, Examined]) -> None:
    assert of_2010[shape].tables["rvu"].height == len(s.CODES)


def test_2010_says_the_same_in_every_shape(of_2010: dict[str, Examined]) -> None:
    assert len({rows_digest(found.tables["rvu"]) for found in of_2010.values()}) == 1


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("RVU10AR1", date(2010, 1, 1), date(2010, 5, 31)),
        ("RVU10C_PCT22", date(2010, 6, 1), date(2010, 9, 30)),
        ("RVU10C_PCT0", None, None),
        ("RVU08AB", date(2008, 4, 1), date(2008, 6, 30)),
    ],
)
def test_labels_out_of_the_ordinary_keep_their_declared_dates(
    label: str, first: date | None, last: date | None, tmp_path: Path
) -> None:
    factors = examined(tmp_path, label, old(f"20{label[3:5]}")).tables["conversion_factor"]
    dates = factors.select("effective_from", "effective_to")
    assert dates.row(0) == (first, last)


@pytest.mark.parametrize("above", [2, 3, 4])
def test_the_header_is_found_in_whichever_row_it_stands(above: int, tmp_path: Path) -> None:
    # rows above it: 2006 had it in row 8, 2007 in row 9
    cells = s.pprrvu_cells("G37", title="2007")
    member = {"PPRRVU07.csv": s.csv_bytes(cells[5 - above :])}
    found = examined(tmp_path, "RVU07A4", {k: v for k, v in old("2007").items() if "PPRRVU" not in k} | member)
    assert found.record.rvu_rows == len(s.CODES)


# --- 2003 to 2008: shapes that are only told of -----------------------------------------------------------------


def cells_without(shape: str, fields: tuple[str, ...], title: str, rows_above: int) -> list[list[str]]:
    """A PPRRVU grid without some columns, its header line in row `rows_above` + 5."""
    kept = [i for i, field in enumerate(s.GRIDS[shape][1]) if field not in fields]
    return [[row[i] for i in kept] for row in s.pprrvu_cells(shape, title=title)[5 - rows_above :]]


OPPS = ("opps_nonfacility_pe", "opps_facility_pe", "opps_mp")


@pytest.mark.parametrize(
    ("label", "gone", "rows_above", "header"),
    [
        ("RVU03A", (*OPPS, "imaging"), 3, "imaging_family"),
        ("RVU05A", (*OPPS, "imaging"), 3, "imaging_family"),
        ("RVU06A", OPPS, 3, "opps_nonfacility_pe_rvu"),
        ("RVU07A2", ("opps_mp",), 4, "opps_mp_rvu"),
    ],
)
def test_an_early_csv_without_some_columns_is_refused_and_they_are_named(
    label: str, gone: tuple[str, ...], rows_above: int, header: str, tmp_path: Path
) -> None:
    year = f"20{label[3:5]}"
    member = {f"PPRRVU{year[2:]}.csv": s.csv_bytes(cells_without("G37", gone, year, rows_above))}
    told = refused(tmp_path, label, old(year) | member)
    assert_names(told, f"PPRRVU{year[2:]}.csv", "Nearest is layout G37", f"({header}) is missing",
                 "schemas/layouts/shapes.csv", "schemas/layouts/pprrvu.csv")  # fmt: skip


def early_txt(length: int) -> bytes:
    records = [s.pprrvu_record("W206", row)[:length] for row in s.CODES]
    return (s.HDR + "".join(f"{record:<{length}}\r\n" for record in records) + s.END).encode("cp1252")


@pytest.mark.parametrize("length", [156, 168, 176, 180, 183, 187, 200])
def test_an_early_record_without_the_last_fields_is_refused_by_its_length(length: int, tmp_path: Path) -> None:
    members = {k: v for k, v in old("2005").items() if "PPRRVU" not in k} | {"PPRRVU05.txt": early_txt(length)}
    told = refused(tmp_path, "RVU05A", members)
    assert_names(told, "PPRRVU05.txt", "Nearest is layout", f"most lines have {length} characters",
                 "schemas/layouts/shapes.csv", "schemas/layouts/pprrvu.csv")  # fmt: skip


def test_a_wide_record_with_one_more_blank_keeps_its_last_fields(tmp_path: Path) -> None:
    # the fields of W207 start where those of W206 do and are one character longer
    padded = s.pprrvu_txt("W206").replace(b"\r\n", b" \r\n").replace(b"\x1a \r\n", b"\x1a\r\n")
    members = {k: v for k, v in old("2010").items() if "PPRRVU" not in k} | {"PPRRVU10.txt": padded}
    rvu = examined(tmp_path, "RVU10AR1", members).tables["rvu"]
    row = rvu.filter(hcpcs="G9902", modifier="").row(0, named=True)
    assert [str(row[f"opps_{part}_rvu"]) for part in ("nonfacility_pe", "facility_pe", "mp")] == [
        "3.10",
        "3.10",
        "0.15",
    ]


SIX = ("work", "pe", "mp")


def six_numbers() -> list[list[str]]:
    """A GPCI with three indices without and three with the floors, as told of 2011 and 2012."""
    blank = [""] * 8
    header = ["Contractor", "Locality", "Locality name", "Work GPCI", "PE GPCI", "MP GPCI"]
    floors = ["Work GPCI with floor", "PE GPCI with floor", "MP GPCI with floor"]
    body = [[r["mac"], r["locality"], r["name"], *(r[f] for f in SIX), *(r[f] for f in SIX)] for r in s.PLACES]
    return [["ADDENDUM E. GPCIs", *blank], ["", *blank], [*header, *floors], *body]


def test_a_gpci_csv_of_six_numbers_is_refused_and_the_new_columns_named(tmp_path: Path) -> None:
    told = refused(tmp_path, "RVU11AR", old("2011") | {"GPCI2011.csv": s.csv_bytes(six_numbers())})
    assert_names(told, "GPCI2011.csv", "Nearest is layout GPCI6", "'WORK GPCI WITH FLOOR' isn't in GPCI6",
                 "schemas/layouts/gpci.csv")  # fmt: skip


def test_a_gpci_csv_of_six_numbers_under_equal_headers_is_refused(tmp_path: Path) -> None:
    cells = six_numbers()
    cells[2][6:] = cells[2][3:6]
    told = refused(tmp_path, "RVU11AR", old("2011") | {"GPCI2011.csv": s.csv_bytes(cells)})
    assert_names(told, "GPCI2011.csv", "column 7", "isn't in GPCI6")


def test_a_gpci_txt_of_six_numbers_is_refused(tmp_path: Path) -> None:
    body = "".join(
        f"{r['mac']:<10}{r['locality']:<6}{r['name']:<60}{'   '.join(r[f] for f in SIX * 2)}\r\n" for r in s.PLACES
    )
    members = {k: v for k, v in old("2011").items() if "GPCI" not in k}
    told = refused(tmp_path, "RVU11AR", members | {"GPCI2011.txt": b"GPCIs\r\n\r\n" + body.encode("cp1252")})
    assert_names(told, "GPCI2011.txt", "Nearest is layout", "schemas/layouts/gpci.csv")


def test_a_refused_year_ends_the_command_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = {k: v for k, v in old("2005").items() if "PPRRVU" not in k} | {"PPRRVU05.txt": early_txt(187)}
    archive = s.write_zip(tmp_path / "RVU05A.zip", members)
    with pytest.raises(SystemExit) as stopped:
        main(["build", "RVU05A", "--sample", "--archive", str(archive), "--output", str(tmp_path / "store")])
    assert stopped.value.code == 1
    told = capsys.readouterr().err
    assert_names(told, "PPRRVU05.txt", "schemas/layouts/shapes.csv")
    assert "Traceback" not in told


# --- years to come ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def new_quarters(tmp_path_factory: pytest.TempPathFactory) -> Version:
    labels = ("RVU26D", "RVU27A", "RVU27B", "RVU28C")
    return all_of(tmp_path_factory.mktemp("quarters"), {label: s.release(label) for label in labels})


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("RVU26D", date(2026, 10, 1), date(2026, 12, 31)),
        ("RVU27A", date(2027, 1, 1), date(2027, 3, 31)),
        ("RVU27B", date(2027, 4, 1), date(2027, 6, 30)),
        ("RVU28C", date(2028, 7, 1), date(2028, 9, 30)),
    ],
)
def test_a_new_quarter_has_the_dates_of_its_letter(label: str, first: date, last: date, new_quarters: Version) -> None:
    dates = new_quarters.scan("releases", label).select("effective_from", "effective_to").collect()
    assert dates.row(0) == (first, last)


def test_a_new_quarter_has_both_participants(new_quarters: Version) -> None:
    factors = new_quarters.scan("conversion_factor", "RVU27A").collect()
    assert sorted(factors["participant"]) == ["non_qp", "qp"]


def test_a_new_quarter_is_built_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = s.write_zip(tmp_path / "RVU27A.zip", s.release("RVU27A"))
    main(["build", "RVU27A", "--sample", "--archive", str(archive), "--output", str(tmp_path / "store")])
    assert "RVU27A revision 1, a sample, published as version 1" in capsys.readouterr().out


def test_a_new_quarter_says_that_its_dates_are_inferred(new_quarters: Version) -> None:
    assert "quarter rule" in new_quarters.scan("releases", "RVU27A").select("note").collect().item()


# --- columns that are new, moved or gone, in any year and member ------------------------------------------------

Cells = list[list[str]]
GRIDS: dict[str, tuple[str, str, str, Cells]] = {
    "G31": ("RVU25A", "PPRRVU2025_JAN.csv", "pprrvu", s.pprrvu_cells("G31")),
    "G32": ("RVU27A", "PPRRVU2027_Jan_nonQPP.csv", "pprrvu", s.pprrvu_cells("G32", title="2027")),
    "G37": ("RVU10AR1", "PPRRVU10.csv", "pprrvu", s.pprrvu_cells("G37", title="2010")),
    "GPCI6": ("RVU10AR1", "GPCI2010.csv", "gpci", s.cells_of(s.gpci_csv("GPCI6", year="2010"))),
    "GPCI7": ("RVU25A", "GPCI2025.csv", "gpci", s.cells_of(s.gpci_csv("GPCI7"))),
    "GPCI8": ("RVU27A", "GPCI2027.csv", "gpci", s.cells_of(s.gpci_csv("GPCI8", year="2027"))),
    "LOCCO5": ("RVU25A", "25LOCCO.csv", "locality_county", s.cells_of(s.locco_csv())),
    "ANES4": ("RVU25A", "ANES2025.csv", "anesthesia", s.cells_of(s.anes_csv("ANES4"))),
    "ANES5": ("RVU27A", "ANES2027.csv", "anesthesia", s.cells_of(s.anes_csv("ANES5", year="2027"))),
    "OPPSCAP7FN": ("RVU25A", "OPPSCAP_JAN.csv", "opps_cap", s.cells_of(s.opps_cap_csv("OPPSCAP7FN"))),
    "OPPSCAP6": ("RVU10AR1", "OPPSCAP.csv", "opps_cap", s.cells_of(s.opps_cap_csv("OPPSCAP6"))),
}


def with_member(shape: str, cells: Cells) -> tuple[str, Members, str]:
    label, file, member, _ = GRIDS[shape]
    members = old("2010") if label == "RVU10AR1" else s.release(label)
    same = {name: data for name, data in members.items() if name.split(".")[0] != file.split(".")[0]}
    return label, same | {file: s.csv_bytes(cells)}, f"schemas/layouts/{member}.csv"


def header_row(cells: Cells) -> int:
    """The last line of the header: its first cell names the code or the contractor."""
    titles = ("HCPCS", "CONTRACTOR", "MEDICARE ADMIN")
    return next(i for i, row in enumerate(cells) if row[0].upper().startswith(titles))


def with_new_column(cells: Cells, at: int) -> Cells:
    header = header_row(cells)
    title = {i: "BRAND NEW" if i == header else "" for i in range(header + 1)}
    return [[*row[:at], title.get(i, "1"), *row[at:]] for i, row in enumerate(cells)]


@pytest.mark.parametrize("shape", GRIDS)
def test_a_new_last_column_is_refused_by_its_name(shape: str, tmp_path: Path) -> None:
    cells = GRIDS[shape][3]
    label, members, schema = with_member(shape, with_new_column(cells, len(cells[-1])))
    assert_names(refused(tmp_path, label, members), GRIDS[shape][1], "BRAND NEW", "isn't in", schema)


@pytest.mark.parametrize("shape", GRIDS)
def test_a_new_column_between_others_is_refused_by_its_name(shape: str, tmp_path: Path) -> None:
    label, members, schema = with_member(shape, with_new_column(GRIDS[shape][3], 3))
    assert_names(refused(tmp_path, label, members), GRIDS[shape][1], "BRAND NEW", "isn't in", schema)


@pytest.mark.parametrize("shape", [x for x in GRIDS if x != "OPPSCAP6"])
def test_a_missing_last_column_is_refused(shape: str, tmp_path: Path) -> None:
    label, members, schema = with_member(shape, [row[:-1] for row in GRIDS[shape][3]])
    assert_names(refused(tmp_path, label, members), GRIDS[shape][1], "is missing", schema)


@pytest.mark.parametrize("shape", GRIDS)
def test_two_columns_that_changed_places_are_refused(shape: str, tmp_path: Path) -> None:
    cells = [[row[0], row[2], row[1], *row[3:]] for row in GRIDS[shape][3]]
    label, members, schema = with_member(shape, cells)
    assert_names(refused(tmp_path, label, members), GRIDS[shape][1], "moved from column", schema)


@pytest.mark.parametrize("shape", ["G31", "GPCI7", "ANES4", "LOCCO5"])
def test_a_workbook_with_a_new_column_is_refused_by_its_name(shape: str, tmp_path: Path) -> None:
    label, file, _, cells = GRIDS[shape]
    header = header_row(cells)
    wider = [[*row, "BRAND NEW" if i == header else "" if i < header else "1"] for i, row in enumerate(cells)]
    _, members, schema = with_member(shape, wider)
    name = file.replace(".csv", ".xlsx")
    members = {k: v for k, v in members.items() if k != file} | {name: s.workbook(wider)}
    assert_names(refused(tmp_path, label, members), name, "'BRAND NEW' isn't in", schema)
