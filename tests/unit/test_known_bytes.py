"""A zip that isn't the one known of its release is named everywhere and never refused: CMS re-posts under a label."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import pfsetl
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
# CMS's own RVU25A.zip, as it was posted on 10 January 2025
KNOWN = "8871f447d1dfce9df46c155c5170f7ad68a580e49c5492a73e56d7978fd159e6"
SAID = "these aren't the bytes that were known of RVU25A"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    (tmp_path / "zips").mkdir()
    return s.write_zip(tmp_path / "zips" / "RVU25A.zip", s.whole("RVU25A"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_bytes(notices: Iterable[str]) -> list[str]:
    return [text for text in notices if SAID in text]


def test_both_hashes_are_on_screen(other: Path, tmp_path: Path, run: Command) -> None:
    code, out, _ = run("build", "RVU25A", "--archive", other, "--output", tmp_path / "store")
    assert code == 0
    assert f"notice   RVU25A.zip: {SAID}: sha256 {sha256(other)[:16]}, known {KNOWN[:16]}." in out


def test_it_is_in_json_and_in_the_manifest(other: Path, tmp_path: Path, run: Command) -> None:
    told = json.loads(run("build", "RVU25A", "--archive", other, "--output", tmp_path / "store", "--json")[1])
    assert len(of_bytes(told["record"]["notices"])) == 1
    assert pfsetl.open(tmp_path / "store").releases["RVU25A"].notices == tuple(told["record"]["notices"])


def test_a_folder_of_members_has_no_such_hash(other: Path, tmp_path: Path) -> None:
    folder = s.write_folder(tmp_path / "RVU25A", s.whole("RVU25A"))
    assert not of_bytes(pfsetl.build("RVU25A", store=LocalStore(tmp_path / "store"), archive=folder).record.notices)


def test_nothing_is_said_where_no_hash_is_known(tmp_path: Path) -> None:
    path = s.write_zip(tmp_path / "RVU25D.zip", s.whole("RVU25D"))
    made = pfsetl.build("RVU25D", store=LocalStore(tmp_path / "store"), archive=path)
    assert not [text for text in made.record.notices if "bytes" in text]


def test_the_same_files_packed_anew_are_unchanged_and_named(other: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    pfsetl.build("RVU25A", store=store, archive=s.write_folder(tmp_path / "RVU25A", s.whole("RVU25A")))
    again = pfsetl.build("RVU25A", store=store, archive=other)
    assert (again.published, len(of_bytes(again.record.notices))) == (False, 1)


def test_a_backfill_names_it_each_time(other: Path, tmp_path: Path, run: Command) -> None:
    asked = ("backfill", "RVU25A", "--archives", other.parent, "--output", tmp_path / "store")
    assert SAID in run(*asked)[1]
    assert len(of_bytes(json.loads(run(*asked, "--json")[1])["notices"])) == 1


def test_the_hash_of_an_own_row_is_believed(other: Path, tmp_path: Path) -> None:
    """The remedy of the message: a re-post's hash is written into a row of your own."""
    shipped = (Path(__file__).parents[2] / "schemas" / "releases.csv").read_text().splitlines()
    (row,) = [line for line in shipped if line.startswith("RVU25A,")]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "releases.csv").write_text(f"{shipped[0]}\n{row.replace(KNOWN, sha256(other))}\n")
    asked = ("build", "RVU25A", "--archive", other, "--output", tmp_path / "store", "--schemas", tmp_path / "own")
    done = subprocess.run(
        [sys.executable, "-m", "pfsetl", *map(str, asked)], capture_output=True, text=True, check=True
    )
    assert "revision 1 published" in done.stdout
    assert SAID not in done.stdout


def test_cms_own_zips_are_the_known_ones(release_path: Callable[[str], Path]) -> None:
    assert sha256(release_path("RVU25A")) == KNOWN
