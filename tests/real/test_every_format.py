"""CMS's members say the same in every format: built from csv, txt or workbooks alone, a release is the same tables.

Text files cut long locality names at their column, so names and county lists are left out of the comparison.
"""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

import pfsetl
from pfsetl.declared import contracts, registry
from pfsetl.parsing import parity
from pfsetl.parsing.parity import FormatDifference
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import read_member
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.members import MemberFile
from pfsetl.storage.folder import LocalStore
from pfsetl.tables.normalize import Accounting, Tables, normalize
from tests.kinds import Built

RELEASES = [
    "RVU09A", "RVU11A", "RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A", "RVU20A", "RVU22A", "RVU24A", "RVU25A",
    "RVU25C", "RVU25D", "RVU26A",
]  # fmt: skip
FORMATS = ("csv", "txt", "xlsx")
# Workbooks take as long to read as all else. Of releases whose workbooks have the same layouts the first and the last
# are read; RVU26A is at hand as csv only.
SAME_WORKBOOKS = {"RVU17A", "RVU18A", "RVU24A", "RVU25A", "RVU25C"}  # RVU14A to RVU20A, and RVU22A to RVU25D
WITH_TEXT = RELEASES[:-1]
FORMATS_OF = dict.fromkeys(RELEASES, FORMATS) | dict.fromkeys(SAME_WORKBOOKS, FORMATS[:2]) | {"RVU26A": FORMATS[:1]}
PROSE = {"gpci": ["locality_name"]}
# Records of PPRRVU without exact repetitions (RVU09A prints one code twice), of places, of capped services.
ROWS = {
    "RVU09A": (14_856, 89), "RVU11A": (15_017, 89), "RVU13A": (15_617, 89), "RVU14A": (15_866, 89),
    "RVU15A": (16_083, 89), "RVU17A": (16_478, 112), "RVU18A": (16_638, 112), "RVU20A": (17_236, 112),
    "RVU22A": (17_600, 112), "RVU24A": (18_499, 109), "RVU25A": (18_865, 109), "RVU25C": (19_029, 109),
    "RVU25D": (19_090, 109), "RVU26A": (31_037, 109),
}  # fmt: skip
# Records of every format of a member: PPRRVU by participant as counted in the originals, localities, counties, and
# OPPSCAP, whose text members hold 40 bytes a record.
RECORDS: dict[str, tuple[dict[str, int], int, int, int]] = {
    "RVU09A": ({"all": 14_857}, 91, 91, 32_524),
    "RVU11A": ({"all": 15_017}, 90, 91, 14_136),
    "RVU13A": ({"all": 15_617}, 90, 91, 11_625),
    "RVU14A": ({"all": 15_866}, 90, 91, 17_112),
    "RVU15A": ({"all": 16_083}, 90, 91, 13_857),
    "RVU17A": ({"all": 16_478}, 112, 113, 22_372),
    "RVU18A": ({"all": 16_638}, 112, 113, 20_468),
    "RVU20A": ({"all": 17_236}, 112, 113, 18_207),
    "RVU22A": ({"all": 17_600}, 112, 113, 18_564),
    "RVU24A": ({"all": 18_499}, 109, 110, 17_710),
    "RVU25A": ({"all": 18_865}, 109, 110, 16_100),
    "RVU25C": ({"all": 19_029}, 109, 110, 16_100),
    "RVU25D": ({"all": 19_090}, 109, 110, 16_100),
    "RVU26A": ({"non_qp": 19_226, "qp": 11_811}, 109, 110, 0),
}
# Text formats cut names and county lists short, and drop a state now and then; CMS's numbers agree.
CUT = ("description", "locality_name", "fee_schedule_area", "counties", "state_name")


class Read(NamedTuple):
    """One release read in full: its files parsed, and the tables of each format alone and of all."""

    archive: Archive
    files: tuple[MemberFile, ...]
    parsed: dict[str, Parsed]
    accounts: list[Accounting]
    tables: dict[str, Tables]


def by_trust(files: list[MemberFile]) -> list[MemberFile]:
    """One file per member and participant, the format that is believed first."""
    kinds = {(kind.member, kind.participant): kind for kind in registry.member_kinds()}
    order = list(kinds)
    ranked = sorted(
        files,
        key=lambda f: (
            order.index((f.member, f.participant)),
            kinds[f.member, f.participant].formats.index(f.format),
        ),
    )
    return list({(f.member, f.participant): f for f in reversed(ranked)}.values())[::-1]


@pytest.fixture(scope="module", params=RELEASES)
def release(request) -> str:
    """Return one release after the other."""
    return request.param


@pytest.fixture(scope="module")
def read(release, release_path) -> Read:
    archive = open_archive(release_path(release))
    read = tuple(file for file in archive.files if file.format in FORMATS_OF[release])
    parsed = {file.name: parse(read_member(archive, file)) for file in read}
    tables, accounts = {}, []
    for form in ("all", *FORMATS_OF[release]):
        files = [file for file in read if form in ("all", file.format)]
        chosen = [parsed[file.name] for file in by_trust(files)]
        tables[form], told = normalize(chosen, registry.find(release), contracts.load())
        accounts += told
    return Read(archive, read, parsed, accounts, tables)


# NOTE: pytest asks all tests of a release of one `read` as long as the release has the same place among the parameters
# of each, and no other parameter stands beside it in one `parametrize`.
@pytest.mark.parametrize("table", ["rvu", "gpci", "anesthesia", "opps_cap"])
def test_one_format_alone_gives_the_tables_of_all(read: Read, table):
    whole = read.tables["all"][table].drop(PROSE.get(table, []))
    other = [form for form, tables in read.tables.items() if not tables[table].drop(PROSE.get(table, [])).equals(whole)]
    assert other == []


def test_one_format_alone_places_every_county_list(read: Read):
    columns = ["mac", "macs", "state", "locality"]
    placed = {form: tables["locality_county"].select(columns).sort(columns) for form, tables in read.tables.items()}
    assert [form for form, places in placed.items() if not places.equals(placed["all"])] == []


def test_one_format_alone_has_every_row(release, read: Read):
    found = {form: (tables["rvu"].height, tables["gpci"].height) for form, tables in read.tables.items()}
    assert found == dict.fromkeys(["all", *FORMATS_OF[release]], ROWS[release])


@pytest.mark.parametrize("table", ["gpci", "anesthesia", "opps_cap", "locality_county"])
def test_every_locality_is_in_a_known_state(read: Read, table):
    states = set(read.tables["all"]["gpci"]["state"])
    found = set(read.tables["all"][table]["state"])
    assert (None in found, found <= states) == (False, True)


def test_state_and_locality_name_one_place(read: Read):
    places = read.tables["all"]["gpci"].select("state", "locality")
    assert places.is_duplicated().sum() == 0


def test_there_are_53_states_and_territories(read: Read):
    # the 50 states, the District of Columbia, Puerto Rico, the Virgin Islands; Guam and Samoa belong to Hawaii
    assert read.tables["all"]["gpci"]["state"].n_unique() == 53


# --- each file ---------------------------------------------------------------------------------------------------


def frame(read: Read, member: str, form: str) -> pl.DataFrame:
    """The values of the one file of a member in a format."""
    return next(read.parsed[f.name].frame for f in read.files if (f.member, f.format) == (member, form))


def test_every_file_is_read_with_all_its_records(release, read: Read):
    pprrvu, localities, counties, opps_cap = RECORDS[release]
    members = {("pprrvu", participant): rows for participant, rows in pprrvu.items()}
    members |= {("gpci", "all"): localities, ("anesthesia", "all"): localities, ("locality_county", "all"): counties}
    members |= {("opps_cap", "all"): opps_cap} if opps_cap else {}
    expected = {(*key, form): rows for key, rows in members.items() for form in FORMATS_OF[release]}
    parsed = {(f.member, f.participant, f.format): read.parsed[f.name] for f in read.files}
    assert {key: one.frame.height + one.rejects.height for key, one in parsed.items()} == expected


def facts(values: pl.DataFrame) -> pl.DataFrame:
    """Return codes and numbers in an order that doesn't depend on the file's."""
    if "hcpcs_modifier" in values.columns:
        glued = pl.col("hcpcs_modifier")
        values = values.select(hcpcs=glued.str.slice(0, 5), modifier=glued.str.slice(5), rest=pl.struct(pl.all()))
        values = values.unnest("rest").drop("hcpcs_modifier")
    kept = sorted(c for c in values.columns if c not in ("line", *CUT))
    return values.select(kept).sort(kept)


@pytest.mark.parametrize("release", WITH_TEXT, indirect=True)
@pytest.mark.parametrize("member", ["pprrvu", "gpci", "anesthesia", "locality_county", "opps_cap"])
def test_formats_agree_in_every_code_and_number(release, read: Read, member):
    found = {form: facts(frame(read, member, form)) for form in FORMATS_OF[release]}
    assert [form for form, cells in found.items() if not cells.equals(found["csv"])] == []


def pprrvu(path: Path, form: str) -> pl.DataFrame:
    """The values of a release's PPRRVU in a format."""
    archive = open_archive(path)
    file = next(f for f in archive.files if (f.member, f.format) == ("pprrvu", form))
    return parse(read_member(archive, file)).frame


def test_descriptions_are_compared_elsewhere_and_do_differ(release_path):
    # RVU13A: one apostrophe is 0xC6 in txt and ? in csv; the comparison above leaves prose out for such cells.
    texts = (pprrvu(release_path("RVU13A"), form).sort("hcpcs", "modifier")["description"] for form in ("txt", "csv"))
    text, comma = texts
    assert int((text != comma).sum()) == 4


def test_leading_zeros_lost_in_a_csv_are_restored(release_path):
    codes = pprrvu(release_path("RVU17A"), "csv")["hcpcs"]
    assert int(codes.str.contains(r"^0\d{4}$").sum()) == 272
    assert codes.str.len_chars().unique().to_list() == [5]


# --- lines and differences --------------------------------------------------------------------------------------


def lines_in(file: MemberFile) -> int:
    """Count a text file's lines; a csv's quoted cells may hold line ends."""
    text = file.load().decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    if file.format == "csv":
        return sum(1 for _ in csv.reader(io.StringIO(text, newline="")))
    return len(text.removesuffix("\n").split("\n"))


def test_every_line_of_every_text_file_went_somewhere(read: Read):
    accounted = {
        a.file: (a.lines, sum(a.not_data.values()) + a.published + a.merged + a.rejected) for a in read.accounts
    }
    files = [file for file in read.files if file.format != "xlsx"]
    assert {f.name: accounted[f.name] for f in files} == {f.name: (lines_in(f),) * 2 for f in files}


@pytest.fixture(scope="module")
def compared(read: Read) -> tuple[set[tuple[str, str]], list[FormatDifference]]:
    believed = {(f.member, f.participant): f for f in by_trust(list(read.files))}
    others = [f for f in read.files if f not in believed.values()]
    found = [
        d
        for f in others
        for d in parity.differences(read.parsed[believed[f.member, f.participant].name], read.parsed[f.name])
    ]
    return {(f.member, f.format) for f in others}, found


def test_every_difference_between_formats_is_explained(release, read: Read, compared):
    formats, found = compared
    unexplained = [d for d in parity.explained(release, read.archive.content, formats, found) if not d.explained]
    assert unexplained == []


def test_formats_differ_in_prose_only(compared):
    _, found = compared
    assert {d.field for d in found} <= {"description", "locality_name", "fee_schedule_area", "counties", "state_name"}


def test_no_description_stands_in_a_difference(compared):
    _, found = compared
    words = [e.split() for d in found if d.field == "description" for e in d.examples]
    assert all(len(key) <= 2 and len(key[0]) == 5 for key in words)


# --- a whole build -----------------------------------------------------------------------------------------------


# RVU17A's csv lost the leading zeros of 272 codes.
def test_a_build_from_csv_alone_publishes_what_the_whole_archive_does(built: Built, release_path, tmp_path):
    label, folder = "RVU17A", tmp_path / "csv"
    folder.mkdir()
    for file in open_archive(release_path(label)).files:
        if file.format == "csv":
            (folder / Path(file.name).name).write_bytes(file.load())
    one = pfsetl.build(label, store=LocalStore(tmp_path / "store"), archive=folder).version
    tables = {"rvu", "anesthesia", "opps_cap", "payment_national", "payment_locality", "section_stats"}
    whole = {r.table: r.digest for r in built(label).resources if r.release == label and r.table in tables}
    assert {r.table: r.digest for r in one.resources if r.table in tables} == whole


def test_the_formats_compared_are_not_empty(read: Read):
    assert all(isinstance(t["rvu"], pl.DataFrame) and t["rvu"].height > 14_000 for t in read.tables.values())
