"""Files that CMS publishes beside the releases: what is read from them, from when they hold, and which one is used."""

import hashlib
import io
import json
import re
import shlex
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.declared import contracts, declarations
from pfsetl.declared.records.archives import COMPANIONS
from pfsetl.errors import (
    ArchiveError,
    ChecksFailed,
    LayoutError,
    PfsetlError,
    SourceUnavailable,
    StoreError,
    UsageError,
    ValueRefused,
)
from pfsetl.loading import load as loading
from pfsetl.publication import companions
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.tables.companions import MADE_BY
from tests import synthetic as s
from tests.companion_files import Load, loader
from tests.copied import copied

Published = Callable[[], Version]
Run = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.long

BASE = [["CODE", "2022"], ["", "BASE"], ["", "UNIT"], ["00998", "3"], ["00999", "15"]]


def zip_record(
    state: str = "CA", code: str = "90012", mac: str = "01182", locality: str = "18", rural: str = " ",
    plus_four: str = "0", quarter: str = "20254",
) -> str:  # fmt: skip
    """CMS's ZIP5 layout, 80 characters: state 1-2, ZIP 3-7, carrier 8-12, locality 13-14, rural 15, lab 16-17,
    plus-four flag 21, part B 23, year and quarter 76-80."""
    record = f"{state}{code}{mac}{locality}{rural}Z9".ljust(20) + plus_four + " A"
    return record.ljust(75) + quarter + "\r\n"


ZIPS = (
    zip_record("AK", "99501", "02102", "01", rural="B")
    + zip_record("CA", "90012")
    + zip_record("CA", "94941", "01112", "52", plus_four="1")
)


def base_units(*rows: tuple[str, str], year: str = "2022", separator: str = "\t") -> bytes:
    lines = [["CODE", year], *BASE[1:3], *(rows or BASE[3:])]
    return "".join(separator.join(line) + "\r\n" for line in lines).encode()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def load(tmp_path: Path, store: LocalStore) -> Load:
    return loader(store, tmp_path)


# --- what is read ------------------------------------------------------------------------------------------------


def test_a_zip_file_says_where_each_zip_code_lies(load: Load, store: LocalStore):
    rows = load("ZIP5_OCT2025.txt", ZIPS).frame(store).select("zip", "state", "locality", "mac", "plus_four", "line")
    assert rows.rows() == [
        ("90012", "CA", "18", "01182", False, 2),
        ("94941", "CA", "52", "01112", True, 3),
        ("99501", "AK", "01", "02102", False, 1),
    ]


def test_the_state_is_that_of_the_contractor_not_of_the_region_code(load: Load, store: LocalStore):
    # CMS writes EK and WK for the parts of Kansas; the locality is Missouri's where the contractor is.
    loaded = load("ZIP5_OCT2025.txt", zip_record("WM", "64101", "05302", "02"))
    assert loaded.frame(store).select("region", "state").rows() == [("WM", "MO")]


@pytest.mark.parametrize(("name", "content"), [("ZIP5_OCT2025.txt", ZIPS), ("Anesthesia_Base_Units.txt", base_units())])
def test_a_loaded_file_has_the_columns_of_its_contract(load: Load, store: LocalStore, name, content):
    loaded = load(name, content)
    contracts.conform(loaded.frame(store), contracts.companions().tables[loaded.kind])


def test_every_kind_of_companion_has_a_table_and_what_makes_it():
    kinds = {row.companion for row in declarations.rows(COMPANIONS)}
    made_of = {kind for table in contracts.companions().tables.values() for kind in table.members}
    assert kinds == made_of == set(MADE_BY)
    assert kinds <= set(contracts.companions().tables)


@pytest.mark.parametrize("suffix", ["txt", "csv", "xlsx"])
def test_base_units_are_the_same_from_every_format(load: Load, store: LocalStore, suffix):
    content = {
        "txt": base_units(),
        "csv": base_units(separator=","),
        "xlsx": s.workbook(BASE),
    }[suffix]
    loaded = load(f"CY_2022_Anesthesia_Base_Units.{suffix}", content)
    assert loaded.frame(store).rows() == [("00998", 3, 4), ("00999", 15, 5)]


def test_what_was_loaded_says_where_it_came_from(load: Load):
    loaded = load("ZIP5_OCT2025.txt", ZIPS)
    assert (loaded.kind, loaded.file, loaded.rows) == ("zip_locality", "ZIP5_OCT2025.txt", 3)
    assert loaded.sha256 == hashlib.sha256(ZIPS.encode()).hexdigest()


def test_a_file_is_found_in_a_zip_beside_its_layout(load: Load):
    loaded = load("zip-code.zip", s.zipped({"ZIP5LYOUT.txt": b"Record Layout\r\n", "ZIP5_OCT2025.txt": ZIPS.encode()}))
    assert (loaded.file, loaded.sha256) == ("ZIP5_OCT2025.txt", hashlib.sha256(ZIPS.encode()).hexdigest())


# --- from when it holds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quarter", "first"),
    [("20251", (2025, 1, 1)), ("20252", (2025, 4, 1)), ("20253", (2025, 7, 1)), ("20264", (2026, 10, 1))],
)
def test_a_zip_file_holds_from_its_quarter(load: Load, quarter, first):
    assert load("ZIP5.txt", zip_record(quarter=quarter)).effective_from == date(*first)


@pytest.mark.parametrize(
    ("name", "year", "first"),
    [
        ("Anesthesia_Base_Units.txt", "2021", 2021),  # its header
        ("CY_2022_Anesthesia_Base_Units.txt", "2021", 2021),  # before its name
        ("CY_2022_Anesthesia_Base_Units_110921.txt", "", 2022),  # its name where the header has none
    ],
)
def test_base_units_hold_from_the_year_of_their_header_or_name(load: Load, name, year, first):
    assert load(name, base_units(year=year)).effective_from == date(first, 1, 1)


def test_a_heading_of_another_year_than_the_name_is_said(load: Load):
    (said,) = load("CY_2022_Anesthesia_Base_Units.txt", base_units(year="2021")).notices
    assert "its heading says 2021 and the name CY_2022_Anesthesia_Base_Units 2022: taken as 2021's" in said
    assert "--effective-from 2022-01-01" in said


def test_a_heading_of_the_same_year_is_nothing_to_say(load: Load):
    assert load("CY_2022_Anesthesia_Base_Units.txt", base_units(year="2022")).notices == ()


def test_a_zip_code_in_a_locality_that_there_isnt_is_said(load: Load):
    (said,) = load("ZIP5_OCT2025.txt", ZIPS + zip_record(code="90013", locality="81")).notices
    assert "1 ZIP code lies in a locality that no release at hand has (localities.csv): CA/81" in said


def test_a_day_that_is_given_counts_before_what_the_file_says(load: Load):
    assert load("ZIP5_OCT2025.txt", ZIPS, date(2025, 12, 1)).effective_from == date(2025, 12, 1)


def test_base_units_without_a_year_ask_for_the_day(load: Load):
    with pytest.raises(UsageError, match="Say it: --effective-from"):
        load("Anesthesia_Base_Units.txt", base_units(year=""))


# --- several files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "first"),
    [
        ("2025-01-01", "2025-04-01"),  # none had begun: the first that did later
        ("2025-04-01", "2025-04-01"),
        ("2025-09-30", "2025-04-01"),
        ("2025-10-01", "2025-10-01"),
        ("2030-01-01", "2025-10-01"),
    ],
)
def test_a_day_takes_the_latest_file_that_had_begun(load: Load, store: LocalStore, day, first):
    load("ZIP5_OCT2025.txt", zip_record(quarter="20254"))
    load("ZIP5_APR2025.txt", zip_record(quarter="20252"))
    found = companions.find(store, "zip_locality", date.fromisoformat(day))
    assert found is not None
    assert found.effective_from == date.fromisoformat(first)


def test_a_kind_that_wasnt_loaded_isnt_found(load: Load, store: LocalStore):
    load("ZIP5_OCT2025.txt", ZIPS)
    assert companions.find(store, "anesthesia_base_units", date(2025, 10, 1)) is None


# --- read like any table -----------------------------------------------------------------------------------------


@pytest.fixture
def published(sampled: Path, store: LocalStore) -> Published:
    copied(sampled, store.root)
    return lambda: pfsetl.open(store)


def test_a_companion_is_scanned_like_a_table_as_of_the_first_day_of_a_release(load: Load, published: Published) -> None:
    for year, units in (("2024", "3"), ("2025", "4"), ("2026", "5")):
        load(f"Anesthesia_Base_Units_{year}.txt", base_units(("00998", units), year=year))
    found = published().scan("anesthesia_base_units", "RVU25A").select("effective_from", "hcpcs", "base_units")
    assert found.collect().rows() == [(date(2025, 1, 1), "00998", 4)]


def test_without_a_release_every_loaded_file_is_there(load: Load, published: Published) -> None:
    for year, units in (("2024", "3"), ("2026", "5")):
        load(f"Anesthesia_Base_Units_{year}.txt", base_units(("00998", units), year=year))
    found = published().scan("anesthesia_base_units").select("effective_from", "base_units")
    assert found.collect().rows() == [(date(2024, 1, 1), 3), (date(2026, 1, 1), 5)]


def test_of_two_files_of_a_day_the_rows_are_those_that_prices_use(
    load: Load, store: LocalStore, published: Published
) -> None:
    for code in ("90012", "90013"):
        load(f"ZIP5_{code}.txt", zip_record(code=code), date(2025, 10, 1))
    used = companions.find(store, "zip_locality", date(2025, 10, 1))
    assert used
    assert published().scan("zip_locality").select("zip").collect().equals(used.frame(store).select("zip"))


@pytest.mark.parametrize("codes", [("90012", "90013"), ("90013", "90012")])
@pytest.mark.parametrize("day", [date(2025, 1, 1), date(2025, 10, 1), date(2026, 1, 1)])
def test_of_two_files_of_a_day_the_one_loaded_last_holds(load: Load, store: LocalStore, codes, day):
    for code in codes:
        load(f"ZIP5_{code}.txt", zip_record(code=code), date(2025, 10, 1))
    used = companions.find(store, "zip_locality", day)
    assert used is not None
    assert used.frame(store)["zip"].to_list() == [codes[1]]


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda place: place.write_bytes(place.read_bytes()[:-9]), "its bytes aren't those that were loaded"),
    "of other rows": (lambda place: pl.DataFrame({"zip": ["1"]}).write_parquet(place), "aren't those that were loaded"),
    "gone": (Path.unlink, "No such file or directory"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_never_read_and_says_how_to_have_it_again(load: Load, store: LocalStore, how: str) -> None:
    one = load("ZIP5_OCT2025.txt", ZIPS)
    damage, why = DAMAGES[how]
    (store.root / one.path).chmod(0o644)
    damage(store.root / one.path)
    with pytest.raises(StoreError) as refused:
        one.frame(store)
    assert why in str(refused.value)
    assert f"pfsetl unload zip_locality 2025-10-01 --sha256 {one.sha256[:16]}" in str(refused.value)
    assert str(refused.value).endswith("and load ZIP5_OCT2025.txt again.")


def test_a_file_is_not_held_against_a_damaged_one_of_its_day(load: Load, store: LocalStore, tmp_path: Path) -> None:
    files = [(tmp_path / f"ZIP5_{code}.txt", zip_record(code=code)) for code in ("90011", "90012")]
    for path, record in files:
        path.write_text(record)
    kept = loading.load(store, files[0][0], date(2025, 10, 1), accept=("loss",)).companion
    (store.root / kept.path).chmod(0o644)
    (store.root / kept.path).write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"can't be read .*held against it.*load ZIP5_90011\.txt again"):
        loading.load(store, files[1][0], date(2025, 10, 1), accept=("loss",))


def test_a_file_that_holds_instead_of_another_says_so(load: Load):
    for code in ("90012", "90013"):
        loaded = load(f"ZIP5_{code}.txt", zip_record(code=code), date(2025, 10, 1))
    assert "from 2025-10-01 on it holds instead of ZIP5_90012.txt" in loaded.notices[-1]


def test_a_file_that_another_holds_instead_of_is_not_taken_for_loaded(load: Load):
    for code in ("90012", "90013"):
        load(f"ZIP5_{code}.txt", zip_record(code=code), date(2025, 10, 1))
    with pytest.raises(UsageError, match=r"loaded already, and ZIP5_90013\.txt after it, which holds"):
        load("ZIP5_90012.txt", zip_record(code="90012"), date(2025, 10, 1))


def test_its_columns_are_those_of_its_contract_behind_the_first_day(load: Load, published: Published) -> None:
    load("ZIP5_OCT2025.txt", ZIPS)
    schema = published().scan("zip_locality").collect_schema()
    assert [*schema] == ["effective_from", *contracts.companions().tables["zip_locality"].schema]


def test_its_files_have_addresses_as_those_of_any_table(load: Load, store: LocalStore, published: Published) -> None:
    one = load("ZIP5_OCT2025.txt", ZIPS)
    assert published().files("zip_locality", "RVU25A") == [store.uri(one.path)]


def test_a_kind_of_which_none_is_loaded_says_how_to_load_it(published: Published) -> None:
    with pytest.raises(UsageError, match=r"zip_locality: no such file .* is loaded in .*pfsetl load ZIP5_APR2026.txt"):
        published().scan("zip_locality")


def test_a_release_that_isnt_there_has_no_companion_either(load: Load, published: Published) -> None:
    load("ZIP5_OCT2025.txt", ZIPS)
    with pytest.raises(UsageError, match="RVU24A: not in version 1"):
        published().scan("zip_locality", "RVU24A")


def test_an_open_version_lists_what_is_loaded(load: Load, published: Published) -> None:
    one = load("ZIP5_OCT2025.txt", ZIPS)
    assert published().companions == (one,)


def test_a_table_that_isnt_there_is_told_with_the_companions(published: Published) -> None:
    with pytest.raises(UsageError, match="Beside the versions: zip_locality, anesthesia_base_units, mue, rbcs, ptp"):
        published().scan("zips")


def test_the_status_says_what_is_loaded_and_of_what_nothing_is(load: Load, store: LocalStore, run: Run) -> None:
    load("ZIP5_OCT2025.txt", ZIPS)
    out = run("status", "--output", store.root)[1]
    assert "beside the releases: zip_locality: from 2025-10-01 ZIP5_OCT2025.txt (3 rows, a sample)" in out
    assert "beside the releases: anesthesia_base_units: none is loaded" in out


def test_an_export_says_that_it_leaves_them(
    load: Load, store: LocalStore, published: Published, run: Run, tmp_path: Path
) -> None:
    load("ZIP5_OCT2025.txt", ZIPS)
    published()
    out = run("export", tmp_path / "copy", "--output", store.root)[1]
    assert "not copied, as they belong to no version: zip_locality" in out


def test_the_same_file_again_changes_nothing(load: Load, store: LocalStore):
    def everything():
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in store.root.rglob("*") if p.is_file()}

    first = load("ZIP5_OCT2025.txt", ZIPS)
    before = everything()
    assert load("ZIP5_OCT2025.txt", ZIPS) == first
    assert everything() == before


def test_loading_publishes_no_version(load: Load, store: LocalStore):
    load("ZIP5_OCT2025.txt", ZIPS)
    assert pfsetl.open(store).releases == {}


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("notes.txt", ZIPS, ArchiveError, "no file of a known kind"),
        ("ZIP9_OCT2025.txt", ZIPS, ArchiveError, "no file of a known kind"),
        ("ZIP5lyout.txt", ZIPS, ArchiveError, "no file of a known kind"),
        ("ZIP5_layout.txt", ZIPS, ArchiveError, "no file of a known kind"),
        ("x.zip", "PK\x03\x04 torn", ArchiveError, "not a complete zip"),
        ("ZIP5_OCT2025.txt", "", PfsetlError, "empty"),
        ("ZIP5_OCT2025.txt", "\0" * 200, LayoutError, "a record of ZIP80 has 80"),
        ("ZIP5_OCT2025.txt", ZIPS + zip_record()[:50] + "\r\n", LayoutError, "line 4 has 50 characters"),
        ("ZIP5_OCT2025.txt", zip_record(code="9001X"), ValueRefused, "line 1: zip is '9001X'"),
        ("ZIP5_OCT2025.txt", zip_record(quarter="20255"), ValueRefused, "line 1: quarter is '20255'"),
        ("ZIP5_OCT2025.txt", zip_record(quarter="00004"), ValueRefused, "line 1: quarter is '00004'"),
        ("ZIP5_OCT2025.txt", zip_record(mac="99999"), ValueRefused, "contractor 99999 locality 18 is in no known"),
        ("ZIP5_OCT2025.txt", ZIPS + zip_record(mac="01112", locality="52"), ValueRefused,
         "lines 2, 4: zip 90012 stands there more than once"),
        ("Anesthesia_Base_Units.txt", base_units(("00999", "5"), ("00999", "6")), ValueRefused,
         "lines 4, 5: hcpcs 00999 stands there more than once"),
        ("Anesthesia_Base_Units.csv", base_units(("00999", "-5"), separator=","), ValueRefused, "base_units is '-5'"),
        ("Anesthesia_Base_Units.xlsx", "not a workbook", PfsetlError, "neither an xls nor an xlsx workbook"),
    ],
)  # fmt: skip
def test_a_file_that_cant_be_right_is_refused_with_its_place(
    load: Load, store: LocalStore, name, content, error, message
):
    with pytest.raises(error) as refused:
        load(name, content)
    assert message in str(refused.value)
    assert not store.names("companions/zip_locality") + store.names("companions/anesthesia_base_units")


def damage(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def a_row_less(content: bytes) -> bytes:
    buffer = io.BytesIO()
    pl.read_parquet(content).head(-1).write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("damaged", [lambda _: b"PAR1", a_row_less])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_table_that_isnt_what_the_file_holds_is_never_taken_for_it(
    load: Load, store: LocalStore, damaged: Callable[[bytes], bytes], recorded: bool
):
    one = load("ZIP5_OCT2025.txt", ZIPS)
    damage(store.root / one.path, damaged(store.get(one.path)))
    if not recorded:
        store.delete(one.path.replace(".parquet", ".json"))
    with pytest.raises(StoreError, match=r"not what ZIP5_OCT2025\.txt holds\. (Take it back|Remove it)"):
        load("ZIP5_OCT2025.txt", ZIPS)


def test_the_same_bytes_from_another_day_on_say_so(load: Load):
    load("ZIP5_A.txt", ZIPS, date(2025, 10, 1))
    told = load("ZIP5_B.txt", ZIPS, date(2026, 1, 1)).notices
    assert [note for note in told if note.startswith("the same bytes are loaded from 2025-10-01 on, as ZIP5_A.txt")]


@pytest.mark.parametrize(("years", "is_told"), [(1, False), (2, True)])
def test_a_file_of_a_year_far_ahead_says_that_nothing_goes_by_it_yet(load: Load, years: int, is_told: bool):
    day = date(datetime.now(UTC).year + years, 1, 1)
    told = [note for note in load("ZIP5_A.txt", ZIPS, day).notices if note.startswith("nothing goes by it before")]
    assert bool(told) == is_told
    assert all(f"unload zip_locality {day}" in note for note in told)


@pytest.mark.parametrize("what", [".parquet", ".json"])
def test_what_verify_says_of_a_loaded_file_mends_it(load: Load, store: LocalStore, run: Run, what: str):
    one = load("ZIP5_OCT2025.txt", ZIPS)
    path = store.root / one.path.replace(".parquet", what)
    damage(path, path.read_bytes().replace(b'"rows": 3', b'"rows": 2') if what == ".json" else b"PAR1")
    said = run("verify", "--output", store.root)[2]
    (unload,) = re.findall(r"Take it back \('pfsetl (.*?)'\), and load", said)
    assert run(*shlex.split(unload))[0] == 0
    load("ZIP5_OCT2025.txt", ZIPS)
    assert run("verify", "--output", store.root)[0] == 0


@pytest.mark.parametrize("name", ["", "missing.txt"])
def test_what_is_no_file_is_a_source_that_isnt_available(tmp_path, store: LocalStore, name):
    with pytest.raises(SourceUnavailable, match="no such file"):
        loading.load(store, tmp_path / name, sample=True)


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b"{}", b'{"effective_from": "soon"}'])
def test_a_damaged_record_is_named(load: Load, store: LocalStore, damaged):
    load("ZIP5_OCT2025.txt", ZIPS)
    (record,) = [n for n in store.names("companions/zip_locality") if n.endswith(".json")]
    path = store.root / record
    path.chmod(0o644)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"not a readable record .* load the file again"):
        companions.find(store, "zip_locality", date(2025, 10, 1))


def test_a_record_holds_what_was_returned(load: Load, store: LocalStore):
    loaded = load("ZIP5_OCT2025.txt", ZIPS)
    (name,) = [n for n in store.names("companions/zip_locality") if n.endswith(".json")]
    record = json.load(io.BytesIO(store.get(name)))
    assert (record["file"], record["rows"], record["effective_from"]) == (loaded.file, 3, "2025-10-01")


# --- the command -------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_loaded(run, tmp_path):
    path = tmp_path / "ZIP5_OCT2025.txt"
    path.write_text(ZIPS, newline="")
    code, out, _ = run("load", path, "--sample", "-o", tmp_path / "o")
    digest = hashlib.sha256(ZIPS.encode()).hexdigest()[:16]
    assert (code, out) == (0, f"zip_locality: 3 rows of ZIP5_OCT2025.txt, a sample, from 2025-10-01, sha256 {digest}\n")


def test_the_command_takes_the_first_day(run, tmp_path):
    path = tmp_path / "Anesthesia_Base_Units.txt"
    path.write_bytes(base_units(year=""))
    code, out, _ = run("load", path, "--sample", "--effective-from", "2023-01-01", "-o", tmp_path / "o")
    assert (code, "from 2023-01-01" in out) == (0, True)


@pytest.mark.parametrize(
    ("content", "options", "exit_code"),
    [(ZIPS, ["--effective-from", "2024-02-30"], 2), ("torn", [], 1), (ZIPS, ["-o", "/dev/null"], 1), (None, [], 3)],
)
def test_the_command_refuses_with_a_message(run, tmp_path, content, options, exit_code):
    path = tmp_path / "ZIP5_OCT2025.txt"
    if content is not None:
        path.write_text(content, newline="")
    where = [] if "-o" in options else ["-o", tmp_path / "o"]
    code, _, err = run("load", path, "--sample", *options, *where)
    assert (code, err.startswith("pfsetl: "), "Unexpected" in err) == (exit_code, True, False)


# --- whole, or a part that says so ---------------------------------------------------------------------------------


def zip_file(count: int = 41_000, last: str = "83414", quarter: str = "20254") -> str:
    """A ZIP file as large as CMS's; its last row is that of CMS's, which sorts by state."""
    codes = (code for number in range(10_000, 99_999) if (code := f"{number}") != last)
    rows = [zip_record("AK", next(codes), "02102", "01", quarter=quarter) for _ in range(count - 1)]
    return "".join([*rows, zip_record("WY", last, "03602", "21", quarter=quarter)])


def put(store: LocalStore, folder: Path, content: str, name: str = "ZIP5_OCT2025.txt", **how) -> companions.Companion:
    (folder / name).write_text(content, newline="")
    return loading.load(store, folder / name, **how).companion


def test_a_whole_zip_file_is_loaded(store: LocalStore, tmp_path):
    loaded = put(store, tmp_path, zip_file())
    assert (loaded.rows, loaded.sample, loaded.lost) == (41_000, False, ())


@pytest.mark.parametrize(("lines", "missing"), [(40_999, "zip 83414 is missing"), (20_000, "at least 41,000")])
def test_a_zip_file_cut_at_a_line_is_refused(lines, missing, store: LocalStore, tmp_path):
    cut = "".join(zip_file().splitlines(keepends=True)[:lines])
    with pytest.raises(ChecksFailed, match=missing):
        put(store, tmp_path, cut)
    assert not store.names("companions/zip_locality")


def test_base_units_cut_at_a_line_are_refused(store: LocalStore, tmp_path):
    cut = base_units(*((f"{n:05}", "3") for n in range(100, 375))).decode()
    with pytest.raises(ChecksFailed, match="hcpcs 01999 is missing"):
        put(store, tmp_path, cut, "CY_2022_Anesthesia_Base_Units.txt")


def test_another_file_of_the_same_day_with_a_code_less_is_held_until_it_is_accepted(store: LocalStore, tmp_path):
    put(store, tmp_path, zip_file(41_001))
    with pytest.raises(
        ChecksFailed, match=r"1 of 41,001 rows of ZIP5_OCT2025.txt from 2025-10-01 are gone, e.g. 50999"
    ):
        put(store, tmp_path, zip_file(41_000))
    accepted = put(store, tmp_path, zip_file(41_000), accept=["loss"])
    (kept,) = (c for c in companions.loaded(store, "zip_locality") if c.rows == 41_000)
    assert (kept, "1 of 41,001 rows" in kept.lost[0]) == (accepted, True)


def test_a_file_of_another_quarter_may_have_fewer_codes(store: LocalStore, tmp_path):
    put(store, tmp_path, zip_file(41_001))
    assert put(store, tmp_path, zip_file(quarter="20261"), "ZIP5_JAN2026.txt").lost == ()


def test_a_sample_over_a_whole_file_of_the_same_day_is_held(store: LocalStore, tmp_path):
    put(store, tmp_path, zip_file())
    with pytest.raises(ChecksFailed, match=r"A sample would replace ZIP5_OCT2025.txt from 2025-10-01, which is whole"):
        put(store, tmp_path, ZIPS, sample=True)


def test_records_of_two_quarters_are_refused_with_the_line_of_the_odd_one(load: Load):
    with pytest.raises(ValueRefused, match=r"2 quarters \(20253, 20254\), line 4 has 20253"):
        load("ZIP5_OCT2025.txt", ZIPS + zip_record("AL", "35004", "10112", "00", quarter="20253"))


@pytest.mark.parametrize("name", ["ZIP5_JUL2025.txt", "ZIP5_OCT2024.txt", "zip5 october 2026.txt"])
def test_records_of_another_quarter_than_the_name_says_are_refused(name, load: Load):
    with pytest.raises(ValueRefused, match="its records 4 of 2025"):
        load(name, ZIPS)
