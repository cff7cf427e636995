"""A backfill without a folder: archives come from the cache, and from CMS where the cache lacks them."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pfsetl
from pfsetl.declared import registry
from pfsetl.publication import runs
from pfsetl.source.cache import is_intact, newest
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.cms_server import Answer, Cms
from tests.copied import copied
from tests.present import present

Run = Callable[..., tuple[int, str, str]]
ZIPS = {label: str(registry.find(label).zip_path) for label in ("RVU25A", "RVU25B")}


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms({path: [Answer(s.zipped(s.release(label)))] for label, path in ZIPS.items()}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
        yield server


@pytest.fixture
def backfill(run: Run, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    where = ("--cache", tmp_path / "cache", "--output", tmp_path / "store")
    return lambda *more: run("backfill", *more, "--sample", *where, "--json")


@pytest.fixture
def cached(run: Run, cms: Cms, tmp_path: Path) -> Path:
    """The archive of RVU25A in the cache, where it was fetched to."""
    assert run("fetch", "RVU25A", "--cache", tmp_path / "cache")[0] == 0
    return present(newest(tmp_path / "cache", "RVU25A")).path


@pytest.fixture
def published(sampled: Path, tmp_path: Path) -> None:
    """Let the store hold RVU25A already, made of the archive that CMS has."""
    copied(sampled, tmp_path / "store")


def test_what_the_cache_lacks_is_fetched_and_published_as_one_version(cms: Cms, backfill: Run, tmp_path: Path) -> None:
    code, out, _ = backfill("RVU25A,RVU25B")
    assert (code, json.loads(out)["published"]) == (0, ["RVU25A", "RVU25B"])
    at = pfsetl.open(tmp_path / "store")
    assert at.number == 1
    # The address of each archive is in its record.
    assert {label: r.archive.url for label, r in at.releases.items()} == {x: cms.url + ZIPS[x] for x in ZIPS}


def test_what_the_cache_has_is_not_asked_for_again(cms: Cms, cached: Path, backfill: Run) -> None:
    published, unchanged = (json.loads(backfill("RVU25A")[1]) for _ in range(2))
    assert (published["published"], unchanged["unchanged"]) == (["RVU25A"], ["RVU25A"])
    assert len(cms.asked(ZIPS["RVU25A"])) == 1


def test_a_release_that_cannot_be_had_does_not_stop_the_others(cms: Cms, published: None, backfill: Run) -> None:
    cms.answer_with(ZIPS["RVU25B"], Answer(status=404))
    code, out, err = backfill("RVU25A,RVU25B")
    told = json.loads(out)
    assert (code, told["unchanged"], list(told["failed"])) == (3, ["RVU25A"], ["RVU25B"])
    assert "404" in err


def test_what_could_not_be_fetched_is_in_the_runs_record_and_in_status(
    cms: Cms, published: None, backfill: Run, run: Run, tmp_path: Path
) -> None:
    cms.answer_with(ZIPS["RVU25B"], Answer(status=404))
    backfill("RVU25A,RVU25B")
    (last, _) = runs.runs(LocalStore(tmp_path / "store"))
    assert (last["outcome"], last["asked"]["releases"]) == ("failed", ["RVU25A", "RVU25B"])
    assert "RVU25B: " in last["error"]
    assert "404" in last["error"]
    assert "the last run, 'backfill'" in run("status", "--output", tmp_path / "store")[2]


def test_a_build_that_could_not_be_fetched_is_a_run_that_failed(
    cms: Cms, published: None, run: Run, tmp_path: Path
) -> None:
    cms.answer_with(ZIPS["RVU25B"], Answer(status=404))
    where = ("--cache", tmp_path / "cache", "--output", tmp_path / "store")
    assert run("build", "RVU25B", *where)[0] == 3
    (last, _) = runs.runs(LocalStore(tmp_path / "store"))
    assert (last["command"], last["outcome"], last["asked"]["release"]) == ("build", "failed", "RVU25B")
    assert "404" in last["error"]
    assert run("build", "RVU25Z", *where)[0] == 2  # a slip in what was asked isn't a run
    assert len(runs.runs(LocalStore(tmp_path / "store"))) == 2


@pytest.mark.long
@pytest.mark.parametrize("command", ["fetch", "build", "backfill"])
def test_every_command_that_cannot_fetch_names_one_that_takes_a_zip(
    command: str, cms: Cms, run: Run, tmp_path: Path
) -> None:
    cms.answer_with(ZIPS["RVU25B"], Answer(status=404))
    where = () if command == "fetch" else ("--output", tmp_path / "store")
    code, _, err = run(command, "RVU25B", "--cache", tmp_path / "cache", *where)
    told = present(re.search(r"'pfsetl (build RVU25B --archive) ZIP --output STORE'", err))
    assert code == 3
    saved = s.write_zip(tmp_path / "saved.zip", s.release("RVU25B"))
    assert run(*told[1].split(), saved, "--sample", "--output", tmp_path / "store")[0] == 0


def test_offline_asks_nobody(cms: Cms, backfill: Run) -> None:
    code, _, err = backfill("RVU25A", "--offline")
    assert (code, cms.requests) == (3, [])
    assert "cache" in err


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(p.read_bytes()[:1_000]), lambda p: p.unlink()])
def test_what_the_cache_has_damaged_or_lost_is_fetched_again_and_named(
    damage, cms: Cms, cached, published: None, backfill, tmp_path
) -> None:
    cached.chmod(0o644)
    damage(cached)
    code, out, _ = backfill("RVU25A")
    told = json.loads(out)
    assert (code, told["unchanged"], len(cms.asked(ZIPS["RVU25A"]))) == (0, ["RVU25A"], 2)
    assert told["notices"] == [f"{cached}: damaged or gone, so the cache's archive of RVU25A isn't used"]
    assert is_intact(present(newest(tmp_path / "cache", "RVU25A")))


def test_a_damaged_archive_that_cannot_be_fetched_again_is_not_offered(cms: Cms, cached, backfill) -> None:
    cached.chmod(0o644)
    cached.write_bytes(b"PK")
    cms.answer_with(ZIPS["RVU25A"], Answer(status=404))
    code, _, err = backfill("RVU25A")
    assert (code, "404" in err, f"{cached}: damaged" in err, "--offline" in err) == (3, True, True, False)
    code, _, err = backfill("RVU25A", "--offline")
    assert (code, "missing or damaged. Fetch it again without --offline" in err) == (3, True)
