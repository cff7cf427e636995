"""NCCI's edits as files beside the releases: what is read of them, from when they hold, and what is refused."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pfsetl.checks import completeness
from pfsetl.declared import contracts, declarations, registry
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.errors import ArchiveError, ChecksFailed, LayoutError, PfsetlError, ValueRefused
from pfsetl.loading import first_day
from pfsetl.loading import load as loading
from pfsetl.parsing import pieces
from pfsetl.publication import companions
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests import synthetic as s
from tests.companion_files import Load

Run = Callable[..., tuple[int, str, str]]

MUE = "MCR_MUE_PractitionerServices_Eff_04-01-2026.csv"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def load(tmp_path: Path, store: LocalStore) -> Load:
    return files.loader(store, tmp_path)


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
        (MUE, files.mue_csv([("G9901", "2", "1 Line Edit", "")]), ValueRefused, "line 7: no rationale"),
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


# --- edit pairs --------------------------------------------------------------------------------------------------

PTP = "ccipra-v320r0-f{}.txt"


@pytest.fixture
def load_parts(tmp_path: Path, store: LocalStore) -> Load:
    def put(*parts: tuple[str, bytes], **how: bool | date) -> companions.Companion:
        for name, content in parts:
            (tmp_path / name).write_bytes(content)
        paths = [tmp_path / name for name, _ in parts]
        return loading.load(store, paths, **{"sample": True} | how).companion  # type: ignore[arg-type]

    return put


def test_a_pair_has_the_days_of_its_edit_and_no_last_one_while_it_holds(load: Load, store: LocalStore) -> None:
    rows = load(PTP.format(1), files.ptp_txt()).frame(store)
    found = rows.select("column_1", "column_2", "valid_from", "valid_to", "modifier_indicator", "before_1996", "line")
    assert found.rows() == [
        ("G9901", "G9902", date(2020, 1, 1), None, "1", False, 7),
        ("G9901", "G9903", date(1996, 1, 1), date(2019, 12, 31), "0", True, 8),
        ("G9903", "G9902", date(2024, 4, 1), date(2024, 4, 1), "9", False, 9),
    ]


def test_the_pairs_are_there_by_either_column(load: Load, store: LocalStore) -> None:
    load(PTP.format(1), files.ptp_txt())
    by_second = companions.scan(store, "ptp_by_column_2").select("column_2", "column_1").collect()
    assert by_second.rows() == [("G9902", "G9901"), ("G9902", "G9903"), ("G9903", "G9901")]


@pytest.mark.parametrize("table", ["ptp", "ptp_by_column_2"])
def test_pairs_have_the_columns_of_their_contract(load: Load, store: LocalStore, table: str) -> None:
    load(PTP.format(1), files.ptp_txt())
    (one,) = companions.loaded(store, table)
    contracts.conform(one.frame(store), contracts.companions().tables[table])


def test_volume_32_number_1_of_ncci_is_the_second_quarter_of_2026(load: Load) -> None:
    # NCCI's volumes count years from 1996, which had volume 2; volume 24.0 began on 2018-01-01
    assert load("ccipra-v321r0-f1.txt", files.ptp_txt()).effective_from == date(2026, 4, 1)
    assert load("ccipra-v240r0-f1.txt", files.ptp_txt(files.PAIRS[1:2])).effective_from == date(2018, 1, 1)


def test_four_files_are_one_companion_whose_rows_name_their_part(load_parts: Load, store: LocalStore) -> None:
    parts = [
        (PTP.format(n), files.ptp_txt([(f"G990{n}", "G9909", "", "20200101", "*", "1", "x")])) for n in (3, 1, 4, 2)
    ]
    loaded = load_parts(*parts)
    assert loaded.frame(store).select("column_1", "part").rows() == [(f"G990{n}", n) for n in (1, 2, 3, 4)]
    assert [part.split()[0] for part in loaded.parts] == [PTP.format(n) for n in (1, 2, 3, 4)]


def test_four_files_in_a_zip_are_the_same_four_files(load_parts: Load, load: Load) -> None:
    parts = {PTP.format(n): files.ptp_txt([(f"G990{n}", "G9909", "", "20200101", "*", "1", "x")]) for n in range(1, 5)}
    assert load("ptp.zip", s.zipped(parts)).sha256 == load_parts(*parts.items()).sha256


def other_bytes(number: int, rows: Sequence[Sequence[str]] = files.PAIRS) -> bytes:
    """The same pairs as a part of its own."""
    return files.ptp_txt(rows) + b"\r\n" * number


def test_a_part_under_the_name_of_another_is_refused(load_parts: Load) -> None:
    with pytest.raises(ValueRefused, match=r"f2\.txt: the same bytes as ccipra-v320r0-f1\.txt"):
        load_parts(*((PTP.format(n), files.ptp_txt()) for n in (1, 2)))


def test_a_file_without_its_other_parts_is_held(load_parts: Load) -> None:
    with pytest.raises(ChecksFailed, match=r"4 files, and parts 2, 4 of them are missing"):
        load_parts(*((PTP.format(n), other_bytes(n)) for n in (1, 3)), sample=False)


def test_pairs_are_counted_by_both_of_their_codes(load_parts: Load) -> None:
    # the same three pairs in each part, of two first codes
    with pytest.raises(
        ChecksFailed, match=r"at least 1,000,000 values of column_1 and column_2, this one has 3:"
    ) as held:
        load_parts(*((PTP.format(n), other_bytes(n)) for n in (1, 2, 3, 4)), sample=False)
    assert "values of column_1, this one has 2:" in str(held.value)


def test_parts_of_two_quarters_are_refused(load_parts: Load) -> None:
    with pytest.raises(ValueRefused, match=r"f1 says 2026-01-01, ccipra-v321r0-f2 says 2026-04-01"):
        load_parts((PTP.format(1), files.ptp_txt()), ("ccipra-v321r0-f2.txt", files.ptp_txt()))


def test_the_same_part_twice_is_refused(load_parts: Load) -> None:
    with pytest.raises(ArchiveError, match="are both part 1 of ptp"):
        load_parts((PTP.format(1), files.ptp_txt()), ("ccipra-v320r1-f1.txt", files.ptp_txt()))


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        (PTP.format(1), ("G9901", "G9902", "", "20260401", "*", "1", "x"),
         "line 7 begins on 2026-04-01, and the file is said to hold from 2026-01-01 on"),
        (PTP.format(1), ("G9901", "G9902", "", "20250230", "*", "1", "x"), "line 7: ptp_from is '20250230'"),
        (PTP.format(1), ("G9901", "G9902", "", "20250101", "*", "2", "x"), "line 7: modifier_indicator is '2'"),
        (PTP.format(1), ("G9901", "G990", "", "20250101", "*", "1", "x"), "line 7: column_2 is 'G990'"),
    ],
)  # fmt: skip
def test_pairs_that_cant_be_right_are_refused(load: Load, name: str, row: Sequence[str], message: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        load(name, files.ptp_txt([row]))
    assert message in str(refused.value)


def test_a_long_file_is_read_in_pieces_with_the_lines_of_the_whole(
    load: Load, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "BYTES_OF_A_PIECE", 1_000)
    rows = [(f"G{n:04}", "G9999", "", "20200101", "*", "1", "x") for n in range(100)]
    found = load(PTP.format(1), files.ptp_txt(rows))
    assert found.sha256 == hashlib.sha256(files.ptp_txt(rows)).hexdigest()
    assert found.frame(store)["line"].to_list() == list(range(7, 107))


def test_a_line_that_fits_no_layout_is_named_where_it_stands_in_the_whole_file(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "BYTES_OF_A_PIECE", 6_000)
    monkeypatch.setattr(pieces, "BYTES_OF_A_REST", 100)
    rows = [(f"G{n:04}", "G9999", "", "20200101", "*", "1", "x") for n in range(300)]
    content = files.ptp_txt([*rows[:280], (*rows[280], "more"), *rows[281:]])
    with pytest.raises(LayoutError) as refused:
        load(PTP.format(1), content)
    told = re.search(r"a value at line (\d+)\..* Its lines are (\d+) further on than said", str(refused.value))
    assert told is not None
    assert int(told[1]) + int(told[2]) == content[: content.index(b"more")].count(b"\n") + 1
    assert str(refused.value).startswith(f"{PTP.format(1)}: a shape")


def test_an_end_marker_behind_the_last_piece_is_no_piece(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BYTES_OF_A_PIECE", len(files.ptp_txt()) - 2)
    assert load(PTP.format(1), files.ptp_txt() + b"\x1a\r\n").rows == len(files.PAIRS)


@pytest.mark.parametrize(
    ("quarter", "name"),
    [
        (r"Q(?P<quarter>\d)_(?P<year>20\d\d)", "CCIPRA_Q5_2026"),
        (r"V(?P<volume>\d\d)(?P<number>\d)", "CCIPRA_V327"),
        (r"(?P<month>[A-Z]{3})(?P<year>20\d\d)", "XYZ2026"),
    ],
)
def test_a_name_that_says_no_quarter_there_is_is_refused_whatever_pattern_reads_it(quarter: str, name: str) -> None:
    row = next(row for row in declarations.rows(COMPANIONS) if row.companion == "ptp")
    with pytest.raises(ValueRefused, match=f"{name}: its name says a day that there isn't"):
        first_day.first_day(replace(row, quarter=re.compile(quarter)), [name], [], [], [])


def test_a_pattern_of_names_without_a_year_is_refused() -> None:
    row = next(row for row in declarations.rows(COMPANIONS) if row.companion == "mue")
    with pytest.raises(ValueError, match="neither a group year nor a group volume"):
        replace(row, quarter=re.compile(r"Q(?P<quarter>[1-4])"))


def test_more_lines_than_a_file_can_have_are_refused(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = registry.companion_kinds()
    short = {**kinds, "ptp": replace(kinds["ptp"], most_lines=8)}
    monkeypatch.setattr(registry, "companion_kinds", lambda: short)
    with pytest.raises(ArchiveError, match="9 lines, more than 8"):
        load(PTP.format(1), files.ptp_txt())


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


# --- beside the file before --------------------------------------------------------------------------------------


def test_a_list_that_is_much_shorter_than_the_one_before_is_held_until_it_is_accepted(
    store: LocalStore, tmp_path: Path
) -> None:
    def put(day: str, count: int, **how: object) -> companions.Companion:
        rows = [(f"{letter}{n:04}", "1", "1 Line Edit", "x") for letter in "ABG" for n in range(count // 3)]
        name = f"MCR_MUE_PractitionerServices_Eff_{day}.csv"
        (tmp_path / name).write_bytes(files.mue_csv([*rows, ("V5364", "1", "1 Line Edit", "x")]))
        return loading.load(store, tmp_path / name, **how).companion  # type: ignore[arg-type]

    put("01-01-2026", 18_000)
    assert put("04-01-2026", 17_100).lost == ()  # as many as come and go
    with pytest.raises(ChecksFailed, match=r"15,001 rows, 2,100 fewer than the 17,101 of .*04-01-2026.csv"):
        put("07-01-2026", 15_000)
    assert "fewer than the" in put("07-01-2026", 15_000, accept=["loss"]).lost[0]


def test_what_to_do_with_a_cut_file_is_said_of_a_file_that_is_loaded(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / MUE).write_bytes(files.mue_csv())
    with pytest.raises(ChecksFailed, match=r"Nothing was loaded. Get the whole file. .* load it with --accept-loss"):
        loading.load(store, tmp_path / MUE)


def test_of_pairs_none_may_be_gone_because_ended_ones_are_kept(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "floors", lambda *_: [])

    def put(volume: str, rows: Sequence[Sequence[str]]) -> companions.Companion:
        paths = [tmp_path / f"ccipra-v{volume}r0-f{n}.txt" for n in range(1, 5)]
        for number, path in enumerate(paths):
            path.write_bytes(other_bytes(number, rows))
        return loading.load(store, paths).companion

    put("320", files.PAIRS)
    with pytest.raises(ChecksFailed, match=r"8 rows, 4 fewer than the 12 of .*, which keeps what has ended"):
        put("321", files.PAIRS[:2])


@pytest.mark.parametrize("last", ["*", "20251231"])
def test_a_pair_that_holds_with_and_without_a_modifier_is_said(load: Load, last: str) -> None:
    rows = [("G9901", "G9902", "", "20250401", last, indicator, "x") for indicator in "01"]
    (said,) = load(PTP.format(1), files.ptp_txt(rows)).notices
    assert said.startswith(
        "1 pair of codes holds on the same days with indicator 0 and with 1: G9901 and G9902 in lines 7, 8."
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("20200101", "20251231", "0"), ("20260101", "*", "1")),  # one after the other
        (("20250401", "*", "1"), ("20250401", "*", "1")),  # the same twice
        (("20250401", "20250401", "9"), ("20250401", "*", "1")),  # one that never was an edit
        (("20250401", "20250331", "0"), ("20250401", "*", "1")),  # one that ended before it began
    ],
)
def test_a_pair_may_have_several_rows(load: Load, first: Sequence[str], second: Sequence[str]) -> None:
    rows = [("G9901", "G9902", "", *row, "x") for row in (first, second)]
    said = load(PTP.format(1), files.ptp_txt(rows)).notices
    assert not [one for one in said if "on the same days" in one]


def test_a_pair_that_ends_before_it_begins_is_said(load: Load) -> None:
    row = ("G9901", "G9902", "", "20250401", "20250331", "1", "x")
    (said,) = load(PTP.format(1), files.ptp_txt([row])).notices
    assert said.startswith("1 row: An edit ends before it begins, so it never held, e.g. G9901 G9902")
