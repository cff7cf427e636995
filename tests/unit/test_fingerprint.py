"""A build is unchanged while its archive, the code that makes tables and what is declared of the release are."""

import csv
import json
import shutil
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pfsetl
from pfsetl.declared import calendar, declarations, registry
from pfsetl.pipeline import stage as staging
from pfsetl.pipeline.request import Request
from pfsetl.publication import fingerprint as made_of
from pfsetl.publication import version
from pfsetl.storage.folder import LocalStore
from pfsetl.tables import derive
from tests import declared
from tests import synthetic as s
from tests.copied import copied

RELEASE = "RVU25A"
build = partial(pfsetl.build, sample=True)


def of(own: Path | None, label: str = RELEASE) -> str:
    """The fingerprint of a release with rows of one's own laid over the declarations."""
    with declared.laid_over(own) if own else nullcontext():
        return made_of.fingerprint("content", registry.find_or_infer(label))


def own(folder: Path, file: str, *rows: str) -> Path:
    place = folder / "own" / file
    place.parent.mkdir(parents=True)
    place.write_text("\n".join([",".join(declarations.columns(file)), *rows]) + "\n")
    return folder / "own"


# --- what is declared

NOTHING = {
    "a release to come": (
        "releases.csv", "RVU27A,2027,1,initial,2027-01-01,2027-03-31,false,,,/page,/zip,,,,a release to come"
    ),
    "a rule on claims": (
        "modifier_conflicts.csv", "22,23,note,2030-01-01,,not on one line,somebody,likely"
    ),
    "an odd file of another release": (
        "corrections.csv", "RVU26A,pprrvu,txt,description,explain,,,text,somebody"
    ),
    "an index update of another year": ("index_updates.csv", "2031,,first half,somebody"),
}  # fmt: skip
SOMETHING = {
    "its own days": (
        "releases.csv", "RVU25A,2025,1,initial,2025-01-01,2025-03-30,false,,,/page,/zip,,,,other days"
    ),
    "an odd file of its own": (
        "corrections.csv", "RVU25*,pprrvu,txt,description,explain,,,text,somebody"
    ),
    "a section": ("sections.csv", "number,Medicine,Invented,false,99998,99998,somebody"),
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> str:
    return of(None)


@pytest.mark.parametrize("what", NOTHING)
def test_what_its_tables_do_not_read_leaves_a_release_unchanged(what: str, shipped: str, tmp_path: Path) -> None:
    assert of(own(tmp_path, *NOTHING[what])) == shipped


@pytest.mark.parametrize("what", SOMETHING)
def test_what_its_tables_read_does_not(what: str, shipped: str, tmp_path: Path) -> None:
    assert of(own(tmp_path, *SOMETHING[what])) != shipped


WORDS = {"note", "source", "meaning", "why", "what", "valid_for", "act", "page"}
PUBLISHED = {("releases.csv", "note")}  # a column of a table, as the source of a conversion factor in force is


def test_a_letter_in_words_for_people_that_no_table_publishes_changes_nothing(tmp_path: Path) -> None:
    """In every column of words of every row of every file at once."""
    release = registry.find(RELEASE)
    before = made_of.fingerprint("content", release)
    paid = {str(row["source"]) for row in calendar.release_calendar(release).iter_rows(named=True)}
    shutil.copytree(declarations.folder(), tmp_path / "schemas")
    lettered = 0
    for name in declarations.names():
        told = [c for c in declarations.columns(name) if c in WORDS and (name, c) not in PUBLISHED]
        with (tmp_path / "schemas" / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, declarations.columns(name), lineterminator="\n")
            writer.writeheader()
            for row in declarations.texts(name):
                letters = {c: f"{row[c]}x" for c in told if row[c] and row[c] not in paid}
                writer.writerow(row | letters)
                lettered += len(letters)
    assert lettered > 2_000
    with declared.shipped_from(tmp_path / "schemas"):
        assert made_of.fingerprint("content", registry.find(RELEASE)) == before


def test_the_source_of_a_factor_that_a_table_publishes_counts(shipped: str, tmp_path: Path) -> None:
    key = {"from": "2025-01-01", "category": "all"}
    row = next(r for r in declarations.texts("conversion_factors.csv") if key.items() <= r.items())
    cells = ",".join(f'"{v}!"' if column == "source" else f'"{v}"' for column, v in row.items())
    assert of(own(tmp_path, "conversion_factors.csv", cells)) != shipped


def test_a_build_reads_no_file_that_counts_as_read_elsewhere(tmp_path: Path) -> None:
    code = (
        "import sys, pfsetl\nfrom pathlib import Path\nfrom pfsetl.declared import declarations as d\n"
        "read = d._merged\nseen = set()\nd._merged = lambda name: seen.add(name) or read(name)\n"
        "from pfsetl.publication import publish\ncommit, staged = publish.commit, set()\n"
        "publish.commit = lambda *given: staged.update(seen) or commit(*given)\n"  # which makes tables of its own
        "pfsetl.build('RVU25A', store=pfsetl.open_store(sys.argv[2]), archive=Path(sys.argv[1]), sample=True)\n"
        "import json; print(json.dumps(sorted(staged)))"
    )
    archive = s.write_zip(tmp_path / "a.zip", s.release())
    command = [sys.executable, "-c", code, str(archive), str(tmp_path / "store")]
    seen = set(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    # NOTE: these are held against others when they're read, and decide nothing: a modifier that a rule names exists.
    assert seen & made_of.ELSEWHERE <= {"modifiers.csv", "modifier_conflicts.csv"}
    assert {"fields.csv", "sections.csv", "layouts/pprrvu.csv"} <= seen


# --- code


def test_every_module_that_makes_tables_counts() -> None:
    root = Path(pfsetl.__file__).parent
    counted = {f.relative_to(root).as_posix() for name in made_of.CODE for f in made_of._modules(root / name)}
    assert {"tables/derive.py", "parsing/values.py", "declared/calendar.py", "pipeline/stage.py"} <= counted
    assert not [name for name in counted if name.startswith(("pricing", "cli", "flows", "source/fetch"))]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return s.write_zip(tmp_path_factory.mktemp("archive") / "RVU25A.zip", s.release())


@pytest.fixture(scope="module")
def of_before(archive: Path) -> Path:
    """A store with what other code made of the archive, which is what this code makes of it."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(made_of, "code", lambda: "the code of before")
        build(RELEASE, store=LocalStore(archive.parent / "store"), archive=archive)
    return archive.parent / "store"


@pytest.fixture(scope="module")
def met_again(of_before: Path, archive: Path) -> tuple[Path, bool]:
    """That store after this code made the same anew, which is on record then, and whether that was published."""
    store = copied(of_before, archive.parent / "met again")
    return store, build(RELEASE, store=LocalStore(store), archive=archive).published


@pytest.mark.long
def test_a_corrected_formula_reaches_a_store_under_the_same_version_number(store: LocalStore, archive, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(derive, "LIMITING_CHARGE", 10_926)  # instead of 10,925: 95 % x 115 %
        before.setattr(made_of, "code", lambda: "the code of before")
        build(RELEASE, store=store, archive=archive)
    built = build(RELEASE, store=store, archive=archive)
    assert (built.published, built.version.number) == (True, 2)


@pytest.mark.long
def test_other_code_that_makes_the_same_tables_publishes_nothing_and_runs_once(met_again, archive, monkeypatch):
    store, published = met_again
    assert not published
    monkeypatch.setattr("pfsetl.pipeline.build.stage", None)  # it isn't made a second time
    assert not build(RELEASE, store=LocalStore(store), archive=archive).published


@pytest.mark.long
def test_formats_that_are_asked_for_are_compared_though_the_tables_are_known(met_again, archive, tmp_path: Path):
    store = LocalStore(copied(met_again[0], tmp_path / "store"))
    built = build(RELEASE, store=store, archive=archive, all_formats=True)
    assert (built.published, built.record.all_formats) == (True, True)


@pytest.mark.long
def test_what_a_stopped_run_staged_is_made_anew_and_checked(store: LocalStore, archive, monkeypatch):
    request = Request(RELEASE, archive, sample=True)
    assert staging.stage_missing(request, version.open_version(store)) is not None
    made: list[tuple[Any, ...]] = []

    def counted(*given: Any) -> Any:
        made.append(given)
        return staging.stage(*given)

    monkeypatch.setattr("pfsetl.pipeline.build.stage", counted)
    assert build(RELEASE, store=store, archive=archive).published
    assert len(made) == 1


@pytest.mark.long
def test_again_makes_it_though_nothing_changed(sampled: Path, archive, tmp_path, monkeypatch):
    store = LocalStore(copied(sampled, tmp_path / "store"))
    made = []

    def counted(*given):
        made.append(given)
        return staging.stage(*given)

    monkeypatch.setattr("pfsetl.pipeline.build.stage", counted)
    build(RELEASE, store=store, archive=archive)
    assert made == []
    assert not build(RELEASE, store=store, archive=archive, again=True).published
    assert len(made) == 1


def test_another_archive_is_another_fingerprint() -> None:
    release = registry.find(RELEASE)
    assert made_of.fingerprint("one", release) != made_of.fingerprint("two", release)
