"""Pages or files that were joined: headings and records that are there again say nothing, and that is said."""

from pathlib import Path

import pytest

from pfsetl.errors import PfsetlError
from pfsetl.parsing import read as reading
from pfsetl.parsing.parse import Parsed, many_repeated, parse
from pfsetl.parsing.read import read_member
from pfsetl.source.archive import open_archive
from tests import synthetic as s

MEMBERS = {
    "GPCI2025.csv": s.gpci_csv("GPCI7"),
    "GPCI2025.txt": s.gpci_txt("GPCI7"),
    "25LOCCO.csv": s.locco_csv(),
    "25LOCCO.txt": s.locco_txt(),
    "ANES2025.csv": s.anes_csv("ANES4"),
    "OPPSCAP_JAN.csv": s.opps_cap_csv("OPPSCAP7FN"),
    "PPRRVU2025_JAN.csv": s.pprrvu_csv("G31"),
    "PPRRVU2025_JAN.txt": s.pprrvu_txt("N171"),
}


def parsed(folder: Path, name: str, data: bytes) -> Parsed:
    rest = {} if name.startswith("PPRRVU") else {"PPRRVU2025_JAN.txt": MEMBERS["PPRRVU2025_JAN.txt"]}
    archive = open_archive(s.write_folder(folder / "RVU25A", rest | {name: data}))
    return parse(read_member(archive, next(f for f in archive.files if f.name == name)))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_file_that_was_joined_to_itself_has_its_rows_once(name, tmp_path):
    one = MEMBERS[name].rstrip(b"\x1a")
    plain, found = (parsed(tmp_path / str(n), name, one * n) for n in (1, 2))
    assert found.frame.equals(plain.frame)
    assert sum(found.raw.counts.values()) == 2 * sum(plain.raw.counts.values())
    records = plain.frame.height + plain.rejects.height
    assert many_repeated([found]) == [
        f"{name}: {records} records repeat another one exactly, and are set aside (`rejects`)"
    ]
    assert many_repeated([plain]) == []


@pytest.mark.parametrize("name", MEMBERS)
def test_headings_that_stand_again_are_said(name, tmp_path):
    (said,) = reading.notices([parsed(tmp_path, name, MEMBERS[name].rstrip(b"\x1a") * 2).raw])
    assert said.startswith(f"{name}: ")
    assert said.endswith(" among its records again; left out")


@pytest.mark.parametrize("name", ["PPRRVU2025_JAN.csv", "GPCI2025.csv"])
def test_another_heading_among_records_is_refused(name, tmp_path):
    """Columns below it may be others."""
    other = MEMBERS[name].replace(b"MOD,", b"MODIFIER,").replace(b"Locality Number", b"Locality")
    assert other != MEMBERS[name]
    with pytest.raises(PfsetlError, match=f"{name}: line "):
        parsed(tmp_path, name, MEMBERS[name] + other)


def test_one_record_that_repeats_another_is_said_as_one(tmp_path):
    record = next(line for line in MEMBERS["GPCI2025.csv"].splitlines(keepends=True) if line.startswith(b"01182,"))
    found = parsed(tmp_path, "GPCI2025.csv", MEMBERS["GPCI2025.csv"] + record)
    assert many_repeated([found]) == [
        "GPCI2025.csv: 1 record repeats another one exactly, and is set aside (`rejects`)"
    ]
