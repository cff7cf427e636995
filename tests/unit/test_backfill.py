"""Many releases into one version: which archives are found, what is built, what a stopped run leaves to the next."""

import json
from functools import partial
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import StoreError, UsageError
from pfsetl.pipeline.archive_folder import find_archives
from pfsetl.pipeline.backfill import Backfill, find_releases
from pfsetl.pipeline.backfill import backfill as backfill_of
from pfsetl.pipeline.build import build as build_one
from pfsetl.pipeline.request import Request
from pfsetl.pipeline.side_by_side import publish_staged
from pfsetl.pipeline.stage import stage, stage_missing
from pfsetl.publication import publish, staging, version
from pfsetl.publication.json_records import plain
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied as copied_folder
from tests.declared import command

pytestmark = pytest.mark.long

backfill, build = partial(backfill_of, sample=True), partial(build_one, sample=True)
OF_2025 = ("RVU25A", "RVU25D")
LABELS = ("RVU24A", *OF_2025, "RVU26A")


def archives_in(folder: Path, *names: str) -> Path:
    """A folder of zips so named, each a part of the release that its name begins with."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        s.write_zip(folder / name, s.release(name[:6].upper()))
    return folder


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four releases' zips."""
    return archives_in(tmp_path_factory.mktemp("archives"), *(f"{label}.zip" for label in LABELS))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


# --- which archives are found -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("2025", ["RVU25A", "RVU25D"]),
        ("2025..2026", ["RVU25A", "RVU25D", "RVU26A"]),
        ("2009..2024", ["RVU24A"]),
        ("RVU25D", ["RVU25D"]),
        ("rvu25d", ["RVU25D"]),
        ("RVU26A, RVU24A", ["RVU24A", "RVU26A"]),
    ],
)
def test_archives_of_years_ranges_and_labels_in_their_order(archives: Path, wanted: str, expected: list[str]) -> None:
    assert list(find_archives(archives, wanted).archives) == expected


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("RVU26A.zip", "RVU26A"),
        ("rvu26a.ZIP", "RVU26A"),
        ("rvu26a-updated-12-29-2025.zip", "RVU26A"),
        (f"RVU26A-{'0a1b2c3d' * 8}.zip", "RVU26A"),
        ("RVU26A (1).zip", "RVU26A"),
        ("RVU10C_PCT22.zip", "RVU10C_PCT22"),
        ("PRREV05D.zip", "PRREV05D"),
        ("RVU27A.zip", "RVU27A"),
    ],
)
def test_a_zip_is_known_by_the_label_its_name_begins_with(name: str, label: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    assert find_archives(tmp_path, label).archives == {label: tmp_path / name}


def test_a_folder_of_members_is_an_archive(tmp_path: Path) -> None:
    (tmp_path / "RVU25C").mkdir()
    assert find_archives(tmp_path, "2025").archives == {"RVU25C": tmp_path / "RVU25C"}


def test_two_postings_of_a_label_are_refused_because_their_names_dont_tell_the_newer(tmp_path: Path) -> None:
    for posted in ("03-10-2026", "12-29-2025"):
        (tmp_path / f"rvu26a-updated-{posted}.zip").write_bytes(b"")
    with pytest.raises(UsageError, match=r"two archives of RVU26A.*Keep one"):
        find_archives(tmp_path, "2026")


@pytest.mark.parametrize("name", ["notes.zip", "RVU25A.pdf", "RVU25A.zip.part", "PFALL25A.zip", "GPCI2025.zip"])
def test_other_names_are_no_archives(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "RVU26A.zip").write_bytes(b"")
    assert list(find_archives(tmp_path, "2009..2026").archives) == ["RVU26A"]


def test_correction_and_initial_release_of_a_quarter_stand_in_cms_order(tmp_path: Path) -> None:
    for name in ("RVU24AR", "RVU24B", "RVU24A"):
        (tmp_path / f"{name}.zip").write_bytes(b"")
    assert list(find_archives(tmp_path, "2024").archives) == ["RVU24A", "RVU24AR", "RVU24B"]


@pytest.mark.parametrize(
    ("wanted", "named"),
    [("2010", "2010"), ("2010..2012", "2010..2012"), ("RVU25C", "RVU25C"), ("RVU25A,RVU99X", "RVU99X")],
)
def test_what_is_not_there_is_named_beside_what_is(archives: Path, wanted: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"no archive of {named}. There are RVU24A, RVU25A, RVU25D, RVU26A"):
        find_archives(archives, wanted)


def test_an_empty_folder_holds_no_archive(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are none"):
        find_archives(tmp_path, "2025")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder.*--archives"):
        find_archives(tmp_path / "none", "2025")


def test_releases_to_fetch_are_those_with_an_address() -> None:
    assert [r.label for r in find_releases("2003")] == ["RVU03A", "RVU03D"]  # no zip of RVU03C is known


def test_a_release_to_fetch_that_is_named_is_asked_for_in_any_case() -> None:
    assert [r.label for r in find_releases("rvu03c")] == ["RVU03C"]


@pytest.mark.parametrize("wanted", ["1999", "RVU99X"])
def test_releases_to_fetch_have_to_be_known(wanted: str) -> None:
    with pytest.raises(UsageError, match=wanted):
        find_releases(wanted)


def test_a_re_posted_release_whose_formats_were_compared_stays_compared(store: LocalStore, tmp_path: Path) -> None:
    first = s.write_zip(tmp_path / "first.zip", s.release("RVU25A"))
    build("RVU25A", store=store, archive=first, all_formats=True)
    second = s.write_zip(tmp_path / "second.zip", s.release("RVU25A", s.CODES[:-1]))
    staged = stage_missing(Request("RVU25A", second, sample=True), version.open_version(store))
    assert staged is not None
    assert (staged.record.revision, staged.record.all_formats) == (2, True)


def copied(store: LocalStore, to: Path) -> LocalStore:
    """A copy of a store that a test may write into."""
    return LocalStore(copied_folder(store.root, to))


# --- what is built ----------------------------------------------------------------------------------------------


Told = list[tuple[str, str]]


@pytest.fixture(scope="module")
def of_2025(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Backfill, Told]:
    """A new store filled with the two releases of a year, and each outcome as it was reported."""
    told: Told = []
    store = LocalStore(tmp_path_factory.mktemp("of_2025") / "store")
    done = backfill(find_archives(archives, "2025").archives, store=store, report=lambda *outcome: told.append(outcome))
    return done, told


@pytest.fixture(scope="module")
def filled(of_2025: tuple[Backfill, Told]) -> Backfill:
    return of_2025[0]


def test_all_releases_are_published(filled: Backfill) -> None:
    assert (filled.published, filled.unchanged, filled.failed) == (OF_2025, (), {})


def test_all_releases_stand_in_the_first_version(filled: Backfill) -> None:
    assert (filled.version.number, sorted(filled.version.releases)) == (1, sorted(OF_2025))


def test_a_backfilled_release_has_the_files_of_one_built_alone(filled: Backfill, sampled: Path) -> None:
    # RVU25A is the first, so its changes to the release before are the same in both.
    expected = {r.table: r.hash for r in pfsetl.open(sampled).resources if r.release == "RVU25A"}
    assert {r.table: r.hash for r in filled.version.resources if r.release == "RVU25A"} == expected


def test_every_outcome_is_reported_as_it_happens(of_2025: tuple[Backfill, Told]) -> None:
    assert of_2025[1] == [("RVU25A", "staged"), ("RVU25D", "staged")]


def test_a_second_run_changes_nothing(filled: Backfill, archives: Path) -> None:
    again = backfill(find_archives(archives, "2025").archives, store=filled.version.store)
    assert (again.version.number, again.published, again.unchanged) == (1, (), OF_2025)


def test_a_second_run_builds_only_what_is_new(of_2025: tuple[Backfill, Told], archives: Path, tmp_path: Path) -> None:
    store = LocalStore(copied_folder(Path(str(of_2025[0].version.store)), tmp_path / "store"))
    wider = backfill(find_archives(archives, "2025..2026").archives, store=store)
    assert (wider.version.number, wider.published, wider.unchanged) == (2, ("RVU26A",), ("RVU25A", "RVU25D"))


@pytest.fixture(scope="module")
def one_broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two archives, the first without its GPCI's last column."""
    folder = archives_in(tmp_path_factory.mktemp("broken") / "archives", "RVU26A.zip")
    cells = [row[:-1] for row in s.cells_of(s.gpci_csv("GPCI7"))]
    s.write_zip(folder / "RVU25A.zip", s.release("RVU25A") | {"GPCI2025.csv": s.csv_bytes(cells)})
    return folder


@pytest.fixture(scope="module")
def filled_but_one(one_broken: Path) -> Backfill:
    """What the two came to in a new store."""
    return backfill(find_archives(one_broken, "2025..2026").archives, store=LocalStore(one_broken.parent / "store"))


def test_a_broken_archive_does_not_stop_the_next(filled_but_one: Backfill) -> None:
    done = filled_but_one
    assert (done.published, sorted(done.version.releases)) == (("RVU26A",), ["RVU26A"])


def test_a_broken_archive_is_reported_with_its_reason(filled_but_one: Backfill) -> None:
    assert list(filled_but_one.failed) == ["RVU25A"]
    assert "GPCI2025.csv" in filled_but_one.failed["RVU25A"]


def test_nothing_is_published_where_every_archive_is_broken(one_broken: Path, store: LocalStore) -> None:
    done = backfill(find_archives(one_broken, "2025").archives, store=store)
    assert (done.version.number, version.numbers(store)) == (0, [])


# --- what a stopped run leaves ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def once_stopped(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store whose first backfill was stopped before its commit."""
    store = LocalStore(tmp_path_factory.mktemp("stopped") / "store")

    def stop(*_: object) -> None:
        raise StoreError("stopped")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(publish, "commit", stop)
        with pytest.raises(StoreError, match="stopped"):
            backfill(find_archives(archives, "2025").archives, store=store)
    return store


@pytest.fixture(scope="module")
def resumed(
    once_stopped: LocalStore, archives: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Backfill, list[str]]:
    """What the next run came to in a copy of it, and the labels that it staged anew."""
    store = copied(once_stopped, tmp_path_factory.mktemp("resumed") / "store")
    with pytest.MonkeyPatch.context() as patch:
        labels = noted(patch)
        return backfill(find_archives(archives, "2025").archives, store=store), labels


@pytest.fixture
def stopped(once_stopped: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of it, for one test to go on with."""
    return copied(once_stopped, tmp_path / "stopped")


def noted(patch: pytest.MonkeyPatch) -> list[str]:
    """The labels that are staged anew from now on."""
    labels: list[str] = []

    def counted(one):
        labels.append(one.label)
        return stage(one)

    patch.setattr("pfsetl.pipeline.stage.stage", counted)
    return labels


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The labels that are staged anew."""
    return noted(monkeypatch)


def test_a_stopped_run_published_nothing(stopped: LocalStore) -> None:
    assert version.numbers(stopped) == []


def test_the_next_run_takes_over_what_was_staged(resumed: tuple[Backfill, list[str]]) -> None:
    done, staged = resumed
    assert (staged, done.published) == ([], ("RVU25A", "RVU25D"))


def test_what_was_taken_over_is_what_a_run_in_one_go_publishes(
    resumed: tuple[Backfill, list[str]], of_2025: tuple[Backfill, Told]
) -> None:
    taken_over, in_one_go = resumed[0].version, of_2025[0].version
    assert {r.path for r in taken_over.resources} == {r.path for r in in_one_go.resources}


def test_what_was_taken_over_is_intact(resumed: tuple[Backfill, list[str]]) -> None:
    assert [name for name, problem in resumed[0].version.verify() if problem] == []


def test_a_release_whose_archive_changed_is_staged_anew(stopped: LocalStore, tmp_path: Path, staged: list[str]) -> None:
    other = archives_in(tmp_path / "other", "RVU25D.zip")
    s.write_zip(other / "RVU25A.zip", s.release("RVU25A", s.CODES[:-1]))
    backfill(find_archives(other, "2025").archives, store=stopped)
    assert staged == ["RVU25A"]


def test_a_release_whose_staged_file_is_gone_is_staged_anew(
    stopped: LocalStore, archives: Path, staged: list[str]
) -> None:
    kept = json.loads(stopped.get(next(n for n in stopped.names("staged") if "RVU25A" in n)))
    rvu = next(r["path"] for r in kept["resources"] if r["table"] == "rvu")
    (stopped.root / rvu).unlink()
    done = backfill(find_archives(archives, "2025").archives, store=stopped)
    assert staged == ["RVU25A"]
    assert [name for name, problem in done.version.verify() if problem] == []


# --- the command line -------------------------------------------------------------------------------------------


def test_the_backfill_command_says_what_it_did(tmp_path: Path, store: LocalStore, run) -> None:
    for label in ("RVU24A", "RVU25D"):
        s.write_zip(tmp_path / f"{label}.zip", s.release(label, (*s.CODES, s.of_quarter(label))))
    code, out, err = run("backfill", "2024..2026", "--archives", tmp_path, "--accept-loss", "--output", store.root)
    said, *notices, absent = out.strip().splitlines()
    # Of the first CMS's own sha256 is known, and the archives of tests are others.
    assert [n.split()[1] for n in notices] == ["RVU24A.zip:"]
    assert all("these aren't the bytes that were known" in n for n in notices)
    assert (code, said) == (0, "version 1: 2 published, 0 unchanged, 0 failed")
    assert absent.startswith("absent   RVU24AR, RVU24B, ")
    assert "RVU25D: staged" in err


def test_the_backfill_command_run_again_says_unchanged(filled: Backfill, archives: Path, run) -> None:
    code, out, _ = run("backfill", "2025", "--sample", "--archives", archives, "--output", filled.version.store)
    assert (code, out.splitlines()[0]) == (0, "version 1: 0 published, 2 unchanged, 0 failed")


def test_the_backfill_command_prints_json(filled: Backfill, archives: Path, run) -> None:
    store = filled.version.store
    _, out, _ = run("backfill", "RVU25D", "--sample", "--archives", archives, "--output", store, "--json")
    others = {f"{label}.zip": f"{label}, which wasn't asked for" for label in ("RVU24A", "RVU25A", "RVU26A")}
    assert json.loads(out) == {
        "version": 1, "published": [], "unchanged": ["RVU25D"], "failed": {}, "unused": others, "absent": [],
        "notices": [], "since_revision": {},
    }  # fmt: skip


def test_the_backfill_command_ends_with_1_when_an_archive_is_broken(
    one_broken: Path, filled_but_one: Backfill, run
) -> None:
    store = filled_but_one.version.store
    code, out, err = run("backfill", "2025..2026", "--sample", "--archives", one_broken, "--output", store)
    assert (code, out.splitlines()[0]) == (1, "version 1: 0 published, 1 unchanged, 1 failed")
    assert "RVU25A: " in err
    assert "Traceback" not in err


def test_the_backfill_command_ends_with_2_when_nothing_is_found(archives: Path, store: LocalStore, run) -> None:
    code, _, err = run("backfill", "2010", "--sample", "--archives", archives, "--output", store.root)
    assert code == 2
    assert "no archive of 2010" in err


def test_check_shows_the_record_of_a_published_release(filled: Backfill, run) -> None:
    code, out, _ = run("check", "RVU25A", "--output", filled.version.store)
    assert code == 0
    assert "PPRRVU2025_JAN.txt" in out
    assert "rvu.key" in out
    assert "BROKEN" not in out


def test_check_of_an_unpublished_release_names_those_that_are(filled: Backfill, run) -> None:
    code, _, err = run("check", "RVU25B", "--output", filled.version.store)
    assert code == 2
    assert "RVU25A" in err


def test_check_of_an_archive_publishes_nothing(archives: Path, store: LocalStore, run) -> None:
    code, out, _ = run("check", "RVU25A", "--sample", "--archive", archives / "RVU25A.zip", "--output", store.root)
    assert (code, store.root.exists()) == (0, False)
    assert "rvu.key" in out


def test_check_of_an_archive_finds_what_its_build_records(sampled: Path, tmp_path: Path, run) -> None:
    archive = sampled.with_name("RVU25A.zip")
    _, out, _ = run("check", "RVU25A", "--sample", "--archive", archive, "--output", tmp_path / "empty", "--json")
    found = json.loads(out)
    del found["rows_go_into"]  # paths of this machine
    record = plain(pfsetl.open(sampled).releases["RVU25A"])
    del record["content"]  # what a build makes of its tables
    assert found == record


def test_check_of_a_broken_archive_prints_the_report_and_ends_with_1(tmp_path: Path, run) -> None:
    wrong = s.release() | {"PPRRVU2025_JAN.txt": s.pprrvu_txt("N171", [s.changed(s.VISIT, nonfacility_total="2.71")])}
    code, out, err = run("check", "RVU25A", "--archive", s.write_zip(tmp_path / "bad.zip", wrong))
    assert code == 1
    assert "BROKEN" in out
    assert "PPRRVU2025_JAN.txt" in out
    assert "rvu." in err


def test_check_of_an_unreadable_archive_ends_with_1(tmp_path: Path, run) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04")
    code, _, err = run("check", "RVU25A", "--archive", tmp_path / "bad.zip")
    assert code == 1
    assert "not a complete zip" in err


# --- workbooks compared -----------------------------------------------------------------------------------------


ACCEPTED = ("--sample", "--all-formats", "--accept-differences")


@pytest.fixture(scope="module")
def with_workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose GPCI workbook differs from its csv in one index."""
    rows = s.cells_of(s.gpci_csv("GPCI7", [s.ALABAMA | {"pe": "0.876"}, *s.PLACES[1:]]))
    members = s.release() | {"GPCI2025.xlsx": s.workbook(rows)}
    return s.write_zip(tmp_path_factory.mktemp("workbook") / "RVU25A.zip", members)


@pytest.fixture(scope="module")
def not_compared(with_workbook: Path) -> Version:
    """What is published of it as ever."""
    return build("RVU25A", store=LocalStore(with_workbook.parent / "store"), archive=with_workbook).version


@pytest.fixture(scope="module")
def compared(with_workbook: Path) -> tuple[LocalStore, str]:
    """A store in which it was published with all formats compared, and what the command said."""
    store = LocalStore(with_workbook.parent / "compared")
    code, out, _ = command("build", "RVU25A", *ACCEPTED, "--archive", with_workbook, "--output", store.root)
    assert code == 0
    return store, out


def test_a_build_leaves_workbooks_alone(not_compared: Version) -> None:
    assert not_compared.releases["RVU25A"].format_differences == ()


def test_a_build_of_all_formats_reports_what_the_workbook_says(
    with_workbook: Path, compared: tuple[LocalStore, str], run
) -> None:
    _, out, _ = run("build", "RVU25A", *ACCEPTED, "--archive", with_workbook, "--output", compared[0].root, "--json")
    (found,) = json.loads(out)["record"]["format_differences"]
    assert (found["field"], found["other"], found["cells"]) == ("pe_gpci", "GPCI2025.xlsx", 1)


def test_a_build_of_all_formats_publishes_the_believed_file(compared: tuple[LocalStore, str]) -> None:
    row = version.open_version(compared[0]).scan("gpci", "RVU25A").filter(state="AL").collect()
    assert str(row["pe_gpci"].item()) == "0.875"


def test_a_build_of_all_formats_names_what_is_not_explained(compared: tuple[LocalStore, str]) -> None:
    assert "GPCI2025.csv and GPCI2025.xlsx in pe_gpci, 1 row" in compared[1]


def test_check_of_all_formats_refuses_what_the_workbook_says(with_workbook: Path, run) -> None:
    code, _, err = run("check", "RVU25A", "--sample", "--archive", with_workbook, "--all-formats")
    assert (code, "GPCI2025.csv and GPCI2025.xlsx differ: pe_gpci, 1 row" in err) == (1, True)


def test_a_published_release_is_compared_again_when_asked_for_all_formats(
    with_workbook: Path, not_compared: Version, tmp_path: Path, run
) -> None:
    store = LocalStore(copied_folder(Path(str(not_compared.store)), tmp_path / "store"))
    run("build", "RVU25A", *ACCEPTED, "--archive", with_workbook, "--output", store.root)
    record = version.open_version(store).releases["RVU25A"]
    assert [d.field for d in record.format_differences] == ["pe_gpci"]


# --- releases staged side by side ---------------------------------------------------------------------------------


def side_by_side(archives: Path, store: LocalStore, *, sample: bool = True) -> list[staging.StagedRelease]:
    """Stage every archive on the same base, without knowing the others."""
    base = version.open_version(store)
    found = find_archives(archives, "2025").archives
    return [one for label, path in found.items() if (one := stage_missing(Request(label, path, sample=sample), base))]


@pytest.fixture(scope="module")
def staged_apart(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalStore, list[StagedRelease]]:
    """A store without a version, and all releases staged in it side by side."""
    store = LocalStore(tmp_path_factory.mktemp("apart") / "store")
    return store, side_by_side(archives, store)


def test_releases_staged_side_by_side_are_what_a_run_in_one_go_publishes(
    staged_apart: tuple[LocalStore, list[StagedRelease]], tmp_path, of_2025: tuple[Backfill, Told]
):
    store, staged = copied(staged_apart[0], tmp_path / "store"), staged_apart[1]
    done, failed = publish_staged(staged, version.open_version(store))
    assert ({r.path for r in done.resources}, failed) == ({r.path for r in of_2025[0].version.resources}, {})


def test_a_cut_release_staged_beside_its_neighbour_is_left_out(tmp_path, store: LocalStore):
    folder = tmp_path / "cut"
    folder.mkdir()
    s.write_zip(folder / "RVU25A.zip", s.whole("RVU25A"))
    whole = s.whole("RVU25B")
    lines = whole["PPRRVU2025_APR.txt"].splitlines(keepends=True)
    cut = b"".join(lines[:100] + lines[2600:])  # an eighth of the rows, from where no other rule looks
    s.write_zip(folder / "RVU25B.zip", whole | {"PPRRVU2025_APR.txt": cut})
    done, failed = publish_staged(side_by_side(folder, store, sample=False), version.open_version(store))
    assert (list(done.releases), list(failed)) == (["RVU25A"], ["RVU25B"])


def test_a_release_that_another_run_changed_is_left_out_and_the_others_are_published(
    staged_apart: tuple[LocalStore, list[StagedRelease]], tmp_path
):
    store, staged = copied(staged_apart[0], tmp_path / "store"), staged_apart[1]
    base = version.open_version(store)
    other = s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A", s.CODES[:-1]))
    build("RVU25A", store=store, archive=other)
    done, failed = publish_staged(staged, base)
    assert (set(done.releases), list(failed)) == ({"RVU25A", "RVU25D"}, ["RVU25A"])
