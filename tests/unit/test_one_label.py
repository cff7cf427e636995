"""What is published under one label isn't published under another, whatever its files are called."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from pfsetl.errors import ArchiveError
from pfsetl.pipeline.backfill import backfill
from pfsetl.pipeline.build import build
from pfsetl.pipeline.examine import examine
from pfsetl.pipeline.request import Request
from pfsetl.pipeline.side_by_side import publish_staged
from pfsetl.pipeline.stage import stage_missing
from pfsetl.publication import one_label, version
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.relabel import relabel

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def october(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store that holds RVU25D: a part whose loss was accepted, so that it counts as a whole release."""
    store = LocalStore(tmp_path_factory.mktemp("october") / "store")
    archive = s.write_zip(tmp_path_factory.mktemp("zip") / "RVU25D.zip", part("RVU25D"))
    build("RVU25D", store=store, archive=archive, accept=["loss"])
    return store


@pytest.fixture(scope="module")
def published(october: LocalStore) -> Mapping[str, ReleaseRecord]:
    """What that store knows of its releases."""
    return version.open_version(october).releases


def part(label: str) -> s.Members:
    """The members of a small release whose rows no other quarter has."""
    return s.release(label, (*s.CODES, s.of_quarter(label)))


def renamed(members: s.Members) -> s.Members:
    return {name.replace("OCT", "JAN"): data for name, data in members.items()}


def without_month(members: s.Members) -> s.Members:
    """The same files under names that say the year alone, as CMS's did until 2017: any quarter's by their names."""
    return {name.replace("OCT", "V1219"): data for name, data in members.items()}


def as_csv(members: s.Members) -> s.Members:
    """The same rows as a csv, and so with other bytes."""
    rvu = next(name for name in members if name.startswith("PPRRVU"))
    rows = [*s.CODES, s.of_quarter("RVU25D")]
    return renamed({n: d for n, d in members.items() if n != rvu}) | {"PPRRVU2025_JAN.csv": s.pprrvu_csv("G31", rows)}


def beside_other_companions(members: s.Members) -> s.Members:
    mine = part("RVU25A")
    rvu = next(name for name in members if name.startswith("PPRRVU"))
    return mine | {next(n for n in mine if n.startswith("PPRRVU")): members[rvu]}


@pytest.mark.parametrize("packed", [renamed, as_csv, beside_other_companions])
def test_an_archive_published_under_another_label_is_refused_and_that_label_named(
    packed: Callable[[s.Members], s.Members], october: LocalStore, tmp_path: Path
) -> None:
    archive = s.write_zip(tmp_path / "rvu25a.zip", packed(part("RVU25D")))
    with pytest.raises(
        ArchiveError, match=r"rvu25a\.zip/PPRRVU.*: this is RVU25D, published under that label"
    ) as caught:
        build("RVU25A", store=october, archive=archive, accept=["loss"])
    assert "Give the archive of RVU25A" in str(caught.value)
    assert list(version.open_version(october).releases) == ["RVU25D"]


def test_check_of_such_an_archive_refuses_it_as_well(published: Mapping[str, ReleaseRecord], tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "rvu25a.zip", renamed(part("RVU25D")))
    with pytest.raises(ArchiveError, match="this is RVU25D"):
        examine("RVU25A", archive, records=published)


def test_releases_of_a_year_share_companions_and_are_published(
    published: Mapping[str, ReleaseRecord], tmp_path: Path
) -> None:
    archive = s.write_zip(tmp_path / "RVU25A.zip", part("RVU25A"))
    record = examine("RVU25A", archive, records=published).record
    assert not [notice for notice in record.notices if "same relative values" in notice]


def test_one_participant_s_file_of_another_release_is_refused(tmp_path: Path) -> None:
    january, april = part("RVU26A"), part("RVU26B")
    records = {"RVU26A": recorded("RVU26A", january, tmp_path)}
    mixed = april | {"PPRRVU2026_Apr_QPP.csv": january["PPRRVU2026_Jan_QPP.csv"].replace(b"January", b"April")}
    archive = s.write_zip(tmp_path / "b.zip", mixed)
    with pytest.raises(ArchiveError, match=r"PPRRVU2026_Apr_QPP.csv: this is RVU26A"):
        examine("RVU26B", archive, records=records, accept=["differences"], sample=False)


def test_a_correction_may_repeat_the_relative_values_and_that_is_noticed(tmp_path: Path) -> None:
    # RVU18AR1 corrects the anesthesia factors of RVU18AR.
    first = part("RVU18AR")
    corrected = {n: d.replace(b"19.53", b"19.54") if n.startswith("ANES") else d for n, d in first.items()}
    records = {"RVU18AR": recorded("RVU18AR", first, tmp_path)}
    made = recorded("RVU18AR1", corrected, tmp_path)
    assert one_label.notices("RVU18AR1", made, records, "fees") == [
        "PPRRVU2018_JAN.txt: the same relative values as RVU18AR"
    ]


def test_the_same_archive_under_the_label_of_its_correction_is_refused(tmp_path: Path) -> None:
    record = recorded("RVU18AR", part("RVU18AR"), tmp_path)
    with pytest.raises(ArchiveError, match="this is RVU18AR, published"):
        one_label.notices("RVU18AR1", record, {"RVU18AR": record}, "fees")


def test_a_record_from_before_rows_were_hashed_is_compared_by_its_files(tmp_path: Path) -> None:
    record = recorded("RVU25D", part("RVU25D"), tmp_path)
    record = replace(record, rvu_hashes=UNSET, relative_hashes=UNSET)
    other = replace(record, archive=replace(record.archive, name="x.zip", content="other"))
    with pytest.raises(ArchiveError, match="this is RVU25D"):
        one_label.notices("RVU25A", other, {"RVU25D": record}, "fees")


# --- under another conversion factor --------------------------------------------------------------------------------


def of_another_year(members: s.Members, factor: str = "34.1000") -> s.Members:
    """The files of RVU25D as those of RVU24D: names, titles and the conversion factor, in a csv of the same rows."""
    rows = [row | {"factor": factor} for row in (*s.CODES, s.of_quarter("RVU25D"))]
    rvu = s.pprrvu_csv("G31", rows, title="2024", month="October")
    mine = relabel(members, "RVU25D", "RVU24D")
    mine["ANES2024.csv"] = mine["ANES2024.csv"].replace(b"20.3178", b"20.4349")  # the national factors of both years
    return {n: d for n, d in mine.items() if not n.startswith("PPRRVU")} | {"PPRRVU2024_OCT.csv": rvu}


def test_relative_values_of_another_year_s_release_are_refused_whatever_the_factor(
    published: Mapping[str, ReleaseRecord], tmp_path: Path
) -> None:
    archive = s.write_zip(tmp_path / "rvu24d.zip", of_another_year(part("RVU25D")))
    with pytest.raises(ArchiveError, match="this is RVU25D, but for its conversion factor, published under that label"):
        examine("RVU24D", archive, records=published, accept=["loss"])


def test_a_correction_with_another_factor_may_repeat_the_relative_values(tmp_path: Path) -> None:
    # RVU24AR is RVU24A at the factor of 9 March 2024.
    one = recorded("RVU24A", part("RVU24A"), tmp_path)
    other = replace(one.archive, name="x.zip", content="other")
    members = tuple(replace(member, sha256="other") for member in one.members)
    made = replace(one, rvu_hashes={"all": "other"}, archive=other, members=members)
    assert one_label.notices("RVU24AR", made, {"RVU24A": one}, "fees") == [
        "PPRRVU2024_JAN.txt: the same relative values as RVU24A"
    ]


def test_a_record_without_such_hashes_is_compared_with_the_factor_and_that_is_said(tmp_path: Path) -> None:
    old = replace(recorded("RVU25D", part("RVU25D"), tmp_path), relative_hashes=UNSET)
    made = recorded("RVU25A", part("RVU25A"), tmp_path)
    (said,) = one_label.notices("RVU25A", made, {"RVU25D": old}, "fees")
    assert said.startswith("RVU25D: published before relative values were compared without the conversion factor")
    with pytest.raises(ArchiveError, match="this is RVU25D, published"):
        one_label.notices("RVU25A", replace(made, rvu_hashes=old.rvu_hashes), {"RVU25D": old}, "fees")


def test_the_hash_with_the_factor_is_the_one_that_older_stores_hold() -> None:
    """Their form: sha256 of a csv with a heading, sorted by code and modifier."""
    rvu = pl.DataFrame(
        [
            ["all", "G0002", "", "A", "1.00", "2.00", "0.50", "0.10", "32.3465"],
            ["all", "G0001", "TC", "A", "0.00", "2.00", "0.50", "0.10", "32.3465"],
        ],
        schema=["participant", "hcpcs", "modifier", "status", "work_rvu", "nonfacility_pe_rvu", "facility_pe_rvu",
                "mp_rvu", "conversion_factor"],
        orient="row",
    )  # fmt: skip
    text = (
        "hcpcs,modifier,status,work_rvu,nonfacility_pe_rvu,facility_pe_rvu,mp_rvu,conversion_factor\n"
        "G0001,TC,A,0.00,2.00,0.50,0.10,32.3465\nG0002,,A,1.00,2.00,0.50,0.10,32.3465\n"
    ).replace("G0002,,A", 'G0002,"",A')
    assert one_label.hashes(rvu)["rvu_hashes"] == {"all": hashlib.sha256(text.encode()).hexdigest()}


# --------------------------------------------------------------------------------------------------------------------


def recorded(label: str, members: s.Members, folder: Path) -> ReleaseRecord:
    """The record of a release that is a part, as if it were whole."""
    archive = s.write_zip(folder / f"{label}.zip", members)
    return replace(examine(label, archive, records={}, sample=True).record, sample=False)


def test_parts_of_two_quarters_may_be_equal(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    for label in ("RVU25A", "RVU25D"):
        build(label, store=store, archive=s.write_zip(tmp_path / label, s.release(label)), sample=True)
    assert set(version.open_version(store).releases) == {"RVU25A", "RVU25D"}


def test_of_two_labels_with_one_archive_a_backfill_publishes_the_first(tmp_path: Path) -> None:
    store, members = LocalStore(tmp_path / "store"), without_month(part("RVU25D"))
    paths = {label: s.write_zip(tmp_path / f"{label}.zip", members) for label in ("RVU25A", "RVU25B")}
    done = backfill(paths, store=store, accept=["loss"])
    assert (done.published, list(done.failed)) == (("RVU25A",), ["RVU25B"])
    assert "this is RVU25A" in done.failed["RVU25B"]


def test_of_two_labels_staged_side_by_side_the_first_is_published(tmp_path: Path) -> None:
    store, members = LocalStore(tmp_path / "store"), without_month(part("RVU25D"))
    base = version.open_version(store)
    staged = [
        stage_missing(Request(label, s.write_zip(tmp_path / f"{label}.zip", members), accept=["loss"]), base)
        for label in ("RVU25B", "RVU25A")
    ]
    done, failed = publish_staged([one for one in staged if one], base)
    assert (list(done.releases), list(failed)) == (["RVU25A"], ["RVU25B"])
