"""Whatever goes wrong with one release stays with it, and is said without a library's words."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.errors import Unexpected
from pfsetl.parsing import read, values
from pfsetl.pipeline import backfill, request
from pfsetl.publication import publish
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied

SOUND, BAD = "RVU25A", "RVU25D"
SECRET = "words of a library, and a file's content"


class PanicException(BaseException):
    """As what polars raises for a panic."""


FAULTS: list[Callable[[], BaseException]] = [
    lambda: PanicException(SECRET),
    lambda: pl.exceptions.ComputeError(SECRET),
    lambda: MemoryError(SECRET),
    lambda: RecursionError(SECRET),
    lambda: OSError(5, "Input/output error", "x.csv"),
    lambda: ZeroDivisionError(SECRET),
    lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, SECRET),
]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {label: s.write_zip(folder / f"{label}.zip", s.release(label)) for label in (BAD, SOUND)}


def failing_at(monkeypatch: pytest.MonkeyPatch, place: object, name: str, when: int, fault: BaseException) -> None:
    """Let a function fail in its call number `when`, the first being 1."""
    real, calls = getattr(place, name), iter(range(1, 10_000))

    def broken(*given, **options):
        if next(calls) == when:
            raise fault
        return real(*given, **options)

    monkeypatch.setattr(place, name, broken)


def assert_told(done: backfill.Backfill) -> None:
    assert list(done.failed) == [BAD]
    message = done.failed[BAD]
    assert SECRET not in message
    assert BAD in message or "PPRRVU2025_OCT.txt" in message
    assert "report it" in message or "Check path, rights and space" in message


@pytest.mark.parametrize("fault", FAULTS, ids=lambda made: type(made()).__name__)
def test_a_release_in_trouble_costs_only_itself(archives, sampled: Path, tmp_path, monkeypatch, fault) -> None:
    store = LocalStore(copied(sampled, tmp_path / "o"))
    failing_at(monkeypatch, read, "decode", 1, fault())
    done = backfill.backfill(archives, store=store, sample=True)
    assert done.unchanged == (SOUND,)
    assert_told(done)


@pytest.mark.parametrize(("place", "name"), [(read, "decode"), (values, "typed"), (request, "open_archive")])
def test_the_release_after_one_in_trouble_is_published(archives, tmp_path, monkeypatch, place, name) -> None:
    failing_at(monkeypatch, place, name, 1, PanicException(SECRET))  # which `except Exception` doesn't catch
    done = backfill.backfill(archives, store=LocalStore(tmp_path / "o"), sample=True)
    assert done.published == (SOUND,)
    assert_told(done)


@pytest.mark.parametrize("fault", FAULTS[:3], ids=lambda made: type(made()).__name__)
def test_a_build_says_what_it_was_doing_and_keeps_the_cause(archives, tmp_path, monkeypatch, fault) -> None:
    failing_at(monkeypatch, read, "decode", 1, fault())
    with pytest.raises(Unexpected, match=f"reading {BAD}.zip/") as caught:
        pfsetl.build(BAD, store=LocalStore(tmp_path / "o"), archive=archives[BAD], sample=True)
    assert SECRET not in str(caught.value)
    assert SECRET in str(caught.value.__cause__)


def test_a_release_that_cannot_be_committed_leaves_the_others_published(archives, tmp_path, monkeypatch) -> None:
    store = LocalStore(tmp_path / "o")
    real = publish.commit

    def commit(store, staged, base, contract):
        if any(one.release == BAD for one in staged):
            raise ZeroDivisionError(SECRET)
        return real(store, staged, base, contract)

    monkeypatch.setattr(publish, "commit", commit)
    done = backfill.backfill(archives, store=store, sample=True)
    assert (list(done.failed), set(pfsetl.open(store).releases)) == ([BAD], {SOUND})


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_who_stops_a_backfill_stops_it(archives, tmp_path, monkeypatch, stop) -> None:
    failing_at(monkeypatch, read, "decode", 1, stop())
    with pytest.raises(stop):
        backfill.backfill(archives, store=LocalStore(tmp_path / "o"), sample=True)


def test_the_record_of_the_run_holds_no_words_of_a_library(archives, tmp_path, monkeypatch) -> None:
    store = LocalStore(tmp_path / "o")
    failing_at(monkeypatch, read, "decode", 1, pl.exceptions.ComputeError(SECRET))
    with pytest.raises(Unexpected):
        pfsetl.build(BAD, store=store, archive=archives[BAD], sample=True)
    records = [path.read_text() for path in (store.root / "runs").iterdir()]
    assert len(records) == 1
    assert SECRET not in records[0]
