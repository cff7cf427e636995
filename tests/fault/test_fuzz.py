"""Random damage to an archive: the outcome is a sound version or a PfsetlError, never anything else."""

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pfsetl
from pfsetl import contracts, registry
from pfsetl.archive import open_archive
from pfsetl.errors import PfsetlError
from pfsetl.normalize import Tables, normalize
from pfsetl.parse import parse
from pfsetl.read import read
from pfsetl.store import LocalStore
from pfsetl.version import Version
from tests import synthetic as s
from tests.synthetic import Members

# the same examples on every run: a failure here is a finding, not chance
BOUNDED = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
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
            built = pfsetl.build("RVU25A", store=store, archive=path)
        except PfsetlError as error:
            return error
        assert not [problem for _, problem in built.version.verify() if problem]
        assert all(m["records"] == m["published"] + m["merged"] for m in built.record["members"])
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
    assert tables_of(members | file)["rvu"].equals(EXPECTED["rvu"])


@BOUNDED
@given(st.permutations(s.PLACES), st.booleans())
def test_order_of_localities_changes_nothing(rows: list[s.Row], text: bool) -> None:
    kind = ("GPCI2025.txt", s.gpci_txt("GPCI7", rows)) if text else ("GPCI2025.csv", s.gpci_csv("GPCI7", rows))
    members = {k: v for k, v in TEXTS["25"].items() if not k.startswith("GPCI")} | dict([kind])
    assert tables_of(members)["gpci"].equals(EXPECTED["gpci"])


EXPECTED = tables_of(TEXTS["25"])


@pytest.mark.parametrize("table", ["rvu", "gpci"])
def test_the_tables_compared_with_are_not_empty(table: str) -> None:
    assert isinstance(EXPECTED[table], pl.DataFrame)
    assert EXPECTED[table].height > 0
