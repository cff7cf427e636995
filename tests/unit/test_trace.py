"""From a published row to the archive, file and line it was read from, and to what CMS wrote there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import UsageError
from pfsetl.publication import trace
from pfsetl.source.archive import open_archive
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
# Codes whose descriptor holds a comma, a quote or a line break.
QUOTED = s.changed(s.VISIT, hcpcs="G9991", description='Visit, "long"')
BROKEN = s.changed(s.VISIT, hcpcs="G9992", description="Visit,\nsecond line")
PLAIN = s.changed(s.VISIT, hcpcs="G9992")
ROWS = {"RVU25A": [*s.CODES, QUOTED, PLAIN], "RVU26A": [QUOTED, BROKEN, *s.CODES]}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a release in fixed width and one in csv, with their archives beside it."""
    folder = tmp_path_factory.mktemp("trace")
    for label, rows in ROWS.items():
        archive = s.write_zip(folder / f"{label}.zip", s.release(label, rows=rows))
        pfsetl.build(
            label, store=LocalStore(folder / "store"), archive=archive, url=f"https://cms.test/{label}.zip", sample=True
        )
    return folder


def traced(published: Path, label: str, *, descriptors: bool = False, table: str = "rvu", **key: str) -> list[str]:
    at = pfsetl.open(published / "store")
    archive = open_archive(published / f"{label}.zip")
    content = at.releases[label].archive.content
    origins = trace.trace(at, label, table, key)
    return [o.text or "" for o in trace.with_text(origins, archive, content, descriptors=descriptors)]


def member(label: str, start: str) -> list[str]:
    """The lines of a member as the archive holds them, read without pfsetl."""
    members = s.release(label, rows=ROWS[label])
    return next(data for name, data in members.items() if name.startswith(start)).decode().replace("\r", "").split("\n")


def test_an_origin_names_file_line_layout_and_archive(published: Path) -> None:
    at = pfsetl.open(published / "store")
    (origin,) = trace.trace(at, "RVU25A", "rvu", {"hcpcs": "G9901"})
    assert member("RVU25A", "PPRRVU")[origin.line - 1].startswith("G9901")
    assert (origin.file, origin.layout, origin.url) == ("PPRRVU2025_JAN.txt", "N171", "https://cms.test/RVU25A.zip")
    assert origin.archive_sha256 == at.releases["RVU25A"].archive.sha256


@pytest.mark.parametrize(("label", "rows"), [("RVU25A", 1), ("RVU26A", 2)])
def test_a_row_of_each_participant_is_traced(published: Path, label: str, rows: int) -> None:
    assert len(trace.trace(pfsetl.open(published / "store"), label, "rvu", {"hcpcs": "G9901"})) == rows


def test_the_line_is_what_the_archive_holds(published: Path) -> None:
    (line,) = traced(published, "RVU25A", descriptors=True, hcpcs="G9901")
    assert line in member("RVU25A", "PPRRVU")
    assert line[7:57].strip() == "Synthetic visit"


def test_the_descriptor_of_a_fixed_record_is_blanked_and_nothing_else(published: Path) -> None:
    (whole,) = traced(published, "RVU25A", descriptors=True, hcpcs="G9901")
    (blanked,) = traced(published, "RVU25A", hcpcs="G9901")
    assert blanked == whole[:7] + trace.BLANK * 50 + whole[57:]


@pytest.mark.parametrize(
    ("code", "written", "blanked"),
    [
        ("G9901", "Synthetic visit", trace.BLANK * 15),
        ("G9991", '"Visit, ""long"""', f'"{trace.BLANK * 7}""{trace.BLANK * 4}"""'),
        ("G9992", '"Visit,\nsecond line"', f'"{trace.BLANK * 6}\n{trace.BLANK * 11}"'),
    ],
    ids=["plain", "quoted", "over two lines"],
)
def test_the_descriptor_of_a_csv_row_is_blanked_and_nothing_else(
    published: Path, code: str, written: str, blanked: str
) -> None:
    whole = traced(published, "RVU26A", descriptors=True, hcpcs=code, participant="non_qp")
    shown = traced(published, "RVU26A", hcpcs=code, participant="non_qp")
    assert [line.replace(written, blanked) for line in whole] == shown != whole


def test_a_row_after_a_broken_one_is_still_its_own_line(published: Path) -> None:
    assert {line[:5] for line in traced(published, "RVU26A", hcpcs="G9903")} == {"G9903"}


def test_a_place_is_traced(published: Path) -> None:
    (line,) = traced(published, "RVU26A", table="gpci", state="AK")
    assert (line in member("RVU26A", "GPCI"), ",AK," in line) == (True, True)


def test_a_row_of_a_workbook_is_its_cells(tmp_path: Path) -> None:
    members = s.release("RVU25A")
    text = next(name for name in members if name.startswith("PPRRVU"))
    del members[text]
    members["PPRRVU2025_JAN.xlsx"] = s.workbook(s.pprrvu_cells("G31"))
    at = pfsetl.build(
        "RVU25A", store=LocalStore(tmp_path / "o"), archive=s.write_zip(tmp_path / "a.zip", members), sample=True
    )
    origins = trace.trace(at.version, "RVU25A", "rvu", {"hcpcs": "G9901"})
    content = at.version.releases["RVU25A"].archive.content
    (origin,) = trace.with_text(origins, open_archive(tmp_path / "a.zip"), content)
    cells = (origin.text or "").split("\t")
    assert (cells[0], cells[2], cells[5]) == ("G9901", trace.BLANK * 15, "1.21")


def test_another_archive_is_refused(published: Path) -> None:
    at = pfsetl.open(published / "store")
    origins = trace.trace(at, "RVU25A", "rvu", {"hcpcs": "G9901"})
    with pytest.raises(UsageError, match=r"RVU26A\.zip: not the archive that was published"):
        trace.with_text(origins, open_archive(published / "RVU26A.zip"), at.releases["RVU25A"].archive.content)


def test_the_same_files_in_a_folder_are_the_same_archive(published: Path, tmp_path: Path, run: Run) -> None:
    folder = s.write_folder(tmp_path / "RVU25A", s.release("RVU25A", rows=ROWS["RVU25A"]))
    code, out, _ = run("trace", "RVU25A", "G9901", "--archive", folder, "--output", published / "store")
    assert (code, f"\nG9901  {trace.BLANK * 50}A" in out) == (0, True)


def test_the_command_prints_data_for_machines(published: Path, run: Run) -> None:
    _, out, _ = run("trace", "rvu26a", "g9902", "--modifier", "26", "--output", published / "store", "--json")
    assert [(o["key"]["participant"], o["key"]["modifier"], o["text"]) for o in json.loads(out)] == [
        ("non_qp", "26", None), ("qp", "26", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["RVU26A"], "Which row?"),
        (["RVU26A", "G9909"], "G9909: no such hcpcs in rvu of RVU26A. There: G9901, G9902"),
        (["RVU26A", "G9901", "--modifier", "26"], "26: no such modifier in rvu of RVU26A for G9901. There: blank."),
        (["RVU26A", "G9901", "--participant", "all"], "all: no such participant"),
        (["RVU26A", "G9901", "--table", "payment_national"], "no table of RVU26A that is read from a file"),
        (["RVU26A", "--table", "gpci", "--state", "ZZ"], "ZZ: no such state in gpci"),
        (["RVU26A", "G9901", "--table", "gpci"], "G9901: gpci has no hcpcs to choose by. Leave it out."),
        (["RVU24A", "G9901"], "RVU24A: not published"),
        (["RVU25A", "G9901", "--archive", "nowhere.zip"], "nowhere.zip: no such file"),
    ],
)
def test_a_row_that_is_not_there_is_answered_with_those_that_are(
    arguments: list[str], expected: str, published: Path, run: Run
) -> None:
    code, _, err = run("trace", *arguments, "--output", published / "store")
    assert (code, expected in err) == (3 if "nowhere.zip" in arguments else 2, True), err


def test_a_table_whose_file_was_missing_is_not_called_computed(tmp_path: Path) -> None:
    members = {name: data for name, data in s.release("RVU25A").items() if not name.startswith("OPPSCAP")}
    store = LocalStore(tmp_path / "store")
    pfsetl.build("RVU25A", store=store, archive=s.write_zip(tmp_path / "RVU25A.zip", members), sample=True)
    with pytest.raises(UsageError, match="opps_cap: CMS's file of it is missing from the archive of RVU25A"):
        trace.trace(pfsetl.open(store), "RVU25A", "opps_cap", {"hcpcs": "G9902"})
