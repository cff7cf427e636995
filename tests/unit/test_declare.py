"""Archives that can't be read yet: `declare` writes candidate rows, and with them the archive builds."""

import csv
import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import polars as pl
import pytest

from pfsetl.pipeline.examine import examine
from tests import synthetic as s
from tests.declared import command as pfsetl
from tests.declared import laid_over
from tests.unit.test_declarations import folder

pytestmark = pytest.mark.long

Cells = list[list[str]]
NON_QP, QP = "PPRRVU2026_Jan_nonQPP.csv", "PPRRVU2026_Jan_QPP.csv"


def inserted(cells: Cells) -> Cells:
    """A column that no layout has, before WORK RVU: headed in the last of its five heading rows."""
    return [[*row[:5], {9: "SITE MARK"}.get(i, "" if i < 10 else "7"), *row[5:]] for i, row in enumerate(cells)]


def renamed(cells: Cells) -> Cells:
    """STATUS CODE becomes PAYMENT STATUS CODE, and MOD becomes MODIFIER."""
    return [
        [{"MOD": "MODIFIER", "STATUS": "PAYMENT STATUS"}.get(cell, cell) if i < 10 else cell for cell in row]
        for i, row in enumerate(cells)
    ]


def first_renamed(cells: Cells) -> Cells:
    """The first column, by which heading rows are found, is headed otherwise."""
    return [[{"HCPCS": "HCPCS CODE"}.get(c, c) if i < 10 else c for c in row] for i, row in enumerate(cells)]


def moved(cells: Cells) -> Cells:
    """Column 4 goes to the end."""
    return [[*row[:3], *row[4:], row[3]] for row in cells]


def gone(cells: Cells) -> Cells:
    """The endoscopic base isn't there any more, which no price is made of alone."""
    return [[*row[:24], *row[25:]] for row in cells]


def with_cells(label: str, change: Callable[[Cells], Cells]) -> s.Members:
    members = s.release(label)
    return {
        name: s.csv_bytes(change(s.cells_of(data))) if name.startswith("PPRRVU") else data
        for name, data in members.items()
    }


def rvu(label: str, archive: Path, own: Path | None = None) -> pl.DataFrame:
    """The rows that a build would publish, with rows of one's own."""
    with laid_over(own) if own else nullcontext():
        found = examine(label, archive, records={}, sample=True)
        found.report.raise_if_bad()
        return found.tables["rvu"]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The rows of the same release in the shape that is declared."""
    return rvu("RVU26A", s.write_zip(tmp_path_factory.mktemp("usual") / "a.zip", s.release("RVU26A")))


@pytest.mark.parametrize("change", [inserted, renamed, first_renamed, moved])
def test_a_changed_shape_builds_with_the_rows_that_declare_writes(
    tmp_path: Path, usual: pl.DataFrame, change: Callable[[Cells], Cells]
) -> None:
    archive, own = s.write_zip(tmp_path / "RVU26A.zip", with_cells("RVU26A", change)), tmp_path / "own"
    build = ("build", "RVU26A", "--archive", archive, "--sample", "-o", tmp_path / "store")
    code, _, told = pfsetl(*build)
    assert (code, f"To see the rows that it needs: pfsetl declare RVU26A --archive {archive} (" in told) == (1, True), (
        told
    )
    code, out, told = pfsetl("declare", "RVU26A", "--archive", archive, "--out", own)
    assert (code, told) == (0, ""), out
    assert rvu("RVU26A", archive, own).equals(usual)


def test_the_candidates_say_what_differs_and_that_a_new_column_is_not_published(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU26A.zip", with_cells("RVU26A", inserted))
    code, out, _ = pfsetl("declare", "RVU26A", "--archive", archive, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["notes"] == [
        f"'{NON_QP}', as G32 but: column 6 'SITE MARK' is new: new_site_mark, which no table publishes"
    ]
    assert [row["field"] for row in told["rows"]["fields.csv"]] == ["new_site_mark"]
    assert {row["layout"] for row in told["rows"]["layouts/pprrvu.csv"]} == {"G32_RVU26A"}


def test_a_column_that_is_gone_is_named(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU26A.zip", with_cells("RVU26A", gone))
    _, out, _ = pfsetl("declare", "RVU26A", "--archive", archive)
    assert "endoscopic_base isn't there any more" in out


def test_a_workbook_of_a_changed_shape_is_read_too(tmp_path: Path) -> None:
    members = s.release("RVU26A")
    for name in (NON_QP, QP):
        members[name.replace(".csv", ".xlsx")] = s.workbook(inserted(s.cells_of(members.pop(name))))
    archive, own = s.write_zip(tmp_path / "RVU26A.zip", members), tmp_path / "own"
    assert pfsetl("declare", "RVU26A", "--archive", archive, "--out", own)[0] == 0
    build = ("build", "RVU26A", "--archive", archive, "--sample", "-o", tmp_path / "store", "--schemas", own)
    assert pfsetl(*build)[0] == 0


# --- text of fixed columns --------------------------------------------------------------------------------------

TEXT, RECORD = "PPRRVU2025_JAN.txt", 171


def records(data: bytes, change: Callable[[str], str], length: int = RECORD) -> bytes:
    """A text in which every record, but no title, is another."""
    lines = data.decode("cp1252").split("\r\n")
    return "\r\n".join(change(line) if len(line) == length else line for line in lines).encode("cp1252")


def wider(record: str) -> str:
    """Three blank columns before the work RVU, in column 60."""
    return record[:59] + "   " + record[59:]


def with_a_mark(record: str) -> str:
    """Columns that no layout has, between the malpractice RVU and the totals."""
    return record[:89] + " X7Y" + record[89:]


def shorter(record: str) -> str:
    """The short description loses ten columns."""
    return record[:47] + record[57:]


@pytest.fixture(scope="module")
def usual_text(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return rvu("RVU25A", s.write_zip(tmp_path_factory.mktemp("usual_text") / "a.zip", s.release("RVU25A")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (wider, ["a record has 174 characters, not 171", "work_rvu to opps_mp_rvu: 3 columns further right"]),
        (with_a_mark, ["nonfacility_total_rvu to opps_mp_rvu: 4 columns further right",
                       "columns 91-93 are new: new_91, which no table publishes"]),
        (shorter, ["status to opps_mp_rvu: 10 columns further left", "description has 40 characters, not 50"]),
    ],
)  # fmt: skip
def test_a_text_whose_columns_moved_builds_with_the_rows_that_declare_writes(
    tmp_path: Path, usual_text: pl.DataFrame, change: Callable[[str], str], said: list[str]
) -> None:
    members = s.release("RVU25A")
    archive = s.write_zip(tmp_path / "RVU25A.zip", members | {TEXT: records(members[TEXT], change)})
    own, build = tmp_path / "own", ("build", "RVU25A", "--archive", archive, "--sample", "-o", tmp_path / "store")
    code, _, told = pfsetl(*build)
    assert (code, "pfsetl declare RVU25A --archive" in told) == (1, True), told
    code, out, told = pfsetl("declare", "RVU25A", "--archive", archive, "--out", own)
    assert (code, told) == (0, ""), out
    assert [words for words in said if words not in out] == [], out
    assert rvu("RVU25A", archive, own).equals(usual_text)


def test_a_field_that_looks_like_its_neighbors_is_not_told_from_them(tmp_path: Path) -> None:
    members = s.release("RVU25A")
    text = records(members[TEXT], lambda record: record[:116] + record[117:])  # bilateral
    _, out, _ = pfsetl("declare", "RVU25A", "--archive", s.write_zip(tmp_path / "RVU25A.zip", members | {TEXT: text}))
    [lost] = set(
        re.findall(r"(\w+) isn't there any more \(or it's one of (.*?), which look like it: compare", out)
    )  # in the rows and in the note
    assert "bilateral" in (lost[0], *lost[1].split(", ")), out


def test_a_text_that_is_like_no_layout_is_left_to_a_person(tmp_path: Path) -> None:
    members = s.release("RVU25A") | {TEXT: b"some words of no table at all\r\n" * 40}
    code, _, told = pfsetl("declare", "RVU25A", "--archive", s.write_zip(tmp_path / "RVU25A.zip", members))
    assert (code, TEXT in told, "No row can be proposed" in told) == (1, True, True)


def test_a_label_that_is_not_declared_gets_its_row_by_the_quarter_rule(tmp_path: Path) -> None:
    archive, own = s.write_zip(tmp_path / "RVU27B.zip", s.release("RVU27B")), tmp_path / "own"
    code, out, _ = pfsetl("declare", "rvu27b", "--archive", archive, "--out", own)
    assert (code, "compare the days with CMS's page" in out) == (0, True)
    with (own / "releases.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["release"], row["effective_from"], row["effective_to"]) == ("RVU27B", "2027-04-01", "2027-06-30")
    _, out, _ = pfsetl("list", "--json", "--schemas", own)
    assert json.loads(out)[-1]["release"] == "RVU27B"


def test_files_of_unknown_names_are_told_by_what_they_hold(tmp_path: Path) -> None:
    members = s.release("RVU25A")
    named = {"GPCI2025.csv": "Indices_2025.csv", "PPRRVU2025_JAN.txt": "RelativeValues2025_JAN.txt"}
    archive = s.write_zip(tmp_path / "RVU25A.zip", {named.get(name, name): data for name, data in members.items()})
    own, build = tmp_path / "own", ("build", "RVU25A", "--archive", archive, "--sample", "-o", tmp_path / "store")
    assert pfsetl(*build)[0] == 1
    code, out, told = pfsetl("declare", "RVU25A", "--archive", archive, "--out", own)
    assert (code, "Indices_2025.csv is taken for gpci" in out) == (0, True), told
    assert pfsetl(*build, "--schemas", own)[0] == 0
    rvu("RVU25A", s.write_zip(tmp_path / "plain.zip", members), own)  # names that were known stay known


def test_an_archive_that_is_known_needs_nothing(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A"))
    code, out, _ = pfsetl("declare", "RVU26A", "--archive", archive)
    assert (code, out.startswith("nothing to declare")) == (0, True)


def test_what_no_row_can_be_proposed_for_is_said_with_exit_1(tmp_path: Path) -> None:
    members = s.release("RVU26A") | {NON_QP: b"one,two\n1,2\n"}
    archive = s.write_zip(tmp_path / "RVU26A.zip", members)
    code, _, told = pfsetl("declare", "RVU26A", "--archive", archive)
    assert (code, NON_QP in told, "No row can be proposed" in told) == (1, True, True)


def test_rows_of_an_earlier_run_are_not_overwritten(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU27B.zip", s.release("RVU27B"))
    own = folder(tmp_path / "own", {"releases.csv": "mine"})
    code, _, told = pfsetl("declare", "RVU27B", "--archive", archive, "--out", own)
    assert (code, f"{own / 'releases.csv'}: there already" in told) == (2, True)
    assert (own / "releases.csv").read_text() == "mine"
