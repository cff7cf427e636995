"""A file that is loaded beside the releases publishes anew what is made of it, and nothing else."""

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl.cli import main
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests import synthetic as s
from tests.copied import copied
from tests.unit.test_companions import ZIPS

pytestmark = pytest.mark.long

MUE = "MCR_MUE_PractitionerServices_Eff_04-01-2025.csv"
OLDER = Path(__file__).parents[1] / "released" / "store-0837649.zip"
LIMITED = [("G9901", "6", "3 Date of Service Edit: Clinical", "Clinical: Data")]


ROWS = [s.changed(s.VISIT) | {"hcpcs": "G9901"}, *s.CODES]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two releases, G9901 in each."""
    folder = tmp_path_factory.mktemp("following")
    for label in ("RVU24D", "RVU25A"):
        archive = s.write_folder(folder / label, s.release(label, ROWS))
        pfsetl.build(label, store=LocalStore(folder / "store"), archive=archive, sample=True)
    return folder / "store"


@pytest.fixture
def store(template: Path, tmp_path: Path) -> LocalStore:
    return LocalStore(copied(template, tmp_path / "store"))


@pytest.fixture
def load(store: LocalStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(name: str, content: bytes | str, *options: str) -> str:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        where = [] if "--output" in options else ["--output", str(store.root)]
        main(["load", str(tmp_path / name), "--sample", *where, *options])
        return capsys.readouterr().out

    return run


def limits(at: Version, hcpcs: str = "G9901") -> dict[str, Any]:
    rows = at.scan("code_profile").filter(hcpcs=hcpcs).collect()
    return dict(rows.sort("release").select("release", "mue_units").iter_rows())


def test_the_newest_version_has_what_was_loaded(load, store):
    load(MUE, files.mue_csv(LIMITED))
    assert limits(pfsetl.open(store)) == {"RVU24D": None, "RVU25A": 6}


def test_the_version_before_stays_as_it_was(load, store):
    load(MUE, files.mue_csv(LIMITED))
    assert limits(pfsetl.open(store, 2)) == {"RVU24D": None, "RVU25A": None}


def test_what_was_made_anew_is_said(load):
    said = load(MUE, files.mue_csv(LIMITED))
    assert "version 3 published: code_profile made anew for RVU25A" in said  # RVU24D is of the year before the file


def test_json_names_the_version_and_the_tables(load):
    told = json.loads(load(MUE, files.mue_csv(LIMITED), "--json"))
    assert (told["published"], told["made_anew"], told["not_made_for"]) == (3, ["code_profile"], [])


def test_the_manifest_tells_which_rows_changed(load, store):
    load(MUE, files.mue_csv(LIMITED))
    changes = pfsetl.open(store).manifest.pfsetl.changes
    assert isinstance(changes, Mapping)
    tables = changes["RVU25A"].tables or {}
    assert {name: counts.changed for name, counts in tables.items()} == {
        "code_profile": len({row["hcpcs"] for row in ROWS})
    }


def test_the_same_file_again_publishes_nothing(load, store):
    load(MUE, files.mue_csv(LIMITED))
    assert "published" not in load(MUE, files.mue_csv(LIMITED))


def test_a_file_that_no_table_is_made_of_publishes_nothing(load, store):
    load("ZIP5_OCT2025.txt", ZIPS)
    assert pfsetl.open(store).number == 2


def test_a_build_after_a_load_has_the_same_rows_as_a_load_after_a_build(load, store, tmp_path, capsys):
    load(MUE, files.mue_csv(LIMITED))
    other = LocalStore(tmp_path / "other")
    main(["load", str(tmp_path / MUE), "--sample", "--output", str(other.root)])
    archive = s.write_folder(tmp_path / "RVU25A", s.release("RVU25A", ROWS))
    built = pfsetl.build("RVU25A", store=other, archive=archive, sample=True).version
    assert built.table_digest("code_profile", "RVU25A") == pfsetl.open(store).table_digest("code_profile", "RVU25A")


@pytest.fixture
def older(tmp_path: Path) -> LocalStore:
    """A store of RVU25A and RVU25D that an older pfsetl wrote."""
    zipfile.ZipFile(OLDER).extractall(tmp_path / "older")
    return LocalStore(tmp_path / "older")


def test_releases_of_an_older_pfsetl_that_nothing_follows_for_are_named(load, older, capsys, tmp_path):
    said = load(MUE, files.mue_csv(LIMITED), "--output", str(older.root))
    assert "nothing follows for RVU25A, RVU25D, which an older pfsetl published; build them again" in said


def test_a_version_that_is_published_for_other_tables_alone_is_said(load, older):
    said = load(MUE, files.mue_csv(LIMITED), "--output", str(older.root))
    assert re.search("version 3 published: .*code_relation.* made anew for RVU25A, RVU25D", said)


def test_a_store_without_a_release_keeps_the_file(tmp_path, capsys):
    (tmp_path / MUE).write_bytes(files.mue_csv(LIMITED))
    main(["load", str(tmp_path / MUE), "--sample", "--output", str(tmp_path / "empty")])
    assert "published" not in capsys.readouterr().out


# --- taken back -------------------------------------------------------------------------------------------------


def unload(store: LocalStore, kind: str, day: str, *options: str) -> None:
    main(["unload", kind, day, "--output", str(store.root), *options])


def test_what_followed_from_an_unloaded_file_is_gone_from_the_newest_version(load, store):
    load(MUE, files.mue_csv(LIMITED))
    unload(store, "mue", "2025-04-01")
    assert (pfsetl.open(store).companions, limits(pfsetl.open(store))) == ((), {"RVU24D": None, "RVU25A": None})


def test_the_version_that_used_an_unloaded_file_keeps_what_it_has(load, store):
    load(MUE, files.mue_csv(LIMITED))
    unload(store, "mue", "2025-04-01")
    assert limits(pfsetl.open(store, 3))["RVU25A"] == 6


def test_what_was_unloaded_and_made_anew_is_said(load, store, capsys):
    load(MUE, files.mue_csv(LIMITED))
    unload(store, "mue", "2025-04-01")
    assert capsys.readouterr().out.splitlines() == [
        f"mue: unloaded {MUE} from 2025-04-01; earlier versions keep what they have of it",
        "version 4 published: code_profile made anew for RVU25A",
    ]


def test_a_file_whose_rows_are_damaged_can_be_unloaded(load, store):
    load(MUE, files.mue_csv(LIMITED))
    (place,) = store.root.glob("companions/mue/*.parquet")
    place.unlink()
    place.write_bytes(b"torn")
    unload(store, "mue", "2025-04-01")
    assert limits(pfsetl.open(store))["RVU25A"] is None


def test_edit_pairs_are_unloaded_in_both_orders(load, store):
    load("ccipra-v320r0-f1.TXT", files.ptp_txt(), "--effective-from", "2025-01-01")
    unload(store, "ptp", "2025-01-01")
    assert pfsetl.open(store).companions == ()


def test_of_two_files_of_a_day_one_is_chosen_by_its_hash(load, store):
    for units in ("6", "7"):
        load(MUE, files.mue_csv([("G9901", units, *LIMITED[0][2:])]), "--accept-loss")
    gone, stays = pfsetl.open(store).companions
    unload(store, "mue", "2025-04-01", "--sha256", gone.sha256[:8])
    assert pfsetl.open(store).companions == (stays,)


def test_a_sample_is_taken_for_a_whole_file_only_after_it_was_unloaded(load, store, tmp_path, capsys):
    load("RBCS_RY_2025.csv", files.rbcs_csv(), "--effective-from", "2025-01-01")
    again = ["load", str(tmp_path / "RBCS_RY_2025.csv"), "--accept-loss", "--effective-from", "2025-01-01"]
    with pytest.raises(SystemExit) as stopped:
        main([*again, "--output", str(store.root)])
    said = " ".join(capsys.readouterr().err.split())
    assert (stopped.value.code, "loaded already as a sample" in said, "unload rbcs 2025-01-01" in said) == (
        2,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("muee", "2025-04-01"), "muee: no kind of file. Did you mean mue?"),
        (("mue", "2025-07-01"), f"Loaded are 2025-04-01 {MUE}"),
        (("ptp", "2025-04-01"), "None is loaded."),
        (("mue", "2025-04-01", "--sha256", "zz"), "with sha256 zz: no such file"),
        (("mue", "April"), "EFFECTIVE_FROM"),
    ],
)
def test_what_is_not_loaded_cannot_be_unloaded(load, store, capsys, asked, said):
    load(MUE, files.mue_csv(LIMITED))
    with pytest.raises(SystemExit) as stopped:
        unload(store, *asked)
    assert (stopped.value.code, said in " ".join(capsys.readouterr().err.split())) == (2, True)
