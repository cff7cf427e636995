"""A manifest and an export are Data Package descriptors by the standard's own JSON schema (version 2.0).

The schema comes from the package dplib-py, of the standard's working group. What the standard asks for in words alone
(unique names, paths that stay inside) is checked here too.
"""

import json
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest

import pfsetl
from pfsetl.publication import manifest, rollback, version
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s

pytestmark = pytest.mark.long

Package = dict[str, Any]


def problems(document: Package, profile: str) -> list[str]:
    """What the standard's schema says against a document."""
    schema = json.loads((resources.files("dplib") / "profiles" / "2.0" / f"{profile}.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [error.message for error in validator.iter_errors(document)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    folder = tmp_path_factory.mktemp("package")
    store = LocalStore(folder / "store")
    for label in ("RVU25A", "RVU26A"):
        archive = s.write_zip(folder / f"{label}.zip", s.release(label))
        pfsetl.build(label, store=store, archive=archive, url=f"https://cms.test/{label}.zip", sample=True)
    rollback.rollback(store, 1)
    return store


@pytest.fixture(scope="module", params=["manifest 2", "manifest of a rollback", "export"])
def package(request: pytest.FixtureRequest, store: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A descriptor, and the folder its paths are in."""
    if request.param == "export":
        folder = tmp_path_factory.mktemp("export") / "out"
        version.open_version(store, 2).export(folder)
        return json.loads((folder / "datapackage.json").read_text()), folder
    number = 2 if request.param == "manifest 2" else 3
    return json.loads(store.get(manifest.name(number))), store.root


def test_it_is_a_data_package(package: tuple[Package, Path]) -> None:
    assert problems(package[0], "datapackage") == []


def test_it_says_which_profile_it_follows(package: tuple[Package, Path]) -> None:
    assert package[0]["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"


def test_every_resource_has_a_name_of_its_own(package: tuple[Package, Path]) -> None:
    names = [r["name"] for r in package[0]["resources"]]
    assert (len(names) > 14, len(names)) == (True, len(set(names)))


def test_every_path_stays_inside_and_is_there(package: tuple[Package, Path]) -> None:
    paths = [PurePosixPath(r[field]) for r in package[0]["resources"] for field in ("path", "schema")]
    assert [p for p in paths if p.is_absolute() or ".." in p.parts or not (package[1] / p).is_file()] == []


def test_every_schema_is_a_table_schema_of_the_columns_in_the_file(package: tuple[Package, Path]) -> None:
    import pyarrow.parquet as pq

    for resource in package[0]["resources"]:
        schema = json.loads((package[1] / resource["schema"]).read_text())
        assert problems(schema, "tableschema") == [], resource["name"]
        assert [f["name"] for f in schema["fields"]] == pq.read_schema(package[1] / resource["path"]).names


def test_size_and_checksum_are_those_of_the_file(package: tuple[Package, Path]) -> None:
    import hashlib

    for resource in package[0]["resources"]:
        data = (package[1] / resource["path"]).read_bytes()
        assert (resource["bytes"], resource["hash"]) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")


def test_every_table_leads_to_the_archive_its_url_and_the_members_it_is_made_of(package: tuple[Package, Path]) -> None:
    about = package[0]["pfsetl"]
    for resource in package[0]["resources"]:
        if resource["release"] == "all":
            continue
        record = about["releases"][resource["release"]]
        assert len(record["archive"]["sha256"]) == 64
        assert record["archive"]["url"] == f"https://cms.test/{resource['release']}.zip"
        files = {m["file"] for m in record["members"] if m["member"] in about["members"][resource["table"]]}
        assert (files == set()) == (resource["table"] in ("releases", "release_calendar")), resource["name"]


def test_a_table_over_all_releases_leads_to_those_it_is_made_of(package: tuple[Package, Path]) -> None:
    (found,) = (r for r in package[0]["resources"] if r["table"] == "code_history")
    assert [entry.split(" ")[0] for entry in found["of"]] == sorted(package[0]["pfsetl"]["releases"])


def test_a_payment_in_a_locality_is_made_of_rvus_indices_and_localities(package: tuple[Package, Path]) -> None:
    # The county list tells the state of a locality whose index file leaves it out.
    assert package[0]["pfsetl"]["members"]["payment_locality"] == ["pprrvu", "gpci", "locality_county"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.pop("resources"),
        lambda p: p.update(resources=[]),
        lambda p: p["resources"][0].pop("name"),
        lambda p: p["resources"][0].pop("path"),
        lambda p: p["resources"][0].update(path="/etc/passwd"),
        lambda p: p["resources"][0].update(bytes="many"),
    ],
    ids=["no resources", "an empty list", "no name", "no path", "a path outside", "a size in words"],
)
def test_the_schema_of_the_standard_sees_a_damaged_descriptor(damage: Any, store: LocalStore) -> None:
    document = json.loads(store.get(manifest.name(2)))
    damage(document)
    assert problems(document, "datapackage") != []
