"""What a re-post changes against the revision that is published: in the record, on screen, in JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

import pfsetl
from pfsetl.cli import render_since
from pfsetl.declared import registry
from pfsetl.pipeline.examine import examine
from pfsetl.publication import revision
from pfsetl.publication.json_records import plain
from pfsetl.publication.release_record import ChangedColumn
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.present import present

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
FIRST = (*s.CODES, s.of_quarter("RVU25D"))
HEAVIER = s.changed(s.VISIT, work="1.31")
NEW = s.code("G9911", "Synthetic, new", work="0.70", mp="0.02")
# As CMS re-posts: one value corrected, one code added, one taken back.
SECOND = (*(HEAVIER if row is s.VISIT else row for row in FIRST if row is not s.EXCLUDED), NEW)


def archive(folder: Path, name: str, rows: tuple[s.Row, ...], **members: bytes) -> Path:
    """A part, which is published like a whole release where its loss is accepted."""
    folder.mkdir(exist_ok=True)
    return s.write_zip(folder / f"{name}.zip", s.release("RVU25D", rows) | members)


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds what CMS posted first, to be copied."""
    folder = tmp_path_factory.mktemp("posted")
    first = archive(folder, "first", FIRST)
    pfsetl.build("RVU25D", store=LocalStore(folder / "store"), archive=first, accept=["loss"])
    return folder / "store"


@pytest.fixture(scope="module")
def reposted(posted: Path, tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    folder = tmp_path_factory.mktemp("revision")
    store = LocalStore(copied(posted, folder / "store"))
    return pfsetl.build("RVU25D", store=store, archive=archive(folder, "second", SECOND), accept=["loss"])


@pytest.fixture
def store(posted: Path, tmp_path: Path) -> Path:
    return copied(posted, tmp_path / "store")


def test_a_release_that_is_new_has_no_revision_to_compare_with(posted: Path) -> None:
    assert pfsetl.open(posted).releases["RVU25D"].since_revision is None


def test_the_record_in_the_manifest_says_which_cells_and_rows_changed(reposted: pfsetl.Build) -> None:
    told = present(reposted.version.releases["RVU25D"].since_revision)
    assert told == reposted.record.since_revision
    assert (told.revision, told.version, told.same_files) == (1, 1, False)
    # 0.10 more work is 0.10 more in both totals; nothing else of the row was touched.
    one = {"cells": 1, "first": ["G9901"]}
    assert plain(told.tables["rvu"]) == {
        "added": 1,
        "removed": 1,
        "changed": 1,
        "first_added": ["G9911"],
        "first_removed": ["G9904"],
        "columns": {"work_rvu": one, "nonfacility_total_rvu": one, "facility_total_rvu": one},
    }
    assert plain(told.codes) == {
        "added": {"count": 1, "first": ["G9911"]},
        "gone": {"count": 1, "first": ["G9904"]},
    }
    assert {"gpci", "anesthesia", "opps_cap", "locality_county", "conversion_factor"} <= set(told.unchanged)


def test_lost_rows_of_a_corrected_release_are_restored_by_building_it_again(
    reposted: pfsetl.Build, tmp_path: Path
) -> None:
    at = pfsetl.open(copied(Path(str(reposted.version.store)), tmp_path / "store"))
    (path,) = (tmp_path / "store" / r.path for r in at.resources if r.table == "releases")
    was = path.read_bytes()
    path.unlink()
    pfsetl.build("RVU25D", store=at.store, archive=archive(tmp_path, "second", SECOND), accept=["loss"])
    assert path.read_bytes() == was


def test_the_screen_says_it_in_a_few_lines(reposted: pfsetl.Build, run: Command) -> None:
    out = run("check", "RVU25D", "--output", reposted.version.store)[1]
    said = out[out.index("compared ") :].splitlines()
    assert said[0].startswith("compared with revision 1: rvu 1 changed, 1 added, 1 removed; payment_national 1 changed")
    assert said[1] == (
        "cells    rvu: 1 added (G9911), 1 removed (G9904), facility_total_rvu 1 (G9901), "
        "nonfacility_total_rvu 1 (G9901), work_rvu 1 (G9901)"
    )
    assert said[2].startswith("cells    payment_national: 1 added (G9911), 1 removed (G9904), ")
    assert said[3] == "follow   code_text, code_modifier: from rvu; the manifest names the first rows (since_revision)"
    assert said[4].startswith("alone    payment_locality: it follows from rvu and gpci; ")
    assert len(said) == 5


def test_words_that_changed_are_said_though_rvu_differs_too(reposted: pfsetl.Build) -> None:
    told = present(reposted.record.since_revision)
    words = replace(told.tables["code_text"], changed=1, columns={"text": ChangedColumn(cells=1, first=("G9901",))})
    record = replace(reposted.record, since_revision=replace(told, tables={**told.tables, "code_text": words}))
    said = list(render_since.since_revision(record))
    assert ("cells", "code_text: 1 added (G9911), 1 removed (G9904), text 1 (G9901)") in said
    assert [text.partition(":")[0] for word, text in said if word == "follow"] == ["code_modifier"]
    alone = replace(told, tables={"code_modifier": told.tables["code_modifier"]})  # as where only a rule has changed
    said = list(render_since.since_revision(replace(reposted.record, since_revision=alone)))
    assert [word for word, _ in said].count("cells") == 1
    assert "follow" not in dict(said)


def test_the_manifest_counts_the_changed_cells_of_every_table(reposted: pfsetl.Build) -> None:
    changed = present(reposted.version.manifest.pfsetl.changes)["RVU25D"]
    counted = present(changed.tables)["payment_locality"]
    places = reposted.version.scan("gpci", "RVU25D").select(pl.len()).collect().item()
    assert (counted.changed, present(counted.columns)["nonfacility_amount"]) == (places, places)


def test_a_re_post_that_changes_no_table_says_so(store: Path, tmp_path: Path, run: Command) -> None:
    (name,) = [n for n in s.release("RVU25D") if n.startswith("GPCI") and n.endswith(".csv")]
    padded = s.release("RVU25D", FIRST)[name] + b",,,,,\r\n"  # a blank row, as Excel leaves them
    again = archive(tmp_path, "again", FIRST, **{name: padded})
    out = run("build", "RVU25D", "--archive", again, "--accept-loss", "--output", store)[1]
    assert "RVU25D revision 2 published" in out
    assert "compared with revision 1: no table differs" in out


def test_json_has_it_too(store: Path, tmp_path: Path, run: Command) -> None:
    to = ("--output", store, "--json")
    zips = archive(tmp_path / "zips", "RVU25D", SECOND).parent
    told = json.loads(run("backfill", "2025", "--archives", zips, "--accept-loss", *to)[1])
    assert told["since_revision"]["RVU25D"]["tables"]["rvu"]["columns"]["work_rvu"]["first"] == ["G9901"]


def test_a_backfill_says_it_in_a_line_a_release(store: Path, tmp_path: Path, run: Command) -> None:
    to = ("--output", store)
    zips = archive(tmp_path / "zips", "RVU25D", SECOND).parent
    out = run("backfill", "2025", "--archives", zips, "--accept-loss", *to)[1]
    assert "RVU25D compared with revision 1: rvu 1 changed, 1 added, 1 removed; " in out


def test_a_sample_is_not_compared_with_a_whole_release(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    part = s.write_zip(tmp_path / "part.zip", s.release("RVU25D"))
    pfsetl.build("RVU25D", store=store, archive=part, sample=True)
    first = archive(tmp_path, "first", FIRST)
    told = examine("RVU25D", first, records={}, base=pfsetl.open(store)).record.since_revision
    assert present(told).unread == "RVU25D revision 1 is a sample and this is a whole release"


def test_a_damaged_revision_is_said_and_stops_nothing(reposted: pfsetl.Build) -> None:
    at = reposted.version
    broken = tuple(replace(r, path="objects/rvu/gone.parquet") for r in at.resources)
    base = Version(at.store, at.number, replace(at.manifest, resources=broken))
    tables = {"rvu": at.scan("rvu", "RVU25D").collect()}
    told = revision.since_revision(registry.find("RVU25D"), tables, base, "other", sample=False)
    assert present(present(told).unread).startswith("RVU25D revision 2 can't be read: ")
