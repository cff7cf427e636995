"""Whatever is wrong with an archive: one clear refusal, and the published version stays as it was."""

import io
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl.errors import PfsetlError
from pfsetl.source import archive
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.synthetic import Members

LABEL = "RVU25A"
RVUS, GPCI, ANES, LOCCO, CAPS = (
    "PPRRVU2025_JAN.txt", "GPCI2025.csv", "ANES2025.csv", "25LOCCO.csv", "OPPSCAP_JAN.csv",
)  # fmt: skip
PAGE = b"\r\n<!DOCTYPE html>\r\n<html><body>License for Use of CPT</body></html>\r\n"


@pytest.fixture(scope="module")
def published(sampled: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store that holds one good version of the release that the bad archives are built as."""
    return LocalStore(copied(sampled, tmp_path_factory.mktemp("published") / "store"))


def everything(store: LocalStore) -> dict[str, bytes]:
    """All files but the records of runs: a refused build is recorded, too."""
    files = {str(p.relative_to(store.root)): p for p in store.root.rglob("*") if p.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith("runs/")}


def refusal(published: LocalStore, path: Path) -> str:
    """Build, expect a refusal, check that the store didn't change; return the message."""
    before = everything(published)  # of one good version
    with pytest.raises(PfsetlError) as caught:
        pfsetl.build(LABEL, store=published, archive=path, sample=True)
    assert caught.value.exit_code == 1
    assert everything(published) == before
    return str(caught.value)


def assert_names(message: str, *fragments: str) -> None:
    missing = [f for f in fragments if f not in message]
    assert not missing, message


# --- the archive as bytes ---------------------------------------------------------------------------------------


def flipped_inside_a_member() -> bytes:
    data = bytearray(s.zipped(s.release(LABEL)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        info = archive.getinfo(RVUS)
    start = info.header_offset + 30 + len(RVUS) + info.compress_size // 2
    for at in range(start, start + 8):
        data[at] ^= 0xFF
    return bytes(data)


def with_central_field(data: bytes, offset: int, field: bytes) -> bytes:
    """Overwrite a field of the first central directory record (PKZIP APPNOTE 4.3.12)."""
    at = data.index(b"PK\x01\x02") + offset
    return data[:at] + field + data[at + len(field) :]


def encrypted() -> bytes:
    data = s.zipped(s.release(LABEL))
    return with_central_field(data, 8, struct.pack("<H", 1))


def claims_ten_gigabytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        archive.writestr(RVUS, b"x")
        archive.filelist[0].file_size = 10 * 1024**3
    return buffer.getvalue()


def bomb() -> bytes:
    return s.zipped({RVUS: b"0" * (70 << 20)})


def hollow(size: int) -> bytes:
    """Bytes that pack some 60 to 1, which is less than a bomb does."""
    made = random.Random(size)
    return b"".join(made.randbytes(300) + b"0" * 20_000 for _ in range(size // 20_300))


def within_its_size() -> bytes:
    return s.zipped({RVUS: b"0" * (30 << 20)})


def many_bombs() -> bytes:
    return s.zipped({f"{i}.bin": hollow(25 << 20) for i in range(6)} | s.release(LABEL))


def many_entries() -> bytes:
    return s.zipped({f"{i}.bin": b"" for i in range(1_001)} | s.release(LABEL))


def packed_by(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in s.release(LABEL).items():
            archive.writestr(name, data)
    return buffer.getvalue()


def directory_of_text() -> bytes:
    """A directory whose second entry begins with what stands in a file: its words are nobody's message."""
    at = GOOD.index(b"PK\x01\x02", GOOD.index(b"PK\x01\x02") + 4)
    secret = b"SECRET WORDS OF A MEMBER " * 400
    return GOOD[:at] + secret[: GOOD.index(b"PK\x05\x06") - at] + GOOD[GOOD.index(b"PK\x05\x06") :]


def understated_size() -> bytes:
    return with_central_field(s.zipped(s.release(LABEL)), 24, struct.pack("<I", 100))


def doubled_name() -> bytes:
    return s.zipped({RVUS: b"x", "Q" + RVUS[1:]: b"x"}).replace(b"QPRRVU", b"PPRRVU")


GOOD = s.zipped(s.release(LABEL))
BYTES: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "flipped bytes": (flipped_inside_a_member, ("bad.zip/PPRRVU2025_JAN.txt", "damaged", "Download the archive again")),
    "truncated": (lambda: GOOD[: len(GOOD) // 2], ("bad.zip", "not a complete zip", "Download it again")),
    "one byte short": (lambda: GOOD[:-1], ("bad.zip", "not a complete zip", "Download it again")),
    "not a zip": (lambda: b"Rar!\x1a\x07\x01\x00" * 40, ("bad.zip", "not a complete zip", "give the folder")),
    "no bytes": (lambda: b"", ("bad.zip", "not a complete zip", "0 bytes")),
    "HTML page": (lambda: PAGE, ("bad.zip", "an HTML page", "in a browser, and name that file")),
    "empty zip": (lambda: s.zipped({}), ("bad.zip", "empty zip", "Download it again")),
    "parent path": (lambda: s.zipped({"../x.txt": b"x"}), ("bad.zip/../x.txt", "leaves the archive")),
    "absolute path": (lambda: s.zipped({"/etc/x.txt": b"x"}), ("bad.zip//etc/x.txt", "leaves the archive")),
    "drive path": (lambda: s.zipped({"C:/x.txt": b"x"}), ("C:/x.txt", "leaves the archive")),
    "parent path, backslashes": (lambda: s.zipped({"a\\..\\..\\x.txt": b"x"}), ("x.txt", "leaves the archive")),
    "encrypted": (encrypted, ("PPRRVU2025_JAN.txt", "encrypted", "download the archive again")),
    "claims 10 GB": (claims_ten_gigabytes, ("PPRRVU2025_JAN.txt", "claims 10,737,418,240 bytes", "Refused unread")),
    "zip bomb": (bomb, ("PPRRVU2025_JAN.txt", "claims 73,400,320 bytes", "Refused unread")),
    "many zip bombs": (many_bombs, ("bad.zip", "bytes unpacked, more than")),
    "a bomb within the size of a member": (within_its_size, ("PPRRVU2025_JAN.txt", "to 1. Refused unread")),
    "more entries than an archive has": (many_entries, ("bad.zip", "1,007 entries", "download it again")),
    "a method that isn't read": (lambda: packed_by(zipfile.ZIP_LZMA), ("method 14", "Unpack the zip")),
    "a name without end": (lambda: s.zipped({"x" * 60_000: b"x"}), ("name of 60,000 characters", "isn't a zip made")),
    "understated size": (understated_size, ("PPRRVU2025_JAN.txt", "Download the archive again")),
    "a name twice": (doubled_name, ("PPRRVU2025_JAN.txt", "twice", "Download it again")),
}


@pytest.mark.parametrize("case", BYTES)
def test_bad_archive_is_refused(case: str, published: LocalStore, tmp_path: Path) -> None:
    make, fragments = BYTES[case]
    path = tmp_path / "bad.zip"
    path.write_bytes(make())
    assert_names(refusal(published, path), *fragments)


def test_a_damaged_directory_prints_nothing_of_the_file(published: LocalStore, tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(directory_of_text())
    message = refusal(published, path)
    assert "SECRET" not in message
    assert len(message) < 400


@pytest.mark.parametrize("bound", ["MAX_ENTRIES", "MAX_RATIO"])
def test_without_its_bound_each_of_these_zips_is_opened(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(archive, bound, 1 << 40)
    archive.refuse_damaged("x.zip", {"MAX_ENTRIES": many_entries, "MAX_RATIO": within_its_size}[bound]())


# --- its members ------------------------------------------------------------------------------------------------


def without(name: str) -> Callable[[Members], Members]:
    return lambda members: {k: v for k, v in members.items() if k != name}


def put(name: str, data: bytes) -> Callable[[Members], Members]:
    return lambda members: {**members, name: data}


def sub(name: str, old: bytes, new: bytes) -> Callable[[Members], Members]:
    """Replace the first occurrence of `old`, which has to be there."""

    def change(members: Members) -> Members:
        assert old in members[name]
        return {**members, name: members[name].replace(old, new, 1)}

    return change


def as_csv(rows: list[list[str]]) -> Callable[[Members], Members]:
    return lambda members: {**without(RVUS)(members), "PPRRVU2025_JAN.csv": s.csv_bytes(rows)}


def records(*rows: s.Row) -> Callable[[Members], Members]:
    return put(RVUS, s.pprrvu_txt("N171", rows))


def grid_with(row: int, column: int, cell: str) -> list[list[str]]:
    cells = s.pprrvu_cells("G31")
    cells[row][column] = cell
    return cells


def without_column(at: int) -> list[list[str]]:
    return [row[:at] + row[at + 1 :] for row in s.pprrvu_cells("G31")]


def with_column(at: int, *title: str) -> list[list[str]]:
    cells = s.pprrvu_cells("G31")
    stack = dict(zip(range(5, 10), title, strict=True))
    return [[*row[:at], stack.get(i, "" if i < 5 else "1"), *row[at:]] for i, row in enumerate(cells)]


def moved_column(first: int, second: int) -> list[list[str]]:
    cells = s.pprrvu_cells("G31")
    for row in cells:
        row[first], row[second] = row[second], row[first]
    return cells


def lengthened(by: int) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        lines = members[RVUS].split(b"\r\n")
        lines[9] = lines[9] + b" " * by if by > 0 else lines[9][:by]
        return {**members, RVUS: b"\r\n".join(lines)}

    return change


FIRST_RECORD = 8  # after seven HDR lines
MEMBERS: dict[str, tuple[Callable[[Members], Members], tuple[str, ...]]] = {
    "no PPRRVU": (without(RVUS), ("bad.zip", "no file of pprrvu", "schemas/members.csv")),
    "PPRRVU twice": (
        put("pprrvu25_v2.TXT", s.pprrvu_txt("N171", s.CODES[:-1])),
        ("pprrvu is there twice as txt", RVUS, "pprrvu25_v2.TXT", "Keep the one"),
    ),
    "GPCI twice": (
        put("CY2025_GPCIs.csv", s.gpci_csv("GPCI7", s.PLACES[:-1])),
        ("gpci is there twice as csv", "Keep the one"),
    ),
    "for everyone and by participant": (
        put("PPRRVU2025_JAN_QPP.txt", s.pprrvu_txt("N171P")),
        ("bad.zip", f"{RVUS} is named as pprrvu for everyone", "PPRRVU2025_JAN_QPP.txt", "of another release"),
    ),
    "HTML in place of PPRRVU": (put(RVUS, PAGE), (RVUS, "an HTML page", "Download the archive again")),
    "HTML in place of a companion": (put(GPCI, PAGE), (GPCI, "an HTML page", "Download the archive again")),
    "PPRRVU of 0 bytes": (put(RVUS, b""), (RVUS, "empty", "Download the archive again")),
    "GPCI of 0 bytes": (put(GPCI, b""), (GPCI, "empty", "Download the archive again")),
    "GPCI of blank lines": (put(GPCI, b"\r\n\r\n \r\n"), (GPCI, "empty", "Download the archive again")),
    "PPRRVU of header lines only": (
        put(RVUS, s.pprrvu_txt("N171", ())),
        (RVUS, "most lines have 50 characters", "N171"),
    ),
    "PPRRVU csv of header only": (as_csv(s.pprrvu_cells("G31", ())), ("JAN.csv", "no records", "Download")),
    "GPCI of header only": (put(GPCI, s.gpci_csv("GPCI7", ())), (GPCI, "no records", "Download")),
    "not text": (put(RVUS, bytes(range(256)) * 40), (RVUS, "a shape that isn't declared")),
    "not a workbook": (
        lambda m: {**without(GPCI)(m), "GPCI2025.xlsx": b"PK\x03\x04 nonsense"},
        ("GPCI2025.xlsx", "not a readable workbook", "Download the archive again"),
    ),
    "an open quote": (sub(ANES, b"ALABAMA", b'"ALABAMA'), (ANES, "A quote may be open", "in another format")),
    "column missing": (
        as_csv(without_column(10)),
        ("JAN.csv", "G31", "(mp_rvu)", "is missing", "pfsetl declare"),
    ),
    "column added": (
        as_csv(with_column(23, "", "", "", "NEW", "IND")),
        ("JAN.csv", "column 24 'NEW IND' isn't in G3", "pfsetl declare"),
    ),
    "column renamed": (
        as_csv(grid_with(9, 10, "WEIGHT")),
        ("JAN.csv", "'MP WEIGHT' isn't in G31", "(mp_rvu) is missing"),
    ),
    "columns swapped": (
        as_csv(moved_column(6, 8)),
        ("JAN.csv", "(nonfacility_pe_rvu) moved from column 7 to 9", "pfsetl declare"),
    ),
    "a column without header": (
        put(GPCI, s.csv_bytes([[*row, "9" if row[1] == "AK" else ""] for row in s.cells_of(s.gpci_csv("GPCI7"))])),
        (GPCI, "column 8 has no header but a value", "line 5"),
    ),
    "record one character longer": (lengthened(1), (RVUS, "line 10 has 172 characters", "N171 has 171")),
    "record one character shorter": (lengthened(-1), (RVUS, "line 10 has 170 characters", "N171 has 171")),
    "every record one character longer": (
        put(RVUS, s.HDR.encode() + b"".join(s.pprrvu_record("N171", r).encode() + b" \r\n" for r in s.CODES * 2)),
        (RVUS, "Nearest is layout N171", "most lines have 172 characters", "schemas/layouts/pprrvu.csv"),
    ),
    "data between the fields": (
        sub(RVUS, b"1.21   1.40", b"1.21x  1.40"),
        (RVUS, "columns 66-66 hold data", f"line {FIRST_RECORD}"),
    ),
    "a number that doesn't parse": (
        sub(RVUS, b"  1.21 ", b"  1,21 "),
        (RVUS, f"line {FIRST_RECORD}: work_rvu is '1,21'", "a number with up to 2 decimals", "Download"),
    ),
    "a number with more decimals": (
        sub(GPCI, b"1.065", b"1.0651"),
        (GPCI, "line 5: pe_gpci is '1.0651'", "up to 3 decimals"),
    ),
    "an infinite number": (sub(GPCI, b"1.065", b"inf"), (GPCI, "line 5: pe_gpci is 'inf'", "up to 3 decimals")),
    "a number in scientific notation": (sub(GPCI, b"1.065", b"1E0"), (GPCI, "line 5: pe_gpci is '1E0'")),
    "a blank number": (sub(GPCI, b"1.065", b""), (GPCI, "line 5: pe_gpci is ''", "a number")),
    "an unknown flag": (
        records(s.changed(s.VISIT, nonfacility_na="YE", nonfacility_na_full="YE")),
        (RVUS, "nonfacility_na is 'YE'"),
    ),
    "a lower-case locality": (sub(GPCI, b"AK,01", b"AK,x1"), (GPCI, "line 5: locality isn't text of the form", "'x1'")),
    "a negative number": (
        records(s.changed(s.VISIT, nonfacility_pe="-1.40")),
        (LABEL, "rvu", "G9901", "Nothing was published", "schemas/corrections.csv"),
    ),
    "a key with different values": (
        records(*s.CODES, s.changed(s.VISIT, work="1.22")),
        (RVUS, "lines 8 and 15 both have hcpcs 'G9901'", "differ in work_rvu", "get a corrected archive"),
    ),
    "a total that isn't the sum": (
        records(s.changed(s.VISIT, nonfacility_total="2.71")),
        ("make the total", "1 row breaks this", "G9901", "schemas/corrections.csv"),
    ),
    "components that don't make the whole": (
        records(s.SCAN, s.SCAN_READING, s.changed(s.SCAN_IMAGE, nonfacility_pe="3.61")),
        ("rvu", "1 row breaks this", "Nothing was published"),
    ),
    "two conversion factors": (
        records(s.VISIT, s.changed(s.SURGERY, factor="32.3465")),
        ("rvu", "conversion factor", "Nothing was published"),
    ),
    "a conversion factor of 0": (records(s.changed(s.VISIT, factor="0.0000")), ("rvu", "conversion factor", "G9901")),
    "an unknown status": (records(s.VISIT, s.changed(s.SURGERY, status="Z")), ("status", "1 row", "G9903")),
    "an unknown modifier": (records(s.VISIT, s.changed(s.SURGERY, modifier="27")), ("modifier", "1 row", "G9903 27")),
    "an unknown contractor": (
        sub(ANES, b"02102 ,01 ,ALASKA", b"99999 ,01 ,ELSEWHERE"),
        ("anesthesia", "contractor 99999 locality 01", "schemas/carriers.csv (first line carrier,"),
    ),
    "a locality without anesthesia factor": (
        put(ANES, s.anes_csv("ANES4", s.PLACES[1:])),
        ("Anesthesia factors and indices cover the same localities", "Nothing was published"),
    ),
    "an index out of range": (sub(GPCI, b"1.065", b"10.65"), ("gpci", "between 0.2 and 4", "AK 01")),
    "a locality with two indices": (
        put(GPCI, s.gpci_csv("GPCI7", (*s.PLACES, {**s.ALABAMA, "pe": "0.876"}))),
        (GPCI, "state AL, locality 00", "different pe_gpci", "Get a corrected archive"),
    ),
    "another year's file": (
        lambda m: {**without(RVUS)(m), "PPRRVU24_JAN.txt": m[RVUS]},
        ("PPRRVU24_JAN.txt", "says 2024", "RVU25A is of 2025", "Give the file of this release"),
    ),
    "another year's archive": (
        lambda _: s.release("RVU26A"),
        ("PPRRVU2026_Jan", "says 2026", "RVU25A is of 2025", "Give the file of this release"),
    ),
    "a workbook with two such sheets": (
        lambda m: {**without(GPCI)(m), "G_GPCI.xlsx": s.workbook(s.cells_of(m[GPCI]), sheets=("Old", "New"))},
        ("G_GPCI.xlsx", "2 sheets fit", "sheet 'Old' and sheet 'New'", "may be hidden", "keep the one"),
    ),
    "a workbook without cells": (
        lambda m: {**without(GPCI)(m), "G_GPCI.xlsx": s.workbook([])},
        ("G_GPCI.xlsx", "a workbook without cells"),
    ),
}


@pytest.mark.parametrize("case", MEMBERS)
def test_bad_member_is_refused(case: str, published: LocalStore, tmp_path: Path) -> None:
    change, fragments = MEMBERS[case]
    path = s.write_zip(tmp_path / "bad.zip", change(s.release(LABEL)))
    assert_names(refusal(published, path), *fragments)


@pytest.mark.parametrize(
    ("file", "label", "table"),
    [
        (GPCI, "gpci", "gpci"),
        (ANES, "anesthesia", "anesthesia"),
        (LOCCO, "locality_county", "locality_county"),
        (CAPS, "opps_cap", "opps_cap"),
    ],
)
def test_missing_companion_is_named_and_its_table_empty(file: str, label: str, table: str, tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "part.zip", without(file)(s.release(LABEL)))
    built = pfsetl.build(LABEL, store=LocalStore(tmp_path / "store"), archive=archive, sample=True)
    assert built.record.missing == (label,)
    assert built.version.scan(table, LABEL).collect().is_empty()


@pytest.mark.parametrize("gone", [(), (GPCI, ANES, CAPS)], ids=["with indices", "without"])
def test_amounts_above_all_that_an_amount_may_be_are_refused_with_what_they_are_made_of(
    gone: tuple[str, ...], published: LocalStore, tmp_path: Path
) -> None:
    rows = [s.changed(row, work="31000.00", factor="3234.6500") for row in s.CODES]
    members = {name: data for name, data in s.release(LABEL).items() if name not in (RVUS, *gone)}
    path = s.write_folder(tmp_path / "bad", members | {"PPRRVU2025_JAN.csv": s.pprrvu_csv("G31", rows)})
    assert_names(
        refusal(published, path), "31000.00, 1.40 and 0.09 RVUs times a factor of 3234.6500", "9,999,999.99 dollars"
    )


def test_both_halves_of_2026_missing_is_refused(published: LocalStore, tmp_path: Path) -> None:
    members = {k: v for k, v in s.release("RVU26A").items() if not k.startswith("PPRRVU")}
    message = refusal(published, s.write_zip(tmp_path / "bad.zip", members))
    assert_names(message, "bad.zip", "no file of pprrvu", "schemas/members.csv")


def test_bad_folder_is_refused(published: LocalStore, tmp_path: Path) -> None:
    folder = s.write_folder(tmp_path / "bad", sub(RVUS, b"  1.21 ", b"  1,21 ")(s.release(LABEL)))
    assert_names(refusal(published, folder), RVUS, "line 8: work_rvu is '1,21'")


# --- known to be published or to fail otherwise; the mark goes when the code refuses them ------------------------


def first_record_longer(members: Members) -> Members:
    return sub(RVUS, b"G9901  Synthetic visit", b"G9901  Synthetic visit ")(members)


def damaged_locco(which: bytes) -> Callable[[Members], Members]:
    return lambda m: {**without(LOCCO)(m), "25LOCCO.txt": s.locco_txt().replace(which, which[:4] + b"Z")}


UNREFUSED: dict[str, tuple[Callable[[Members], Members], tuple[str, ...]]] = {
    "first record one character longer": (first_record_longer, (RVUS, "line 8 has 172 characters")),
    "first record of a headless txt shorter": (
        lambda m: {**without(CAPS)(m), "OPPSCAP_JAN.txt": s.opps_cap_txt()[1:]},
        ("OPPSCAP_JAN.txt", "line 1", "37 characters"),
    ),
    "first contractor of a text table damaged": (damaged_locco(b"10112"), ("25LOCCO.txt", "line 5")),
    "last contractor of a text table damaged": (damaged_locco(b"01112"), ("25LOCCO.txt", "line 11")),
    "a number too large": (sub(CAPS, b"126.83,126.83", b"12345678901.00,126.83"), (CAPS, "line 2: facility_amount")),
    "a negative amount": (sub(CAPS, b"126.83,126.83", b"-5.00,-5.00"), ("opps_cap", "G9902")),
}


@pytest.mark.parametrize("case", UNREFUSED)
def test_bad_member_ought_to_be_refused(case: str, tmp_path: Path) -> None:
    change, fragments = UNREFUSED[case]
    path = s.write_zip(tmp_path / "bad.zip", change(s.release(LABEL)))
    with pytest.raises(PfsetlError) as caught:
        pfsetl.build(LABEL, store=LocalStore(tmp_path / "store"), archive=path, sample=True)
    assert_names(str(caught.value), *fragments)


def test_damaged_bzip2_member_is_refused(published: LocalStore, tmp_path: Path) -> None:
    data = with_central_field(s.zipped(s.release(LABEL)), 10, struct.pack("<H", zipfile.ZIP_BZIP2))
    path = tmp_path / "bad.zip"
    path.write_bytes(data[:8] + struct.pack("<H", zipfile.ZIP_BZIP2) + data[10:])
    assert_names(refusal(published, path), RVUS, "damaged", "Download the archive again")
