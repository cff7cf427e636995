"""Whatever is changed in a store behind pfsetl's back is found by verify, and hangs or crashes nothing."""

import dataclasses
import json
import os
import random
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pfsetl.declared import contracts
from pfsetl.errors import StoreError
from pfsetl.publication import publish, staging, version
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep.prune import plan_prune, prune
from pfsetl.upkeep.repair import repair
from pfsetl.upkeep.verify import verify
from pfsetl.watching.status import status
from tests.publisher import RECORD

CONTRACT = contracts.load()
TABLE = CONTRACT.tables["conversion_factor"]
Tamper = Callable[[Path, random.Random], None]


def published(store: LocalStore, value: str, release: str) -> None:
    row: dict[str, Any] = dict.fromkeys(TABLE.schema)
    row |= {"release": release, "participant": "all", "conversion_factor": Decimal(value)}
    tables = {"conversion_factor": pl.DataFrame([row], schema=TABLE.schema)}
    staged = staging.stage(store, release, tables, RECORD, CONTRACT)
    publish.commit(store, [staged], version.open_version(store), CONTRACT)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = LocalStore(tmp_path_factory.mktemp("template") / "store")
    for value, release in (("30.0000", "RVU25A"), ("31.0000", "RVU25B"), ("32.0000", "RVU25A")):
        published(store, value, release)
    return store.root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of three versions, hard links kept."""
    target = tmp_path / "store"
    shutil.copytree(template, target, symlinks=True, copy_function=os.link)
    for file in target.glob("versions/*"):  # not shared, because they are edited in place
        data = file.read_bytes()
        file.unlink()
        file.write_bytes(data)
    return target


def schema_of(root: Path, table: str) -> Path:
    """The one file that says a table's schema."""
    resources = version.open_version(LocalStore(root)).resources
    (name,) = {r.schema for r in resources if r.table == table}
    return root / name


def edited(change: Callable[[dict[str, Any], random.Random], None]) -> Tamper:
    def tamper(root: Path, rng: random.Random) -> None:
        file = rng.choice(sorted(root.glob("versions/*.json")))
        content = json.loads(file.read_text())
        change(content, rng)
        file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")

    return tamper


def replaced(pattern: str) -> Tamper:
    def tamper(root: Path, rng: random.Random) -> None:
        file = rng.choice(sorted(root.glob(pattern)))
        file.unlink()
        file.write_bytes(rng.randbytes(rng.randint(0, 4000)))

    return tamper


def gone(pattern: str) -> Tamper:
    def tamper(root: Path, rng: random.Random) -> None:
        place = rng.choice(sorted(root.glob(pattern)))
        shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()

    return tamper


def pointed(root: Path, rng: random.Random) -> None:
    (root / "latest").unlink()
    (root / "latest").symlink_to(rng.choice(["tree/000001", "tree/9", "tree/000099", "..", "/tmp", "tree"]))


def added(root: Path, rng: random.Random) -> None:
    shutil.copy(
        next(root.glob("objects/conversion_factor/*")),
        rng.choice(sorted(root.glob("tree/*/*"))) / f"X{rng.randint(0, 99)}.parquet",
    )


def linked(root: Path, rng: random.Random) -> None:
    file = rng.choice(
        [
            p
            for p in sorted(root.rglob("*"))
            if p.is_file() and not p.is_symlink() and p.relative_to(root).parts[0] != "tmp"
        ]
    )
    elsewhere = root.parent / f"elsewhere-{file.name}"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def shortened(content: dict[str, Any], rng: random.Random) -> None:
    r = rng.choice(content["resources"])
    r["hash"] = r["hash"][: rng.randint(0, len(r["hash"]) - 1)]


def renumbered(root: Path, rng: random.Random) -> None:
    shutil.copy(root / f"versions/00000{rng.randint(1, 3)}.json", root / f"versions/00000{rng.randint(4, 9)}.json")


def misnamed(root: Path, rng: random.Random) -> None:
    name = rng.choice(["3.json", "000003 (1).json", "\u0663.json", f"{10 ** rng.randint(8, 30)}.json", "0003.json"])
    shutil.copy(root / "versions/000003.json", root / "versions" / name)


def garbage(root: Path, rng: random.Random) -> None:
    texts = [
        "[" * 200_000,
        "NaN",
        '{"pfsetl": Infinity}',
        "[]",
        '{"a": 1, "a": 2}',
        "",
        "\x00",
        '{"pfsetl": {"format": 1e999}}',
    ]
    (root / f"versions/00000{rng.randint(1, 3)}.json").write_text(rng.choice(texts))


def folder_for_manifest(root: Path, rng: random.Random) -> None:
    place = root / "versions/000004.json"
    rng.choice([place.mkdir, lambda: place.symlink_to("nothing"), lambda: place.symlink_to("/nowhere/at/all")])()


def companion(root: Path, rng: random.Random) -> None:
    outside = rng.choice(["../../outside.parquet", "/etc/hostname", "companions/../../x", "objects/x.parquet"])
    sha, name = "a" * 64, "companions/zip_locality/2025-10-01-aaaaaaaaaaaaaaaa"
    (root / name).parent.mkdir(parents=True)
    record = {"kind": "zip_locality", "effective_from": "2025-10-01", "file": "x", "sha256": sha, "rows": 1}
    (root / f"{name}.json").write_text(json.dumps(record | {"path": outside}))


def staged(root: Path, rng: random.Random) -> None:
    content = json.loads((root / "versions/000003.json").read_text())
    resource = content["resources"][0] | {
        "path": rng.choice(["../x.parquet", "/etc/hostname", "objects/a/../x.parquet"])
    }
    (root / "staged").mkdir(exist_ok=True)
    name = f"staged/RVU25A-{'a' * 16}-nothing.json"
    (root / name).write_text(json.dumps({"resources": [resource], "record": content["pfsetl"]["releases"]["RVU25A"]}))


FOLDERS = [
    "catalog", "chain", "companions", "iceberg", "objects", "objects/conversion_factor", "pins", "runs", "schemas",
    "staged", "tmp", "tree",
]  # fmt: skip
FILES = [
    "catalog.json",
    "catalog/000001.json",
    "chain/000003.json",
    "companions/zip_locality/2025-10-01-aaaaaaaaaaaaaaaa.json",
    "iceberg/tables.json",
    "runs/a.json",
    "staged/a.json",
]

MANIFESTS = ["versions/000002.json", "versions/000004.json"]


def replaced_by(make: Callable[[Path], None], name: str) -> Tamper:
    """Put something else in the place of a folder or file of the store, or where one may come."""

    def tamper(root: Path, rng: random.Random) -> None:
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_file():
            place.unlink()
        elif place.is_dir():
            shutil.rmtree(place)
        make(place)

    return tamper


def a_link_to_itself(place: Path) -> None:
    place.symlink_to(place.name)


def a_link_outside(place: Path) -> None:
    """Put a link to somebody's folder, whose files are of no store, in the place of a folder."""
    store = next(p for p in place.parents if (p / "versions").exists() or (p / "chain").exists())
    place.symlink_to(somebodys_folder(store))


def somebodys_folder(root: Path) -> Path:
    """Return a folder beside a store, with files that are years old and one that looks like a temporary file."""
    folder = root.parent / f"{root.name} of somebody"
    for name in ("letter.txt", "tmpletter", "000003/rvu/RVU25A.parquet"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
        os.utime(folder / name, (0, 0))
    return folder


def pruned_by_hand(root: Path, rng: random.Random) -> None:
    """Remove the newest versions, and say with records of one's own that a prune did it."""
    kept = rng.randint(1, 2)
    for number in range(kept + 1, 4):
        record = root / f"chain/{number:06d}.json"
        shutil.copy(record, record.with_name(f"{number:06d}-pruned.json"))
        (root / f"versions/{number:06d}.json").unlink()
        shutil.rmtree(root / f"tree/{number:06d}")
    (root / "latest").unlink()
    (root / "latest").symlink_to(f"tree/{kept:06d}")


def lost_by_hand(root: Path, rng: random.Random) -> None:
    number = rng.choice([4, 9, 999_999])
    (root / f"chain/{number:06d}-lost.json").write_text(json.dumps({"version": number, "sha256": ""}))


TOP = ["resources", "pfsetl", "created"]
KINDS: dict[str, Tamper] = {
    "a tree's file replaced": replaced("tree/*/*/*.parquet"),
    "a tree's file gone": gone("tree/*/*/*.parquet"),
    "a tree gone": gone("tree/*"),
    "a file added to a tree": added,
    "latest gone": gone("latest"),
    "latest elsewhere": pointed,
    "a link for a file": linked,
    "an object replaced": replaced("objects/*/*.parquet"),
    "an object gone": gone("objects/*/*.parquet"),
    "a schema replaced": replaced("schemas/*.json"),
    "a hash cut": edited(shortened),
    "a record edited": edited(lambda c, rng: c["pfsetl"]["releases"]["RVU25A"].update(rvu_rows=rng.randint(1, 9))),
    "rows edited": edited(lambda c, rng: rng.choice(c["resources"]).update(rows=rng.randint(2, 99))),
    "rows below zero": edited(lambda c, rng: rng.choice(c["resources"]).update(rows=-rng.randint(1, 99))),
    "a type changed": edited(lambda c, rng: c.update({rng.choice(TOP): rng.choice([7, None])})),
    "a manifest gone": gone("versions/*.json"),
    "a manifest of another number": renumbered,
    "a name that is none": misnamed,
    "no manifest": garbage,
    "a folder or link for the next manifest": folder_for_manifest,
    "a companion's record that leads out": companion,
    "a staging record that leads out": staged,
    "a newest version pruned by hand": pruned_by_hand,
    "a version lost by hand": lost_by_hand,
}  # fmt: skip
# How many are drawn of a kind: more where several texts or names are told apart.
SEEDS = (
    dict.fromkeys(KINDS, 4)
    | {"latest gone": 1}
    | dict.fromkeys(
        (
            "no manifest",
            "a name that is none",
            "latest elsewhere",
            "a companion's record that leads out",
            "a type changed",
        ),
        10,
    )
)
IN_PLACE: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a file for a folder": (Path.touch, FOLDERS),
    "a folder for a file": (Path.mkdir, FILES),
    "a pipe for a file": (os.mkfifo, FILES),
    "a link to itself for a file": (a_link_to_itself, [*FILES, *MANIFESTS]),
    "a link to itself for a folder": (a_link_to_itself, FOLDERS),
    "a link outside for a folder": (a_link_outside, FOLDERS),
}


def drawn(kinds: Iterable[str]) -> list[tuple[str, int]]:
    return [(kind, seed) for kind in kinds for seed in range(SEEDS[kind])]


def places(kinds: Iterable[str]) -> list[tuple[str, str]]:
    return [(kind, name) for kind in kinds for name in IN_PLACE[kind][1]]


def found_and_no_crash(root: Path) -> bool:
    """Whether verify finds something; a publish goes well or says in words why not."""
    store = LocalStore(root)
    bad = verify(store).bad
    with suppress(StoreError):
        published(store, "33.0000", "RVU25C")
    return bool(bad)


@pytest.mark.parametrize(("kind", "seed"), drawn(KINDS))
def test_a_tampering_is_found_and_nothing_hangs_or_crashes(kind: str, seed: int, root: Path) -> None:
    KINDS[kind](root, random.Random(f"{kind} {seed}"))
    assert found_and_no_crash(root)


@pytest.mark.parametrize(("kind", "name"), places(IN_PLACE))
def test_another_thing_in_a_place_is_found_and_nothing_hangs_or_crashes(kind: str, name: str, root: Path) -> None:
    replaced_by(IN_PLACE[kind][0], name)(root, random.Random(0))
    assert found_and_no_crash(root)


@pytest.mark.parametrize("name", [*FOLDERS, "tree/000003", "tree/000003/conversion_factor", "tree/000004"])
def test_nothing_is_removed_or_written_where_a_link_leads_out_of_the_store(name: str, root: Path) -> None:
    folder = somebodys_folder(root)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    replaced_by(lambda place: place.symlink_to(folder), name)(root, random.Random(0))
    for attempt in (
        lambda: published(LocalStore(root), "33.0000", "RVU25C"),
        lambda: prune(LocalStore(root), plan_prune(LocalStore(root), 1, grace=0), grace=0),
        lambda: repair(LocalStore(root)),
    ):
        with suppress(StoreError):
            attempt()
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_repair_moves_nothing_to_where_a_quarantine_leads_out_of_the_store(root: Path) -> None:
    folder = somebodys_folder(root)
    before = sorted(folder.rglob("*"))
    (root / "quarantine").symlink_to(folder)
    (root / "tree/000009").mkdir()  # no version's, so it would be moved
    with pytest.raises(StoreError, match="leads out of the store"):
        repair(LocalStore(root))
    assert sorted(folder.rglob("*")) == before


REPAIRED = [
    *(k for k in KINDS if "tree" in k or "latest" in k),
    "a manifest gone", "a version lost by hand", "a schema replaced",
]  # fmt: skip


def is_repaired(root: Path) -> bool:
    return repair(LocalStore(root)).left.bad == {} == verify(LocalStore(root), deep=True).bad


@pytest.mark.parametrize(("kind", "seed"), drawn(REPAIRED))
def test_what_the_objects_still_hold_is_repaired(kind: str, seed: int, root: Path) -> None:
    KINDS[kind](root, random.Random(f"{kind} {seed}"))
    assert is_repaired(root)


@pytest.mark.parametrize(("kind", "name"), places(["a folder for a file", "a pipe for a file"]))
def test_another_thing_in_the_place_of_a_file_is_repaired(kind: str, name: str, root: Path) -> None:
    replaced_by(IN_PLACE[kind][0], name)(root, random.Random(0))
    assert is_repaired(root)


@pytest.mark.parametrize("leads_to", ["/etc/hostname", "nowhere", "itself"])
@pytest.mark.parametrize("pattern", ["objects/*/RVU25B-*", "schemas/*.json"])
def test_a_link_in_the_place_of_a_file_is_moved_away_and_the_file_restored(
    pattern: str, leads_to: str, root: Path
) -> None:
    place = next(root.glob(pattern))
    replaced_by(lambda place: place.symlink_to(place.name if leads_to == "itself" else leads_to), str(place))(
        root, random.Random(0)
    )
    assert is_repaired(root)
    assert not place.is_symlink()


@pytest.mark.parametrize("pattern", ["tree/000003/*/RVU25B*", "objects/*/RVU25B-*", "schemas/*.json"])
def test_a_pipe_in_the_place_of_a_published_file_is_found_and_repaired(pattern: str, root: Path) -> None:
    place = next(root.glob(pattern))
    replaced_by(os.mkfifo, str(place))(root, random.Random(0))
    assert found_and_no_crash(root)
    assert is_repaired(root)


def test_a_pipe_in_the_place_of_a_manifest_is_found(root: Path) -> None:
    replaced_by(os.mkfifo, "versions/000002.json")(root, random.Random(0))
    assert found_and_no_crash(root)


def test_an_untouched_store_is_as_published(root: Path) -> None:
    found = verify(LocalStore(root), deep=True)
    assert (found.bad, found.notes) == ({}, {})


def test_an_object_is_restored_from_a_tree_that_still_has_it(root: Path) -> None:
    gone("objects/conversion_factor/*")(root, random.Random(1))
    assert repair(LocalStore(root)).left.bad == {}


def test_a_schema_that_is_gone_is_written_again_from_the_contract(root: Path) -> None:
    schema = schema_of(root, TABLE.name)
    before = schema.read_bytes()
    schema.unlink()
    store = LocalStore(root)
    assert verify(store).bad[f"schemas/{schema.name}"] == (
        f"missing; run 'pfsetl repair --output {root}', which writes it again"
    )
    assert f"schemas/{schema.name}: written again from the contract" in repair(store).done
    assert schema.read_bytes() == before


def test_a_schema_of_another_contract_is_left_and_told_what_helps(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = schema_of(root, TABLE.name)
    replaced(f"schemas/{damaged.name}")(root, random.Random(1))
    before = damaged.read_bytes()
    key = dataclasses.replace(
        TABLE, columns=(dataclasses.replace(TABLE.columns[0], description="Other."), *TABLE.columns[1:])
    )
    with monkeypatch.context() as patched:
        known = contracts.find_table
        patched.setattr(contracts, "find_table", lambda name: key if name == TABLE.name else known(name))
        (problem,) = repair(LocalStore(root)).left.bad.values()
    assert "restore it from a copy, or run 'pfsetl repair --output " in problem
    assert "' with the pfsetl that wrote it (pfsetl.software" in problem
    assert damaged.read_bytes() == before
    assert repair(LocalStore(root)).left.bad == {}  # as the pfsetl that wrote it does


def test_a_version_recorded_as_lost_never_gets_its_number_again(root: Path) -> None:
    (root / "versions/000003.json").unlink()
    store = LocalStore(root)
    with pytest.raises(StoreError, match=r"000003\.json: missing, though version 3 was published.*repair"):
        published(store, "33.0000", "RVU25C")
    repair(store)
    published(store, "33.0000", "RVU25C")
    assert version.numbers(store) == [1, 2, 4]
    assert verify(store).bad == {}


def test_who_reads_the_newest_is_told_that_it_is_gone(root: Path) -> None:
    (root / "versions/000003.json").unlink()
    store = LocalStore(root)
    with pytest.raises(StoreError, match=r"000003\.json: missing, though version 3 was published.*--at 2"):
        version.open_version(store)
    assert version.open_version(store, 2).number == 2
    assert "000003.json: missing" in " ".join(status(store).problems)
    repair(store)
    assert version.open_version(store).number == 2


def test_a_store_without_any_manifest_is_no_empty_store(root: Path) -> None:
    (root / "versions").rename(root / "elsewhere")
    with pytest.raises(StoreError, match=r"000001\.json: missing.*build into another store"):
        version.open_version(root)


def test_a_store_without_any_manifest_is_left_as_it_is(root: Path) -> None:
    (root / "versions").rename(root / "elsewhere")
    before = sorted(root.rglob("*"))
    with pytest.raises(
        StoreError, match=r"versions: no manifest is there, though at least 3 were .*Restore the folder from a copy"
    ):
        repair(LocalStore(root))
    assert sorted(root.rglob("*")) == before
    assert verify(LocalStore(root)).bad != {}


def test_an_object_of_gigabytes_is_told_by_its_size(root: Path) -> None:
    place = next((root / "objects/conversion_factor").iterdir())
    place.chmod(0o644)
    with place.open("r+b") as file:
        file.truncate(60 << 30)
    assert "64,424,509,440 bytes, the manifest says" in verify(LocalStore(root)).bad[str(place.relative_to(root))]


def test_a_manifest_of_gigabytes_is_named_and_never_read(root: Path) -> None:
    with (root / "versions/000004.json").open("wb") as file:
        file.truncate(6 << 30)
    assert "bytes, more than" in verify(LocalStore(root)).bad["versions/000004.json"]


def test_a_store_within_the_folder_of_another_is_verified_on_its_own(tmp_path: Path) -> None:
    outer, inner = LocalStore(tmp_path / "output"), LocalStore(tmp_path / "output/demo")
    for store in (outer, inner):
        published(store, "32.3465", "RVU25A")
    (inner.root / "objects/conversion_factor/elsewhere.parquet").symlink_to(outer.root / "versions/000001.json")
    assert verify(outer).bad == {}
    assert "a link, which no build makes" in verify(inner).bad["objects/conversion_factor/elsewhere.parquet"]


def test_a_link_for_one_folder_hides_no_other_trouble(root: Path) -> None:
    replaced_by(a_link_outside, "chain")(root, random.Random(1))
    gone("objects/conversion_factor/*")(root, random.Random(1))
    assert {"chain", "objects"} <= {name.split("/")[0] for name in verify(LocalStore(root)).bad}
