"""Rows that can't be used are set aside with their reason; every line of every source file is accounted for."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts, registry
from pfsetl.errors import ValueRefused
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import RawTable, read
from pfsetl.source.archive import open_archive
from pfsetl.tables.normalize import Accounting, Tables, normalize
from tests import synthetic as s
from tests.synthetic import Members, Row

RVUS = "PPRRVU2025_JAN.txt"
GRID = "PPRRVU2025_JAN.csv"
FIRST_RECORD = 8  # after seven HDR lines
STRAY = s.changed(s.VISIT) | {"hcpcs": "--", "description": "Synthetic stray"}  # no code, yet a record's length


def many(count: int) -> list[Row]:
    """That many records of different codes."""
    return [s.VISIT | {"hcpcs": f"G{i:04d}"} for i in range(count)]


def members(rows: list[Row], grid: str = "") -> Members:
    """A release whose PPRRVU holds the rows, as txt or as a csv of a shape."""
    rest = {name: data for name, data in s.release().items() if name != RVUS}
    return rest | ({GRID: s.pprrvu_csv(grid, rows)} if grid else {RVUS: s.pprrvu_txt("N171", rows)})


def parsed(folder: Path, files: Members, member: str = "pprrvu") -> Parsed:
    archive = open_archive(s.write_folder(folder / "members", files))
    return next(parse(raw) for raw in read(archive) if raw.member == member)


def normalized(folder: Path, files: Members, label: str = "RVU25A") -> tuple[Tables, list[Accounting]]:
    archive = open_archive(s.write_folder(folder / "members", files))
    return normalize([parse(raw) for raw in read(archive)], registry.find(label), contracts.load())


# --- two formats of a member ------------------------------------------------------------------------------------


def as_grid(folder: Path, rows: list[Row]) -> RawTable:
    """The same records as a csv, which says some cells as the txt does and others not."""
    archive = open_archive(s.write_folder(folder / "grid", members(rows, "G31")))
    return next(raw for raw in read(archive) if raw.member == "pprrvu")


def test_a_second_format_has_the_same_values_whether_the_first_is_known_or_not(tmp_path: Path) -> None:
    first = parsed(tmp_path, members([*s.CODES]))
    second = as_grid(tmp_path, [*s.CODES])
    assert parse(second, like=first).frame.equals(parse(second).frame)


def test_a_bad_cell_of_a_second_format_is_refused_though_the_first_has_a_good_one(tmp_path: Path) -> None:
    first = parsed(tmp_path, members([*s.CODES]))
    with pytest.raises(ValueRefused, match="work_rvu is '9x'"):
        parse(as_grid(tmp_path, [*s.CODES[:-1], s.CODES[-1] | {"work": "9x"}]), like=first)


# --- repetitions ------------------------------------------------------------------------------------------------


def test_an_exact_repetition_is_set_aside_and_its_first_line_kept(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([*s.CODES, s.VISIT]))
    assert found.rejects.select("line", "reason").rows() == [(15, "repeats line 8")]
    assert FIRST_RECORD in found.frame["line"]


def test_every_repetition_names_the_first_of_its_kind(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([s.VISIT, s.SCAN, s.VISIT, s.SCAN, s.VISIT]))
    assert found.rejects.select("line", "reason").rows() == [
        (10, "repeats line 8"),
        (11, "repeats line 9"),
        (12, "repeats line 8"),
    ]


def test_a_repetition_in_a_csv_is_set_aside_too(tmp_path: Path) -> None:
    # five lines of title and five of header before the first record
    found = parsed(tmp_path, members([*s.CODES, s.VISIT], "G31"))
    assert found.rejects.select("line", "reason").rows() == [(18, "repeats line 11")]


def test_a_record_that_differs_in_one_cell_is_no_repetition(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([s.VISIT, s.changed(s.VISIT, pctc="1")]))
    assert (found.frame.height, found.rejects.height) == (2, 0)


def test_the_same_code_with_another_modifier_is_no_repetition(tmp_path: Path) -> None:
    assert parsed(tmp_path, members([s.SCAN, s.SCAN | {"modifier": "26"}])).rejects.is_empty()


@pytest.mark.parametrize(
    ("member", "file", "data"),
    [
        ("gpci", "GPCI2025.csv", s.gpci_csv("GPCI7", [*s.PLACES, s.ALASKA])),
        ("anesthesia", "ANES2025.csv", s.anes_csv("ANES4", [*s.PLACES, s.ALASKA])),
        ("locality_county", "25LOCCO.csv", s.locco_csv([*s.PLACES, s.ALASKA])),
        ("opps_cap", "OPPSCAP_JAN.csv", s.opps_cap_csv("OPPSCAP7FN", [*s.CAPS, s.CAPS[0]])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_repetition_in_a_companion_is_set_aside(member: str, file: str, data: bytes, tmp_path: Path) -> None:
    found = parsed(tmp_path, s.release() | {file: data}, member)
    assert found.rejects.height == 1


def test_a_repetition_of_code_and_modifier_in_one_cell_is_set_aside(tmp_path: Path) -> None:
    # OPPSCAP of 2011 and 2012 prints G9902TC
    data = s.opps_cap_csv("OPPSCAP6", [*s.CAPS, s.CAPS[1]])
    found = parsed(tmp_path, s.release() | {"OPPSCAP_JAN.csv": data}, "opps_cap")
    assert (found.rejects.height, sorted(found.frame["modifier"].unique())) == (1, ["", "TC"])


# --- stray lines ------------------------------------------------------------------------------------------------


def test_a_stray_line_is_set_aside_with_what_was_expected(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([*many(2000), STRAY]))
    line, reason = found.rejects.select("line", "reason").row(0)
    assert (found.rejects.height, line) == (1, FIRST_RECORD + 2000)
    assert reason == "hcpcs isn't text of the form [0-9A-Z]{5}"
    assert "[0-9A-Z]{5}" in reason


def test_a_stray_line_in_a_csv_is_set_aside(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([STRAY, *many(2000)], "G31"))
    assert found.rejects["line"].to_list() == [11]


def test_a_stray_line_does_not_cost_its_neighbours(tmp_path: Path) -> None:
    found = parsed(tmp_path, members([*many(1000), STRAY, *many(2000)[1000:]]))
    assert found.frame["hcpcs"].to_list() == [f"G{i:04d}" for i in range(2000)]


def test_two_stray_lines_of_2000_are_a_thousandth_and_set_aside(tmp_path: Path) -> None:
    assert parsed(tmp_path, members([*many(1998), STRAY, STRAY | {"hcpcs": "++"}])).rejects.height == 2


def test_more_than_a_thousandth_is_refused_with_place_count_and_remedy(tmp_path: Path) -> None:
    strays = [STRAY, STRAY | {"hcpcs": "++"}, STRAY | {"hcpcs": ".."}]
    with pytest.raises(ValueRefused) as caught:
        parsed(tmp_path, members([*many(1997), *strays]))
    told = str(caught.value)
    for fragment in (
        RVUS,
        "line 2005",
        "hcpcs isn't text of the form",
        "'--'",
        "2 more of 2,000 records",
        "Download",
        "schemas/fields.csv",
    ):
        assert fragment in told


def test_one_stray_line_of_seven_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match=r"line 15: hcpcs isn't text of the form .*: '--'"):
        parsed(tmp_path, members([*s.CODES, STRAY]))


def test_a_bad_number_is_refused_and_never_set_aside(tmp_path: Path) -> None:
    bad = s.changed(s.VISIT) | {"hcpcs": "G9999", "work": "1,21"}
    with pytest.raises(ValueRefused, match="work_rvu is '1,21'"):
        parsed(tmp_path, members([*many(2000), bad]))


def test_a_contractor_that_is_no_number_is_unusable(tmp_path: Path) -> None:
    bad = s.ALASKA | {"mac": "O2102"}
    with pytest.raises(ValueRefused, match=r"GPCI2025.csv: line 8: mac isn't text of the form .*: 'O2102'"):
        parsed(tmp_path, s.release() | {"GPCI2025.csv": s.gpci_csv("GPCI7", [*s.PLACES, bad])}, "gpci")


# --- what is kept of them ---------------------------------------------------------------------------------------


def test_a_reject_keeps_its_cells_without_the_description(tmp_path: Path) -> None:
    text = parsed(tmp_path, members([*s.CODES, s.VISIT])).rejects["text"].item()
    assert "Synthetic" not in text
    assert text.split("|")[:2] == ["G9901", ""]
    assert "1.21" in text.split("|")


def test_the_published_rejects_name_file_and_member(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, members([*many(2000), STRAY, s.VISIT, s.VISIT]))
    assert tables["rejects"].select("release", "file", "member", "line").rows() == [
        ("RVU25A", RVUS, "pprrvu", 2008),
        ("RVU25A", RVUS, "pprrvu", 2010),
    ]


def test_the_published_rejects_hold_no_description(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, members([*many(2000), STRAY, s.VISIT, s.VISIT]))
    assert not tables["rejects"].select(pl.concat_str(pl.all().cast(pl.String)).str.contains("Synthetic").any()).item()


def test_nothing_is_set_aside_of_a_sound_release(tmp_path: Path) -> None:
    tables, _ = normalized(tmp_path, s.release())
    assert tables["rejects"].is_empty()


# --- where every line went --------------------------------------------------------------------------------------


def lines_in(data: bytes, file: str) -> int:
    """Count a file's lines; a csv's quoted cells may hold line ends."""
    text = data.decode("cp1252")
    if file.endswith(".csv"):
        return sum(1 for _ in csv.reader(io.StringIO(text, newline="")))
    return len(text.replace("\r\n", "\n").removesuffix("\n").split("\n"))


BUSY = {
    RVUS: s.pprrvu_txt("N171", [*many(2000), STRAY, s.VISIT, s.VISIT]),
    "GPCI2025.csv": s.gpci_csv("GPCI7", [*s.PLACES, s.ALASKA, s.LOS_ANGELES | {"mac": "01112"}]),
    "25LOCCO.csv": s.locco_csv([*s.PLACES, s.LOS_ANGELES | {"mac": "01112"}]),
    "ANES2025.csv": s.anes_csv("ANES4", [*s.PLACES, s.LOS_ANGELES | {"mac": "01112"}]),
    "OPPSCAP_JAN.csv": s.opps_cap_csv("OPPSCAP7FN", [*s.CAPS, s.CAPS[0]]),
}
TEXTS = {
    RVUS: s.pprrvu_txt("N171"), "GPCI2025.txt": s.gpci_txt("GPCI7"), "25LOCCO.txt": s.locco_txt(),
    "ANES2025.txt": s.anes_txt(), "OPPSCAP_JAN.txt": s.opps_cap_txt(),
}  # fmt: skip
RELEASES = {"sound": ("RVU25A", s.release()), "2026": ("RVU26A", s.release("RVU26A")), "odd": ("RVU25A", BUSY),
            "txt": ("RVU25A", TEXTS)}  # fmt: skip


@pytest.mark.parametrize("case", RELEASES)
def test_every_line_of_every_file_is_counted(case: str, tmp_path: Path) -> None:
    label, files = RELEASES[case]
    _, accounts = normalized(tmp_path, files, label)
    assert {a.file: a.lines for a in accounts} == {
        name: lines_in(data, name) for name, data in files.items() if not name.endswith(".pdf")
    }


@pytest.mark.parametrize("case", RELEASES)
def test_every_line_is_published_merged_rejected_or_no_data(case: str, tmp_path: Path) -> None:
    label, files = RELEASES[case]
    _, accounts = normalized(tmp_path, files, label)
    where = {a.file: sum(a.not_data.values()) + a.published + a.merged + a.rejected for a in accounts}
    assert where == {a.file: a.lines for a in accounts}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (RVUS, (2001, 0, 2)),
        ("GPCI2025.csv", (4, 1, 1)),
        ("25LOCCO.csv", (4, 1, 0)),
        ("ANES2025.csv", (4, 1, 0)),
        ("OPPSCAP_JAN.csv", (8, 2, 1)),
    ],
)
def test_doubled_contractors_are_merged_and_repetitions_rejected(
    file: str, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    _, accounts = normalized(tmp_path, BUSY)
    account = next(a for a in accounts if a.file == file)
    assert (account.published, account.merged, account.rejected) == expected
