"""A release that should never have been published is taken out by a new version, which says so."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import pfsetl
from pfsetl import Version
from pfsetl.errors import ArchiveError, Conflict, UsageError
from pfsetl.publication import catalog, manifest, next_version, rollback, version
from pfsetl.publication.withdraw import withdraw
from pfsetl.storage.folder import LocalStore
from pfsetl.upkeep import verify
from tests import publisher
from tests import synthetic as s
from tests.copied import copied

pytestmark = pytest.mark.long

Run = Callable[..., tuple[int, str, str]]
WHY = "built from a draft"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {label: s.write_zip(folder / f"{label}.zip", s.release(label)) for label in ("RVU25A", "RVU25D")}


def build(store: LocalStore, archives: dict[str, Path], label: str, *, again: bool = False) -> Version:
    return pfsetl.build(label, store=store, archive=archives[label], sample=True, again=again).version


@pytest.fixture(scope="module")
def both(archives: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two versions, to be copied: RVU25A, then RVU25D beside it."""
    made = LocalStore(tmp_path_factory.mktemp("both") / "store")
    for label in archives:
        build(made, archives, label)
    return made.root


@pytest.fixture
def store(both: Path, tmp_path: Path) -> LocalStore:
    return LocalStore(copied(both, tmp_path / "store"))


def test_the_next_version_lacks_it_and_the_one_before_keeps_it(store: LocalStore) -> None:
    done = withdraw(store, "rvu25a", WHY)
    assert (done.version.number, list(done.version.releases), done.before) == (3, ["RVU25D"], 2)
    assert {r.release for r in done.version.resources} <= {"RVU25D", "all"}
    assert list(version.open_version(store, 2).releases) == ["RVU25A", "RVU25D"]


def test_tables_over_releases_are_those_of_a_store_that_never_had_it(
    store: LocalStore, archives: dict[str, Path], tmp_path: Path
) -> None:
    never = build(LocalStore(tmp_path / "never"), archives, "RVU25D")
    left = withdraw(store, "RVU25A", WHY).version
    over = {"releases"}  # which says of a release what revision it is, and when
    found, expected = ({(r.table, r.digest) for r in at.resources if r.table not in over} for at in (left, never))
    assert found == expected


def test_a_reader_is_told_what_went_and_why(store: LocalStore) -> None:
    at = withdraw(store, "RVU25A", WHY).version
    told = json.loads((store.root / manifest.name(3)).read_text())["pfsetl"]
    assert (told["format"], told["withdrawn"]["RVU25A"]["why"], told["withdrawn"]["RVU25A"]["version"]) == (3, WHY, 2)
    assert told["changes"]["RVU25A"]["tables"]["rvu"]["removed"] > 0
    assert catalog.read(at.store).versions[-1].changed == {"RVU25A": "left out"}


def test_it_is_told_as_long_as_it_is_out(store: LocalStore, archives: dict[str, Path]) -> None:
    withdraw(store, "RVU25A", WHY)
    later = publisher.published(store, "RVU24A")
    assert "RVU25A" in (later.manifest.pfsetl.withdrawn or {})
    back = build(store, archives, "RVU25A", again=True)
    assert not back.manifest.pfsetl.withdrawn
    assert back.manifest.pfsetl.format == manifest.OVER_ALL


def test_the_same_archive_is_refused_until_it_is_wanted_again(store: LocalStore, archives: dict[str, Path]) -> None:
    withdraw(store, "RVU25A", WHY)
    with pytest.raises(ArchiveError, match=rf"withdrawn on .* \({WHY}\).*--again"):
        build(store, archives, "RVU25A")
    assert "RVU25A" in build(store, archives, "RVU25A", again=True).releases


def test_another_archive_of_it_comes_in(store: LocalStore, tmp_path: Path) -> None:
    withdraw(store, "RVU25A", WHY)
    other = s.write_zip(
        tmp_path / "RVU25A.zip", s.release("RVU25A", [*s.CODES, s.changed(s.VISIT) | {"hcpcs": "G0999"}])
    )
    assert "RVU25A" in pfsetl.build("RVU25A", store=store, archive=other, sample=True).version.releases


def test_a_rollback_to_before_brings_it_back(store: LocalStore) -> None:
    withdraw(store, "RVU25A", WHY)
    back = rollback.rollback(store, 2)
    assert (list(back.releases), back.manifest.pfsetl.withdrawn or {}) == (["RVU25A", "RVU25D"], {})


def test_a_rollback_says_that_it_brings_back_what_was_withdrawn(store: LocalStore, run: Run) -> None:
    withdraw(store, "RVU25A", WHY)
    out = run("rollback", "2", "--output", store)[1]
    assert f"RVU25A is published again, and was withdrawn: {WHY}" in out


def test_the_store_verifies(store: LocalStore) -> None:
    withdraw(store, "RVU25A", WHY)
    assert not verify.verify(store, deep=True).bad


REFUSED = {"unknown": ("RVU24A", WHY, "not in version 2"), "no reason": ("RVU25A", " ", "say why")}


@pytest.mark.parametrize("how", REFUSED)
def test_what_cannot_be_withdrawn_is_refused_and_publishes_nothing(how: str, store: LocalStore) -> None:
    label, why, said = REFUSED[how]
    with pytest.raises(UsageError, match=said):
        withdraw(store, label, why)
    assert version.numbers(store) == [1, 2]


def test_the_only_release_stays(store: LocalStore) -> None:
    withdraw(store, "RVU25A", WHY)
    with pytest.raises(UsageError, match="the only release"):
        withdraw(store, "RVU25D", WHY)


def test_who_is_beaten_to_the_number_withdraws_nothing(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = next_version.manifest_of

    def beaten(*asked: object) -> object:
        monkeypatch.setattr(next_version, "manifest_of", made)
        publisher.published(store, "RVU24A")
        return made(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(next_version, "manifest_of", beaten)
    with pytest.raises(Conflict, match="withdraw again"):
        withdraw(store, "RVU25A", WHY)
    assert "RVU25A" in version.open_version(store).releases


def test_the_command_says_what_it_did_and_the_run_is_recorded(store: LocalStore, run: Run) -> None:
    code, out, _ = run("withdraw", "RVU25A", "--why", WHY, "--output", store)
    assert (code, "version 3 published without RVU25A" in out) == (0, True)
    recorded = json.loads(run("runs", "--last", "1", "--output", store, "--json")[1])[0]
    assert (recorded["command"], recorded["asked"]["why"], recorded["version"]) == ("withdraw", WHY, 3)
