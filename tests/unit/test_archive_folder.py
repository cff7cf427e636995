"""The archives of a folder: which release each is of, and what is said of the rest."""

import json
import shlex
from pathlib import Path

import pytest

from pfsetl.declared import labels
from pfsetl.errors import UsageError
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.pipeline.build import build
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.declared import command

pytestmark = pytest.mark.long


def folder_of(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


# names that browsers, CMS and people have given; the labels are those of releases.csv
NAMES = {
    "RVU25D_0.zip": "RVU25D",
    "rvu24c_12.zip": "RVU24C",
    "RVU26A (1).zip": "RVU26A",
    "RVU26A(2).zip": "RVU26A",
    "rvu26a-updated-12-29-2025.zip": "RVU26A",
    "RVU20B-updated-05012020_1.zip": "RVU20B",
    "rvu25b - Copy.zip": "RVU25B",
    "Copy of RVU25B.zip": "RVU25B",
    "rvu12b-.zip": "RVU12B",
    "rvu03_a.zip": "RVU03A",
    "rvu05a_r.zip": "RVU05AR",
    "RVU06AR2_1.zip": "RVU06AR2",
    "RVU 25A.zip": "RVU25A",
    "RVU-22D.zip": "RVU22D",
    "rvu2024a.zip": "RVU24A",
    "rvu10c_pct22_0.zip": "RVU10C_PCT22",
    "PRREV05D_2.zip": "PRREV05D",
    "rvu27b_0.zip": "RVU27B",
}


@pytest.mark.parametrize(("name", "label"), NAMES.items())
def test_an_archive_is_known_by_the_label_its_name_begins_with(name: str, label: str, tmp_path: Path) -> None:
    found = find_archives(folder_of(tmp_path / "zips", name), label)
    assert (list(found.archives), dict(found.unused), found.notices) == ([label], {}, ())


@pytest.mark.parametrize(
    "name", ["2024.zip", "notes.zip", "PFALL25A.zip", "GPCI2025.zip", "download (3).zip", "RVU.zip"]
)
def test_a_zip_whose_name_says_no_label_is_named(name: str, tmp_path: Path) -> None:
    found = find_archives(folder_of(tmp_path / "zips", "RVU26A.zip", name), "2026")
    assert dict(found.unused) == {name: "its name doesn't begin with a label such as RVU26A; rename it"}


@pytest.mark.parametrize("label", ["RVU25D", "RVU26A", "RVU27B"])
@pytest.mark.parametrize("name", ["x.zip", "download (3)"])
def test_an_archive_whose_name_says_no_label_is_told_by_what_it_holds(label: str, name: str, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "zips", "RVU22A.zip")
    write = s.write_zip if name.endswith(".zip") else s.write_folder
    path = write(folder / name, s.release(label))
    renamed = f"{label}.zip" if name.endswith(".zip") else label
    assert dict(find_archives(folder, "2022").unused) == {
        name: f"its name doesn't begin with a label such as RVU26A; by its contents it's {label}. Rename it to "
        f"{renamed}, or build it: pfsetl build {label} --archive {shlex.quote(str(path))} --output STORE"
    }


@pytest.mark.long
def test_the_command_says_so_and_renaming_it_is_the_remedy(tmp_path: Path, run) -> None:
    path = s.write_zip(folder_of(tmp_path / "zips") / "x.zip", s.release("RVU25D"))
    asked = ("backfill", "2025", "--archives", path.parent, "--sample", "--output", tmp_path / "o", "--json")
    code, _, err = run(*asked)
    assert (code, "by its contents it's RVU25D. Rename it to RVU25D.zip" in err) == (2, True)
    path.rename(path.with_name("RVU25D.zip"))
    assert json.loads(run(*asked)[1])["published"] == ["RVU25D"]


def test_an_archive_that_may_be_of_several_releases_names_them(tmp_path: Path) -> None:
    """RVU18AR and RVU18AR1 correct RVU18A, and the files of a correction say the same year and month."""
    folder = folder_of(tmp_path / "zips", "RVU22A.zip")
    s.write_zip(folder / "x.zip", s.release("RVU18A"))
    why = find_archives(folder, "2022").unused["x.zip"]
    assert "it's RVU18A or RVU18AR or RVU18AR1. Rename it to the one it is, or build it: pfsetl build RVU18A" in why


def test_a_known_zip_is_told_by_its_sha256(release_path, tmp_path: Path) -> None:
    """RVU13A's files name the year alone."""
    folder = folder_of(tmp_path / "zips", "RVU22A.zip")
    (folder / "x.zip").write_bytes(release_path("RVU13A").read_bytes())
    assert "by its contents it's RVU13A. Rename it to RVU13A.zip" in find_archives(folder, "2022").unused["x.zip"]


@pytest.mark.parametrize("name", ["readme.txt", "RVU25A.pdf", "RVU26A.zip.part", "RVU26A.7z", "RVU26A"])
def test_what_is_no_archive_is_named(name: str, tmp_path: Path) -> None:
    found = find_archives(folder_of(tmp_path / "zips", "RVU26B.zip", name), "2026")
    assert dict(found.unused) == {name: "not a zip or a folder"}


def test_what_was_not_asked_for_is_named(tmp_path: Path) -> None:
    found = find_archives(folder_of(tmp_path / "zips", "RVU26A.zip", "RVU25D_0.zip"), "2026")
    assert dict(found.unused) == {"RVU25D_0.zip": "RVU25D, which wasn't asked for"}


def test_wanted_releases_without_archive_are_named(tmp_path: Path) -> None:
    found = find_archives(folder_of(tmp_path / "zips", "RVU24A.zip", "RVU25D.zip"), "2024..2025")
    assert found.absent == ("RVU24AR", "RVU24B", "RVU24C", "RVU24D", "RVU25A", "RVU25B", "RVU25C")


def test_nothing_is_absent_where_labels_are_wanted_and_there(tmp_path: Path) -> None:
    assert find_archives(folder_of(tmp_path / "zips", "RVU24A.zip"), "RVU24A").absent == ()


def test_two_names_of_one_label_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"two archives of RVU25D, RVU25D.zip and RVU25D_0.zip. Keep one"):
        find_archives(folder_of(tmp_path / "zips", "RVU25D.zip", "RVU25D_0.zip"), "2025")


def test_what_is_not_used_is_said_where_nothing_is_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no archive of 2025. There are none.*Not used: 2025.zip: its name"):
        find_archives(folder_of(tmp_path / "zips", "2025.zip"), "2025")


# --- names of no declared label, in a quarter that has one --------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label"), [("rvu26ar_1.zip", "RVU26A"), ("RVU25CR.zip", "RVU25C"), ("rvu22dr2_0.zip", "RVU22D"),
                        ("RVU18C.zip", "RVU18C1"), ("RVU08B.zip", "RVU08AB")],
)  # fmt: skip
def test_a_name_of_no_declared_label_is_taken_as_the_one_of_its_quarter(name: str, label: str, tmp_path: Path) -> None:
    s.write_zip(tmp_path / name, s.release(name[:6].upper()))
    found = find_archives(tmp_path, label)
    assert dict(found.archives) == {label: tmp_path / name}
    assert found.notices[0].startswith(f"{name}: taken as {label}, the only release of its quarter")


@pytest.mark.parametrize("inside", ["RVU25A", "RVU24A"])
def test_it_is_not_taken_where_the_files_inside_are_of_another_year(inside: str, tmp_path: Path) -> None:
    s.write_zip(tmp_path / "rvu26ar_1.zip", s.release(inside))
    folder_of(tmp_path, "RVU26B.zip")
    found = find_archives(tmp_path, "2026")
    assert list(found.archives) == ["RVU26B"]
    assert f"it can't be RVU26A: PPRRVU20{inside[3:5]}_JAN.txt" in found.unused["rvu26ar_1.zip"]


def test_it_is_not_taken_where_the_quarter_has_several_releases(tmp_path: Path) -> None:
    s.write_zip(tmp_path / "RVU24AR2.zip", s.release("RVU24A"))
    found = find_archives(folder_of(tmp_path, "RVU24B.zip"), "2024")
    assert found.unused["RVU24AR2.zip"].endswith("may be RVU24A or RVU24AR; rename it")


def test_beside_the_release_itself_it_is_asked_about(tmp_path: Path) -> None:
    for name in ("RVU26A.zip", "rvu26ar_1.zip"):
        s.write_zip(tmp_path / name, s.release("RVU26A"))
    with pytest.raises(UsageError, match=r"two archives of RVU26A, RVU26A.zip and rvu26ar_1.zip"):
        find_archives(tmp_path, "2026")


@pytest.mark.parametrize(
    ("label", "said"),
    [("RVU26AR", "RVU26A"), ("rvu18c", "RVU18C1"), ("RVU08B", "RVU08AB"), ("RVU25DR1", "RVU25D"),
     ("RVU07A", "RVU07A2 and RVU07A3 and RVU07A4")],
)  # fmt: skip
def test_a_label_that_is_not_declared_in_a_quarter_that_has_one_is_asked_about(label: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"{label.upper()}: no such release .* which has {said} for this quarter"):
        labels.to_build(label)


def test_a_build_under_such_a_label_is_refused(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "a.zip", s.release("RVU26A"))
    with pytest.raises(UsageError, match=r"which has RVU26A for this quarter\. Give that label"):
        build("RVU26AR", store=LocalStore(tmp_path / "store"), archive=archive, sample=True)


@pytest.mark.parametrize("label", ["RVU27A", "RVU27AR", "RVU31D"])
def test_a_label_of_a_quarter_of_which_nothing_is_declared_is_inferred(label: str) -> None:
    assert labels.to_build(label).label == label


# --- what the command says ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip named by its label, one as browsers name it, and three other files."""
    folder = tmp_path_factory.mktemp("zips")
    s.write_zip(folder / "RVU25A.zip", s.release("RVU25A"))
    s.write_zip(folder / "rvu26ar_1.zip", s.release("RVU26A"))
    return folder_of(folder, "2024.zip", "letter.pdf", ".DS_Store")


@pytest.fixture(scope="module")
def filled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store that was filled from the folder, and what the command said."""
    store = tmp_path_factory.mktemp("filled") / "store"
    code, out, _ = command("backfill", "2025,2026", "--archives", folder, "--output", store, "--sample")
    assert code == 0
    return store, out


def test_the_backfill_command_names_what_is_not_used_and_absent(filled: tuple[Path, str]) -> None:
    out = filled[1]
    assert "2 published" in out
    assert "rvu26ar_1.zip: taken as RVU26A" in out
    assert "not used 2024.zip: its name doesn't begin with a label" in out
    assert "not used letter.pdf: not a zip or a folder" in out
    assert "DS_Store" not in out
    assert "absent   RVU25B, RVU25C, RVU25D, RVU26B, RVU26C, RVU26D" in out


def test_the_backfill_command_lists_what_is_not_used_and_absent_as_data(folder: Path, filled: tuple[Path, str], run):
    _, out, _ = run("backfill", "2025,2026", "--archives", folder, "--output", filled[0], "--sample", "--json")
    found = json.loads(out)
    assert set(found["unused"]) == {"2024.zip", "letter.pdf", ".DS_Store"}
    assert found["absent"] == ["RVU25B", "RVU25C", "RVU25D", "RVU26B", "RVU26C", "RVU26D"]
    assert [text.partition(":")[0] for text in found["notices"]] == ["rvu26ar_1.zip"]


def test_strict_publishes_what_is_there_and_exits_1_when_something_is_absent(tmp_path: Path, run) -> None:
    s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A"))
    code, out, err = run("backfill", "2025", "--archives", tmp_path, "-o", tmp_path / "o", "--sample", "--strict")
    assert (code, "1 published" in out, "absent: RVU25B, RVU25C, RVU25D" in err) == (1, True, True)


def test_strict_exits_1_when_a_file_that_may_be_a_release_is_not_used(
    folder: Path, filled: tuple[Path, str], run
) -> None:
    code, _, err = run("backfill", "RVU25A", "--archives", folder, "-o", filled[0], "--sample", "--strict")
    assert code == 1
    assert "not used: 2024.zip: its name doesn't begin with a label" in err
    assert ("rvu26ar_1.zip" in err, "DS_Store" in err) == (False, False)  # which wasn't asked for; which nobody made


def test_strict_is_content_when_everything_wanted_is_there(tmp_path: Path, filled: tuple[Path, str], run) -> None:
    s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A"))
    s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A"))
    assert run("backfill", "RVU25A", "--archives", tmp_path, "-o", filled[0], "--sample", "--strict")[0] == 0


def test_a_build_names_the_files_of_an_archive_that_are_not_used(tmp_path: Path, run) -> None:
    members = s.release("RVU25A")
    more = {"GPCI2025 - Copy.csv": members["GPCI2025.csv"], "ANES2025.ods": b"x", "__MACOSX/._GPCI2025.csv": b"x"}
    archive = s.write_zip(tmp_path / "RVU25A.zip", members | more)
    _, out, _ = run("build", "RVU25A", "--archive", archive, "--output", tmp_path / "o", "--sample")
    assert "notice   GPCI2025 - Copy.csv: not used, a copy of GPCI2025.csv" in out
    assert "notice   ANES2025.ods: not used, though its name is that of anesthesia" in out
    assert "not used: RVU25A.pdf, 1 of the operating system" in out
