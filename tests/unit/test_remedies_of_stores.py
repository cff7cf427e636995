"""Every remedy that a message about a store names works when it is followed as it stands, from any folder."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pfsetl as package
from pfsetl.pipeline import backfill
from pfsetl.publication import publish
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.unit.test_companions import ZIPS
from tests.unit.test_remedies import COMMAND, LABEL, build_sample, refused, told_command, works

pytestmark = pytest.mark.long

Command = Callable[..., tuple[int, str, str]]
VISIT = ("code", "G9901")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin in a folder where the store is named relative to it; what messages say is typed in another one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def follow(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command as a message prints it, in another folder."""
    (tmp_path / "else where").mkdir()

    def command(*arguments: object) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path / "else where")
            return run(*arguments)

    return command


@pytest.fixture
def zip_file(tmp_path: Path) -> Path:
    return s.write_zip(tmp_path / f"{LABEL}.zip", s.release(LABEL))


@pytest.fixture
def store(sampled: Path, zip_file: Path) -> str:
    """The relative name, with what a shell would take for something else, of a copy of it; its archive is at hand."""
    copied(sampled, Path('a "dear" store'))
    return 'a "dear" store'


def damage(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9] + b"other" + path.read_bytes()[-4:])


def only(store: str, pattern: str) -> Path:
    (found,) = Path(store).glob(pattern)
    return found


def verified(run: Command, store: str) -> None:
    works(run, "verify", "--output", store)


def test_a_damaged_table_is_repaired_from_its_tree_as_verify_says(store: str, run: Command, follow: Command) -> None:
    table = only(store, "objects/rvu/*.parquet")
    data = table.read_bytes()
    table.unlink()
    table.write_bytes(data[:-9] + b"other" + data[-4:])
    works(follow, *told_command(refused(run, "verify", "--output", store), "repair"))
    verified(run, store)


@pytest.mark.parametrize("name", ["rvu", "releases"])
def test_a_damaged_table_without_a_copy_is_moved_away_and_built_again(
    name: str, store: str, zip_file: Path, run: Command, follow: Command
) -> None:
    table = only(store, f"objects/{name}/*.parquet")
    damage(table)
    told = refused(run, "verify", "--output", store)
    refused(follow, *told_command(told, "repair"))
    assert f"if it can't, move the file away and build {LABEL} again" in told
    if table.exists():
        table.unlink()
    build_sample(LABEL, zip_file, Path(store))
    works(follow, *told_command(refused(run, "verify", "--output", store), "repair"))  # its tree shows the old one
    verified(run, store)


def test_what_no_version_names_is_removed_by_the_prune_that_verify_names(
    store: str, run: Command, follow: Command
) -> None:
    stray = Path(store) / "objects" / "rvu" / f"{LABEL}-0000000000000000.parquet"
    stray.write_bytes(b"stray")
    told = works(run, "verify", "--output", store)
    assert "no version names it" in told
    works(follow, *told_command(told, "prune"), "--grace", "0")
    assert not stray.exists()
    works(run, *VISIT, "--output", store)


def test_a_companion_that_is_damaged_is_taken_back_and_loaded_again(
    store: str, tmp_path: Path, run: Command, follow: Command
) -> None:
    file = tmp_path / "ZIP5_OCT2025.txt"
    file.write_text(ZIPS)
    works(run, "load", file, "--sample", "--output", store)
    for path in Path(store, "companions").rglob("*.parquet"):
        damage(path)
    works(follow, *told_command(refused(run, "verify", "--output", store), "unload"))
    works(run, "load", file, "--sample", "--output", store)
    verified(run, store)


def test_a_staging_record_that_is_damaged_is_moved_away(
    store: str, tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = {"RVU25B": s.write_zip(tmp_path / "RVU25B.zip", s.release("RVU25B"))}
    with monkeypatch.context() as patch:
        patch.setattr(publish, "commit", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            backfill.backfill(archives, store=LocalStore(Path(store)), sample=True)
    record = only(store, "staged/RVU25B-*.json")
    record.chmod(0o644)
    record.write_text("{}")
    assert "not a record of staged tables" in (told := refused(run, "verify", "--output", store))
    assert "Move it away" in told
    record.unlink()
    verified(run, store)
    assert backfill.backfill(archives, store=LocalStore(Path(store)), sample=True).published == ("RVU25B",)


@pytest.mark.parametrize("asked", ["verify", "build", "repair"])
def test_where_no_manifest_is_left_no_repair_is_advised(
    asked: str, store: str, zip_file: Path, tmp_path: Path, run: Command
) -> None:
    for manifest in Path(store, "versions").iterdir():
        manifest.unlink()
    build = ("build", LABEL, "--archive", zip_file, "--sample", "--output")
    told = refused(run, *(build if asked == "build" else (asked, "--output")), store)
    assert ("build into another store" in told, "pfsetl repair" in told) == (True, False)
    if asked == "build":  # the three say the same
        works(run, *build, tmp_path / "another")


def test_a_build_beside_another_is_run_again(
    store: str, zip_file: Path, tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, mine = (
        s.write_zip(tmp_path / f"{name}.zip", {**s.release(LABEL), "PPRRVU2025_JAN.txt": s.pprrvu_txt("N171", rows)})
        for name, rows in (("other", s.CODES[1:]), ("mine", s.CODES[:-1]))
    )
    commit = publish.commit

    def after_another(*arguments: Any) -> object:
        monkeypatch.setattr(publish, "commit", commit)
        package.build(LABEL, store=LocalStore(Path(store)), archive=other, sample=True)
        return commit(*arguments)

    monkeypatch.setattr(publish, "commit", after_another)
    build = ("build", LABEL, "--archive", mine, "--sample", "--output", store)
    assert "Look at it, then build again" in refused(run, *build)
    works(run, *build)


def test_an_archive_published_under_another_label_is_rolled_back_and_built(
    store: str, tmp_path: Path, run: Command, follow: Command
) -> None:
    archive = s.write_zip(tmp_path / "one.zip", s.release("RVU18A"))
    build_sample("RVU18A", archive, Path(store))
    build = ("build", "RVU18AR", "--archive", archive, "--sample", "--output", store)
    told = refused(run, *build)
    assert "RVU18A" in works(follow, *told_command(told, "versions"))
    works(follow, *("1" if word == "NUMBER" else word for word in told_command(told, "rollback")))
    works(run, *build)


def test_a_store_of_the_other_class_is_refused_and_another_one_works(
    sampled: Path, zip_file: Path, run: Command
) -> None:
    copied(sampled, Path("public"))
    build = ("build", LABEL, "--archive", zip_file, "--sample", "--output")
    assert "Give both" in refused(run, *build, "public", "--with-descriptors")
    works(run, *build, "public", "--with-descriptors", "--descriptors-output", "texts")
    assert "Name another store" in refused(run, *build, "texts")
    assert "in the public store" in refused(run, *VISIT, "--output", "texts")
    works(run, *VISIT, "--output", "public")
    assert "Name another folder" in refused(
        run, *build, "public", "--with-descriptors", "--descriptors-output", "public/texts"
    )
    works(run, *build, "public", "--with-descriptors", "--descriptors-output", "public texts")


def test_a_release_that_is_not_there_names_the_build_and_the_list(store: str, run: Command, follow: Command) -> None:
    told = refused(run, *VISIT, "--release", "RVU25B", "--output", store)
    archive = s.write_zip(Path("RVU25B.zip"), s.release("RVU25B")).absolute()
    works(follow, *told_command(told, "list"))
    works(follow, *told_command(told, "build"), "--archive", archive, "--sample")
    works(run, *VISIT, "--release", "RVU25B", "--output", store)


def test_what_is_no_label_is_not_said_to_be_published_by_a_build(store: str, run: Command) -> None:
    told = refused(run, *VISIT, "--release", "$RELEASE", "--output", store)
    assert [shlex.split(one)[0] for one in COMMAND.findall(told)] == ["list"]


def test_a_store_that_nobody_looked_at_cms_for_names_a_look_into_it(store: str, run: Command) -> None:
    (told,) = (line for line in refused(run, "status", "--output", store).splitlines() if "no look at CMS" in line)
    program, *arguments = shlex.split(told.partition("is one: '")[2].removesuffix("'"))
    assert (program, arguments) == ("python", ["-m", "pfsetl.flows.watch", "--output", str(Path(store).absolute())])


EMPTY = {
    "a store": ("versions", "--output", ""),
    "an archive": ("build", LABEL, "--archive", ""),
    "an archive after an equals sign": ("build", LABEL, "--archive="),
    "a place": ("price", "G9901", "--date", "2025-02-01", "--locality", " "),
    "an address": ("fetch", LABEL, "--url", ""),
    "a file": ("claim", ""),
}


@pytest.mark.parametrize("what", EMPTY)
def test_an_empty_argument_does_not_stand_for_one_left_out(what: str, run: Command) -> None:
    code, out, told = run(*EMPTY[what])
    assert (code, out, "an empty argument" in told) == (2, "", True)


def test_a_claim_that_never_ends_is_refused(store: str, run: Command) -> None:
    code, _, told = run("claim", "/dev/zero", "--output", store)
    assert (code, "Price it in parts" in told) == (2, True)


@pytest.mark.parametrize("asked", [("status", "--max-lag"), ("diff", "RVU25A", "RVU25A", "--top"), ("runs", "--last")])
def test_a_number_beyond_all_days_is_a_matter_of_usage(asked: tuple[str, ...], store: str, run: Command) -> None:
    code, _, told = run(*asked, "9" * 30, "--output", store)
    assert (code, "Must be <= " in told) == (2, True)
