"""A file of another year, quarter or participant must not be published under this label.

Names, titles and headings are those of CMS's files; the conversion factors are those CMS paid.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.declared import registry
from pfsetl.errors import ArchiveError
from pfsetl.parsing import identity
from pfsetl.parsing.identity import Identity
from pfsetl.parsing.read import RawTable, read, read_others
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.members import MemberFile
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.present import present

TITLE = "{} National Physician Fee Schedule Relative Value File {} Release"
GPCI_TITLE = "ADDENDUM E. FINAL CY {} GEOGRAPHIC PRACTICE COST INDICES (GPCIs) BY STATE AND MEDICARE LOCALITY"
GPCI_HEADING = "Contractor State Locality Number Locality Name {0} PW GPCI (with 1.0 Floor) {0} PE GPCI {0} MP GPCI"
COUNTIES = "COUNTIES INCLUDED IN {} LOCALITIES. (ALPHABETICALLY BY STATE AND LOCALITY NAME WITHIN STATE)"
COPYRIGHT = "CPT codes and descriptions only are copyright 2024 American Medical Association.  All Rights Reserved."


def table(file: str, *lines: str, member: str = "pprrvu", participant: str = "all", **columns: Any) -> RawTable:
    form = file.rpartition(".")[2]
    return RawTable(member, participant, file, form, "0" * 64, "G31", pl.DataFrame(columns), "\n".join(lines), {})


def told(label: str, *raws: RawTable) -> Identity:
    files = [MemberFile(raw.file, raw.member, raw.participant, raw.format, bytes) for raw in raws]
    return identity.held(files, raws, registry.find_or_infer(label))


def refused(label: str, *raws: RawTable) -> str:
    with pytest.raises(ArchiveError) as error:
        told(label, *raws)
    return str(error.value)


# --- the RVU file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["PPRRVU25_JAN.csv", "PPRRVU2025_Jan.csv", "RVU25A/PPRRVU25_JAN.csv", "PPRRVU.csv"])
def test_the_right_year_and_quarter_pass(file: str) -> None:
    raw = table(file, TITLE.format(2025, "January"), COPYRIGHT, "RELEASED 12/23/2024", conversion_factor=["32.3465"])
    assert told("RVU25A", raw).notices == ()


def test_a_title_of_another_year_is_refused_though_the_name_is_right() -> None:
    message = refused("RVU25A", table("PPRRVU25_JAN.csv", TITLE.format(2023, "January")))
    assert message.startswith("PPRRVU25_JAN.csv: its title '2023 NATIONAL PHYSICIAN FEE SCHEDULE RELATIVE VALUE FILE")
    assert "says 2023, but RVU25A is of 2025. Give the file of this release, or the label of this archive." in message


@pytest.mark.parametrize("name", ["PPRRVU22_JAN.txt", "PPRRVU2022_Jan.txt", "pprrvu22.txt", "PPRRVU22_V1215.xlsx"])
def test_a_name_of_another_year_is_refused_without_any_title(name: str) -> None:
    assert "says 2022, but RVU25A is of 2025" in refused("RVU25A", table(name))


@pytest.mark.parametrize("label", ["RVU14A", "RVU17A"])
def test_a_day_in_a_name_is_no_year(label: str) -> None:
    assert told(label, table(f"PPRRVU{label[3:5]}_V1219.txt")).notices == ()
    assert told(label, table(f"PPRRVU{label[3:5]}_updated-12-29-2025.txt")).notices == ()


def test_text_without_a_title_is_held_by_the_month_of_its_name() -> None:
    assert "says October, but RVU25A is the release of January" in refused("RVU25A", table("PPRRVU2025_Oct.txt"))


def test_a_renamed_text_is_held_by_the_title_of_the_csv_beside_it() -> None:
    grid = table("PPRRVU2025_Jan.csv", TITLE.format(2025, "July"), "RELEASED 06/05/2025")
    assert "says July, but RVU25A" in refused("RVU25A", table("PPRRVU2025_Jan.txt"), grid)


def test_a_stale_month_in_the_title_is_noticed_where_name_and_day_are_right() -> None:
    raw = table("PPRRVU2025_Jul.csv", TITLE.format(2025, "April"), "RELEASED 06/05/2025")
    (notice,) = told("RVU25C", raw).notices
    assert "says April, built as RVU25C" in notice


def test_name_against_title_alone_is_refused() -> None:
    raw = table("PPRRVU2025_Jul.csv", TITLE.format(2025, "April"))
    assert "says April, but RVU25C is the release of July" in refused("RVU25C", raw)


@pytest.mark.parametrize("day", ["12/23/2024", "02/30/2025", "99/99/2025", "10/01/2025"])
def test_a_day_of_release_out_of_season_is_noticed(day: str) -> None:
    raw = table("PPRRVU2025_Jul.csv", TITLE.format(2025, "July"), f"RELEASED {day}")
    (notice,) = told("RVU25C", raw).notices
    assert f"says {day}, built as RVU25C" in notice


# CMS: 35.9996 was paid in 2018 alone, 37.8975 from 2005 to 2007, 25.5217 (RVU11A) never.
def test_a_conversion_factor_of_another_year_is_refused() -> None:
    raw = table("PPRRVU20_JAN.txt", conversion_factor=["35.9996", "35.9996", ""])
    assert "its conversion factor 35.9996 says 2018, but RVU20A is of 2020" in refused("RVU20A", raw)


def test_a_conversion_factor_of_other_days_of_the_year_is_refused() -> None:
    """32.7442 was paid until 2024-03-08, when the Consolidated Appropriations Act, 2024 raised it to 33.2875."""
    raw = table("PPRRVU24_JAN.txt", conversion_factor=["32.7442"])
    assert told("RVU24A", raw).notices == ()
    assert (
        "its conversion factor 32.7442 says 2024-01-01 to 2024-03-08, but RVU24AR is in force from 2024-03-09 to "
        "2024-03-31. Give the file of this release, or the label of this archive."
    ) in refused("RVU24AR", raw)


@pytest.mark.parametrize(("label", "factor"), [("RVU06B", "37.8975"), ("RVU11A", "25.5217"), ("RVU18B", "35.9996")])
def test_a_conversion_factor_of_this_year_or_of_none_passes(label: str, factor: str) -> None:
    assert told(label, table(f"PPRRVU{label[3:5]}.txt", conversion_factor=[factor])).notices == ()


# --- participants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("participant", "columns"),
    [
        ("qp", {"pricing_indicator": ["9", "9", "1"]}),
        ("non_qp", {"pricing_indicator": ["1", "1"]}),
        ("qp", {"conversion_factor": ["33.4009"]}),
        ("non_qp", {"conversion_factor": ["33.5675"]}),
    ],
)
def test_the_other_participants_file_is_refused(participant: str, columns: dict[str, Any]) -> None:
    name = {"qp": "PPRRVU2026_Jan_QPP.csv", "non_qp": "PPRRVU2026_Jan_nonQPP.csv"}[participant]
    message = refused("RVU26A", table(name, participant=participant, **columns))
    assert f"but its name says {participant}" in message
    assert "swap them back" in message


def test_the_file_of_one_participant_under_a_name_that_says_nobody_is_to_be_named() -> None:
    message = refused("RVU26A", table("PPRRVU2026_Jan.csv", conversion_factor=["33.4009"]))
    assert "33.4009 says non_qp, but its name says nobody. Name it as CMS does, such as PPRRVU2026_Jan_nonQ" in message


@pytest.mark.parametrize(("participant", "indicator", "factor"), [("qp", "1", "33.5675"), ("non_qp", "9", "33.4009")])
def test_the_right_participant_passes(participant: str, indicator: str, factor: str) -> None:
    columns: dict[str, Any] = {"pricing_indicator": [indicator], "conversion_factor": [factor]}
    assert told("RVU26A", table("PPRRVU2026.csv", participant=participant, **columns)).notices == ()


# --- indices, localities, anesthesia, cap -----------------------------------------------------------------------

OTHERS: dict[str, list[tuple[str, ...]]] = {
    "name": [
        ("gpci", "GPCI2023.csv"), ("gpci", "GPCI_2023.txt"), ("gpci", "CY2023_GPCIs.prn"), ("gpci", "GPCI23.xlsx"),
        ("gpci", "CY 2023 GPCI _12172022.csv"), ("anesthesia", "anes2023.csv"), ("anesthesia", "Anes_2023_122322.txt"),
        ("anesthesia", "ANES 2023_V0103.xlsx"), ("anesthesia", "ANES23.csv"), ("locality_county", "23LOCCO.csv"),
        ("opps_cap", "OPPSCAP_2023.csv"),
    ],
    "title": [
        ("gpci", "GPCI.csv", GPCI_TITLE.format(2023)), ("gpci", "GPCI2025.txt", GPCI_TITLE.format(2023)),
        ("gpci", "GPCI2025.csv", GPCI_TITLE.format(2025), GPCI_HEADING.format(2023)),
        ("gpci", "GPCI2025.csv", "Contractor Locality Locality name 2023    Work      GPCI 3 2023           PE"),
        ("anesthesia", "ANES2025.csv", "Contractor Locality Locality Name 2023 Anes. Conversion Factor"),
        ("anesthesia", "ANES2025.txt", "                              2023"),
        ("anesthesia", "ANES2025.csv", "Contractor Locality Locality Name National Anes CF of 21.1249"),
        ("locality_county", "LOCCO.csv", COUNTIES.format(2023)),
        ("opps_cap", "OPPSCAP.csv", "2023 2023", "HCPCS MODIFIER STATUS CARRIER LOCALITY CAPPED AMT CAPPED AMT"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("member", "file", "lines"), [(m, f, tuple(x)) for k in OTHERS for m, f, *x in OTHERS[k]])
def test_a_companion_of_another_year_is_refused(member: str, file: str, lines: tuple[str, ...]) -> None:
    message = refused("RVU25A", table(file, *lines, member=member))
    assert message.startswith(f"{file}: its ")
    assert "2023, but RVU25A is of 2025" in message


@pytest.mark.parametrize(
    ("label", "member", "file", "line"),
    [
        ("RVU25C", "gpci", "GPCI2025.csv", GPCI_TITLE.format(2025)),
        ("RVU13A", "gpci", "GPCI.csv", "FINAL 2013 GPCIs (the 1.0 floor expires December 31, 2014, Act of 2012)"),
        ("RVU25C", "anesthesia", "ANES2025.csv", "Contractor Locality Locality Name National Anes CF of 20.3178"),
        ("RVU13A", "anesthesia", "ANES2013.csv", "Contractor Locality Locality name National Anes CF of $15.93"),
        ("RVU25C", "opps_cap", "OPPSCAP25_JUL.csv", ""),
    ],
)
def test_a_companion_of_this_year_passes(label: str, member: str, file: str, line: str) -> None:
    assert told(label, table(file, line, member=member)).notices == ()


def test_last_years_title_of_localities_is_noticed_where_the_name_is_right() -> None:
    (notice,) = told("RVU25A", table("25LOCCO.csv", COUNTIES.format(2024), member="locality_county")).notices
    assert "says 2024, built as RVU25A" in notice


@pytest.mark.parametrize(
    ("label", "member", "file", "line"),
    [
        ("RVU18C1", "locality_county", "17LOCCO.csv", COUNTIES.format(2017)),
        ("RVU22D", "locality_county", "22LOCCO.txt", COUNTIES.format(2021)),
        ("RVU16B", "gpci", "CY2015_GPCIs.csv", "Carrier Locality Locality name Work      GPCI PE      GPCI MP"),
    ],
)
def test_what_cms_did_once_is_declared_for_every_release_of_the_year(
    label: str, member: str, file: str, line: str
) -> None:
    notices = told(label, table(file, line, member=member)).notices
    assert notices
    assert all(f"as CMS published it in {label}: " in notice for notice in notices)


def test_what_cms_did_once_excuses_no_third_year() -> None:
    assert "says 2014" in refused("RVU16B", table("GPCI2014.csv", member="gpci"))


def test_a_cap_file_of_another_quarter_is_noticed() -> None:
    notices = told("RVU21B", table("OPPSCAP_JAN.csv", member="opps_cap")).notices
    assert "OPPSCAP_JAN.csv: its name says January, built as RVU21B" in notices


def test_what_says_no_year_is_told() -> None:
    found = told("RVU25A", table("PPRRVU25.txt"), table("OPPSCAP.txt", member="opps_cap"))
    assert found.notices == ("no name or title says the year of opps_cap: taken as RVU25A's like the rest",)
    assert [(f["file"], f["year"]) for f in found.files] == [
        ("PPRRVU25.txt", [{"says": ["2025"], "where": "name"}]),
        ("OPPSCAP.txt", []),
    ]


# --- whole archives ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("built_as", ["RVU25A", "RVU25C", "RVU24D", "RVU26D"])
def test_an_archive_of_another_label_is_not_built(tmp_path: Path, built_as: str) -> None:
    archive = s.write_zip(tmp_path / "given.zip", s.release("RVU25D"))
    with pytest.raises(ArchiveError, match=rf"says (October|2025), but {built_as} is"):
        pfsetl.build(built_as, store=LocalStore(tmp_path / "store"), archive=archive, sample=True)
    assert not list((tmp_path / "store").glob("versions/*.json"))


@pytest.mark.parametrize("prefix", ["GPCI", "ANES", "25LOCCO"])
def test_one_member_of_another_year_stops_the_build(tmp_path: Path, prefix: str) -> None:
    members = {n: d for n, d in s.release("RVU25A").items() if not n.startswith(prefix)}
    other = "24LOCCO" if prefix == "25LOCCO" else prefix
    members |= {n: d for n, d in s.release("RVU24A").items() if n.startswith(other)}
    archive = s.write_zip(tmp_path / "given.zip", members)
    with pytest.raises(ArchiveError, match="says 2024, but RVU25A is of 2025"):
        pfsetl.build("RVU25A", store=LocalStore(tmp_path / "store"), archive=archive, sample=True)


def test_the_name_of_a_workbook_counts_though_it_is_not_read(tmp_path: Path) -> None:
    members = s.release("RVU25A") | {"GPCI2024.xlsx": b"not opened"}
    archive = s.write_zip(tmp_path / "given.zip", members)
    with pytest.raises(ArchiveError, match=r"GPCI2024\.xlsx: its name says 2024"):
        pfsetl.build("RVU25A", store=LocalStore(tmp_path / "store"), archive=archive, sample=True)


def test_the_manifest_says_what_each_file_says(tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "RVU25D.zip", s.release("RVU25D"))
    record = pfsetl.build("RVU25D", store=LocalStore(tmp_path / "store"), archive=archive, sample=True).record
    gpci = next(f for f in present(record.identity) if f.member == "gpci")
    assert {y.where.split()[0] for y in gpci.year} == {"name", "title"}
    assert {y.says for y in gpci.year} == {("2025",)}


REAL = ("RVU09A", "RVU11A", "RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A", "RVU20A", "RVU22A", "RVU24A", "RVU25A",
        "RVU25C", "RVU25D", "RVU26A")  # fmt: skip
LINES = 500  # of a file; what says its year and quarter stands above its records, or in each of them


def begun(archive: Archive) -> Archive:
    """The archive with the first lines of each of its texts; tests/real/test_releases.py builds it as a whole."""

    def first(file: MemberFile) -> MemberFile:
        return replace(file, load=lambda: b"".join(file.load().splitlines(keepends=True)[:LINES]))

    return replace(archive, files=tuple(first(f) if f.format != "xlsx" else f for f in archive.files))


@pytest.mark.parametrize("label", REAL)
def test_cms_archives_are_what_they_say_and_nothing_else(label: str, release_path: Callable[[str], Path]) -> None:
    archive = begun(open_archive(release_path(label)))
    raws = [*read(archive), *read_others(archive, all_formats=False)]
    notices = identity.held(archive.files, raws, registry.find(label)).notices
    assert all("as CMS published it" in n or "of opps_cap: taken as" in n for n in notices)
    others = [r.label for r in registry.releases().values() if r.year != registry.find(label).year]
    assert [other for other in others if not _is_refused(archive.files, raws, other)] == []


def _is_refused(files: tuple[MemberFile, ...], raws: list[RawTable], label: str) -> bool:
    try:
        identity.held(files, raws, registry.find(label))
    except ArchiveError:
        return True
    return False
