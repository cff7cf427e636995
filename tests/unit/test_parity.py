"""Two formats of one member are compared cell by cell; what differs is counted, shown, and explained or not."""

import fnmatch
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pfsetl.declared import declarations, registry
from pfsetl.declared.records.archives import CORRECTIONS, CorrectionRow
from pfsetl.errors import ContractError
from pfsetl.parsing import parity
from pfsetl.parsing.parity import FormatDifference, differences, explained, uncompared
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import read_member
from pfsetl.source.archive import open_archive
from tests import declared
from tests import synthetic as s
from tests.synthetic import Members, Row

Compared = Callable[..., list[FormatDifference]]
SHA = "0a1b2c3d" * 8


def parsed(folder: Path, file: str, data: bytes) -> Parsed:
    """One file, parsed as the member its name says."""
    folder.mkdir(exist_ok=True)
    rest: Members = {"PPRRVU25.txt": s.pprrvu_txt("N171")} if not file.startswith("PPRRVU") else {}
    archive = open_archive(s.write_folder(folder / file, rest | {file: data}))
    return parse(read_member(archive, next(f for f in archive.files if f.name == file)))


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """Compare a PPRRVU txt of some rows with a PPRRVU csv of others."""

    def compare(txt: list[Row], csv: list[Row]) -> list[FormatDifference]:
        return differences(
            parsed(tmp_path, "PPRRVU25.txt", s.pprrvu_txt("N171", txt)),
            parsed(tmp_path, "PPRRVU25.csv", s.pprrvu_csv("G31", csv)),
        )

    return compare


CODES = list(s.CODES)

# --- what counts as a difference --------------------------------------------------------------------------------


def test_the_same_rows_do_not_differ(compared: Compared) -> None:
    assert compared(CODES, CODES) == []


def test_the_order_of_rows_does_not_matter(compared: Compared) -> None:
    assert compared(CODES, CODES[::-1]) == []


def test_a_code_without_its_leading_zeros_is_the_same_code(compared: Compared) -> None:
    # RVU17A's csv prints 563 for 00563, global days 10 for 010, supervision 9 for 09
    full = s.changed(s.VISIT, hcpcs="00563", **{"global": "010"}, supervision="09")
    bare = full | {"hcpcs": "563", "global": "10", "supervision": "9"}
    assert compared([*CODES, full], [*CODES, bare]) == []


def test_a_contractor_without_its_leading_zero_is_the_same_contractor(tmp_path: Path) -> None:
    bare = [row | {"mac": row["mac"].lstrip("0"), "locality": row["locality"].lstrip("0") or "0"} for row in s.CAPS]
    assert (
        differences(
            parsed(tmp_path, "OPPSCAP.txt", s.opps_cap_txt()),
            parsed(tmp_path, "OPPSCAP.csv", s.opps_cap_csv("OPPSCAP7FN", bare)),
        )
        == []
    )


def test_cents_and_dollars_are_the_same_amount(tmp_path: Path) -> None:
    found = differences(
        parsed(tmp_path, "ANES25.csv", s.anes_csv("ANES4")), parsed(tmp_path, "ANES25.txt", s.anes_txt())
    )
    assert found == []


def test_fields_that_only_one_format_has_are_not_compared(tmp_path: Path) -> None:
    # the glued OPPSCAP of 2011 has no modifier column, its text file has
    found = differences(
        parsed(tmp_path, "OPPSCAP.txt", s.opps_cap_txt()),
        parsed(tmp_path, "OPPSCAP.csv", s.opps_cap_csv("OPPSCAP6")),
    )
    assert found == []


def test_a_changed_cell_is_reported_with_its_key_and_both_values(compared: Compared) -> None:
    (found,) = compared(CODES, [s.SCAN_READING | {"pctc": "3"} if r is s.SCAN_READING else r for r in CODES])
    assert (found.field, found.cells, [e.split() for e in found.examples]) == ("pctc", 1, [["G9902", "26", "1", "3"]])


def test_a_difference_names_both_files(compared: Compared) -> None:
    (found,) = compared(CODES, [s.VISIT | {"pctc": "3"}, *CODES[1:]])
    assert (found.member, found.participant, found.believed, found.other, found.other_format) == (
        "pprrvu", "all", "PPRRVU25.txt", "PPRRVU25.csv", "csv",
    )  # fmt: skip


def test_each_field_is_reported_apart(compared: Compared) -> None:
    found = compared(CODES, [s.VISIT | {"pctc": "3", "status": "R"}, *CODES[1:]])
    assert {d.field: d.cells for d in found} == {"status": 1, "pctc": 1}


def test_all_cells_are_counted_and_three_are_shown(compared: Compared) -> None:
    (found,) = compared(CODES, [r | {"supervision": "05"} for r in CODES])
    assert (found.cells, len(found.examples)) == (7, 3)


def test_a_blank_beside_a_value_differs(compared: Compared) -> None:
    (found,) = compared(CODES, [r | {"endo": ""} if r is s.SURGERY else r for r in CODES])
    assert (found.field, found.cells) == ("endoscopic_base", 1)


def test_a_row_only_in_the_believed_file_is_reported_by_its_key(compared: Compared) -> None:
    (found,) = compared(CODES, CODES[1:])
    assert (found.field, found.cells, found.examples[0].split()) == ("(only in the believed file)", 1, ["G9901"])


def test_a_row_only_in_the_other_file_is_reported_by_its_key(compared: Compared) -> None:
    (found,) = compared([r for r in CODES if r is not s.SCAN_IMAGE], CODES)
    assert (found.field, found.cells, found.examples[0].split()) == ("(only in the other file)", 1, ["G9902", "TC"])


def test_rows_exchanged_for_others_are_reported_on_both_sides(compared: Compared) -> None:
    found = compared(CODES, [s.VISIT | {"hcpcs": "G9911"}, *CODES[1:]])
    assert {d.field: d.cells for d in found} == {"(only in the believed file)": 1, "(only in the other file)": 1}


def test_a_description_is_counted_and_its_text_not_shown(compared: Compared) -> None:
    (found,) = compared(CODES, [s.VISIT | {"description": "Synthetic vizit"}, *CODES[1:]])
    assert (found.field, found.cells, [e.split() for e in found.examples]) == ("description", 1, [["G9901"]])


# --- explanations -----------------------------------------------------------------------------------------------

FOUND = FormatDifference("gpci", "all", "GPCI.csv", "GPCI.txt", "txt", "locality_name", 3, ("10112 00 A AB",))
BOTH = {("gpci", "txt"), ("gpci", "xlsx")}


def correction(**cells: str) -> dict[str, Any]:
    row = {"release": "RVU25A", "member": "gpci", "format": "txt", "field": "locality_name", "action": "explain",
           "archive": SHA[:12], "differs": "", "what": "names are cut", "source": "synthetic"}  # fmt: skip
    return row | cells


@pytest.fixture
def corrections(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Declare these corrections and no others."""

    def declare(*rows: dict[str, Any]) -> None:
        declared.only(monkeypatch, CORRECTIONS, *(CorrectionRow(**row) for row in rows))

    return declare


def test_a_difference_without_correction_stays_unexplained(corrections) -> None:
    corrections()
    assert explained("RVU25A", SHA, BOTH, [FOUND]) == [FOUND]


def test_a_correction_explains_its_difference(corrections) -> None:
    corrections(correction())
    assert explained("RVU25A", SHA, BOTH, [FOUND])[0].explained == "names are cut"


def test_a_correction_leaves_the_other_differences_unexplained(corrections) -> None:
    corrections(correction())
    other = FormatDifference("gpci", "all", "GPCI.csv", "GPCI.txt", "txt", "work_gpci", 1, ())
    assert [d.explained for d in explained("RVU25A", SHA, BOTH, [FOUND, other])] == ["names are cut", None]


def test_a_correction_of_one_format_leaves_the_other_format_unexplained(corrections) -> None:
    corrections(correction())
    other = FormatDifference("gpci", "all", "GPCI.csv", "GPCI.xlsx", "xlsx", "locality_name", 1, ())
    assert [d.explained for d in explained("RVU25A", SHA, BOTH, [FOUND, other])] == ["names are cut", None]


def test_a_correction_that_names_no_archive_is_for_every_one(corrections) -> None:
    corrections(correction(archive=""))
    assert explained("RVU25A", "f" * 64, BOTH, [FOUND])[0].explained == "names are cut"


def test_a_correction_that_explains_nothing_is_refused_by_name(corrections) -> None:
    corrections(correction(field="pe_gpci"))
    with pytest.raises(ContractError, match=r"schemas/corrections.csv.* RVU25A gpci txt pe_gpci .*Remove it"):
        explained("RVU25A", SHA, BOTH, [FOUND])


def test_a_correction_that_explains_nothing_is_refused_where_nothing_differs(corrections) -> None:
    corrections(correction())
    with pytest.raises(ContractError, match="locality_name"):
        explained("RVU25A", SHA, BOTH, [])


@pytest.mark.parametrize(
    "other",
    [{"archive": "0123456789ab"}, {"release": "RVU24A"}, {"action": "identity", "archive": ""}],
    ids=["archive", "release", "action"],
)
def test_a_correction_of_another_archive_release_or_kind_is_not_applied(corrections, other: Row) -> None:
    corrections(correction(**other))
    assert explained("RVU25A", SHA, BOTH, [FOUND]) == [FOUND]


def test_a_correction_of_a_format_that_was_not_compared_is_not_applied(corrections) -> None:
    corrections(correction())
    assert explained("RVU25A", SHA, {("gpci", "xlsx")}, []) == []


# --- known by what differs, in every release ---------------------------------------------------------------------

TEXT = {("locality_county", "txt")}
COUNTIES = "ALAMEDA, ALPINE, AMADOR, BUTTE, CALAVERAS, COLUSA"
WIDTH = 40


def locco(folder: Path, csv: list[str], txt: list[str]) -> list[FormatDifference]:
    """Compare a LOCCO csv with a txt, whose county lists are these."""
    places = [
        [place | {"counties": counties} for place, counties in zip(s.PLACES, each, strict=False)] for each in (csv, txt)
    ]
    return differences(
        parsed(folder, "25LOCCO.csv", s.locco_csv(places[0])), parsed(folder, "25LOCCO.txt", s.locco_txt(places[1]))
    )


# A quarter that nobody has seen, and others: CMS's text has cut the lists at its column since 2009.
@pytest.mark.parametrize("release", ["RVU09C", "RVU16A", "RVU23B", "RVU25B", "RVU27A"])
def test_a_list_cut_at_the_column_of_the_text_is_explained_in_every_release(tmp_path: Path, release: str) -> None:
    found = locco(tmp_path, [COUNTIES, "ALL"], [COUNTIES[:WIDTH], "ALL"])
    (told,) = explained(release, SHA, TEXT, found)
    assert (told.field, told.cells, told.differs) == ("counties", 1, "cut")
    assert told.explained


def test_a_cell_that_is_not_the_beginning_of_the_other_stays_unexplained(tmp_path: Path) -> None:
    found = locco(tmp_path, [COUNTIES, "ALL"], [COUNTIES[:WIDTH].replace("ALPINE", "APLINE"), "ALL"])
    assert [d.explained for d in explained("RVU25B", SHA, TEXT, found)] == [None]


def test_a_list_that_ends_before_its_column_lacks_counties_and_is_not_explained(tmp_path: Path) -> None:
    # a longer list stands in the same column whole, so the column didn't cut this one
    found = locco(tmp_path, [COUNTIES, COUNTIES], [COUNTIES[:25], COUNTIES])
    assert [d.explained for d in explained("RVU25B", SHA, TEXT, found)] == [None]


def text_of(folder: Path, counties: str) -> Parsed:
    places = [place | {"counties": counties, "fee_schedule_area": "REST"} for place in s.PLACES]
    return parsed(folder, "25LOCCO.txt", s.locco_txt(places))


def test_a_text_without_another_format_is_said_to_cut_its_long_lists(tmp_path: Path) -> None:
    (told,) = uncompared([text_of(tmp_path, COUNTIES).raw], {})
    assert told.startswith("25LOCCO.txt: counties may be cut at the end of a column")


@pytest.mark.parametrize(("counties", "not_published"), [("ALL", {}), (COUNTIES, {"locality_county": ["counties"]})])
def test_short_cells_and_columns_that_are_not_published_are_not_said_to_be_cut(
    tmp_path: Path, counties: str, not_published: dict[str, list[str]]
) -> None:
    assert uncompared([text_of(tmp_path, counties).raw], not_published) == []


def test_a_text_beside_its_csv_is_compared_and_not_said_to_be_cut(tmp_path: Path) -> None:
    csv = parsed(tmp_path, "25LOCCO.csv", s.locco_csv(s.PLACES))
    assert uncompared([csv.raw, text_of(tmp_path, COUNTIES).raw], {}) == []


def test_cells_of_one_column_are_explained_apart(tmp_path: Path) -> None:
    found = locco(tmp_path, [COUNTIES, "MARIN"], [COUNTIES[:WIDTH], "NAPA"])
    told = {d.differs: (d.cells, bool(d.explained)) for d in explained("RVU25B", SHA, TEXT, found)}
    assert told == {"cut": (1, True), "": (1, False)}


def test_two_texts_that_a_correction_names_are_explained_and_no_others(tmp_path: Path) -> None:
    # CMS's csv of 2024 and 2025 says ORAGNGE
    mine = locco(tmp_path / "mine", ["LOS ANGELES /ORAGNGE CNTY"], ["LOS ANGELES/ORANGE"])
    other = locco(tmp_path / "other", ["LOS ANGELES /ORAGNGE CNTY"], ["LOS ANGELES/MARIN"])
    assert [bool(d.explained) for d in explained("RVU25B", SHA, TEXT, mine + other)] == [True, False]


def test_an_apostrophe_of_another_codepage_is_explained_and_another_letter_is_not(tmp_path: Path) -> None:
    def described(folder: Path, csv: str) -> list[FormatDifference]:
        rows = [[s.VISIT | {"description": text}, *CODES[1:]] for text in ("Patient's visit", csv)]
        found = differences(
            parsed(folder, "PPRRVU25.txt", s.pprrvu_txt("N171", rows[0])),
            parsed(folder, "PPRRVU25.csv", s.pprrvu_csv("G31", rows[1])),
        )
        return explained("RVU25B", SHA, {("pprrvu", "csv")}, found)

    assert [bool(d.explained) for d in described(tmp_path / "quote", "Patient\u2019s visit")] == [True]
    assert [bool(d.explained) for d in described(tmp_path / "letter", "Patienxs visit")] == [False]


def test_a_number_that_differs_is_never_explained_by_what_differs(compared: Compared) -> None:
    (found,) = compared(CODES, [s.changed(s.VISIT, work="1.22") | {k: s.VISIT[k] for k in s.VISIT if "total" in k},
                                *CODES[1:]])  # fmt: skip
    assert (found.field, found.differs) == ("work_rvu", "")
    assert explained("RVU25B", SHA, {("pprrvu", "csv")}, [found])[0].explained is None


def test_a_correction_of_many_releases_need_not_explain_something_in_each(corrections) -> None:
    corrections(correction(release="RVU2*", archive="", differs="cut"))
    assert explained("RVU25A", SHA, BOTH, []) == []


def test_every_declared_correction_explains_a_field_of_a_known_release() -> None:
    members = {kind.member for kind in registry.member_kinds()}
    for row in (row for row in declarations.texts("corrections.csv") if row["action"] == "explain"):
        assert fnmatch.filter(registry.releases(), row["release"])
        assert fnmatch.filter([*registry.fields(), "(only in the believed file)"], row["field"])
        assert fnmatch.filter(members, row["member"])
        assert row["differs"] in ("", parity.CUT, parity.LETTERS) or " => " in row["differs"]
        assert row["what"]
        assert row["source"]
