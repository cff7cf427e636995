"""Which file holds which member: told by the name, whatever CMS calls it this time."""

import hashlib
import os
import re
from pathlib import Path

import pytest

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError, SourceUnavailable, UsageError
from pfsetl.source.archive import Archive, open_archive
from tests import synthetic as s

# names seen in CMS's zips, 2009-2026
NAMES = {
    ("pprrvu", "all"): ["PPRRVU09.txt", "PPRRVU11_110210(3).csv", "PPRRVU14_V1219.xlsx", "PPRRVU15_V1223c.txt",
                        "PPRRVU18_JAN.csv", "PPRRVU25_JAN.txt", "PPRRVU2025_Oct.csv", "pprrvu03.csv", "PPRRVU10.CSV"],
    ("pprrvu", "non_qp"): ["PPRRVU2026_Jan_nonQPP.csv", "PPRRVU2026_Apr_non_QPP.txt", "pprrvu2026_jan_NONQP.txt",
                           "PPRRVU2026_Jan_nonQPP_updated.csv", "PPRRVU2027_Jul_Non-QPP_V0619c (1).txt",
                           "Copy of PPRRVU2026_Oct_nonQPP.csv", "RVU26B/PPRRVU2026_Apr_nonQPP_V2.csv"],
    ("pprrvu", "qp"): ["PPRRVU2026_Jan_QPP.csv", "PPRRVU2026_Apr_QP.txt", "PPRRVU2026_Jan_QPP_updated.csv",
                       "PPRRVU2028_Oct_QPP_final_V1219.txt", "PPRRVU2026_Jan_QPP - Copy (2).csv"],
    ("gpci", "all"): ["GPCI09.xls", "GPCI_2011.csv", "CY 2014 GPCI _12172013.txt", "CY2015_GPCIs.csv", "GPCI2026.csv"],
    ("locality_county", "all"): ["09LOCCO.xls", "18LOCCO.prn", "26LOCCO.csv"],
    ("anesthesia", "all"): ["anes2009.txt", "ANES_V1101.csv", "ANES 2014_V0103.csv", "Anes_2015_122314.TXT"],
    ("opps_cap", "all"): ["OPPSCAP.txt", "OPPSCAP_V1101.csv", "OPPSCAP_JAN.csv", "OPPSCAP_Oct.xlsx"],
}  # fmt: skip


def opened(folder: Path, *names: str) -> Archive:
    return open_archive(s.write_zip(folder / "members.zip", dict.fromkeys(names, b"x")))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_a_member_is_told_by_its_name(kind: tuple[str, str], name: str, tmp_path: Path) -> None:
    beside = {"all": "PPRRVU25", "non_qp": "PPRRVU26_QPP", "qp": "PPRRVU26_nonQPP"}[kind[1]]
    ending = ".txt" if name.endswith((".xls", ".xlsx")) else ".xls"
    found = {f.name: (f.member, f.participant) for f in opened(tmp_path, beside + ending, name).files}
    assert found[name] == kind


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("LOCCO.prn", "txt"),
        ("LOCCO.TXT", "txt"),
        ("LOCCO.Csv", "csv"),
        ("LOCCO.tsv", "csv"),
        ("LOCCO.xls", "xlsx"),
        ("LOCCO.XLSX", "xlsx"),
        ("LOCCO.xlsm", "xlsx"),
    ],
)
def test_the_format_is_told_by_the_ending(name: str, form: str, tmp_path: Path) -> None:
    found = {f.name: f.format for f in opened(tmp_path, "PPRRVU25.csv", name).files}
    assert found[name] == form


def test_other_files_are_reported_as_ignored(tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU25.csv", "RVU25A.pdf", "RVUPUF11.docx", "readme.txt")
    assert archive.ignored == ("RVU25A.pdf", "RVUPUF11.docx", "readme.txt")


def test_missing_companions_are_named(tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU25.csv", "GPCI2025.csv")
    assert archive.missing == ("anesthesia", "locality_county", "opps_cap")


def test_a_full_archive_misses_nothing(tmp_path: Path) -> None:
    assert open_archive(s.write_zip(tmp_path / "a.zip", s.release("RVU26A"))).missing == ()


def test_the_relative_values_are_required(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"members.zip: no file of pprrvu\. .*schemas/members.csv"):
        opened(tmp_path, "GPCI2025.csv")


@pytest.mark.parametrize(("there", "absent"), [("nonQPP", "pprrvu (qp)"), ("QPP", "pprrvu (non_qp)")])
def test_the_file_of_one_participant_is_enough_and_the_other_one_is_a_lack(there, absent, tmp_path) -> None:
    archive = opened(tmp_path, f"PPRRVU2026_Jan_{there}.csv")
    assert archive.missing == (absent, "anesthesia", "gpci", "locality_county", "opps_cap")


@pytest.mark.parametrize(
    "name",
    [
        "PPRRVU2026_Jan_QPPnew.csv",
        "pprrvu2026_jan_QPPPP.TXT",
        "PPRRVU2026_Jan_QPP.csv.gz",
        "PPRRVU2026_Jan_QPP.dat",
        "PPRRVU2026_Jan_QPP",
    ],
)
def test_a_file_that_may_be_the_one_that_is_missing_is_asked_about(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=rf"no file of pprrvu \(qp\)\..* {name}\. Rename the file, or leave it out"):
        opened(tmp_path, "PPRRVU2026_Jan_nonQPP.csv", name)


def test_a_document_of_the_name_of_a_missing_file_is_none(tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU2026_Jan_nonQPP.csv", "PPRRVU2026_Jan_QPP.pdf")
    assert "pprrvu (qp)" in archive.missing


def test_files_in_a_folder_inside_the_folder_are_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "RVU26A" / "unpacked").mkdir(parents=True)
    (tmp_path / "RVU26A" / "unpacked" / "PPRRVU2026_Jan_QPP.csv").write_bytes(b"x")
    with pytest.raises(ArchiveError, match="Give the folder inside it that holds the files, such as RVU26A/unpacked/"):
        open_archive(tmp_path / "RVU26A")


def test_a_name_that_fits_two_members_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"GPCI_LOCCO.csv: the name fits gpci and locality_county.*Rename"):
        opened(tmp_path, "PPRRVU25.csv", "GPCI_LOCCO.csv")


COPIES = ["GPCI2025_v2.csv", "GPCI2025 (1).csv", "GPCI2025 - Copy.csv", "Copy of GPCI2025.csv", "old/GPCI2025.csv"]


@pytest.mark.parametrize("name", COPIES)
def test_a_member_twice_in_one_format_with_other_bytes_is_refused(name: str, tmp_path: Path) -> None:
    path = s.write_zip(tmp_path / "a.zip", {"PPRRVU25.csv": b"x", "GPCI2025.csv": b"x", name: b"y"})
    with pytest.raises(
        ArchiveError, match=r"gpci is there twice as csv, with different bytes: GPCI2025.csv and .*Keep"
    ):
        open_archive(path)


@pytest.mark.parametrize(
    "name", ["GPCI2025 (1).csv", "GPCI2025 - Copy.csv", "Copy of GPCI2025.csv", "old/GPCI2025.csv"]
)
def test_a_copy_of_a_member_is_left_out_and_named(name: str, tmp_path: Path) -> None:
    archive = opened(tmp_path, name, "PPRRVU25.csv", "GPCI2025.csv")
    assert [f.name for f in archive.files] == ["PPRRVU25.csv", "GPCI2025.csv"]
    assert (archive.ignored, archive.notices) == ((name,), (f"{name}: not used, a copy of GPCI2025.csv",))


def test_a_copy_changes_nothing_about_what_an_archive_is(tmp_path: Path) -> None:
    alone = opened(tmp_path, "PPRRVU25.csv")
    assert alone.content == opened(tmp_path, "PPRRVU25.csv", "PPRRVU25 (1).csv").content


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("GPCI2025.ods", "gpci"), ("PPRRVU2025_JAN.dat", "pprrvu"), ("25LOCCO.csv.bak", "locality_county"),
        ("ANES2025.numbers", "anesthesia"), ("OPPSCAP_JAN.xlsb", "opps_cap"), ("PPRRVU26_Qualified.csv", "pprrvu"),
        ("OPPS CAP.csv", "opps_cap"), ("Counties by locality.csv", ""),
    ],
)  # fmt: skip
def test_a_file_that_looks_like_a_member_and_is_not_used_is_named(name: str, member: str, tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU25.csv", name)
    assert archive.ignored == (name,)
    said = [notice for notice in archive.notices if notice.startswith(f"{name}: not used") and member in notice]
    assert len(said) == bool(member)


def test_a_file_whose_name_says_too_little_is_told_how_cms_names_it(tmp_path: Path) -> None:
    assert (
        "OPPS CAP.csv: not used, though it looks like opps_cap; its name says too little. CMS names it as in "
        "OPPSCAP_JAN.csv"
    ) in opened(tmp_path, "PPRRVU25.csv", "OPPS CAP.csv").notices


def test_a_file_that_looks_like_several_members_is_named_with_each_in_the_same_order_every_time(tmp_path: Path) -> None:
    name = "xpprrvu xanes local count opps.csv"
    found = opened(tmp_path, "PPRRVU25.csv", name).notices
    looks = [re.search(r"it looks like (\w+);", notice) for notice in found if notice.startswith(name)]
    assert [look and look[1] for look in looks] == ["pprrvu", "anesthesia", "locality_county", "opps_cap"]


OF_SYSTEMS = [
    "__MACOSX/._GPCI2025.csv", "__MACOSX/RVU25A/._PPRRVU25.txt", "._OPPSCAP_JAN.csv", "~$GPCI2025.xlsx", ".DS_Store",
    "RVU25A/.DS_Store", "Thumbs.db", "ehthumbs.db", "Desktop.ini", ".~lock.ANES2025.csv#", "@eaDir/GPCI2025.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", OF_SYSTEMS)
def test_files_of_operating_systems_are_listed_and_nothing_else(name: str, tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU25.csv", "GPCI2025.csv", name)
    assert [f.name for f in archive.files] == ["PPRRVU25.csv", "GPCI2025.csv"]
    assert (archive.ignored, archive.notices) == ((name,), ())


def test_a_folder_inside_a_folder_is_named(tmp_path: Path) -> None:
    s.write_folder(tmp_path / "RVU25A", {"PPRRVU25.csv": b"x"})
    s.write_folder(tmp_path / "RVU25A" / "before", {"GPCI2025.csv": b"x"})
    archive = open_archive(tmp_path / "RVU25A")
    assert (archive.ignored, archive.missing[1]) == (("before/",), "gpci")
    assert archive.notices == ("before/: a folder inside RVU25A; its files aren't used",)


def test_a_lack_is_said_in_names_of_files_and_names_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        opened(tmp_path, "GPCI2026.csv", "PPRRVU2026_Jan_non.pdf", "__MACOSX/x")
    said = str(caught.value)
    assert "no file of pprrvu. CMS names it as in PPRRVU25_JAN.txt" in said
    assert "Files that aren't used: PPRRVU2026_Jan_non.pdf. " in said
    assert not {"^", "(?", "$"} & set(said.split("'"))


def test_a_member_in_three_formats_is_one_member(tmp_path: Path) -> None:
    archive = opened(tmp_path, "PPRRVU25.csv", "PPRRVU25.txt", "PPRRVU25.xlsx")
    assert sorted(f.format for f in archive.files) == ["csv", "txt", "xlsx"]


def test_a_zip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = s.write_zip(tmp_path / "a.zip", s.release("RVU25A"))
    assert open_archive(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_known_by_its_members(tmp_path: Path) -> None:
    one, two = (open_archive(s.write_folder(tmp_path / n, s.release("RVU25A"))).sha256 for n in ("one", "two"))
    assert one == two


def test_a_folder_with_another_byte_is_another_archive(tmp_path: Path) -> None:
    members = s.release("RVU25A")
    one = open_archive(s.write_folder(tmp_path / "one", members)).sha256
    assert one != open_archive(s.write_folder(tmp_path / "two", {**members, "GPCI2025.csv": b"x"})).sha256


def test_members_of_a_zip_are_read_as_they_are(tmp_path: Path) -> None:
    members = s.release("RVU25A")
    archive = open_archive(s.write_zip(tmp_path / "a.zip", members))
    assert {f.name: f.load() for f in archive.files} == {k: v for k, v in members.items() if not k.endswith("pdf")}


def test_members_in_a_folder_of_the_zip_are_recognised(tmp_path: Path) -> None:
    path = s.write_zip(tmp_path / "a.zip", {f"RVU25A/{k}": v for k, v in s.release("RVU25A").items()})
    assert {f.member for f in open_archive(path).files} == {k.member for k in registry.member_kinds()}


@pytest.mark.parametrize("name", ["RVU25A.zip", "RVU25A_final.ZIP", "a folder/RVU25A.zip"])
def test_a_zip_alone_in_a_zip_is_opened_and_named(name: str, tmp_path: Path) -> None:
    plain = open_archive(s.write_zip(tmp_path / "plain.zip", s.release("RVU25A")))
    outer = {name: s.zipped(s.release("RVU25A")), "Read me.txt": b"two words"}
    nested = open_archive(s.write_zip(tmp_path / "outer.zip", outer))
    assert (nested.content, nested.missing) == (plain.content, ())
    assert nested.notices[0] == f"outer.zip: its files are in the zip '{Path(name).name}' inside it"
    assert set(nested.ignored) == {"Read me.txt", f"{Path(name).name}!/RVU25A.pdf"}


@pytest.mark.parametrize(
    "members",
    [
        {"a.zip": s.zipped({"RVU25A.zip": s.zipped(s.release("RVU25A"))})},
        {f"{name}.zip": s.zipped({name: data}) for name, data in s.release("RVU25A").items()},
    ],
    ids=["deeper", "several"],
)
def test_zips_that_are_not_opened_are_to_be_unpacked(members: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(
        ArchiveError, match=r"aren't used: .*\.zip.*Unpack the zips that are in it, and give the folder"
    ):
        open_archive(s.write_zip(tmp_path / "outer.zip", members))


def test_a_zip_beside_members_is_not_opened_and_named(tmp_path: Path) -> None:
    outer = s.release("RVU25A") | {"RVU24A.zip": s.zipped(s.release("RVU24A"))}
    found = open_archive(s.write_zip(tmp_path / "outer.zip", outer))
    assert ("RVU24A.zip" in found.ignored, found.missing) == (True, ())


def test_nothing_at_the_path_is_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"nowhere.zip: no such file or folder") as caught:
        open_archive(tmp_path / "nowhere.zip")
    assert caught.value.exit_code == 3


def test_a_name_that_is_no_text_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "RVU25A"
    folder.mkdir()
    for name, data in s.release("RVU25A").items():
        (folder / name).write_bytes(data)
    (folder / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"as an old disk has it")
    with pytest.raises(UsageError, match=r"not a name in UTF-8\. Rename it"):
        open_archive(folder)
