"""A store that an earlier pfsetl wrote is read, proved and added to.

`tests/released/store-0837649.zip` was written by that commit, of synthetic archives of RVU25A and RVU25D, before
manifests named the hash of the one before them. Its counts and the amount below were noted when it was written.
"""

import zipfile
from pathlib import Path

import pytest
from msgspec import UNSET

import pfsetl
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep.repair import repair
from pfsetl.upkeep.verify import verify
from tests import synthetic as s

STORE = Path(__file__).parents[1] / "released" / "store-0837649.zip"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    zipfile.ZipFile(STORE).extractall(tmp_path / "store")
    return LocalStore(tmp_path / "store")


def test_it_is_read(store: LocalStore) -> None:
    at = pfsetl.open(store)
    assert (at.number, list(at.releases), len(at.resources)) == (2, ["RVU25A", "RVU25D"], 30)
    # G9901: (1.21 + 1.40 + 0.09) x 33.4000, the factor that the synthetic archives print, is 90.18
    paid = at.scan("payment_national", "RVU25A").filter(hcpcs="G9901").collect()["nonfacility_payment"]
    assert str(paid[0]) == "90.18"


def test_every_file_is_what_its_manifest_says(store: LocalStore) -> None:
    repair(store)  # lays out the trees, which the zip leaves out
    assert verify(store, deep=True).bad == {}


def test_what_its_records_lack_stays_unsaid(store: LocalStore) -> None:
    record = pfsetl.open(store).releases["RVU25A"]
    assert {record.in_force, record.since, record.relative_hashes} == {UNSET}


def test_the_next_version_holds_its_releases_as_they_are(store: LocalStore, tmp_path: Path) -> None:
    before = pfsetl.open(store)
    archive = s.write_zip(tmp_path / "RVU26A.zip", s.release("RVU26A"))
    after = pfsetl.build("RVU26A", store=store, archive=archive, sample=True).version
    assert (after.number, list(after.releases)) == (3, ["RVU25A", "RVU25D", "RVU26A"])
    assert all(after.releases[label] == before.releases[label] for label in before.releases)
    assert {r.path for r in before.resources} <= {r.path for r in after.resources}
