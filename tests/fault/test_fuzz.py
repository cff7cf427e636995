"""Random damage to an archive: the outcome is a sound version or a PfsetlError, never anything else."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pfsetl
from pfsetl.declared import contracts, registry
from pfsetl.errors import ArchiveError, PfsetlError
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read, read_member
from pfsetl.publication.version import Version
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.members import MemberFile
from pfsetl.storage.folder import LocalStore
from pfsetl.tables.normalize import Tables, normalize
from tests import synthetic as s
from tests.synthetic import Members

# the same examples on every run: a failure here is a finding, not chance
BOUNDED = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
TEXTS = {
    "25": s.release("RVU25A"),
    "25 as txt": {
        "PPRRVU25.csv": s.pprrvu_csv("G31"), "GPCI25.txt": s.gpci_txt("GPCI7"), "25LOCCO.txt": s.locco_txt(),
        "ANES25.txt": s.anes_txt(), "OPPSCAP.txt": s.opps_cap_txt(),
    },
}  # fmt: skip
CHOICES = [(shape, name) for shape, members in TEXTS.items() for name in sorted(members) if not name.endswith(".pdf")]


def outcome(data: bytes | Members) -> Version | PfsetlError:
    """Build into a new store; a version must be sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(data if isinstance(data, bytes) else s.zipped(data))
        store = LocalStore(Path(folder, "store"))
        try:
            built = pfsetl.build("RVU25A", store=store, archive=path, sample=True)
        except PfsetlError as error:
            return error
        assert not [problem for _, problem in built.version.verify() if problem]
        assert all(m.records == m.published + m.merged for m in built.record.members)
        assert built.version.scan("rvu").collect().height > 0
        return built.version


@BOUNDED
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_overwritten_bytes_of_a_zip(at: int, new: bytes) -> None:
    data = s.zipped(TEXTS["25"])
    at %= len(data)
    outcome(data[:at] + new + data[at + len(new) :])


@BOUNDED
@given(st.integers(0, 10**6))
def test_a_zip_cut_anywhere_is_refused(length: int) -> None:
    data = s.zipped(TEXTS["25"])
    assert isinstance(outcome(data[: length % len(data)]), PfsetlError)


@BOUNDED
@given(st.sampled_from(CHOICES), st.integers(0, 10**6), st.binary(min_size=0, max_size=3), st.integers(0, 3))
def test_overwritten_bytes_of_a_member(choice: tuple[str, str], at: int, new: bytes, removed: int) -> None:
    members = TEXTS[choice[0]]
    data = members[choice[1]]
    at %= len(data)
    outcome(members | {choice[1]: data[:at] + new + data[at + removed :]})


@BOUNDED
@given(st.sampled_from(CHOICES), st.binary(max_size=400))
def test_a_member_of_random_bytes(choice: tuple[str, str], data: bytes) -> None:
    assert isinstance(outcome(TEXTS[choice[0]] | {choice[1]: data}), PfsetlError)


@BOUNDED
@given(st.sampled_from(CHOICES), st.integers(0, 10**6))
def test_a_member_cut_anywhere(choice: tuple[str, str], length: int) -> None:
    members = TEXTS[choice[0]]
    outcome(members | {choice[1]: members[choice[1]][: length % len(members[choice[1]])]})


def tables_of(members: Members) -> Tables:
    with tempfile.TemporaryDirectory() as folder:
        archive = open_archive(s.write_folder(Path(folder), members))
        return normalize([parse(raw) for raw in read(archive)], registry.find("RVU25A"), contracts.load())[0]


@BOUNDED
@given(st.permutations(s.CODES), st.lists(st.sampled_from(s.CODES), max_size=3), st.booleans())
def test_order_and_repetition_of_records_change_nothing(rows: list[s.Row], again: list[s.Row], fixed: bool) -> None:
    members = {k: v for k, v in TEXTS["25"].items() if not k.startswith("PPRRVU")}
    some = [*rows, *again]
    file = {"PPRRVU25.txt": s.pprrvu_txt("N171", some)} if fixed else {"PPRRVU25.csv": s.pprrvu_csv("G31", some)}
    assert tables_of(members | file)["rvu"].equals(expected()["rvu"])


@BOUNDED
@given(st.permutations(s.PLACES), st.booleans())
def test_order_of_localities_changes_nothing(rows: list[s.Row], text: bool) -> None:
    kind = ("GPCI2025.txt", s.gpci_txt("GPCI7", rows)) if text else ("GPCI2025.csv", s.gpci_csv("GPCI7", rows))
    members = {k: v for k, v in TEXTS["25"].items() if not k.startswith("GPCI")} | dict([kind])
    assert tables_of(members)["gpci"].equals(expected()["gpci"])


@cache
def expected() -> Tables:
    return tables_of(TEXTS["25"])


@pytest.mark.parametrize("table", ["rvu", "gpci"])
def test_the_tables_compared_with_are_not_empty(table: str) -> None:
    assert isinstance(expected()[table], pl.DataFrame)
    assert expected()[table].height > 0


# --- CMS's own files, where they are at hand --------------------------------------------------------------------

KEPT_LINES = 300
REAL = settings(BOUNDED, max_examples=5)
REAL_RELEASES = ("RVU09A", "RVU25A")
REAL_MEMBERS = [
    (label, member, form) for label in REAL_RELEASES for member in ("pprrvu", "gpci", "opps_cap")
    for form in ("txt", "csv")
]  # fmt: skip
TABLE = {"pprrvu": "rvu", "gpci": "gpci", "opps_cap": "opps_cap"}
RealMember = tuple[str, MemberFile, list[bytes]]


@pytest.fixture(scope="module", params=REAL_MEMBERS, ids=" ".join)
def real(request: pytest.FixtureRequest, release_path: Callable[[str], Path]) -> RealMember:
    """The first few hundred lines of one of CMS's text members, with its release and file."""
    label, member, form = request.param
    files = open_archive(release_path(label)).files
    file = next(f for f in files if (f.member, f.format) == (member, form))
    return label, file, file.load().split(b"\n")[:KEPT_LINES]


def table_of(real: RealMember, data: bytes) -> pl.DataFrame | PfsetlError:
    """The table of other bytes in a real file's place."""
    label, file, _ = real
    changed = MemberFile(file.name, file.member, file.participant, file.format, lambda: data)
    archive = Archive("fuzzed", "0" * 64, "0" * 64, (changed,), (), ())
    try:
        parsed = [parse(read_member(archive, changed))]
        return normalize(parsed, registry.find(label), contracts.load())[0][TABLE[file.member]]
    except PfsetlError as error:
        return error


def assert_sound(found: pl.DataFrame | PfsetlError, file: MemberFile) -> None:
    """A table has rows and its key in every one; a refusal names the file."""
    if isinstance(found, PfsetlError):
        assert file.name in str(found)
        return
    key = contracts.load().tables[TABLE[file.member]].key
    assert found.height > 0
    assert not found.select(pl.any_horizontal(pl.col(key).is_null()).any()).item()


@REAL
@given(at=st.integers(0, 10**6), mask=st.integers(1, 255), count=st.integers(1, 4))
def test_flipped_bytes_of_a_real_member(real: RealMember, at: int, mask: int, count: int) -> None:
    data = bytearray(b"\n".join(real[2]))
    for i in range(count):
        data[(at * (i + 1)) % len(data)] ^= mask
    assert_sound(table_of(real, bytes(data)), real[1])


@REAL
@given(at=st.integers(0, 10**6))
def test_a_real_member_cut_anywhere(real: RealMember, at: int) -> None:
    data = b"\n".join(real[2])
    assert_sound(table_of(real, data[: at % len(data)]), real[1])


@REAL
@given(seed=st.integers(0, 10**6))
def test_shuffled_lines_of_a_real_member(real: RealMember, seed: int) -> None:
    lines = [*real[2]]
    Random(seed).shuffle(lines)
    assert_sound(table_of(real, b"\n".join(lines)), real[1])


def records_from(real: RealMember) -> int:
    """The index of the first line that holds a record: the first that isn't a title, header or blank."""
    whole = table_of(real, b"\n".join(real[2]))
    assert isinstance(whole, pl.DataFrame)
    archive = Archive("whole", "0" * 64, "0" * 64, (real[1],), (), ())
    return int(read_member(archive, real[1]).frame["line"][0]) - 1


@settings(REAL, max_examples=3)
@given(seed=st.integers(0, 10**6), again=st.integers(1, 40))
def test_doubled_and_shuffled_records_of_a_real_member_change_nothing(real: RealMember, seed: int, again: int) -> None:
    # a note or an end marker may follow the records: only they are moved
    first, random = records_from(real), Random(seed)
    head, lines = real[2][:first], [x for x in real[2][first:] if x.count(b",") > 2 or x[:5].strip()[-1:].isalnum()]
    records = lines[:80]
    moved = [*records, *random.choices(records, k=again)]
    random.shuffle(moved)
    sound = table_of(real, b"\n".join([*head, *records, b""]))
    found = table_of(real, b"\n".join([*head, *moved, b""]))
    assert isinstance(sound, pl.DataFrame)
    assert isinstance(found, pl.DataFrame), found
    assert found.drop("line", strict=False).equals(sound.drop("line", strict=False))


# --- CMS's own zip, made unsafe ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_zip(release_path: Callable[[str], Path]) -> bytes:
    path = release_path("RVU25A")
    if path.is_dir():
        pytest.skip("SKIPPED, NOT PASSED: the release at hand is a folder")
    return path.read_bytes()


def with_entry(data: bytes, name: str, content: bytes) -> bytes:
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def with_central_field(data: bytes, offset: int, field: bytes) -> bytes:
    """Overwrite a field of the first record of the central directory (PKZIP APPNOTE 4.3.12)."""
    at = data.index(b"PK\x01\x02", struct.unpack("<I", data[data.rindex(b"PK\x05\x06") + 16 :][:4])[0]) + offset
    return data[:at] + field + data[at + len(field) :]


UNSAFE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "parent path": (lambda d: with_entry(d, "../PPRRVU25.txt", b"x"), "leaves the archive"),
    "nested parent path": (lambda d: with_entry(d, "a/b/../../../x.txt", b"x"), "leaves the archive"),
    "nested parent path, backslashes": (lambda d: with_entry(d, "a\\b\\..\\..\\..\\x.txt", b"x"), "leaves the archive"),
    "absolute path": (lambda d: with_entry(d, "/etc/passwd", b"x"), "leaves the archive"),
    "encrypted": (lambda d: with_central_field(d, 8, struct.pack("<H", 1)), "encrypted"),
    "claims 4 GB": (lambda d: with_central_field(d, 24, struct.pack("<I", 0xFFFFFFF0)), "Refused unread"),
    "zip bomb": (lambda d: with_entry(d, "readme.txt", b"0" * (65 << 20)), "Refused unread"),
    "doubled member": (lambda d: with_entry(d, "PPRRVU25_again.txt", b"x"), "pprrvu is there twice"),
    "cut in the middle": (lambda d: d[: len(d) // 2], "not a complete zip"),
    "cut at the end": (lambda d: d[:-30], "not a complete zip"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_a_real_zip_made_unsafe_is_refused(case: str, real_zip: bytes, tmp_path: Path) -> None:
    change, told = UNSAFE[case]
    (tmp_path / "bad.zip").write_bytes(change(real_zip))
    with pytest.raises(ArchiveError, match=told):
        open_archive(tmp_path / "bad.zip")


@REAL
@given(at=st.integers(0, 10**9), mask=st.integers(1, 255))
def test_a_flipped_byte_of_a_real_zip(real_zip: bytes, at: int, mask: int) -> None:
    data = bytearray(real_zip)
    data[at % len(data)] ^= mask
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.zip")
        path.write_bytes(data)
        try:
            loaded = [len(f.load()) for f in open_archive(path).files if f.member == "pprrvu"]
        except PfsetlError as error:
            loaded = [len(str(error))]
        assert min(loaded) > 0
