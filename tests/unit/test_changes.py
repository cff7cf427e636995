"""Changes between two states of a table, counted and as rows; the same rows whatever order releases are built in."""

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pfsetl
from pfsetl.declared import contracts
from pfsetl.errors import StoreError, UsageError
from pfsetl.pipeline.request import Request, opened
from pfsetl.pipeline.stage import stage
from pfsetl.publication import diff as published_changes
from pfsetl.publication import over_releases, publish
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.story.explain import explain
from pfsetl.tables import row_changes
from tests import synthetic as s
from tests.copied import copied

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
KEY = ["hcpcs", "place"]


def state(*rows: tuple[str, int, int | None, str]) -> pl.LazyFrame:
    schema = {"hcpcs": pl.String, "place": pl.Int32, "a": pl.Int32, "b": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort(KEY).lazy()


# --- counted ----------------------------------------------------------------------------------------------------


def test_rows_added_removed_and_changed_are_counted() -> None:
    old = state(("A", 1, 1, "x"), ("B", 1, 1, "x"), ("C", 1, 1, "x"))
    new = state(("B", 1, 1, "x"), ("C", 1, 2, "y"), ("D", 1, 1, "x"), ("E", 1, 1, "x"))
    assert row_changes.counted(old, new, KEY) == row_changes.Changes(
        2, 1, 1, {"a": 1, "b": 1}, {"a": ("C 1",), "b": ("C 1",)}, ("D 1", "E 1"), ("A 1",)
    )


def test_a_value_that_comes_or_goes_is_a_change_and_null_on_both_sides_is_none() -> None:
    old, new = state(("A", 1, None, "x"), ("B", 1, None, "x")), state(("A", 1, None, "x"), ("B", 1, 0, "x"))
    assert row_changes.counted(old, new, KEY) == row_changes.Changes(0, 0, 1, {"a": 1}, {"a": ("B 1",)}, (), ())


def test_only_columns_that_both_have_are_compared() -> None:
    old, new = state(("A", 1, 1, "x")), state(("A", 1, 1, "x"))
    assert row_changes.counted(old.drop("a"), new, KEY) == row_changes.Changes(0, 0, 0, {}, {}, (), ())


rows = st.dictionaries(
    st.tuples(st.sampled_from("ABCDEF"), st.integers(1, 4)), st.tuples(st.integers(0, 1) | st.none(), st.just("x"))
)


@settings(max_examples=60, deadline=None)
@given(rows, rows, st.integers(1, 30))
def test_parts_of_any_size_count_what_a_dictionary_counts(old, new, size: int) -> None:
    whole, row_changes.PART_ROWS = row_changes.PART_ROWS, size
    try:
        before, after = (state(*((*key, *row) for key, row in rows.items())) for rows in (old, new))
        found = row_changes.counted(before, after, KEY)
    finally:
        row_changes.PART_ROWS = whole
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    assert (found.added, found.removed, found.changed) == (len(new.keys() - old), len(old.keys() - new), changed)


# --- participants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (["all"], ["all"], {"all": "all"}),
        (["all"], ["non_qp", "qp"], {"non_qp": "all"}),
        (["non_qp", "qp"], ["non_qp", "qp"], {"non_qp": "non_qp", "qp": "qp"}),
        (["non_qp", "qp"], ["all"], {"all": "non_qp"}),
        (["qp"], ["all"], {}),
    ],
)
def test_everyone_until_2025_is_compared_with_those_who_are_not_qualifying_participants(
    old: list[str], new: list[str], pairs: dict[str, str]
) -> None:
    assert row_changes.paired(old, new) == pairs


def test_every_participant_of_the_contract_is_declared() -> None:
    declared = set(pl.read_csv(Path(__file__).parents[2] / "schemas" / "participants.csv")["participant"])
    assert declared == {"all", "non_qp", "qp"}


# --- movers -----------------------------------------------------------------------------------------------------


def measured(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"section": pl.String, "hcpcs": pl.String, "m": pl.String}, orient="row")
    return frame.with_columns(pl.col("m").cast(pl.Decimal(9, 2)), participant=pl.lit("all"), modifier=pl.lit(""))


def test_the_largest_movers_of_a_section_come_first_whether_up_or_down() -> None:
    old = measured(("S", "A", "1.00"), ("S", "B", "2.00"), ("S", "C", "4.00"), ("T", "D", "1.00"), ("T", "E", "1.00"))
    new = measured(("S", "A", "1.10"), ("S", "B", "1.00"), ("S", "C", "4.50"), ("T", "D", "1.00"), ("T", "E", "1.01"))
    found = row_changes.movers(old, new, "m", 2).select("section", "hcpcs", "old", "new", "change", "percent").rows()
    assert found == [
        ("S", "B", Decimal("2.00"), Decimal("1.00"), Decimal("-1.00"), -50.0),
        ("S", "C", Decimal("4.00"), Decimal("4.50"), Decimal("0.50"), 12.5),
        ("T", "E", Decimal("1.00"), Decimal("1.01"), Decimal("0.01"), 1.0),
    ]


def test_from_nothing_there_is_no_percentage() -> None:
    assert row_changes.movers(measured(("S", "A", "0.00")), measured(("S", "A", "1.00")), "m", 1)[
        "percent"
    ].to_list() == [None]


def test_what_has_no_value_on_one_side_did_not_move() -> None:
    assert row_changes.movers(measured(("S", "A", None)), measured(("S", "A", "1.00")), "m", 1).is_empty()


# --- published releases -----------------------------------------------------------------------------------------

CHANGED = s.changed(s.VISIT, work="1.25")
ADDED = s.changed(s.VISIT, hcpcs="G9990")
ROWS = {"RVU25A": s.CODES, "RVU25B": [CHANGED, *s.CODES[1:]], "RVU25C": [CHANGED, *s.CODES[1:-1], ADDED]}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {label: s.write_zip(folder / f"{label}.zip", s.release(label, rows=rows)) for label, rows in ROWS.items()}


def built(store: LocalStore, archives: dict[str, Path], *labels: str) -> Version:
    for label in labels:
        pfsetl.build(label, store=store, archive=archives[label], sample=True)
    return pfsetl.open(store)


@pytest.fixture(scope="module")
def staged(
    archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, StagedRelease]]:
    """A store in which nothing is published yet, and what was staged in it, side by side."""
    at = tmp_path_factory.mktemp("staged") / "store"
    base = pfsetl.open(at)
    return at, {label: stage(opened(Request(label, path, sample=True), base)) for label, path in archives.items()}


def committed(staged: tuple[Path, dict[str, StagedRelease]], to: Path, *labels: str) -> Version:
    """A version of a new store in which these releases were published one after the other."""
    store = LocalStore(copied(staged[0], to))
    for label in labels:
        at = publish.commit(store, [staged[1][label]], pfsetl.open(store), contracts.load())
    return at


@pytest.fixture(scope="module")
def template(staged: tuple[Path, dict[str, StagedRelease]], tmp_path_factory: pytest.TempPathFactory) -> Version:
    return committed(staged, tmp_path_factory.mktemp("changes") / "store", "RVU25A", "RVU25B", "RVU25C")


@pytest.fixture
def store(template: Version, tmp_path: Path) -> LocalStore:
    return LocalStore(copied(Path(str(template.store)), tmp_path / "store"))


def listed(at: Version, release: str) -> list[tuple[str | None, ...]]:
    columns = ("previous_release", "hcpcs", "change", "column", "old", "new")
    return at.scan("release_changes", release).select(columns).collect().rows()


def test_the_first_release_has_no_changes(store: LocalStore) -> None:
    assert listed(pfsetl.open(store), "RVU25A") == []


def test_a_changed_rvu_is_listed_with_the_totals_that_follow(store: LocalStore) -> None:
    # G9901: work 1.21, non-facility PE 1.40, facility PE 0.52, MP 0.09; then work 1.25
    assert listed(pfsetl.open(store), "RVU25B") == [
        ("RVU25A", "G9901", "changed", "facility_total_rvu", "1.82", "1.86"),
        ("RVU25A", "G9901", "changed", "nonfacility_total_rvu", "2.70", "2.74"),
        ("RVU25A", "G9901", "changed", "work_rvu", "1.21", "1.25"),
    ]


def test_a_row_that_comes_or_goes_is_one_row(store: LocalStore) -> None:
    gone = s.CODES[-1]["hcpcs"]
    assert sorted(listed(pfsetl.open(store), "RVU25C")) == sorted(
        [
            ("RVU25B", "G9990", "added", "", None, None),
            ("RVU25B", gone, "removed", "", None, None),
        ]
    )


def test_the_same_releases_have_the_same_changes_whatever_order_they_come_in(
    staged: tuple[Path, dict[str, StagedRelease]], template: Version, tmp_path: Path
) -> None:
    # Each comes first once, once between, once last, with the order of the others, which is A, B, C.
    orders = (["RVU25B", "RVU25C", "RVU25A"], ["RVU25C", "RVU25A", "RVU25B"])
    every = [template, *(committed(staged, tmp_path / order[0], *order) for order in orders)]
    found = {tuple(sorted((r.table, r.release, r.digest) for r in at.resources)) for at in every}
    assert (len(found), len(listed(every[-1], "RVU25B"))) == (1, 3)


def test_a_reposted_release_changes_what_follows_it(store: LocalStore, tmp_path: Path) -> None:
    nearer = s.write_zip(tmp_path / "a.zip", s.release("RVU25A", rows=[*ROWS["RVU25B"], ADDED]))
    at = pfsetl.build("RVU25A", store=store, archive=nearer, sample=True).version
    assert {(hcpcs, change) for _, hcpcs, change, *_ in listed(at, "RVU25B")} == {("G9990", "removed")}


def test_an_unchanged_release_whose_neighbour_changed_keeps_its_identity(
    staged: tuple[Path, dict[str, StagedRelease]], archives: dict[str, Path], tmp_path: Path
) -> None:
    at = committed(staged, tmp_path / "o", "RVU25A", "RVU25C")
    store, before = LocalStore(tmp_path / "o"), at.releases["RVU25C"].content
    after = built(store, archives, "RVU25B")
    assert (after.releases["RVU25C"].content, listed(after, "RVU25C")[0][0]) == (before, "RVU25B")
    assert built(store, archives, "RVU25C").number == after.number


def test_changes_to_a_sample_are_those_from_a_sample(archives: dict[str, Path], tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "o")
    pfsetl.build("RVU25A", store=store, archive=archives["RVU25A"], accept=["loss"])  # as a whole release
    assert listed(built(store, archives, "RVU25B"), "RVU25B") == []


def test_a_deleted_table_of_changes_is_restored_by_building_again(store: LocalStore, archives: dict[str, Path]) -> None:
    at = pfsetl.open(store)
    (gone,) = (r.path for r in at.resources if (r.table, r.release) == ("release_changes", "RVU25B"))
    (store.root / gone).unlink()
    after = built(store, archives, "RVU25B")
    assert (after.number, [problem for _, problem in after.verify() if problem]) == (at.number, [])


def test_a_version_of_before_the_table_gets_it_with_the_next_build(
    staged: tuple[Path, dict[str, StagedRelease]],
    archives: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(over_releases, "completed", lambda store, resources, *_: list(resources))
        before = committed(staged, tmp_path / "older", "RVU25A", "RVU25B")
    assert "release_changes" not in {r.table for r in before.resources}
    assert len(listed(built(LocalStore(tmp_path / "older"), archives, "RVU25C"), "RVU25B")) == 3


def test_a_deleted_table_of_changes_stops_no_other_build(
    store: LocalStore, archives: dict[str, Path], tmp_path: Path
) -> None:
    at = pfsetl.open(store)
    (gone,) = (r.path for r in at.resources if (r.table, r.release) == ("release_changes", "RVU25B"))
    (store.root / gone).unlink()
    with pytest.raises(StoreError, match="is published all the same"):  # but can't be laid out for readers that glob
        pfsetl.build("RVU25D", store=store, archive=s.write_zip(tmp_path / "d.zip", s.release("RVU25D")), sample=True)
    assert pfsetl.open(store).number == at.number + 1


def test_a_neighbour_that_cannot_be_read_is_named(store: LocalStore, archives: dict[str, Path], tmp_path: Path) -> None:
    (path,) = (r.path for r in pfsetl.open(store).resources if (r.table, r.release) == ("rvu", "RVU25C"))
    damaged = store.root / path
    damaged.chmod(0o644)
    damaged.write_bytes(b"PAR1")
    archive = s.write_zip(tmp_path / "d.zip", s.release("RVU25D"))
    with pytest.raises(StoreError, match=r"RVU25C-.*can't be read .*but \w+ of another.*build RVU25C again"):
        pfsetl.build("RVU25D", store=store, archive=archive, sample=True)
    assert pfsetl.open(store).number == 3


# --- diff -------------------------------------------------------------------------------------------------------


def test_a_version_that_gained_a_release_differs_by_its_rows(store: LocalStore) -> None:
    found = published_changes.between_versions(pfsetl.open(store, 1), pfsetl.open(store, 2))
    rvu = next(t for t in found.tables if (t.table, t.release) == ("rvu", "RVU25B"))
    assert (rvu.rows_before, rvu.rows_after, rvu.added, rvu.removed, rvu.changed) == (0, 7, 7, 0, 0)
    assert {t.release for t in found.tables} == {"RVU25B"}


def test_a_version_with_a_reposted_release_differs_by_row_and_column(store: LocalStore, tmp_path: Path) -> None:
    dearer = [s.changed(s.VISIT, work="1.26"), *s.CODES[1:]]
    pfsetl.build("RVU25A", store=store, archive=s.write_zip(tmp_path / "a.zip", s.release(rows=dearer)), sample=True)
    found = published_changes.between_versions(pfsetl.open(store, 3), pfsetl.open(store, 4))
    rvu = next(t for t in found.tables if (t.table, t.release) == ("rvu", "RVU25A"))
    assert (rvu.added, rvu.removed, rvu.changed) == (0, 0, 1)
    assert set(rvu.columns) == {"work_rvu", "facility_total_rvu", "nonfacility_total_rvu"}
    assert [(m["hcpcs"], str(m["change"])) for m in found.movers if m["measure"] == "work_rvu"] == [("G9901", "0.05")]


def test_what_has_the_same_digest_is_not_read(store: LocalStore) -> None:
    shutil.rmtree(store.root / "objects")
    at = pfsetl.open(store)
    assert published_changes.between_versions(at, at).unchanged == len(at.resources)


def test_releases_are_compared_without_their_label(store: LocalStore) -> None:
    found = published_changes.between_releases(pfsetl.open(store), "RVU25A", "RVU25B")
    rvu = next(t for t in found.tables if t.table == "rvu")
    assert (rvu.added, rvu.removed, rvu.changed, rvu.columns["work_rvu"]) == (0, 0, 1, 1)
    assert "gpci" not in {t.table for t in found.tables}


def test_across_2026_everyone_is_compared_with_non_qp_and_qp_is_named(store: LocalStore, tmp_path: Path) -> None:
    members = s.release("RVU26A", [*s.CODES, s.of_quarter("RVU26A")])
    pfsetl.build("RVU26A", store=store, archive=s.write_zip(tmp_path / "d.zip", members), sample=True)
    found = published_changes.between_releases(pfsetl.open(store), "RVU25A", "RVU26A")
    rvu = next(t for t in found.tables if t.table == "rvu")
    assert (found.participants, rvu.rows_before, rvu.rows_after, rvu.added) == ({"non_qp": "all"}, 7, 15, 1)
    assert "qp of RVU26A has no counterpart in RVU25A and isn't compared" in found.notes


def test_a_sample_beside_a_release_is_named_by_diff_and_explain(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    for label, how in {"RVU25A": {"accept": ["loss"]}, "RVU25B": {"sample": True}, "RVU25C": {"sample": True}}.items():
        archive = s.write_zip(tmp_path / f"{label}.zip", s.release(label))
        pfsetl.build(label, store=store, archive=archive, **how)  # type: ignore[arg-type]
    at = pfsetl.open(store)
    note = "RVU25B is a sample: what it lacks may be in CMS's release"
    assert note in published_changes.between_releases(at, "RVU25A", "RVU25B").notes
    assert [explain(at, *two).sample for two in (("RVU25A", "RVU25B"), ("RVU25B", "RVU25C"))] == ["RVU25B", ""]
    assert published_changes.between_releases(at, "RVU25B", "RVU25C").notes == ()


def test_an_unknown_release_is_a_wrong_request(store: LocalStore) -> None:
    with pytest.raises(UsageError, match="RVU24A: not in version 3"):
        published_changes.between_releases(pfsetl.open(store), "RVU24A", "RVU25A")


def test_a_damaged_file_is_an_error_that_names_the_remedy(store: LocalStore) -> None:
    for path in (store.root / "objects" / "rvu").iterdir():
        path.chmod(0o644)
        path.write_bytes(b"PAR1 nothing")
    with pytest.raises(StoreError, match=r"'pfsetl verify --output .*' says which file"):
        published_changes.between_releases(pfsetl.open(store), "RVU25A", "RVU25B")


def test_the_command_compares_versions_and_releases(store: LocalStore, run: Run) -> None:
    code, out, _ = run("diff", "rvu25a", "RVU25B", "--output", store.root)
    assert (code, "1.21  1.25   +0.04" in out) == (0, True)
    code, out, _ = run("diff", 1, 3, "--output", store.root, "--json")
    assert (code, {t["release"] for t in json.loads(out)["tables"]}) == (0, {"RVU25B", "RVU25C"})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["1", "RVU25B"], "two version numbers, or two releases"),
        (["1", "2", "--at", "1"], "two version numbers, or two releases"),
        (["RVU25A", "RVU24B"], "There: RVU25A, RVU25B"),
        (["1", "9"], "no version 9. There are 1 to 3"),
    ],
)
def test_the_command_says_what_can_be_compared(
    arguments: list[str], expected: str, store: LocalStore, run: Run
) -> None:
    code, _, err = run("diff", *arguments, "--output", store.root)
    assert (code, expected in err) == (2, True)


def test_the_contract_has_the_table_of_changes() -> None:
    table = contracts.load().tables["release_changes"]
    assert {table.schema[c] for c in ("column", "old", "new")} == {pl.String()}
