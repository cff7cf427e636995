"""`catalog.json` names every version and the files of each; it's never the truth, and is made anew when it's wrong."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from pfsetl.publication import catalog, catalog_writing, manifest, publish, rollback, staging, version
from pfsetl.publication.json_records import encoded
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import layout, prune, repair, verify
from tests import publisher
from tests.copied import copied

pytestmark = pytest.mark.long

CONTRACT = publisher.CONTRACT


def published(store: LocalStore, value: str, label: str = "RVU25A") -> None:
    frames = {"conversion_factor": publisher.factor(label, value)}
    staged = staging.stage(store, label, frames, publisher.record(label), CONTRACT)
    publish.commit(store, [staged], version.open_version(store), CONTRACT)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """A store of two versions: RVU25A, then RVU25B beside it."""
    made = LocalStore(tmp_path / "store")
    published(made, "32.3465")
    published(made, "32.3465", "RVU25B")
    return made


def told(store: LocalStore) -> Any:
    return json.loads((store.root / "catalog.json").read_bytes())


def listing(store: LocalStore) -> Any:
    return json.loads((store.root / told(store)["versions"][-1]["listing"]).read_bytes())


# --- what it says -----------------------------------------------------------------------------------------------


def test_it_names_every_version_with_what_became_of_its_releases(store: LocalStore) -> None:
    published(store, "33.0000")
    found = [(v["version"], v["releases"], v["changed"]) for v in told(store)["versions"]]
    assert found == [(1, 1, {"RVU25A": "added"}), (2, 2, {"RVU25B": "added"}), (3, 2, {"RVU25A": "replaced"})]


def test_what_a_rollback_leaves_out_is_said(store: LocalStore) -> None:
    rollback.rollback(store, 1)
    entry = told(store)["versions"][-1]
    assert (entry["version"], entry["changed"], entry["content_of"]) == (3, {"RVU25B": "left out"}, 1)


def test_manifests_and_listings_have_the_hashes_that_it_names(store: LocalStore) -> None:
    for entry in told(store)["versions"]:
        for name in ("manifest", "listing"):
            assert hashlib.sha256((store.root / entry[name]).read_bytes()).hexdigest() == entry[f"{name}_sha256"]


def test_a_listing_names_the_files_of_its_version_with_their_first_and_last_keys(store: LocalStore) -> None:
    files = listing(store)["tables"]["conversion_factor"]["files"]
    for file in files:
        data = (store.root / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert [(f["first"], f["last"]) for f in files] == [([x, "all"], [x, "all"]) for x in ("RVU25A", "RVU25B")]


@pytest.mark.parametrize("few", [0, catalog_writing.FEW_ROWS], ids=["by its ends", "whole"])
def test_a_file_is_listed_with_the_keys_of_its_first_and_last_row(
    few: int, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(copied(demo, tmp_path / "store"))
    monkeypatch.setattr(catalog_writing, "FEW_ROWS", few)
    catalog_writing.renew(store)
    for name in ("payment_locality", "release_calendar", "rvu", "source_lines"):
        table = listing(store)["tables"][name]
        for file in table["files"]:
            rows = pq.read_table(store.root / file["path"], columns=table["key"]).to_pylist()
            ends = [[str(row[key]) for key in table["key"]] for row in (rows[0], rows[-1])]
            assert [file["first"], file["last"]] == ends


def test_a_listing_has_the_days_of_its_releases(store: LocalStore) -> None:
    days = listing(store)["releases"]["RVU25B"]  # CMS's second quarter of 2025
    assert (days["effective_from"], days["effective_to"]) == ("2025-04-01", "2025-06-30")


def test_search_engines_find_a_dataset_in_it(store: LocalStore) -> None:
    found = told(store)["dataset"]
    assert (found["@context"], found["@type"]) == ("https://schema.org/", "Dataset")
    assert (found["version"], found["temporalCoverage"]) == ("2", "2025-01-01/2025-06-30")


def _polars(paths: list[str]) -> int:
    return pl.scan_parquet(paths).collect().height


def _duckdb(paths: list[str]) -> int:
    with duckdb.connect() as database:  # the shared one would be left with an unfinished result
        return len(database.execute("SELECT 1 FROM read_parquet(?)", [paths]).fetchall())


def _pandas(paths: list[str]) -> int:
    return len(pd.concat([pd.read_parquet(path) for path in paths]))


def _pyarrow(paths: list[str]) -> int:
    return sum(pq.read_table(path).num_rows for path in paths)


@pytest.mark.parametrize("read", [_polars, _duckdb, _pandas, _pyarrow])
def test_a_reader_finds_the_newest_files_from_it_alone(read: Callable[[list[str]], int], store: LocalStore) -> None:
    files = listing(store)["tables"]["conversion_factor"]["files"]
    assert read([str(store.root / file["path"]) for file in files]) == sum(file["rows"] for file in files) == 2


# --- it's made anew ---------------------------------------------------------------------------------------------


def test_a_crash_before_it_is_written_is_made_good_by_the_next_build(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(catalog_writing, "keep", lambda _: None)
        published(store, "33.0000")
    assert told(store)["newest"] == 2
    published(store, "33.0000")  # nothing to do
    assert told(store)["newest"] == 3


def test_a_stale_one_is_told_and_no_damage(store: LocalStore) -> None:
    old = (store.root / "catalog.json").read_bytes()
    published(store, "33.0000")
    (store.root / "catalog.json").write_bytes(old)
    proof = verify.verify(store)
    assert "no version after 2" in proof.notes["catalog.json"]
    assert not proof.bad


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "edited by hand": lambda data: data.replace(b'"added"', b'"replaced"', 1),
    "no JSON": lambda _: b"latest",
    "of another format": lambda data: data.replace(b'"format": 1', b'"format": 2'),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("how", EDITS)
def test_a_damaged_one_is_noticed(how: str, store: LocalStore) -> None:
    place = store.root / "catalog.json"
    place.write_bytes(EDITS[how](place.read_bytes()))
    assert "repair" in verify.verify(store).bad["catalog.json"]


@pytest.mark.parametrize(("make", "said"), [(os.mkfifo, "a pipe or a device"), (Path.mkdir, "a folder")])
def test_what_stands_in_its_place_is_called_what_it_is(
    make: Callable[[Path], object], said: str, store: LocalStore
) -> None:
    place = store.root / "catalog.json"
    place.unlink()
    make(place)
    [(name, problem)] = layout.misplaced(store)
    assert (name, problem.startswith(f"{said}, where a file of the store belongs")) == ("catalog.json", True)


@pytest.mark.parametrize("how", EDITS)
@pytest.mark.parametrize("again", [lambda s: published(s, "32.3465"), repair.repair], ids=["build", "repair"])
def test_a_damaged_one_is_made_anew(how: str, again: Callable[[LocalStore], object], store: LocalStore) -> None:
    place = store.root / "catalog.json"
    before = place.read_bytes()
    place.write_bytes(EDITS[how](before))
    again(store)
    assert place.read_bytes() == before


def test_one_that_was_made_to_fit_itself_is_still_held_against_the_manifests(store: LocalStore) -> None:
    forged = catalog.read(store)
    data = encoded(forged).replace(b'"added"', b'"replaced"', 1)
    content = json.loads(data) | {"sha256": ""}
    content["sha256"] = hashlib.sha256(json.dumps(content, indent=1).encode() + b"\n").hexdigest()
    (store.root / "catalog.json").write_bytes(json.dumps(content, indent=1).encode() + b"\n")
    assert "what its manifest doesn't" in verify.verify(store).bad["catalog.json"]


def test_a_damaged_listing_is_noticed_and_made_anew(store: LocalStore) -> None:
    place = store.root / catalog.listing_name(1)
    before = place.read_bytes()
    place.write_bytes(before.replace(b"RVU25A", b"RVU25Z"))
    assert catalog.listing_name(1) in verify.verify(store).bad
    repair.repair(store)
    assert place.read_bytes() == before


def test_a_store_of_before_gets_one_with_all_its_versions(store: LocalStore) -> None:
    before = (store.root / "catalog.json").read_bytes()
    (store.root / "catalog.json").unlink()
    for name in store.names("catalog"):
        store.delete(name)
    assert "missing" in verify.verify(store).notes["catalog.json"]
    published(store, "32.3465")  # nothing to do
    assert (store.root / "catalog.json").read_bytes() == before


def test_a_version_whose_manifest_is_damaged_keeps_no_other_out(store: LocalStore) -> None:
    (store.root / "catalog.json").unlink()
    place = store.root / manifest.name(1)
    place.chmod(0o644)
    place.write_bytes(b"{}")
    published(store, "33.0000")
    assert [v["version"] for v in told(store)["versions"]] == [2, 3]


def test_a_newer_version_that_cant_be_read_is_not_waited_for(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalStore.put
    written: list[str] = []

    def beside(self: LocalStore, name: str, content: bytes) -> None:
        """A build of a newer pfsetl publishes a version just before this one writes its catalogue."""
        (self.root / manifest.name(4)).write_text('{"pfsetl": {"format": 99}}')
        written.append(name)
        assert written.count("catalog.json") < 5, "it goes on for ever"
        write(self, name, content)

    monkeypatch.setattr(LocalStore, "put", beside)
    published(store, "33.0000")
    assert told(store)["newest"] == 3


def test_an_edited_manifest_makes_no_catalogue(store: LocalStore) -> None:
    before, place = (store.root / "catalog.json").read_bytes(), store.root / manifest.name(2)
    place.chmod(0o644)
    place.write_bytes(place.read_bytes().replace(b'"rows": 1', b'"rows": 2', 1))
    repair.repair(store)
    proof = verify.verify(store)
    assert (store.root / "catalog.json").read_bytes() == before
    assert [name for name in proof.bad if name.startswith("catalog")] == []


def test_pruned_versions_leave_it_with_their_listings(store: LocalStore) -> None:
    plan = prune.plan_prune(store, 1, grace=0)
    prune.prune(store, plan, grace=0)
    assert [v["version"] for v in told(store)["versions"]] == [2]
    assert store.names("catalog") == [catalog.listing_name(2)]


# --- two publishers ---------------------------------------------------------------------------------------------


def test_who_wrote_an_older_one_last_writes_the_newer_one_too(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalStore.put
    tried: list[str] = []

    def beaten(self: LocalStore, name: str, content: bytes) -> None:
        """Another build publishes a version, with its catalogue, just before this one writes its own."""
        if name == "catalog.json" and not tried:
            tried.append(name)
            published(store, "34.0000", "RVU25C")
        write(self, name, content)

    monkeypatch.setattr(LocalStore, "put", beaten)
    published(store, "33.0000")
    assert [v["version"] for v in told(store)["versions"]] == [1, 2, 3, 4]
