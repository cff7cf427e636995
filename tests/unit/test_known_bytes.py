"""A zip that isn't the one known of its release is named everywhere and never refused: CMS re-posts under a label."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import pfsetl
from pfsetl.pipeline.examine import examine
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.declared import command

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
# CMS's own RVU25A.zip, as it was posted on 10 January 2025
KNOWN = "8871f447d1dfce9df46c155c5170f7ad68a580e49c5492a73e56d7978fd159e6"
SAID = "these aren't the bytes that were known of RVU25A"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another zip than CMS's: a part, which is published like a whole release where its loss is accepted."""
    return s.write_zip(tmp_path_factory.mktemp("zips") / "RVU25A.zip", s.release("RVU25A"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_bytes(notices: Iterable[str]) -> list[str]:
    return [text for text in notices if SAID in text]


def test_both_hashes_are_on_screen(other: Path, tmp_path: Path, run: Command) -> None:
    code, out, _ = run("build", "RVU25A", "--archive", other, "--accept-loss", "--output", tmp_path / "store")
    assert code == 0
    assert f"notice   RVU25A.zip: {SAID}: sha256 {sha256(other)[:16]}, known {KNOWN[:16]}." in out


def test_it_is_in_json_and_in_the_manifest(other: Path, tmp_path: Path, run: Command) -> None:
    asked = ("build", "RVU25A", "--archive", other, "--accept-loss", "--output", tmp_path / "store", "--json")
    told = json.loads(run(*asked)[1])
    assert len(of_bytes(told["record"]["notices"])) == 1
    assert pfsetl.open(tmp_path / "store").releases["RVU25A"].notices == tuple(told["record"]["notices"])


def test_a_folder_of_members_has_no_such_hash(tmp_path: Path) -> None:
    folder = s.write_folder(tmp_path / "RVU25A", s.release("RVU25A"))
    assert not of_bytes(examine("RVU25A", folder, records={}).record.notices)


def test_nothing_is_said_where_no_hash_is_known(tmp_path: Path) -> None:
    path = s.write_zip(tmp_path / "RVU25D.zip", s.release("RVU25D"))
    made = examine("RVU25D", path, records={})
    assert not [text for text in made.record.notices if "bytes" in text]


def test_the_same_files_packed_anew_are_unchanged_and_named(other: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    folder = s.write_folder(tmp_path / "RVU25A", s.release("RVU25A"))
    pfsetl.build("RVU25A", store=store, archive=folder, accept=["loss"])
    again = pfsetl.build("RVU25A", store=store, archive=other, accept=["loss"])
    assert (again.published, len(of_bytes(again.record.notices))) == (False, 1)


def test_a_backfill_names_it_each_time(other: Path, tmp_path: Path, run: Command) -> None:
    asked = ("backfill", "RVU25A", "--archives", other.parent, "--accept-loss", "--output", tmp_path / "store")
    assert SAID in run(*asked)[1]
    assert len(of_bytes(json.loads(run(*asked, "--json")[1])["notices"])) == 1


def test_the_hash_of_an_own_row_is_believed(other: Path, tmp_path: Path) -> None:
    """The remedy of the message: a re-post's hash is written into a row of your own."""
    shipped = (Path(__file__).parents[2] / "schemas" / "releases.csv").read_text().splitlines()
    (row,) = [line for line in shipped if line.startswith("RVU25A,")]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "releases.csv").write_text(f"{shipped[0]}\n{row.replace(KNOWN, sha256(other))}\n")
    asked = ("build", "RVU25A", "--archive", other, "--accept-loss", "--output", tmp_path / "store")
    code, out, _ = command(*asked, "--schemas", tmp_path / "own")
    assert (code, "revision 1 published" in out, SAID in out) == (0, True, False)


def test_cms_own_zips_are_the_known_ones(release_path: Callable[[str], Path]) -> None:
    assert sha256(release_path("RVU25A")) == KNOWN


def test_a_zip_that_is_known_as_another_release_s_is_refused_until_it_is_known_as_both(tmp_path: Path) -> None:
    """RVU24A's zip under the label of March 2024: its factor, 32.7442, isn't the one that was paid then."""
    path = s.write_zip(tmp_path / "RVU24A.zip", s.release("RVU24A"))
    own = tmp_path / "own" / "releases.csv"
    own.parent.mkdir()
    with (Path(__file__).parents[2] / "schemas" / "releases.csv").open(newline="") as file:
        shipped = {row["release"]: row for row in csv.DictReader(file)}

    def told(*known: str) -> tuple[int, str]:
        with own.open("w", newline="") as file:
            rows = csv.DictWriter(file, shipped["RVU24A"])
            rows.writeheader()
            rows.writerows(shipped[label] | {"sha256": sha256(path)} for label in known)
        code, _, err = command("check", "RVU24AR", "--archive", path, "--sample", "--schemas", own.parent)
        return code, err

    code, err = told("RVU24A")
    assert code == 1
    assert "RVU24A.zip: these bytes are the zip of RVU24A, by its sha256." in err
    assert "Give the zip of RVU24AR, or the label RVU24A." in err
    assert told("RVU24A", "RVU24AR")[0] == 0
