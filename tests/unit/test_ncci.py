"""NCCI's edits as files beside the releases: what is read of them, from when they hold, and what is refused."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest

from pfsetl.declared import contracts
from pfsetl.errors import ArchiveError, ChecksFailed, LayoutError, PfsetlError, ValueRefused
from pfsetl.publication import companions, loading
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests import synthetic as s

Load = Callable[..., companions.Companion]
Run = Callable[..., tuple[int, str, str]]

MUE = "MCR_MUE_PractitionerServices_Eff_04-01-2026.csv"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def load(tmp_path: Path, store: LocalStore) -> Load:
    def put(name: str, content: bytes, effective_from: date | None = None) -> companions.Companion:
        (tmp_path / name).write_bytes(content)
        return loading.load(store, tmp_path / name, effective_from, sample=True)

    return put


# --- medically unlikely edits ------------------------------------------------------------------------------------


def test_an_mue_is_its_units_its_indicator_without_words_and_its_line(load: Load, store: LocalStore) -> None:
    rows = load(MUE, files.mue_csv()).frame(store).select("hcpcs", "most_units", "indicator", "rationale", "line")
    # the licence cell takes four lines, the heading two
    assert rows.rows() == [
        ("G9901", 6, "3", "Clinical: Data", 7),
        ("G9902", 2, "2", "CMS Policy", 8),
        ("G9903", 1, "1", "Nature of Service/Procedure", 9),
    ]


def test_mues_have_the_columns_of_their_contract(load: Load, store: LocalStore) -> None:
    contracts.conform(load(MUE, files.mue_csv()).frame(store), contracts.companions().tables["mue"])


def test_mues_of_a_workbook_are_those_of_the_csv(load: Load, store: LocalStore) -> None:
    heading = ["HCPCS/\nCPT Code", "Practitioner Services MUE Values", "MUE Adjudication Indicator", "MUE Rationale"]
    book = s.workbook([["a licence", "", "", ""], heading, *(list(row) for row in files.MUES)])
    found = [
        load(name, content).frame(store).drop("line")
        for name, content in ((MUE, files.mue_csv()), (MUE.replace("csv", "xlsx"), book))
    ]
    assert found[0].equals(found[1])


@pytest.mark.parametrize(
    ("name", "first"),
    [
        (MUE, date(2026, 4, 1)),
        ("MCR_MUE_PractitionerServices_Eff_01-01-2025.csv", date(2025, 1, 1)),
        ("practitioner-services-mue-table-2026q3.csv", date(2026, 7, 1)),
    ],
)
def test_mues_hold_from_the_day_or_the_quarter_of_their_name(load: Load, name: str, first: date) -> None:
    assert load(name, files.mue_csv()).effective_from == first


def test_the_name_of_the_zip_says_the_day_too(load: Load) -> None:
    packed = s.zipped({"Practitioner_MUE.csv": files.mue_csv()})
    assert load("medicare-ncci-2026-q2-practitioner.zip", packed).effective_from == date(2026, 4, 1)


def test_of_a_zip_with_those_of_hospitals_the_practitioners_are_taken(load: Load) -> None:
    packed = s.zipped({"MCR_MUE_OutpatientHospitalServices_Eff_04-01-2026.csv": b"x", MUE: files.mue_csv()})
    assert load("mue.zip", packed).file == MUE


PAGE = b"<!DOCTYPE html><html><head><title>License</title></head><body>accept</body></html>"
FOREIGN = files.mue_csv().replace(b"Practitioner Services MUE", b"Outpatient Hospital Services MUE")


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        (MUE, PAGE, ArchiveError, "a licence page"),
        ("mue.zip", PAGE, ArchiveError, "a licence page"),
        (MUE, FOREIGN, LayoutError, "OUTPATIENT HOSPITAL SERVICES MUE VALUES"),
        (MUE, files.mue_csv([("G9901", "many", "1 Line Edit", "x")]), ValueRefused, "line 7: most_units is 'MANY'"),
        (MUE, files.mue_csv([("G9901", "2", "4 Other", "x")]), ValueRefused, "line 7: mue_indicator is '4 OTHER'"),
        (MUE, files.mue_csv([*files.MUES, ("G9901", "7", "1 Line Edit", "x")]), ValueRefused,
         "lines 7, 10: hcpcs G9901 stands there more than once"),
        (MUE.replace("04-01", "04-31"), files.mue_csv(), ValueRefused, "a day that there isn't (EFF_04-31-2026)"),
        ("2026q1-mue.zip", s.zipped({MUE: files.mue_csv()}), ValueRefused,
         "MCR_MUE_PractitionerServices_Eff_04-01-2026 says 2026-04-01, 2026q1-mue says 2026-01-01"),
        ("mue.zip", s.zipped({MUE: files.mue_csv(), f"2{MUE}": files.mue_csv()}), ArchiveError, "are both mue"),
    ],
)  # fmt: skip
def test_mues_that_cant_be_right_are_refused(
    load: Load, store: LocalStore, name: str, content: bytes, error: type[PfsetlError], message: str
) -> None:
    with pytest.raises(error) as refused:
        load(name, content)
    assert message in str(refused.value)
    assert store.names("companions/mue") == []


def test_a_cut_list_of_mues_is_refused(store: LocalStore, tmp_path: Path) -> None:
    rows = [(f"G{n:04}", "1", "1 Line Edit", "x") for n in range(9_999)]
    (tmp_path / MUE).write_bytes(files.mue_csv(rows))
    with pytest.raises(ChecksFailed, match=r"at least 13,000 .* 9,999[\s\S]*V5364 is missing"):
        loading.load(store, tmp_path / MUE)


def test_an_older_list_is_a_dated_row_beside_the_newer_one(load: Load, store: LocalStore) -> None:
    newer = load(MUE, files.mue_csv())
    older = load("MCR_MUE_PractitionerServices_Eff_01-01-2026.csv", files.mue_csv([("G9901", "4", "1 Line Edit", "x")]))
    assert companions.find(store, "mue", date(2026, 3, 31)) == older
    assert companions.find(store, "mue", date(2026, 4, 1)) == newer


# --- what the command says ---------------------------------------------------------------------------------------


def test_the_command_says_as_json_what_was_loaded_and_that_it_is_new(run: Run, tmp_path: Path) -> None:
    (tmp_path / MUE).write_bytes(files.mue_csv())
    asked = ("load", tmp_path / MUE, "--sample", "-o", tmp_path / "o", "--json")
    first, again = (json.loads(run(*asked)[1]) for _ in range(2))
    assert (first["kind"], first["effective_from"], first["rows"], first["new"]) == ("mue", "2026-04-01", 3, True)
    assert again == first | {"new": False}


def test_the_command_says_that_a_file_was_loaded_before(run: Run, tmp_path: Path) -> None:
    (tmp_path / MUE).write_bytes(files.mue_csv())
    asked = ("load", tmp_path / MUE, "--sample", "-o", tmp_path / "o")
    run(*asked)
    assert "loaded before, nothing changed" in run(*asked)[1]


def test_a_line_that_repeats_another_is_said(run: Run, tmp_path: Path) -> None:
    rows: Sequence[Sequence[str]] = [*files.MUES, files.MUES[0]]
    (tmp_path / MUE).write_bytes(files.mue_csv(rows))
    out = run("load", tmp_path / MUE, "--sample", "-o", tmp_path / "o")[1]
    assert f"note: {MUE}: set aside: line 10 repeats line 7" in out
