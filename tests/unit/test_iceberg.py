"""Versions as Iceberg tables: a snapshot and a tag each, over the published files themselves."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.manifest import ManifestEntryStatus
from pyiceberg.table import StaticTable

from pfsetl.declared.contracts import Contract
from pfsetl.errors import StoreError, UsageError
from pfsetl.iceberg import register, table
from pfsetl.iceberg.register import Registration
from pfsetl.publication import pins, publish, registered, rollback, staging, version, withdraw
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import prune, repair, verify
from tests import publisher as p
from tests.copied import copied
from tests.unit.test_export import missing

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore:Iceberg scan planning")]

NAME = "conversion_factor"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two versions, to be copied: RVU25A at 32.3465, then RVU25B beside it."""
    made = LocalStore(tmp_path_factory.mktemp("two") / "store")
    p.published(made, "RVU25A", "32.3465")
    p.published(made, "RVU25B", "33.0000")
    return made.root


@pytest.fixture
def store(two_versions: Path, tmp_path: Path) -> LocalStore:
    return LocalStore(copied(two_versions, tmp_path / "store"))


def opened(done: Registration, name: str = NAME) -> StaticTable:
    return StaticTable.from_metadata(done.tables[name])


def factors(rows: pl.DataFrame) -> dict[str, Decimal]:
    return dict(rows.select("release", "conversion_factor").sort("release").iter_rows())


def at_tag(done: Registration, tag: str, name: str = NAME) -> pl.DataFrame:
    """The rows of a tag as pyiceberg reads them."""
    found = opened(done, name)
    snapshot = found.snapshot_by_name(tag)
    assert snapshot
    return pl.DataFrame(found.scan(snapshot_id=snapshot.snapshot_id).to_arrow())


def by_polars(done: Registration, number: int | None = None) -> pl.DataFrame:
    return pl.scan_iceberg(done.tables[NAME], snapshot_id=number, use_pyiceberg_filter=False).collect()


def entries(done: Registration, number: int) -> list[tuple[ManifestEntryStatus, str]]:
    """What became of which file in a snapshot."""
    found = opened(done)
    snapshot = found.metadata.snapshot_by_id(number)
    assert snapshot
    return [
        (entry.status, entry.data_file.partition[0])
        for manifest in snapshot.manifests(found.io)
        for entry in manifest.fetch_manifest_entry(found.io, discard_deleted=False)
    ]


# --- what readers find ------------------------------------------------------------------------------------------


def test_each_version_is_a_snapshot_with_its_number_and_a_tag(store: LocalStore) -> None:
    refs = opened(register.register(store)).metadata.refs
    assert {name: ref.snapshot_id for name, ref in refs.items()} == {"v1": 1, "v2": 2, "main": 2}


def test_an_old_version_reads_as_it_was(store: LocalStore) -> None:
    done = register.register(store)
    assert factors(at_tag(done, "v1")) == factors(by_polars(done, 1)) == {"RVU25A": Decimal("32.3465")}
    assert (
        factors(at_tag(done, "v2"))
        == factors(by_polars(done))
        == {
            "RVU25A": Decimal("32.3465"),
            "RVU25B": Decimal("33.0000"),
        }
    )


def test_the_files_are_the_published_ones_and_none_is_copied(store: LocalStore) -> None:
    before = set(store.root.rglob("*.parquet"))
    done = register.register(store)
    named = {task.file.file_path for task in opened(done).scan().plan_files()}
    assert named == {f"file://{store.uri(r.path)}" for r in version.open_version(store).resources if r.table == NAME}
    assert set(store.root.rglob("*.parquet")) == before


def test_a_replaced_release_takes_its_old_file_out_and_puts_the_new_one_in(store: LocalStore) -> None:
    p.published(store, "RVU25A", "34.0000")
    done = register.register(store)
    added, existing, deleted = ManifestEntryStatus.ADDED, ManifestEntryStatus.EXISTING, ManifestEntryStatus.DELETED
    assert sorted(entries(done, 3)) == [(existing, "RVU25B"), (added, "RVU25A"), (deleted, "RVU25A")]
    snapshot = opened(done).metadata.snapshot_by_id(3)
    assert snapshot is not None
    assert snapshot.summary is not None
    assert snapshot.summary.operation.value == "overwrite"
    assert factors(at_tag(done, "v3"))["RVU25A"] == Decimal("34.0000")
    assert factors(at_tag(done, "v2"))["RVU25A"] == Decimal("32.3465")


def test_a_filter_on_the_release_opens_its_files_alone(store: LocalStore) -> None:
    planned = list(opened(register.register(store)).scan("release == 'RVU25B'").plan_files())
    assert [task.file.partition[0] for task in planned] == ["RVU25B"]


def test_a_table_in_one_file_has_its_versions_too(store: LocalStore) -> None:
    done = register.register(store)
    assert at_tag(done, "v1", "code_values").equals(
        pl.read_parquet(version.open_version(store, 1).files("code_values"))
    )


def test_a_rollback_is_the_next_snapshot(store: LocalStore) -> None:
    rollback.rollback(store, 1)
    done = register.register(store)
    assert factors(by_polars(done)) == {"RVU25A": Decimal("32.3465")}


def test_a_withdrawn_release_stays_under_the_tags_of_before(store: LocalStore) -> None:
    withdraw.withdraw(store, "RVU25B", "a draft")
    done = register.register(store)
    assert sorted(factors(by_polars(done))) == ["RVU25A"]
    assert sorted(factors(at_tag(done, "v2"))) == ["RVU25A", "RVU25B"]


def test_columns_have_the_contract_s_meanings_units_and_key(store: LocalStore) -> None:
    schema = opened(register.register(store)).schema()
    known = p.CONTRACT.tables[NAME]
    docs = {f.name: f.doc for f in schema.fields}
    assert list(docs) == list(known.schema)
    column = next(c for c in known.columns if c.name == "conversion_factor")
    assert docs["conversion_factor"] == f"{column.description} [{column.unit}]"
    assert [schema.find_column_name(number) for number in schema.identifier_field_ids] == list(known.key)


def without(column: str) -> Contract:
    """The contract of a time before a column of the table."""
    known = p.CONTRACT.tables[NAME]
    shorter = dataclasses.replace(known, columns=tuple(c for c in known.columns if c.name != column))
    return dataclasses.replace(p.CONTRACT, tables={**p.CONTRACT.tables, NAME: shorter})


def test_a_column_that_came_later_is_null_in_files_of_before_and_absent_under_their_tag(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    before, gone = without("effective_to"), "effective_to"
    staged = staging.stage(store, "RVU25A", {NAME: p.factor("RVU25A", "1.0000").drop(gone)}, p.RECORD, before)
    publish.commit(store, [staged], version.open_version(store), before)
    p.published(store, "RVU25B", "2.0000")
    done = register.register(store)
    assert gone not in at_tag(done, "v1").columns
    now = at_tag(done, "v2")
    assert (now.columns, now[gone].null_count(), factors(now)["RVU25A"]) == (
        list(p.CONTRACT.tables[NAME].schema),
        2,
        Decimal("1.0000"),
    )
    ids = [{f.name: f.field_id for f in schema.fields} for schema in opened(done).metadata.schemas]
    assert all(ids[1][name] == number for name, number in ids[0].items())


# --- again, later, elsewhere ------------------------------------------------------------------------------------


def metadata(store: LocalStore) -> set[str]:
    return {str(path.relative_to(store.root)) for path in (store.root / "iceberg").rglob("*") if path.is_file()}


def test_a_second_run_writes_nothing(store: LocalStore) -> None:
    register.register(store)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    assert register.register(store).changed == ()
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*") if "tmp" not in path.name} == {
        path: time for path, time in before.items() if "tmp" not in path.name
    }


def test_a_new_version_adds_its_snapshot_and_rewrites_no_other(store: LocalStore) -> None:
    register.register(store)
    before = metadata(store)
    p.published(store, "RVU26A", "33.4009")
    done = register.register(store)
    new = {name.rpartition("/")[2][:6] for name in metadata(store) - before if name.endswith(".avro")}
    assert (done.added, new, opened(done).metadata.current_snapshot_id) == ((3,), {"000003"}, 3)
    assert factors(at_tag(done, "v3")).keys() == {"RVU25A", "RVU25B", "RVU26A"}


def test_a_moved_store_is_refused_until_its_new_address_is_given(store: LocalStore, tmp_path: Path) -> None:
    register.register(store)
    shutil.move(store.root, tmp_path / "moved")
    moved = LocalStore(tmp_path / "moved")
    with pytest.raises(UsageError, match=f"--base file://{tmp_path}/moved"):
        register.register(moved)
    done = register.register(moved, f"file://{tmp_path}/moved")
    assert done.base_before == f"file://{store.root}"
    assert factors(at_tag(done, "v1")) == {"RVU25A": Decimal("32.3465")}


def test_the_base_may_be_where_the_store_will_be_read(store: LocalStore) -> None:
    done = register.register(store, "s3://bucket/mpfs/")
    content = json.loads((store.root / registered.folder(NAME) / "v1.metadata.json").read_text())
    assert content["location"] == f"s3://bucket/mpfs/iceberg/pfs/{NAME}"
    assert done.tables[NAME] == f"s3://bucket/mpfs/iceberg/pfs/{NAME}/metadata/v1.metadata.json"
    assert register.register(store).changed == ()  # without --base it stays


def test_a_folder_that_no_reader_could_follow_is_refused(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "my [store]")
    p.published(store, "RVU25A", "1.0000")
    with pytest.raises(UsageError, match=r"my \[store\]: has \[ \], which Iceberg readers misread"):
        register.register(store)


@pytest.mark.parametrize("base", ["output", "file://output", "s3://", "", "file:///data/100%", "s3://b/a?b"])
def test_a_base_that_no_reader_could_follow_is_refused(base: str, store: LocalStore) -> None:
    with pytest.raises(UsageError, match="--base"):
        register.register(store, base)
    assert metadata(store) == set()


def test_a_folder_with_a_blank_reads(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "my store")
    p.published(store, "RVU25A", "1.0000")
    done = register.register(store)
    assert factors(at_tag(done, "v1")) == factors(by_polars(done)) == {"RVU25A": Decimal("1.0000")}


def test_pyiceberg_finds_the_newest_rows_from_the_catalogue_alone(store: LocalStore) -> None:
    register.register(store)
    named = json.loads((store.root / "catalog.json").read_text())["iceberg"]
    told = json.loads((store.root / named).read_text())
    found = StaticTable.from_metadata(f"{told['base']}/{told['tables'][NAME]['metadata']}")
    assert factors(pl.DataFrame(found.scan().to_arrow())).keys() == {"RVU25A", "RVU25B"}
    assert told["versions"] == [1, 2]


def test_the_folder_of_a_table_leads_to_its_newest_metadata(store: LocalStore) -> None:
    register.register(store)
    p.published(store, "RVU26A", "33.4009")
    register.register(store)
    found = StaticTable.from_metadata(f"file://{store.root}/iceberg/pfs/{NAME}")
    assert found.metadata.current_snapshot_id == 3


# --- prune and tags ---------------------------------------------------------------------------------------------


def test_prune_keeps_what_a_tag_needs_until_it_s_given_up(store: LocalStore) -> None:
    register.register(store)
    plan = prune.plan_prune(store, 1, grace=0)
    assert (plan.versions, plan.pinned, plan.kept) == ((), (1,), (1, 2))
    done = register.register(store, keep=1)
    assert (done.given_up, set(opened(done).metadata.refs)) == ((1,), {"v2", "main"})
    pruned = prune.prune(store, prune.plan_prune(store, 1, grace=0), grace=0)
    assert (pruned.versions, verify.verify(store).bad) == ((1,), {})
    assert factors(by_polars(done)).keys() == {"RVU25A", "RVU25B"}


def test_a_version_between_two_that_have_tags_can_go(store: LocalStore) -> None:
    register.register(store)
    p.published(store, "RVU25A", "34.0000")
    p.published(store, "RVU25A", "35.0000")
    plan = prune.prune(store, prune.plan_prune(store, 1, grace=0), grace=0)
    assert (plan.versions, plan.kept, verify.verify(store).bad) == ((3,), (1, 2, 4), {})
    done = register.register(store)
    assert (done.versions, factors(at_tag(done, "v2"))["RVU25A"]) == ((1, 2, 4), Decimal("32.3465"))


def test_a_version_that_gets_its_tag_after_the_plan_isn_t_pruned(store: LocalStore) -> None:
    plan = prune.plan_prune(store, 1, grace=0)
    register.register(store)
    done = prune.prune(store, plan, grace=0)
    assert (done.versions, done.pinned, version.numbers(store)) == ((), (1,), [1, 2])


def test_a_version_pruned_before_has_no_tag(store: LocalStore) -> None:
    prune.prune(store, prune.plan_prune(store, 1, grace=0), grace=0)
    done = register.register(store)
    assert (done.versions, set(opened(done).metadata.refs)) == ((2,), {"v2", "main"})


def test_tags_given_up_come_back_while_their_versions_are_there(store: LocalStore) -> None:
    register.register(store, keep=1)
    assert register.register(store).versions == (2,)
    done = register.register(store, keep=2)
    assert factors(at_tag(done, "v1")) == {"RVU25A": Decimal("32.3465")}


def test_a_version_whose_manifest_is_lost_loses_its_tag(store: LocalStore) -> None:
    register.register(store)
    (store.root / "versions/000001.json").unlink()
    assert "pins/000001-iceberg" in verify.verify(store).bad
    repair.repair(store)
    done = register.register(store)
    assert (done.given_up, pins.pinned(store), verify.verify(store).bad) == ((1,), {2}, {})


def test_removing_leaves_the_store_as_it_was(store: LocalStore) -> None:
    register.register(store)
    register.remove(store)
    assert (metadata(store), pins.pinned(store)) == (set(), set())
    assert "iceberg" not in json.loads((store.root / "catalog.json").read_text())
    assert verify.verify(store).bad == {}


# --- damage, crashes, races -------------------------------------------------------------------------------------


def damaged(name: str, store: LocalStore) -> Path:
    (path,) = (store.root / registered.folder(NAME)).glob(name)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9])
    return path


@pytest.mark.parametrize("name", ["v1.metadata.json", "000001-*-list.avro", "000002-*-m1.avro"])
def test_a_damaged_file_is_found_and_made_anew(name: str, store: LocalStore) -> None:
    register.register(store)
    path = damaged(name, store)
    assert str(path.relative_to(store.root)) in verify.verify(store).bad
    done = register.register(store, again=True)
    assert (verify.verify(store).bad, factors(at_tag(done, "v1"))) == ({}, {"RVU25A": Decimal("32.3465")})


@pytest.mark.parametrize("name", ["v1.metadata.json", "000001-*-list.avro", "000002-*-m1.avro"])
def test_a_missing_file_is_noticed_by_the_next_run(name: str, store: LocalStore) -> None:
    register.register(store)
    for path in (store.root / registered.folder(NAME)).glob(name):
        path.unlink()
    done = register.register(store)
    assert (done.changed, verify.verify(store).bad) == ((NAME,), {})
    assert factors(at_tag(done, "v1")) == {"RVU25A": Decimal("32.3465")}


def test_a_snapshot_that_another_program_wrote_is_left_out_and_said(store: LocalStore) -> None:
    register.register(store)
    first = store.root / registered.folder(NAME) / "v1.metadata.json"
    content = json.loads(first.read_text())
    content["snapshots"].append({**content["snapshots"][-1], "snapshot-id": 99, "summary": {"operation": "append"}})
    first.with_name("v2.metadata.json").write_text(json.dumps(content))
    done = register.register(store)
    assert done.notes == (f"{NAME}: its metadata wasn't as pfsetl wrote it, and was made anew",)
    assert [s.snapshot_id for s in opened(done).metadata.snapshots] == [1, 2]


def test_a_record_cut_short_is_found_and_made_anew(store: LocalStore) -> None:
    register.register(store)
    place = store.root / registered.NAME
    place.write_text(place.read_text()[:-20])
    assert registered.NAME in verify.verify(store).bad
    assert register.register(store).notes == (f"{registered.NAME} wasn't as pfsetl wrote it, and was made anew",)
    assert verify.verify(store).bad == {}


def test_a_pin_or_a_record_that_is_gone_is_found_and_written_again(store: LocalStore) -> None:
    register.register(store)
    gone = {"pins/000001-iceberg", registered.NAME}
    for name in gone:
        (store.root / name).unlink()
        assert name in verify.verify(store).bad
        register.register(store)
        assert verify.verify(store).bad == {}


def test_a_table_that_ended_is_empty_from_then_on_and_goes_when_all_are_made_anew(tmp_path: Path) -> None:
    store, known = LocalStore(tmp_path / "store"), p.CONTRACT.tables[NAME]
    old = dataclasses.replace(
        p.CONTRACT, tables={**p.CONTRACT.tables, "factor": dataclasses.replace(known, name="factor")}
    )
    rows = {name: p.factor("RVU25A", "1.0000") for name in (NAME, "factor")}
    publish.commit(store, [staging.stage(store, "RVU25A", rows, p.RECORD, old)], version.open_version(store), old)
    p.published(store, "RVU25A", "2.0000")
    before = register.register(store)
    assert (len(at_tag(before, "v1", "factor")), len(at_tag(before, "v2", "factor"))) == (1, 0)
    done = register.register(store, keep=1, again=True)
    assert ("factor" in done.tables, store.names(registered.folder("factor"))) == (False, [])
    assert register.register(store).versions == (2,)


def test_verify_notes_a_version_that_has_no_tag_yet(store: LocalStore) -> None:
    register.register(store)
    p.published(store, "RVU26A", "33.4009")
    proof = verify.verify(store)
    assert (proof.bad, proof.notes[registered.NAME].startswith("version 3 has no tag yet")) == ({}, True)


class Dead(BaseException):
    pass


def test_dying_at_any_write_leaves_tables_that_read_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = LocalStore(tmp_path / "original")
    p.published(original, "RVU25A", "32.3465")
    register.register(original, f"file://{tmp_path}/store")
    p.published(original, "RVU25A", "33.0000")
    left = 0

    def dying(write: Callable[..., Any]) -> Callable[..., Any]:
        def put(self: LocalStore, *arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Dead
            return write(self, *arguments)

        return put

    for name in ("put_new", "put"):
        monkeypatch.setattr(LocalStore, name, dying(getattr(LocalStore, name)))
    for lives in range(100):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        shutil.copytree(original.root, tmp_path / "store", symlinks=True)
        store, left = LocalStore(tmp_path / "store"), lives
        try:
            register.register(store)
        except Dead:
            died = True
        else:
            died = False
        left = 10**9
        found = StaticTable.from_metadata(f"file://{store.root}/iceberg/pfs/{NAME}")
        rows = pl.DataFrame(found.scan(snapshot_id=1).to_arrow())
        assert factors(rows) == {"RVU25A": Decimal("32.3465")}, lives
        done = register.register(store)
        assert factors(at_tag(done, "v2")) == {"RVU25A": Decimal("33.0000")}
        assert verify.verify(store).bad == {}
        if not died:
            assert lives > 10
            return
    raise AssertionError("it never came to its end")


def test_of_two_runs_at_once_both_end_with_every_version(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first: list[bool] = []
    write = table.Growing.commit

    def commit(self: table.Growing) -> bool:
        if not first:
            first.append(True)
            p.published(store, "RVU26A", "33.4009")
            register.register(store)  # the other run, which begins later and ends before
        return write(self)

    monkeypatch.setattr(table.Growing, "commit", commit)
    done = register.register(store)
    assert (done.versions, pins.pinned(store), verify.verify(store).bad) == ((1, 2, 3), {1, 2, 3}, {})


def test_a_version_that_another_run_registers_meanwhile_keeps_its_pin(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.register(store)
    tell, first = register._tell, [True]

    def told(*arguments: Any) -> Any:
        if first.pop() if first else False:
            p.published(store, "RVU26A", "33.4009")
            register.register(store)
        return tell(*arguments)

    monkeypatch.setattr(register, "_tell", told)
    done = register.register(store)
    assert (done.versions, pins.pinned(store), verify.verify(store).bad) == ((1, 2, 3), {1, 2, 3}, {})


def test_a_version_that_is_pruned_meanwhile_stops_the_run(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def pin(at: LocalStore, number: int) -> None:
        (store.root / "versions/000001.json").unlink(missing_ok=True)

    monkeypatch.setattr(pins, "pin", pin)
    with pytest.raises(StoreError, match="version 1 was pruned meanwhile"):
        register.register(store)


def test_what_runs_that_stopped_have_left_goes_after_a_day(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    register.register(store)
    left = f"{registered.folder(NAME)}/000009-left.avro"
    store.put_new(left, b"")
    register.register(store, again=True)
    assert store.exists(left)
    monkeypatch.setattr(register, "GRACE_SECONDS", -1)
    register.register(store, again=True)
    assert not store.exists(left)
    assert verify.verify(store).bad == {}


# --- the command ------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_did_and_where_the_metadata_is(store: LocalStore, run: Run) -> None:
    code, said, _ = run("iceberg", "--output", store)
    assert (code, f"{registered.folder(NAME)}/v1.metadata.json" in said, "added: v1, v2" in said) == (0, True, True)
    assert run("iceberg", "--output", store)[1].startswith("unchanged: ")


def test_prune_says_what_it_keeps_for_tags_and_how_to_give_it_up(store: LocalStore, run: Run) -> None:
    run("iceberg", "--output", store)
    _, said, _ = run("prune", "--keep", "1", "--grace", "0", "--output", store)
    assert f"kept for tags of the Iceberg tables: 1; 'pfsetl iceberg --keep 1 --output {store}' gives them up" in said


def test_an_empty_store_is_pointed_to_a_build(run: Run, tmp_path: Path) -> None:
    code, _, told = run("iceberg", "--output", tmp_path / "nothing")
    assert (code, "nothing is published there" in told) == (2, True)


@pytest.mark.parametrize("options", [["--keep", "0"], ["--remove", "--keep", "1"], ["--remove", "--keep", "0"]])
def test_what_can_t_be_asked_is_refused(options: list[str], store: LocalStore, run: Run) -> None:
    assert run("iceberg", *options, "--output", store)[0] == 2


def test_without_pyiceberg_the_message_says_what_to_install(
    store: LocalStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.__import__", missing("pfsetl.iceberg"))
    code, _, told = run("iceberg", "--output", store)
    assert (code, "pip install 'pfsetl[iceberg]'" in told) == (2, True)
