"""A published version: opened by number, read, verified, exported."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import SourceUnavailable, StoreError, UsageError
from pfsetl.publication.json_records import plain
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied


@pytest.fixture(scope="module")
def template(sampled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    shutil.copy(sampled.with_name("RVU25A.zip"), folder)
    store = LocalStore(copied(sampled, folder / "store"))
    archive = s.write_zip(folder / "RVU26A.zip", s.release("RVU26A"))
    pfsetl.build("RVU26A", store=store, archive=archive, sample=True)
    return store.root


@pytest.fixture
def store(template: Path, tmp_path: Path) -> LocalStore:
    return LocalStore(Path(shutil.copytree(template, tmp_path / "store", symlinks=True)))


def problems(version: Version) -> dict[str, str]:
    return {name: problem for name, problem in version.verify() if problem}


def path_of(version: Version, table: str, release: str = "RVU25A") -> str:
    return str(next(r.path for r in version.resources if (r.table, r.release) == (table, release)))


def test_the_newest_version_is_opened_by_default(store: LocalStore) -> None:
    assert pfsetl.open(store).number == 2


def test_a_version_is_opened_by_number(store: LocalStore) -> None:
    assert list(pfsetl.open(store, 1).releases) == ["RVU25A"]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_store_is_opened_by_its_address(kind: type, store: LocalStore) -> None:
    assert pfsetl.open(kind(store.root)).number == 2


@pytest.mark.parametrize("number", [0, 3, -1])
def test_an_unknown_number_names_those_there(number: int, store: LocalStore) -> None:
    with pytest.raises(UsageError, match=rf"no version {number}\. There are 1 to 2\."):
        pfsetl.open(store, number)


@pytest.mark.parametrize("number", ["2", 2.0])
def test_a_number_that_is_no_whole_number_is_not_said_to_be_absent(number: Any, store: LocalStore) -> None:
    with pytest.raises(UsageError, match="whole number"):
        pfsetl.open(store, number)


@pytest.mark.parametrize("address", [2, b"output"])
def test_what_is_no_address_is_refused_in_words(address: Any) -> None:
    with pytest.raises(UsageError, match="no address"):
        pfsetl.open(address)


def test_a_build_takes_addresses_as_text(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no such file or folder"):
        pfsetl.build("RVU26A", store=str(tmp_path), archive=str(tmp_path / "RVU26A.zip"))


def test_a_table_of_a_store_without_versions_is_told_what_publishes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There are none\..*pfsetl build"):
        pfsetl.open(tmp_path / "nowhere").scan("rvu")


def test_a_store_without_versions_is_version_0(tmp_path: Path) -> None:
    assert pfsetl.open(tmp_path / "nowhere").number == 0


def test_version_0_has_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rvu: no such table in version 0\. There are none\."):
        pfsetl.open(tmp_path).scan("rvu")


def test_an_unknown_table_names_those_there(store: LocalStore) -> None:
    with pytest.raises(UsageError, match=r"rvus: no such table in version 2. There are anesthesia, .*rvu"):
        pfsetl.open(store).scan("rvus")


def test_an_unknown_release_names_those_there(store: LocalStore) -> None:
    with pytest.raises(UsageError, match=r"RVU24A: not in version 2, which holds RVU25A, RVU26A\."):
        pfsetl.open(store).scan("rvu", "RVU24A")


@pytest.mark.parametrize(
    "asked",
    [lambda at: at.scan("rvu", ["RVU26A"]), lambda at: at.release("RVU24A"), lambda at: at.files_of("RVU24A")],
)
def test_every_question_about_a_release_that_is_absent_is_refused(asked: Any, store: LocalStore) -> None:
    with pytest.raises(UsageError, match="which holds RVU25A, RVU26A"):
        asked(pfsetl.open(store))


def test_a_label_may_be_written_in_small_letters(store: LocalStore) -> None:
    opened = pfsetl.open(store)
    assert opened.scan("code_history", "rvu26a").collect()["release"].unique().to_list() == ["RVU26A"]
    assert opened.files("rvu", "rvu26a ") == opened.files("rvu", "RVU26A")
    assert opened.files_of("rvu26a") == opened.files_of("RVU26A")
    assert opened.release("rvu26a").label == "RVU26A"


def test_a_table_is_scanned_of_one_release(store: LocalStore) -> None:
    assert pfsetl.open(store).scan("rvu", "RVU26A").collect()["release"].unique().to_list() == ["RVU26A"]


def test_a_table_is_scanned_of_all_releases(store: LocalStore) -> None:
    assert pfsetl.open(store).scan("rvu").select(pl.len()).collect().item() == 7 + 13


def test_a_good_version_verifies(store: LocalStore) -> None:
    version = pfsetl.open(store)
    assert dict(version.verify()) == {name: "" for r in version.resources for name in (r.path, r.schema)}


def test_verify_finds_a_flipped_byte(store: LocalStore) -> None:
    version = pfsetl.open(store)
    target = store.root / path_of(version, "rvu")
    target.chmod(0o644)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    assert list(problems(version)) == [path_of(version, "rvu")]


def test_verify_finds_a_deleted_object(store: LocalStore) -> None:
    version = pfsetl.open(store)
    (store.root / path_of(version, "gpci")).unlink()
    assert problems(version) == {path_of(version, "gpci"): "missing; build the release again to restore it"}


def test_verify_finds_a_changed_schema(store: LocalStore) -> None:
    name = pfsetl.open(store).resources[0].schema
    (store.root / name).chmod(0o644)
    (store.root / name).write_text("{}")
    assert list(problems(pfsetl.open(store))) == [name]


def test_building_again_restores_a_deleted_schema(store: LocalStore, template: Path) -> None:
    (store.root / pfsetl.open(store).resources[0].schema).unlink()
    pfsetl.build("RVU25A", store=store, archive=template.parent / "RVU25A.zip", sample=True)
    assert problems(pfsetl.open(store)) == {}


def test_building_again_lays_out_a_version_that_a_killed_build_left_bare(store: LocalStore, template: Path) -> None:
    (store.root / "latest").unlink()
    shutil.rmtree(store.root / "tree" / "000002")
    pfsetl.build("RVU26A", store=store, archive=template.parent / "RVU26A.zip", sample=True)
    assert pl.read_parquet(store.root / "latest" / "rvu" / "*.parquet").height == 20


def test_a_store_whose_folder_looks_like_a_pattern_is_read(template: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(template, tmp_path / "we[i]rd *", symlinks=True)
    assert pfsetl.open(copy).scan("rvu").collect().height == 20


def test_building_again_restores_a_deleted_object(store: LocalStore, template: Path) -> None:
    version = pfsetl.open(store)
    (store.root / path_of(version, "gpci")).unlink()
    pfsetl.build("RVU25A", store=store, archive=template.parent / "RVU25A.zip", sample=True)
    assert problems(version) == {}


def test_objects_are_read_only(store: LocalStore) -> None:
    assert {p.stat().st_mode & 0o777 for p in (store.root / "objects").rglob("*.parquet")} == {0o444}


def test_latest_points_at_the_newest_tree(store: LocalStore) -> None:
    assert str((store.root / "latest").readlink()) == "tree/000002"


def test_any_parquet_reader_can_glob_a_version(store: LocalStore) -> None:
    assert pl.read_parquet(store.root / "latest" / "rvu" / "*.parquet").height == 20
    assert pl.read_parquet(store.root / "tree" / "000001" / "rvu" / "*.parquet").height == 7


def test_an_export_holds_the_same_bytes(store: LocalStore, tmp_path: Path) -> None:
    version = pfsetl.open(store)
    version.export(tmp_path / "out")
    for resource in version.resources:
        exported = tmp_path / "out" / resource.table / f"{resource.release}.parquet"
        assert exported.read_bytes() == store.get(resource.path)


def test_an_export_describes_itself(store: LocalStore, tmp_path: Path) -> None:
    pfsetl.open(store).export(tmp_path / "out")
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    named = {(tmp_path / "out" / r[key]).is_file() for r in package["resources"] for key in ("path", "schema")}
    assert named == {True}


def test_an_export_returns_its_tables_and_what_describes_them(store: LocalStore, tmp_path: Path) -> None:
    written = pfsetl.open(store).export(tmp_path / "out")
    assert {*written} == {*(tmp_path / "out").rglob("*.parquet"), tmp_path / "out" / "datapackage.json"}


def test_an_export_never_overwrites(store: LocalStore, tmp_path: Path) -> None:
    folder = s.write_folder(tmp_path / "out", {"mine.txt": b"x"})
    with pytest.raises(UsageError, match=r"Export into a new folder"):
        pfsetl.open(store).export(folder)


def test_an_export_of_a_damaged_file_is_refused_and_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    target = store.root / path_of(pfsetl.open(store), "rvu")
    target.chmod(0o644)
    target.write_bytes(target.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match=rf"{target.name}: its sha256 is .* Nothing was exported"):
        pfsetl.open(store).export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_of_a_damaged_schema_is_refused_and_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    schema = store.root / pfsetl.open(store).resources[0].schema
    schema.chmod(0o644)
    schema.write_text("{}")
    with pytest.raises(StoreError, match=rf"{schema.name}: its sha256 is .* Nothing was exported"):
        pfsetl.open(store).export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_of_a_missing_file_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    (store.root / path_of(pfsetl.open(store), "rvu")).unlink()
    with pytest.raises(StoreError):
        pfsetl.open(store).export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_into_a_bucket_is_refused(store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        pfsetl.open(store).export("s3://bucket/out")


def test_an_export_onto_a_file_is_refused(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises((UsageError, StoreError)):
        pfsetl.open(store).export(tmp_path / "out")


def with_manifest(store: LocalStore, text: str) -> LocalStore:
    (store.root / "versions" / "000003.json").write_text(text)
    return store


def test_a_manifest_of_a_newer_format_is_refused(store: LocalStore) -> None:
    document = {**plain(pfsetl.open(store).manifest), "pfsetl": {"format": 4, "releases": {}}}
    with pytest.raises(StoreError, match=r"000003.json: written by a newer pfsetl \(manifest format 4.*Upgrade"):
        pfsetl.open(with_manifest(store, json.dumps(document)))


def test_a_manifest_of_a_newer_format_may_have_other_fields(store: LocalStore) -> None:
    with pytest.raises(StoreError, match=r"manifest format 4.*Upgrade"):
        pfsetl.open(with_manifest(store, '{"pfsetl": {"format": 4}}'))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"pfsetl": []}', "\x00\x00"])
def test_a_damaged_manifest_is_refused(text: str, store: LocalStore) -> None:
    with pytest.raises(StoreError, match=r"000003.json: not a readable manifest .*Restore it from a copy"):
        pfsetl.open(with_manifest(store, text))


@pytest.mark.parametrize(
    "text",
    [
        '{"pfsetl": {"format": "1", "releases": {}}, "resources": []}',
        '{"pfsetl": {"format": 1}, "resources": []}',
        '{"pfsetl": {"format": 1, "releases": {}}, "resources": [{}]}',
    ],
)
def test_an_incomplete_manifest_is_refused(text: str, store: LocalStore) -> None:
    damaged = with_manifest(store, text)
    with pytest.raises(StoreError):
        pfsetl.open(damaged)


@pytest.mark.parametrize("field", ["table", "release"])
@pytest.mark.parametrize("name", ["../../outside", "/outside", "..", ""])
def test_a_manifest_never_leads_out_of_the_folder_it_is_exported_to(field: str, name: str, store: LocalStore) -> None:
    manifest = json.loads(store.get("versions/000002.json"))
    manifest["resources"][0][field] = name
    with pytest.raises(StoreError, match="not a readable manifest"):
        pfsetl.open(with_manifest(store, json.dumps(manifest)))


def test_an_earlier_version_opens_beside_a_damaged_one(store: LocalStore) -> None:
    assert pfsetl.open(with_manifest(store, "{"), 2).number == 2


def test_other_files_among_the_manifests_are_passed_over(store: LocalStore) -> None:
    (store.root / "versions" / "notes.json").write_text("x")
    (store.root / "versions" / ".000009.json.swp").write_text("x")
    assert pfsetl.open(store).number == 2


def test_the_digest_of_rows_is_that_of_the_manifest(store: LocalStore) -> None:
    version = pfsetl.open(store)
    recorded = next(r.digest for r in version.resources if (r.table, r.release) == ("rvu", "RVU26A"))
    assert version.table_digest("rvu", "RVU26A") == recorded
