"""Flows on several hosts, with store and archives in one bucket: each goes on where another stopped."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pfsetl.declared import registry
from pfsetl.publication import version
from pfsetl.source import cache
from pfsetl.source import fetch as fetching
from pfsetl.source.opening import open_cache
from tests.flows.called import backfill, watch
from tests.flows.site import Site, opened
from tests.flows.test_watch import HUNDREDS, SINCE, TODAY, WITHOUT_EXCLUDED

pytestmark = pytest.mark.usefixtures("prefect_server")
LABEL = "RVU27A"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with opened(tmp_path, monkeypatch, SINCE, TODAY) as made:
        yield made


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Go to another host: one with a cache folder of its own, which is returned."""
    monkeypatch.delenv("PFSETL_CACHE", raising=False)

    def host(name: str) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        return tmp_path / name

    return host


def test_looks_from_changing_hosts_are_one_history(site: Site, bucket: str, on: Callable[[str], Path]) -> None:
    def look(host: str) -> list[str]:
        on(host)
        return watch(output=bucket, since=SINCE, today=TODAY, retry_delays=())["published"]

    zip_path = site.post(LABEL, rows=HUNDREDS)
    assert [look("a"), look("b")] == [[LABEL], []]
    assert site.conditions(zip_path) == (False, True)
    site.post(LABEL, rows=WITHOUT_EXCLUDED)
    assert [look("c"), look("a")] == [[LABEL], []]
    kept = cache.rows(open_cache(None, bucket))
    assert [(row.label, row.revision) for row in kept] == [(LABEL, 1), (LABEL, 2)]
    assert version.open_version(bucket).releases[LABEL].archive.sha256 == kept[-1].sha256


def test_a_backfill_takes_what_another_host_fetched(site: Site, bucket: str, on: Callable[[str], Path]) -> None:
    zip_path = site.post("RVU26A")
    on("a")
    fetching.fetch(registry.find("RVU26A"), open_cache(None, bucket), url=site.cms.url + zip_path)
    on("b")
    assert backfill(releases="RVU26A", output=bucket)["published"] == ["RVU26A"]
    assert len(site.cms.asked(zip_path)) == 1


@pytest.mark.filterwarnings("ignore:Logger")  # a task without its flow
def test_a_release_is_staged_on_another_host_than_the_one_that_fetched_it(
    site: Site, bucket: str, on: Callable[[str], Path]
) -> None:
    from pfsetl.flows import tasks

    zip_path = site.post(LABEL)
    here = on("a")
    place = open_cache(None, bucket)
    kept = fetching.fetch(registry.find_or_infer(LABEL), place, url=site.cms.url + zip_path)
    found = tasks.kept_in(place, kept)
    shutil.rmtree(here)
    on("b")
    assert tasks.stage_release.fn(LABEL, found, bucket, "run").release is not None
