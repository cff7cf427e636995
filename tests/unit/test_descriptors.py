"""Descriptors are licensed text: off by default, in a store of their own, and never in the public one."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import polars as pl
import pytest
import yaml

import pfsetl
from pfsetl import Version
from pfsetl.declared import contracts, declarations
from pfsetl.declared.contracts import Contract
from pfsetl.errors import ContractError, StoreError, UsageError
from pfsetl.parsing.parse import Parsed, parse
from pfsetl.parsing.read import RawTable
from pfsetl.publication import publish, rollback, staging, version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.opening import open_store
from tests import synthetic as s
from tests.copied import copied
from tests.licensed_text import MAY_HAVE_LOWER_CASE, lower_case, occurring, texts, texts_of
from tests.present import present
from tests.publisher import RECORD

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
PUBLIC, RESTRICTED = contracts.load(), contracts.descriptors()
DESCRIBED = {(r["hcpcs"], r["modifier"]): r["description"] for r in s.CODES}


@pytest.fixture(scope="module")
def folder(sampled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the archives of two releases, and both of them with descriptors, which the first has had added."""
    folder = tmp_path_factory.mktemp("descriptors")
    copied(sampled, folder / "store")
    for label in ("RVU25A", "RVU26A"):
        archive = s.write_zip(folder / f"{label}.zip", s.release(label))
        texts = open_store(folder / "texts")
        pfsetl.build(label, store=open_store(folder / "store"), archive=archive, descriptors_store=texts, sample=True)
    return folder


@pytest.fixture(scope="module")
def published(folder: Path) -> Version:
    return pfsetl.open(folder / "store")


@pytest.fixture(scope="module")
def described(folder: Path) -> Version:
    return pfsetl.open(folder / "texts")


# --- the descriptors' own store


def test_every_row_of_rvu_has_its_descriptor(published: Version, described: Version) -> None:
    key = ["release", "participant", "hcpcs", "modifier"]
    rows = published.scan("rvu").select(key).join(described.scan("descriptor"), on=key).collect()
    assert rows.height == published.scan("rvu").collect().height == described.scan("descriptor").collect().height
    assert {(r["hcpcs"], r["modifier"]): r["description"] for r in rows.to_dicts()} == DESCRIBED


def test_the_store_has_versions_of_its_own(described: Version) -> None:
    assert described.number == 2
    assert {r.table for r in described.resources} == {"descriptor"}
    assert pfsetl.open(described.store, 1).scan("descriptor").collect()["release"].unique().to_list() == ["RVU25A"]


def test_the_store_says_whose_text_it_holds(described: Version) -> None:
    readme = described.store.get("README.md").decode()
    for notice in (readme, present(described.manifest.description)):
        assert "copyright American Medical Association" in notice
        assert "FARS/DFARS" in notice
        assert "copyright American Dental Association" in notice


def test_a_manifest_says_which_class_its_store_has(published: Version, described: Version) -> None:
    assert (published.classification, described.classification) == ("public", "restricted")


def test_the_store_verifies_and_its_digest_can_be_taken_again(described: Version) -> None:
    assert {problem for _, problem in described.verify()} == {""}
    (resource,) = [r for r in described.resources if r.release == "RVU26A"]
    assert described.table_digest("descriptor", "RVU26A") == resource.digest


def test_a_rollback_keeps_the_class(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for label in ("RVU25A", "RVU25B"):
        publish.commit(store, [staged(store, RESTRICTED, label)], version.open_version(store), RESTRICTED)
    assert rollback.rollback(store, 1).classification == "restricted"


def test_a_second_build_reads_nothing_and_changes_neither_store(
    folder: Path, published: Version, described: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsetl.pipeline.examine.parse", None)
    again = pfsetl.build(
        "RVU26A", store=published.store, archive=folder / "RVU26A.zip", descriptors_store=described.store, sample=True
    )
    assert not again.published
    assert version.numbers(published.store) == version.numbers(described.store) == [1, 2]


def test_descriptors_are_added_to_what_is_published_already(
    folder: Path, published: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsetl.pipeline.build.stage", None)  # the public tables aren't made again
    late = open_store(tmp_path / "late")
    archive = folder / "RVU26A.zip"
    build = pfsetl.build("RVU26A", store=published.store, archive=archive, descriptors_store=late, sample=True)
    assert (build.published, pfsetl.open(late).number) == (False, 1)


def test_a_build_without_the_option_writes_none(sampled: Path) -> None:
    assert "descriptor" not in {r.table for r in pfsetl.open(sampled).resources}


def test_the_members_are_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[RawTable] = []

    def counted(raw: RawTable) -> Parsed:
        parsed.append(raw)
        return parse(raw)

    monkeypatch.setattr("pfsetl.pipeline.examine.parse", counted)
    archive = s.write_zip(tmp_path / "RVU25A.zip", s.release())
    store, descriptors = open_store(tmp_path / "a"), open_store(tmp_path / "b")
    pfsetl.build("RVU25A", store=store, archive=archive, descriptors_store=descriptors, sample=True)
    assert sorted(raw.member for raw in parsed) == ["anesthesia", "gpci", "locality_county", "opps_cap", "pprrvu"]


# --- refusals


def staged(store: LocalStore, contract: Contract, release: str = "RVU25A") -> staging.StagedRelease:
    name = {"pfs": "conversion_factor", "pfs-descriptors": "descriptor"}[contract.id]
    return staging.stage(store, release, {name: contract.tables[name].empty()}, RECORD, contract)


BOTH_WAYS = pytest.mark.parametrize(
    ("first", "second"), [(PUBLIC, RESTRICTED), (RESTRICTED, PUBLIC)], ids=["text into public", "public into text"]
)


@BOTH_WAYS
def test_the_other_class_can_not_be_staged(first: Contract, second: Contract, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    publish.commit(store, [staged(store, first)], version.open_version(store), first)
    before = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(StoreError, match=f"a store of {first.classification} tables"):
        staged(store, second, "RVU25B")
    assert sorted(tmp_path.rglob("*.parquet")) == before


@BOTH_WAYS
def test_the_other_class_can_not_be_committed(first: Contract, second: Contract, tmp_path: Path) -> None:
    # Both are staged while the store is empty and has no class yet.
    store = LocalStore(tmp_path)
    one, other, base = staged(store, first), staged(store, second, "RVU25B"), version.open_version(store)
    publish.commit(store, [one], base, first)
    with pytest.raises(StoreError, match=f"a store of {first.classification} tables"):
        publish.commit(store, [other], base, second)
    assert version.numbers(store) == [1]


@BOTH_WAYS
def test_the_other_contract_does_not_help(first: Contract, second: Contract, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    other = staged(store, second)
    with pytest.raises(ContractError, match=f"not of contract {first.id}"):
        publish.commit(store, [other], version.open_version(store), first)
    assert version.numbers(store) == []


def test_a_contract_of_both_classes_is_refused(tmp_path: Path) -> None:
    mixed = Contract("x", "1", {**PUBLIC.tables, **RESTRICTED.tables})
    with pytest.raises(ContractError, match="public and restricted tables in one contract"):
        staging.stage(LocalStore(tmp_path), "RVU25A", {}, RECORD, mixed)


def test_a_build_into_the_descriptors_store_is_refused(folder: Path, described: Version) -> None:
    with pytest.raises(StoreError, match="a store of restricted tables"):
        pfsetl.build("RVU26A", store=described.store, archive=folder / "RVU26A.zip", sample=True)


def test_descriptors_into_a_public_store_are_refused_before_anything_is_built(
    folder: Path, published: Version, tmp_path: Path
) -> None:
    new = open_store(tmp_path / "new")
    with pytest.raises(StoreError, match="a store of public tables"):
        pfsetl.build("RVU26A", store=new, archive=folder / "RVU26A.zip", descriptors_store=published.store, sample=True)
    assert version.numbers(new) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "a"), ("a", "a/"), ("a", "a/b"), ("a/b", "a"), ("a", "x/../a"), ("a", "link"), ("a", "link/b"),
        ("s3://bucket/p", "s3://bucket/p"), ("s3://bucket/p", "s3://bucket/p/q"), ("s3://bucket", "s3://bucket/p"),
        ("s3://bucket/p/", "s3://bucket//p"),
    ],
)  # fmt: skip
def test_one_place_for_both_is_a_usage_error(one: str, other: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    places = [x if x.startswith("s3:") else f"{tmp_path}/{x}" for x in (one, other)]
    archive = s.write_zip(tmp_path / "RVU25A.zip", s.release())
    code, _, err = run(
        "build",
        "RVU25A",
        "--archive",
        archive,
        "-o",
        places[0],
        "--with-descriptors",
        "--descriptors-output",
        places[1],
        "--sample",
    )
    assert (code, "a store of their own" in err) == (2, True), err
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(("one", "other"), [("a", "ab"), ("a/b", "a/c"), ("a", "s3://bucket/a")])
def test_places_beside_each_other_are_apart(one: str, other: str, tmp_path: Path) -> None:
    from pfsetl.publication.licensing import refuse_overlap

    refuse_overlap(*(open_store(x if x.startswith("s3:") else tmp_path / x) for x in (one, other)))


def test_the_same_place_is_refused_to_callers_too(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(UsageError, match="a store of their own"):
        pfsetl.build("RVU25A", store=store, archive=tmp_path / "none.zip", descriptors_store=store, sample=True)


# --- the command


@pytest.mark.parametrize("options", [["--with-descriptors"], ["--descriptors-output", "texts"]])
def test_the_two_options_go_together(options: list[str], run: Run, tmp_path: Path) -> None:
    code, _, err = run("build", "RVU25A", "--archive", tmp_path / "none.zip", "-o", tmp_path / "store", *options)
    assert (code, "go together" in err) == (2, True)


def test_the_command_prints_the_notice_once_and_apart_from_the_data(sampled: Path, run: Run, tmp_path: Path) -> None:
    archive, store = sampled.with_name("RVU25A.zip"), copied(sampled, tmp_path / "store")
    options = ("--with-descriptors", "--descriptors-output", tmp_path / "texts", "--json", "--sample")
    code, out, err = run("build", "RVU25A", "--archive", archive, "-o", store, *options)
    assert code == 0
    assert err.count("copyright American Medical Association") == 1
    assert json.loads(out)["release"] == "RVU25A"
    assert pfsetl.open(tmp_path / "texts").scan("descriptor").collect().height == len(s.CODES)


# --- its contract


def test_the_contract_is_valid_odcs() -> None:
    from importlib import resources

    schema = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text())
    document = yaml.safe_load((declarations.folder() / "descriptors.odcs.yaml").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(document)


def test_what_the_two_contracts_share_is_the_same() -> None:
    shared = {c.name: c.dtype for table in PUBLIC.tables.values() for c in table.columns}
    table = RESTRICTED.tables["descriptor"]
    assert table.key == PUBLIC.tables["rvu"].key
    assert all(shared[c.name] == c.dtype for c in table.columns if c.name in shared)
    assert PUBLIC.tables.keys().isdisjoint(RESTRICTED.tables)


def test_no_column_of_the_public_contract_is_restricted() -> None:
    assert {c.classification for table in PUBLIC.tables.values() for c in table.columns} == {"public"}


# --- nothing of it in what is published


def test_no_published_text_can_be_a_descriptor(published: Version) -> None:
    found = list(texts(published))
    assert {table for table, _, _ in found} >= {"rvu", "payment_locality", "release_changes", "source_lines"}
    assert lower_case(found) == []
    assert occurring(found, DESCRIBED.values()) == []


def test_a_moved_descriptor_does_not_reach_the_rejects(tmp_path: Path) -> None:
    # A code that isn't one, and the descriptor where the status should be, as in a line that lost a separator.
    stray = s.changed(s.VISIT, status="Synthetic visit") | {"hcpcs": "G99?1"}
    many = [s.changed(s.VISIT) | {"hcpcs": f"G{n:04d}"} for n in range(1000)]
    cells = s.release("RVU26A", [*many, *s.CODES])
    name = next(n for n in cells if n.endswith("nonQPP.csv"))
    cells[name] = s.pprrvu_csv("G32", [*many, *s.CODES, stray], title="2026")
    archive = s.write_folder(tmp_path / "RVU26A", cells)
    at = pfsetl.build("RVU26A", store=open_store(tmp_path / "store"), archive=archive, sample=True).version
    assert at.scan("rejects").filter(member="pprrvu").collect().height == 1
    assert lower_case(texts(at)) == occurring(texts(at), DESCRIBED.values()) == []


TEXT_COLUMNS = [(t.name, c.name) for t in PUBLIC.tables.values() for c in t.columns if c.dtype == pl.String()]
PLACE_NAMES = {"locality_name", "counties", "fee_schedule_area"}


def test_a_descriptor_in_any_column_is_found(tmp_path: Path) -> None:
    missed = []
    for table, column in TEXT_COLUMNS:
        pl.DataFrame({column: ["Synthetic visit"]}).write_parquet(tmp_path / "t.parquet")
        found = list(texts_of(table, tmp_path / "t.parquet"))
        ways = {"as CMS's": occurring(found, DESCRIBED.values()), "as lower case": lower_case(found)}
        if column in PLACE_NAMES:  # these alone are free text
            del ways["as lower case"]
        missed += [(way, table, column) for way, told in ways.items() if told != [(table, column, "Synthetic visit")]]
    assert not missed, "\n".join(map(str, missed))


@pytest.mark.parametrize(("code", "found"), [("G0101", 0), ("97761", 1), ("D0120", 1), ("0001F", 1), ("0001U", 1)])
def test_words_are_public_by_their_code_and_not_by_their_letters(code: str, found: int, tmp_path: Path) -> None:
    pl.DataFrame({"hcpcs": [code], "text": ["SYNTHETIC VISIT"]}).write_parquet(tmp_path / "t.parquet")
    assert len(occurring(texts_of("code_text", tmp_path / "t.parquet"), ["SYNTHETIC VISIT"])) == found


def test_no_column_may_have_lower_case_in_vain() -> None:
    named = {key for pair in TEXT_COLUMNS for key in (pair[1], ".".join(pair))}
    assert MAY_HAVE_LOWER_CASE.keys() <= named


def test_a_descriptor_within_a_longer_text_is_found() -> None:
    said = ("rejects", "reason", "line 7: Synthetic visit, as printed")
    others = [("rvu", "hcpcs", "G9901"), ("rejects", "reason", "line 7: Synthetic")]
    assert occurring([said, *others], ["Synthetic visit"]) == [said]
    assert occurring(others, ["G9901"]) == others[:1]
