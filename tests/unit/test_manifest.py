"""A manifest is read strictly: what it holds that isn't known is refused with its place, and nothing is lost."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl.errors import StoreError
from pfsetl.publication import manifest
from pfsetl.publication.json_records import encoded
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep.verify import verify
from tests import synthetic as s

Document = dict[str, Any]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """A store of two parts that count as whole releases, so that the second says what changed since the first."""
    folder = tmp_path_factory.mktemp("manifest")
    store = LocalStore(folder / "store")
    for label in ("RVU25A", "RVU25D"):
        archive = s.write_zip(folder / f"{label}.zip", s.release(label, (*s.CODES, s.of_quarter(label))))
        pfsetl.build(label, store=store, archive=archive, accept=["loss"])
    return store


@pytest.fixture
def document(built: LocalStore) -> Document:
    found: Document = json.loads(built.get(manifest.name(2)))
    return found


def read(built: LocalStore, document: Document) -> manifest.Manifest:
    return manifest.read(built, 2, json.dumps(document).encode())


def record(document: Document) -> Document:
    found: Document = document["pfsetl"]["releases"]["RVU25D"]
    return found


STRANGE: dict[str, Callable[[Document], object]] = {
    "$": lambda d: d.update(more=1),
    "$.resources[0]": lambda d: d["resources"][0].update(more=1),
    "$.pfsetl": lambda d: d["pfsetl"].update(more=1),
    "$.pfsetl.releases[...]": lambda d: record(d).update(more=1),
    "$.pfsetl.releases[...].archive": lambda d: record(d)["archive"].update(more=1),
    "$.pfsetl.releases[...].members[0]": lambda d: record(d)["members"][0].update(more=1),
    "$.pfsetl.releases[...].since.codes.added": lambda d: record(d)["since"]["codes"]["added"].update(more=1),
    "$.pfsetl.changes[...].tables[...]": lambda d: d["pfsetl"]["changes"]["RVU25D"]["tables"]["rvu"].update(more=1),
}
WRONG: dict[str, Callable[[Document], object]] = {
    "$.resources[0].rows": lambda d: d["resources"][0].update(rows="12"),
    "$.resources[0].bytes": lambda d: d["resources"][0].update(bytes=-1),
    "$.resources[0].path": lambda d: d["resources"][0].update(path="objects/rvu/../../secret.parquet"),
    "$.resources[0].schema": lambda d: d["resources"][0].update(schema="/etc/passwd"),
    "$.pfsetl.releases[...].year": lambda d: record(d).update(year=True),
    "$.pfsetl.releases[...].members[0].not_data[...]": lambda d: record(d)["members"][0]["not_data"].update(x=None),
    "$.created": lambda d: d.update(created=2025),
}


@pytest.mark.parametrize("place", STRANGE)
def test_a_field_that_is_not_known_is_refused_with_its_path(built: LocalStore, document: Document, place):
    STRANGE[place](document)
    with pytest.raises(StoreError) as refused:
        read(built, document)
    where = "" if place == "$" else f" - at `{place}`"
    assert f"Object contains unknown field `more`{where}" in str(refused.value)
    assert str(refused.value).endswith("Restore it from a copy.")


@pytest.mark.parametrize("place", WRONG)
def test_a_value_of_another_kind_is_refused_with_its_path(built: LocalStore, document: Document, place):
    WRONG[place](document)
    with pytest.raises(StoreError, match="not a readable manifest") as refused:
        read(built, document)
    assert f"`{place}`" in str(refused.value)


@pytest.mark.parametrize("field", ["table", "release", "path", "rows", "bytes", "hash", "digest", "schema"])
def test_a_field_that_every_file_needs_is_missed_by_name(built: LocalStore, document: Document, field):
    del document["resources"][0][field]
    with pytest.raises(StoreError, match=f"missing required field `{field}` - at `\\$.resources\\[0\\]`"):
        read(built, document)


def test_written_again_it_is_the_same_bytes(built: LocalStore) -> None:
    data = built.get(manifest.name(2))
    assert encoded(manifest.read(built, 2, data)) == data


def test_a_field_that_came_later_stays_away_where_it_was_not_written(built: LocalStore, document: Document) -> None:
    older = copy.deepcopy(document)
    for field in ("in_force", "since", "since_revision", "rvu_hashes", "identity"):
        del record(older)[field]
    assert json.loads(encoded(read(built, older))) == older


def test_every_record_is_frozen(built: LocalStore) -> None:
    with pytest.raises(AttributeError):
        pfsetl.open(built).resources[0].rows = 0  # type: ignore[misc]


def test_a_manifest_edited_by_hand_is_found_by_the_next_one(built: LocalStore, tmp_path: Path) -> None:
    """The newest names the hash of the one before it (docs/decisions/0025)."""
    assert pfsetl.open(built, 2).manifest.pfsetl.parent_sha256 == pfsetl.open(built, 1).sha256


YOUNGER = ("run", "schema_hash", "in_force", "relative_hashes", "not_published")


@pytest.mark.parametrize("left", YOUNGER)
def test_a_store_whose_manifests_lost_their_hashes_and_records_is_found_by_whatever_else_is_of_their_time(
    built: LocalStore, tmp_path: Path, left: str
) -> None:
    shutil.copytree(built.root, tmp_path / "store", symlinks=True)
    store = LocalStore(tmp_path / "store")
    shutil.rmtree(store.root / "chain")
    shutil.rmtree(store.root / "catalog")
    (store.root / "catalog.json").unlink()
    for number in (1, 2):
        place = store.root / manifest.name(number)
        document = json.loads(place.read_bytes())
        about = document["pfsetl"]
        del about["parent_sha256"]
        for holder in (about, *document["resources"], *about["releases"].values()):
            for field in set(YOUNGER) - {left}:
                holder.pop(field, None)
        place.unlink()
        place.write_text(json.dumps(document))
    bad = verify(store).bad
    assert [left in bad[manifest.name(number)] for number in (1, 2)] == [True, True]
    assert "changed by hand. Restore it from a copy" in bad[manifest.name(2)]
