"""What tables made at commit may look at beyond two releases: all of them, what is loaded, what is declared."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from pfsetl.declared import contracts, declarations
from pfsetl.errors import ChecksFailed, ContractError, StoreError
from pfsetl.publication import diff
from pfsetl.publication.merge import Made
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.upkeep import verify
from tests import at_commit
from tests.at_commit import ROTATED, WORKS, Tables, committed, contract_with, staged

pytestmark = pytest.mark.long

TEXT = {"logicalType": "string", "physicalType": "string", "description": "Text."}
NUMBER = {"logicalType": "number", "physicalType": "decimal(9,2)", "description": "Number."}


def a_table(
    name: str, over: str, key: tuple[str, ...], *columns: Mapping[str, object], **more: object
) -> dict[str, object]:
    of_key = [
        TEXT | {"name": n, "required": True, "primaryKey": True, "primaryKeyPosition": at}
        for at, n in enumerate(key, 1)
    ]
    told = {"customProperties": [{"property": "over", "value": over}], "properties": [*of_key, *columns]}
    return {"name": name, "description": "Tested."} | told | more


def resource(at: Version, table: str) -> str:
    return next(r.path for r in at.resources if r.table == table)


def read(at: Version, table: str) -> pl.DataFrame:
    return pl.read_parquet(at.store.get(resource(at, table)))


# --- columns that depend on all releases ------------------------------------------------------------------------

CODES = "tested_codes"
FINISHED = a_table(
    CODES,
    contracts.ALL_RELEASES,
    ("hcpcs", "release"),
    NUMBER | {"name": "work_rvu"},
    TEXT | {"name": "last_release"},
)
made_for: list[str] = []


def codes(before: Tables | None, now: Tables) -> pl.DataFrame:
    assert before is None
    made_for.append(now["rvu"]["release"][0])
    return now["rvu"].select("hcpcs", "release", "work_rvu")


def with_last(frame: pl.DataFrame, before: Mapping[str, str | None]) -> pl.DataFrame:
    place = pl.col("release").replace_strict({label: n for n, label in enumerate(before)})
    last = pl.col("release").sort_by(place).last().over("hcpcs")
    return frame.with_columns(last_release=last)


def finishing(
    monkeypatch: pytest.MonkeyPatch, folder: Path, table: dict[str, object] = FINISHED, **how: object
) -> LocalStore:
    made: dict[str, object] = {"by": codes, "of": ("rvu",), "rule": "1", "finish": with_last} | how
    at_commit.list_it(contract_with(table, folder), monkeypatch, **{CODES: Made(**made)})  # type: ignore[arg-type]
    made_for.clear()
    return LocalStore(folder / "store")


LAST = [("G9901", "RVU25A", "RVU25C"), ("G9901", "RVU25B", "RVU25C"), ("G9901", "RVU25C", "RVU25C")]


def test_a_column_may_depend_on_later_releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = finishing(monkeypatch, tmp_path)
    for label in WORKS:
        at = committed(store, staged(store, label))
    assert read(at, CODES).filter(hcpcs="G9901").select("hcpcs", "release", "last_release").rows() == LAST


def test_every_order_of_commits_finishes_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finishing(monkeypatch, tmp_path)
    found = set()
    for order in ROTATED:
        store = LocalStore(tmp_path / order[0])
        for label in order:
            at = committed(store, staged(store, label))
        found.add(resource(at, CODES))
    assert len(found) == 1


def test_a_release_between_two_makes_its_own_rows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = finishing(monkeypatch, tmp_path)
    committed(store, staged(store, "RVU25A"), staged(store, "RVU25C"))
    made_for.clear()
    committed(store, staged(store, "RVU25B"))
    assert made_for == ["RVU25B"]


def test_a_rule_is_asked_of_rows_of_before_that_got_another_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"SELECT COUNT(*) FROM {CODES} WHERE release = 'RVU25A' AND last_release = 'RVU25C'"
    rule = {"name": "ends", "type": "sql", "severity": "error", "description": "It ends.", "mustBe": 0, "query": query}
    store = finishing(monkeypatch, tmp_path, FINISHED | {"quality": [rule]})
    committed(store, staged(store, "RVU25A"))
    with pytest.raises(ChecksFailed, match=r"RVU25A: tested_codes.ends: It ends - 2 rows break this"):
        committed(store, staged(store, "RVU25C"))


def test_one_that_finishes_with_other_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = lambda frame, before: with_last(frame, before).head(1)  # noqa: E731
    store = finishing(monkeypatch, tmp_path, finish=less)
    with pytest.raises(ContractError, match="finished with other rows"):
        committed(store, staged(store, "RVU25A"))


# --- releases that price no day ---------------------------------------------------------------------------------


def test_with_in_force_a_release_without_days_stands_between_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`rvu` alone is staged here, so that no release has a day in `release_calendar`."""
    seen: list[object] = []

    def by(before: Tables | None, now: Tables) -> pl.DataFrame:
        seen.append(before)
        return now["rvu"].select("hcpcs", "release", "work_rvu", last_release=pl.lit(None))

    store = finishing(monkeypatch, tmp_path, by=by, finish=None, in_force=True)
    committed(store, *(staged(store, label) for label in WORKS))
    assert seen == [None, None, None]


# --- what is loaded beside the releases -------------------------------------------------------------------------


def put_list(store: Store, day: str, word: str) -> str:
    """Load a file of a kind of its own: one code and a word."""
    buffer = io.BytesIO()
    pl.DataFrame({"hcpcs": ["G9901"], "word": [word]}).write_parquet(buffer)
    data, sha256 = buffer.getvalue(), hashlib.sha256(word.encode()).hexdigest()
    name = f"companions/tested_list/{day}-{sha256[:16]}"
    told = {"kind": "tested_list", "effective_from": day, "file": f"{word}.txt", "sha256": sha256, "rows": 1}
    content = hashlib.sha256(data).hexdigest()
    store.put_new(f"{name}.parquet", data)
    store.put_new(f"{name}.json", json.dumps(told | {"path": f"{name}.parquet", "content": content}).encode())
    return f"{name}.parquet"


def words(_: Tables | None, now: Tables) -> pl.DataFrame:
    rows = now["rvu"].select("hcpcs", "release", "work_rvu")
    if "tested_list" not in now:
        return rows.with_columns(last_release=pl.lit(None))
    told = now["tested_list"].select(
        "hcpcs", last_release=pl.col("effective_from").cast(pl.String) + " " + pl.col("word")
    )
    return rows.join(told, on="hcpcs", how="left")


@pytest.fixture
def listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    return finishing(monkeypatch, tmp_path, by=words, finish=None, companions=("tested_list",))


def told(at: Version) -> list[str | None]:
    return read(at, CODES).filter(hcpcs="G9901").sort("release")["last_release"].to_list()


def test_a_companion_that_is_not_loaded_stops_no_release(listing: LocalStore) -> None:
    assert told(committed(listing, staged(listing, "RVU25A"))) == [None]


def test_each_release_gets_the_file_that_holds_on_its_first_day(listing: LocalStore) -> None:
    put_list(listing, "2025-01-01", "early")
    put_list(listing, "2025-04-01", "late")
    at = committed(listing, *(staged(listing, label) for label in WORKS))
    assert told(at) == ["2025-01-01 early", "2025-04-01 late", "2025-04-01 late"]


def test_a_file_that_is_loaded_later_makes_its_rows_anew_at_the_next_commit(listing: LocalStore) -> None:
    committed(listing, staged(listing, "RVU25A"))
    put_list(listing, "2025-01-01", "early")
    assert told(committed(listing, staged(listing, "RVU25B"))) == ["2025-01-01 early"] * 2


def test_a_damaged_file_says_what_to_load_again(listing: LocalStore) -> None:
    path = listing.root / put_list(listing, "2025-01-01", "early")
    path.unlink()
    path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"aren't those that were loaded.*tested_codes is made of it.*load early.txt"):
        committed(listing, staged(listing, "RVU25A"))


def test_a_table_of_each_release_alone_is_not_made_anew_for_a_release_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = a_table(CODES, contracts.ONE_RELEASE, ("hcpcs", "release"), NUMBER | {"name": "work_rvu"})
    store = finishing(monkeypatch, tmp_path, alone, finish=None)
    for label in ("RVU25C", "RVU25A"):
        committed(store, staged(store, label))
    assert made_for == ["RVU25C", "RVU25A"]


def test_other_rows_of_a_file_that_is_declared_make_the_table_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = finishing(monkeypatch, tmp_path, finish=None, declared=("code_traits.csv",), by=words)
    before = committed(store, staged(store, "RVU25A"))
    texts = declarations.texts
    monkeypatch.setattr(
        declarations, "texts", lambda name: texts(name)[1:] if name == "code_traits.csv" else texts(name)
    )
    after = committed(store, staged(store, "RVU25B"))
    keys = [next(r.of for r in at.resources if r.table == CODES)[0] for at in (before, after)]  # type: ignore[index]
    assert keys[0] != keys[1]


# --- what is declared alone -------------------------------------------------------------------------------------

WORDS = "tested_words"
OF_NONE = a_table(WORDS, contracts.DECLARED, ("code",), TEXT | {"name": "word"})


@pytest.fixture
def said() -> dict[str, str]:
    return {"0": "doesn't apply", "1": "applies"}


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, str]) -> LocalStore:
    def by(_before: Tables | None, _now: Tables) -> pl.DataFrame:
        return pl.DataFrame({"code": list(said), "word": list(said.values())})

    at_commit.list_it(contract_with(OF_NONE, tmp_path), monkeypatch, **{WORDS: Made(by, of=(), rule="1")})
    return LocalStore(tmp_path / "store")


def test_a_table_of_what_is_declared_is_whole_for_every_release(alone: LocalStore) -> None:
    at = committed(alone, staged(alone, "RVU25A"), staged(alone, "RVU25B"))
    assert at.scan(WORDS, "RVU25B").collect().rows() == [("0", "doesn't apply"), ("1", "applies")]


def test_it_lies_under_all_in_the_tree(alone: LocalStore) -> None:
    committed(alone, staged(alone, "RVU25A"))
    assert [path.name for path in (alone.root / "latest" / WORDS).iterdir()] == ["all.parquet"]


def test_the_next_commit_has_what_is_declared_then(alone: LocalStore, said: dict[str, str]) -> None:
    committed(alone, staged(alone, "RVU25A"))
    said["2"] = "depends"
    at = committed(alone, staged(alone, "RVU25B"))
    assert read(at, WORDS)["word"].to_list() == ["doesn't apply", "applies", "depends"]


def test_as_long_as_nothing_else_is_declared_its_file_stays(alone: LocalStore) -> None:
    paths = {resource(committed(alone, staged(alone, label)), WORDS) for label in WORKS}
    assert len(paths) == 1


def test_a_damaged_file_of_it_is_named_with_what_to_do(alone: LocalStore) -> None:
    at = committed(alone, staged(alone, "RVU25A"))
    path = alone.root / resource(at, WORDS)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(StoreError, match=r"tested_words/all-\w+\.parquet: damaged.*Move the file away"):
        committed(alone, staged(alone, "RVU25A", {"G9901": "9.99"}))


def test_a_diff_says_what_changed_in_it(alone: LocalStore, said: dict[str, str]) -> None:
    before = committed(alone, staged(alone, "RVU25A"))
    said["1"] = "always applies"
    found = diff.between_versions(before, committed(alone, staged(alone, "RVU25B")))
    told = [(t.release, t.added, t.changed, dict(t.columns)) for t in found.tables if t.table == WORDS]
    assert told == [("all", 0, 1, {"word": 1})]


def test_the_version_that_brought_the_change_says_so(alone: LocalStore, said: dict[str, str]) -> None:
    committed(alone, staged(alone, "RVU25A"))
    said["2"] = "depends"
    changes = committed(alone, staged(alone, "RVU25B")).manifest.pfsetl.changes
    assert changes
    assert changes["all"].tables is not None
    assert {name: counts.added for name, counts in changes["all"].tables.items()} == {WORDS: 1}


def test_it_is_verified_without_a_note_about_releases(alone: LocalStore) -> None:
    at = committed(alone, staged(alone, "RVU25A"))
    proof = verify.verify(alone, deep=True)
    assert (proof.bad, resource(at, WORDS) in proof.notes) == ({}, False)


def test_it_can_have_no_column_for_releases(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="so it can't have a column 'release'"):
        contract_with(a_table(WORDS, contracts.DECLARED, ("release",), NUMBER | {"name": "n"}), tmp_path)


def test_it_is_made_of_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_commit.list_it(contract_with(OF_NONE, tmp_path), monkeypatch, **{WORDS: Made(codes, of=("rvu",), rule="1")})
    store = LocalStore(tmp_path / "store")
    with pytest.raises(ContractError, match=r"tested_words: goes over no release.*is made of rvu"):
        committed(store, staged(store, "RVU25A"))


def test_a_store_without_what_a_table_over_all_is_made_of_lacks_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = finishing(monkeypatch, tmp_path, of=("rvu", "gpci"))
    at = committed(store, staged(store, "RVU25A"))
    assert CODES not in {r.table for r in at.resources}
