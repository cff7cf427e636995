"""Tables that are made of several releases at commit: one list, and one file over all releases where it's declared.

The table of these tests is listed and declared as one of the product's would be: the work of each service in each
release, beside that of the release before.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

import pfsetl
from pfsetl.declared import contracts
from pfsetl.declared.contracts import Contract
from pfsetl.errors import ChecksFailed, ContractError, StoreError
from pfsetl.publication import diff, manifest, over_releases, publish, rollback
from pfsetl.publication.merge import Made
from pfsetl.publication.over_releases import MADE_BY
from pfsetl.publication.version import Version
from pfsetl.storage.bucket import ObjectStore
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.upkeep import prune, recheck, repair, verify
from tests import at_commit
from tests import synthetic as s
from tests.at_commit import KEY, ROTATED, WORKS, Tables, committed, contract_with, staged
from tests.copied import copied

pytestmark = pytest.mark.long

NAME = "tested_history"
WORK = {"logicalType": "number", "physicalType": "decimal(9,2)", "description": "Work RVU."}


def declared(**more: object) -> dict[str, object]:
    text = {"logicalType": "string", "physicalType": "string", "required": True, "primaryKey": True}
    key = [text | {"name": n, "primaryKeyPosition": at, "description": n} for at, n in enumerate(KEY, 1)]
    return {
        "name": NAME,
        "description": "Work by release.",
        "customProperties": [{"property": "over", "value": contracts.ALL_RELEASES}],
        "properties": [*key, WORK | {"name": "work_rvu"}, WORK | {"name": "work_rvu_before"}],
    } | more


made_for: list[str] = []


def work_history(before: Tables | None, now: Tables) -> pl.DataFrame:
    made_for.append(now["rvu"]["release"][0])
    key = list(KEY[:3])
    rows = now["rvu"].select(*KEY, "work_rvu")
    if before is None:
        return rows.with_columns(work_rvu_before=pl.lit(None))
    return rows.join(before["rvu"].select(*key, work_rvu_before="work_rvu"), on=key, how="left")


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return contract_with(declared(), tmp_path_factory.mktemp("contract"))


def list_it(contract: Contract, patch: pytest.MonkeyPatch) -> None:
    at_commit.list_it(contract, patch, **{NAME: Made(work_history, of=("rvu",), rule="1")})


@pytest.fixture(autouse=True)
def listed(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    list_it(contract, monkeypatch)
    made_for.clear()


@pytest.fixture(params=["folder", "bucket"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "o") if request.param == "folder" else ObjectStore("memory://", MemoryStore())


def filled(store: Store) -> Version:
    """Three releases, committed one after the other."""
    for label in WORKS:
        at = committed(store, staged(store, label))
    made_for.clear()
    return at


@pytest.fixture(scope="module")
def template(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        list_it(contract, patch)
        store = LocalStore(tmp_path_factory.mktemp("template") / "store")
        filled(store)
        return store.root


@pytest.fixture
def store(template: Path, tmp_path: Path) -> LocalStore:
    return LocalStore(copied(template, tmp_path / "store"))


def reposted(store: Store, label: str = "RVU25A", work: str = "1.10") -> Version:
    return committed(store, staged(store, label, WORKS[label] | {"G9901": work}))


def resource(at: Version) -> manifest.Resource:
    (found,) = (r for r in at.resources if r.table == NAME)
    return found


def rows(store: Store, at: Version, hcpcs: str = "G9901") -> list[tuple[object, ...]]:
    """The rows of a code, read from the one file as anybody would."""
    frame = pl.read_parquet(store.get(resource(at).path)).filter(hcpcs=hcpcs)
    return frame.select("release", "work_rvu", "work_rvu_before").sort("release").rows()


def brought(at: Version) -> manifest.TableCounts:
    """What a version says that it changed in the rows of RVU25C."""
    told = at.manifest.pfsetl.changes
    assert told
    tables = told["RVU25C"].tables
    assert tables
    return tables[NAME]


def made_of(at: Version) -> tuple[str, ...]:
    found = resource(at).of
    assert found
    return found


def of(release: str, work: str, before: str | None = None) -> tuple[object, ...]:
    return release, Decimal(work), before and Decimal(before)


WHOLE = [of("RVU25A", "1.21"), of("RVU25B", "1.25", "1.21"), of("RVU25C", "1.25", "1.25")]

# --- one file ---------------------------------------------------------------------------------------------------


def test_one_file_holds_the_rows_of_all_releases_each_against_the_one_before(store: LocalStore) -> None:
    assert rows(store, pfsetl.open(store)) == WHOLE


def test_its_rows_are_in_the_order_of_its_key(store: LocalStore) -> None:
    frame = pl.read_parquet(store.get(resource(pfsetl.open(store)).path))
    assert frame.equals(frame.sort(KEY))


def test_the_manifest_names_it_with_what_it_has_to_be(store: LocalStore) -> None:
    (told,) = (r for r in json.loads(store.get(manifest.name(3)))["resources"] if r["table"] == NAME)
    data = store.get(told["path"])
    frame = pl.read_parquet(data)
    assert (told["release"], told["name"], told["rows"], told["bytes"]) == (
        "all",
        f"{NAME}-all",
        frame.height,
        len(data),
    )
    assert told["digest"][:16] in told["path"]


def test_readers_that_glob_find_it_in_the_folder_of_its_table(store: LocalStore) -> None:
    there = [p.name for p in (store.root / "latest" / NAME).iterdir()]
    assert (there, (store.root / "latest" / "rvu" / "RVU25B.parquet").is_file()) == (["all.parquet"], True)


def test_a_release_is_scanned_out_of_it(store: LocalStore) -> None:
    found = pfsetl.open(store).scan(NAME, "RVU25B").select(pl.col("release").unique()).collect()
    assert found["release"].to_list() == ["RVU25B"]


def test_it_is_no_part_of_the_identity_of_a_release(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    before = committed(store, staged(store, "RVU25A"), staged(store, "RVU25C")).releases["RVU25C"].content
    assert committed(store, staged(store, "RVU25B")).releases["RVU25C"].content == before


# --- whatever order ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ROTATED[1:], ids=" ".join)
def test_every_order_of_commits_makes_the_same_file(order: list[str], template: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    for label in order:
        at = committed(store, staged(store, label))
    assert resource(at).hash == resource(pfsetl.open(template)).hash


def test_all_in_one_commit_make_the_same_file(either: Store, template: Path) -> None:
    at = committed(either, *(staged(either, label) for label in WORKS))
    assert (resource(at).hash, rows(either, at)) == (resource(pfsetl.open(template)).hash, WHOLE)


@settings(max_examples=3, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(WORKS)), st.integers(100, 103)), min_size=1, max_size=4))
def test_the_file_is_that_of_the_last_state_of_each_release(built: list[tuple[str, int]]) -> None:
    def works(hundredths: int) -> dict[str, str]:
        return {"G9901": f"{hundredths / 100:.2f}"}

    with tempfile.TemporaryDirectory() as folder:
        store, once = LocalStore(Path(folder) / "steps"), LocalStore(Path(folder) / "once")
        for label, hundredths in built:
            at = committed(store, staged(store, label, works(hundredths)))
        last = dict(built)
        new = committed(once, *(staged(once, label, works(hundredths)) for label, hundredths in last.items()))
        assert resource(at).hash == resource(new).hash


def test_two_that_publish_at_once_lose_nothing_of_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    base = pfsetl.open(store)
    publish.commit(store, [staged(store, "RVU25A")], base, contracts.load())
    at = publish.commit(store, [staged(store, "RVU25B")], base, contracts.load())  # on the version of before
    assert rows(store, at) == WHOLE[:2]


def test_only_what_is_new_or_follows_it_is_made_anew(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    committed(store, staged(store, "RVU25A"), staged(store, "RVU25C"))
    made_for.clear()
    committed(store, staged(store, "RVU25B"))
    assert made_for == ["RVU25B", "RVU25C"]


def test_a_release_that_is_replaced_has_its_rows_and_those_after_it_rewritten(either: Store) -> None:
    filled(either)
    at = reposted(either)
    assert (made_for, rows(either, at)) == (
        ["RVU25A", "RVU25B"],
        [of("RVU25A", "1.10"), of("RVU25B", "1.25", "1.10"), WHOLE[2]],
    )


def test_the_same_content_again_is_no_new_version(store: LocalStore) -> None:
    assert (committed(store, staged(store, "RVU25B")).number, made_for) == (3, [])


def test_a_sample_follows_no_whole_release(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    committed(store, staged(store, "RVU25A"))
    assert rows(store, committed(store, staged(store, "RVU25B", sample=True)))[1] == of("RVU25B", "1.25")


# --- going back, copying, tidying -------------------------------------------------------------------------------


def test_a_rollback_brings_the_file_of_its_version_back(either: Store) -> None:
    filled(either)
    reposted(either)
    at = rollback.rollback(either, 3)
    assert (at.number, rows(either, at)) == (5, WHOLE)


def test_a_release_after_a_rollback_goes_on_from_there(store: LocalStore) -> None:
    rollback.rollback(store, 1)
    assert rows(store, committed(store, staged(store, "RVU25B"))) == WHOLE[:2]


def test_a_rollback_says_how_many_of_its_rows_it_takes_away(store: LocalStore) -> None:
    told = brought(rollback.rollback(store, 2))
    assert (told.added, told.removed) == (0, 3)


def test_an_export_has_it_beside_its_descriptor(either: Store, tmp_path: Path) -> None:
    filled(either).export(tmp_path / "copy")
    told = json.loads((tmp_path / "copy" / "datapackage.json").read_text())["resources"]
    (path,) = (r["path"] for r in told if r["table"] == NAME)
    assert path == f"{NAME}/all.parquet"
    assert pl.read_parquet(tmp_path / "copy" / path).filter(hcpcs="G9901").height == 3


def test_a_prune_takes_the_files_of_versions_that_go_alone(either: Store) -> None:
    filled(either)
    gone = prune.prune(either, prune.plan_prune(either, 1, grace=-1), grace=-1)
    assert sum(name.startswith(f"objects/{NAME}/") for name in gone.objects) == 2
    assert rows(either, pfsetl.open(either)) == WHOLE


def test_a_diff_counts_its_changes_by_release(store: LocalStore) -> None:
    before = pfsetl.open(store)
    found = diff.between_versions(before, reposted(store))
    told = {t.release: (t.added, t.removed, t.changed, dict(t.columns)) for t in found.tables if t.table == NAME}
    assert told == {"RVU25A": (0, 0, 1, {"work_rvu": 1}), "RVU25B": (0, 0, 1, {"work_rvu_before": 1})}


def test_of_two_equal_files_a_diff_reads_none(store: LocalStore) -> None:
    shutil.rmtree(store.root / "objects")
    at = pfsetl.open(store)
    assert diff.between_versions(at, at).unchanged == len(at.resources)


def test_a_diff_of_two_releases_leaves_out_what_is_made_of_both(store: LocalStore) -> None:
    found = diff.between_releases(pfsetl.open(store), "RVU25B", "RVU25C")
    assert {t.table for t in found.tables} == {"rvu"}


def test_a_version_says_which_of_its_rows_it_brought(store: LocalStore) -> None:
    told = brought(pfsetl.open(store))
    assert (told.added, told.removed) == (3, 0)


# --- what is wrong with it --------------------------------------------------------------------------------------


def test_a_sound_store_with_it_verifies(either: Store) -> None:
    filled(either)
    assert verify.verify(either, deep=True).bad == {}


def test_a_damaged_file_is_found_and_says_what_to_build(store: LocalStore) -> None:
    path = resource(pfsetl.open(store)).path
    overwrite(store.root / path, b"PAR1")
    assert "build any of its releases again" in verify.verify(store).bad[path]


def test_a_version_that_lacks_a_release_in_it_is_told(store: LocalStore) -> None:
    at = pfsetl.open(store)
    of = tuple(entry for entry in made_of(at) if not entry.startswith("RVU25B"))
    rewrite(store, at, of)
    assert "without RVU25B" in verify.verify(store).notes[resource(at).path]


def test_one_with_a_release_that_has_no_record_is_wrong(store: LocalStore) -> None:
    at = pfsetl.open(store)
    rewrite(store, at, (*made_of(at), "RVU24A 00"))
    assert any("holds RVU24A, which has no record" in problem for problem in verify.verify(store).bad.values())


def test_a_file_that_is_gone_is_made_anew_by_building_any_release(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    archive = s.write_zip(tmp_path / "a.zip", s.release("RVU25A"))
    path = resource(pfsetl.build("RVU25A", store=store, archive=archive, sample=True).version).path
    (store.root / path).unlink()
    done = pfsetl.build("RVU25A", store=store, archive=archive, sample=True)
    assert (done.published, resource(done.version).path, verify.verify(store).bad) == (False, path, {})


def test_a_file_changed_by_hand_hands_nothing_on(store: LocalStore) -> None:
    path = store.root / resource(pfsetl.open(store)).path
    frame = pl.read_parquet(path).with_columns(work_rvu=pl.col("work_rvu") + 1)
    frame = frame.cast({"work_rvu": pl.Decimal(9, 2)})
    path.unlink()
    frame.write_parquet(path)
    assert rows(store, reposted(store))[2] == WHOLE[2]


def test_a_repair_takes_it_from_a_tree(store: LocalStore) -> None:
    path = resource(pfsetl.open(store)).path
    (store.root / path).unlink()
    repair.repair(store)
    assert (verify.verify(store).bad, rows(store, pfsetl.open(store))) == ({}, WHOLE)


def test_columns_that_the_file_of_before_lacks_are_made_for_all(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, columns = declared(), declared()["properties"]
    assert isinstance(columns, list)
    table["properties"] = [*columns, WORK | {"name": "twice"}]
    wider = contract_with(table, tmp_path)
    list_it(wider, monkeypatch)
    doubled = lambda *sides: work_history(*sides).with_columns(twice=2 * pl.col("work_rvu"))  # noqa: E731
    monkeypatch.setitem(MADE_BY, NAME, Made(doubled, of=("rvu",), rule="1"))
    at = reposted(store, "RVU25C", "1.30")
    found = pl.read_parquet(store.get(resource(at).path)).filter(hcpcs="G9901").sort("release")
    assert found["twice"].to_list() == [Decimal("2.42"), Decimal("2.50"), Decimal("2.60")]


@pytest.fixture
def ruled(tmp_path: Path) -> Contract:
    small = rule("error", f"SELECT COUNT(*) FROM {NAME} WHERE work_rvu = 1.25")
    return contract_with(declared(quality=[small]), tmp_path)


def test_a_rule_of_its_own_stops_a_commit_that_breaks_it(
    tmp_path: Path, ruled: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_it(ruled, monkeypatch)
    store = LocalStore(tmp_path / "o")
    committed(store, staged(store, "RVU25A"))
    with pytest.raises(ChecksFailed, match=rf"RVU25B: {NAME}.small: No work is large - 1 row breaks this"):
        committed(store, staged(store, "RVU25B"))
    assert pfsetl.open(store).number == 1


def test_todays_rules_are_held_against_what_is_published(
    store: LocalStore, ruled: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_it(ruled, monkeypatch)
    refused = {one.release: [r for r in one.refused if r.startswith(NAME)] for one in recheck.held(pfsetl.open(store))}
    assert {label: len(found) for label, found in refused.items()} == {"RVU25A": 0, "RVU25B": 1, "RVU25C": 1}


# --- other pfsetls ----------------------------------------------------------------------------------------------


def test_an_older_pfsetl_is_told_to_upgrade_by_the_format(store: LocalStore) -> None:
    assert pfsetl.open(store).manifest.pfsetl.format == 2


def test_without_such_a_file_the_format_is_that_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    shipped = contracts.load()
    in_one_file = (contracts.ALL_RELEASES, contracts.DECLARED)
    one_a_release = {name: table for name, table in shipped.tables.items() if table.over not in in_one_file}
    monkeypatch.setattr(contracts, "load", lambda path=None: replace(shipped, tables=one_a_release))
    at = filled(LocalStore(tmp_path / "o"))
    assert at.manifest.pfsetl.format == 1


def test_a_table_that_this_pfsetl_cannot_make_is_not_carried_on_stale(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(StoreError, match=rf"{NAME} goes over several releases.*Upgrade pfsetl"):
        reposted(store)


# --- what is declared and listed --------------------------------------------------------------------------------


def rule(severity: str, query: str) -> dict[str, object]:
    told = {"name": "small", "type": "sql", "severity": severity, "description": "No work is large.", "mustBe": 0}
    return told | {"query": query}


def over(value: str) -> dict[str, object]:
    return {"customProperties": [{"property": "over", "value": value}]}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            over("all"),
            "over is 'all', expected 'each release against the one before' or 'each release alone, with what is loaded "
            "beside it' or 'one file over all releases' or 'no release: what is declared, in one file'",
        ),
        ({"properties": declared()["properties"][:3]}, "'release' must be part of its key"),  # type: ignore[index]
        ({"quality": [rule("warn", "SELECT COUNT(*) FROM tested_history")]}, "severity is 'warn', expected 'error'"),
    ],
)
def test_a_table_that_no_commit_could_keep_is_refused(more: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=message):
        contract_with(declared(**more), tmp_path)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (None, "nothing makes it"),
        (Made(work_history, of=("rvus",), rule="1"), "made of rvus, no table of a release"),
        (Made(work_history, of=("release_changes",), rule="1"), "made of release_changes, no table of a release"),
    ],
)
def test_a_declared_table_that_nothing_can_make_is_refused(
    how: Made | None, message: str, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MADE_BY, NAME, how) if how else monkeypatch.delitem(MADE_BY, NAME)
    with pytest.raises(ContractError, match=message):
        over_releases.makers(contract)


def test_rows_of_another_release_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stray: Callable[..., pl.DataFrame] = lambda *sides: work_history(*sides).with_columns(release=pl.lit("RVU24A"))  # noqa: E731
    monkeypatch.setitem(MADE_BY, NAME, Made(stray, of=("rvu",), rule="1"))
    with pytest.raises(ContractError, match="made for RVU25A, with rows of RVU24A"):
        filled(LocalStore(tmp_path / "o"))


def test_every_table_that_is_listed_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert over_releases.makers(contracts.load()).keys() == MADE_BY.keys()


def test_other_columns_ask_for_another_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store keeps what it made by the same rule: write a new number in `MADE_BY` together with other columns here."""
    monkeypatch.undo()
    tables = contracts.load().tables
    assert {name: (how.rule, " ".join(tables[name].schema)) for name, how in MADE_BY.items()} == {
        "code_events": (
            "1",
            "hcpcs modifier release event is_there previous_release first_release last_release appeared_when_gone "
            "appeared_when_gone_count",
        ),
        "release_changes": ("1", "release participant hcpcs modifier column previous_release change old new"),
        "code_relation": ("2", "release hcpcs relation other rank work_rvu_difference companion_from"),
        "code_history": (
            "1",
            "hcpcs modifier participant release effective_from effective_to standing status not_used work_rvu "
            "nonfacility_pe_rvu facility_pe_rvu mp_rvu nonfacility_total_rvu facility_total_rvu conversion_factor "
            "conversion_factor_paid nonfacility_amount facility_amount nonfacility_payment facility_payment reason "
            "nonfacility_na facility_na calculation_flag previous_release previous_participant not_compared "
            "nonfacility_change nonfacility_change_work nonfacility_change_pe nonfacility_change_mp "
            "nonfacility_change_factor nonfacility_change_rounding facility_change facility_change_work "
            "facility_change_pe facility_change_mp facility_change_factor facility_change_rounding",
        ),
        "code_profile": (
            "3",
            "release hcpcs section subsection text status pctc global_days has_parts add_on anesthesia endoscopy "
            "global_surgery imaging incident_to laboratory maternity radiology reporting_only supply test_or_radiology "
            "therapy timed paid in_nonfacility in_facility relations modifiers add_on_type add_on_from mue_units "
            "mue_indicator mue_rationale mue_from rbcs_id rbcs_category rbcs_subcategory rbcs_family rbcs_from missing",
        ),
        "code_values": ("1", "column code valid_from valid_to title meaning source"),
        "modifier": ("1", "modifier name category effect valid_from valid_to note source certainty"),
    }


# --- by hand ----------------------------------------------------------------------------------------------------


def overwrite(place: Path, data: bytes) -> None:
    place.unlink()
    place.write_bytes(data)


def rewrite(store: LocalStore, at: Version, of: tuple[str, ...]) -> None:
    """Write the manifest of a version anew, with another list of what its file over all releases is made of."""
    document = json.loads(store.get(manifest.name(at.number)))
    for told in document["resources"]:
        if told["table"] == NAME:
            told["of"] = list(of)
    overwrite(store.root / manifest.name(at.number), json.dumps(document).encode())
