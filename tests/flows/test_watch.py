"""The flow that watches CMS: a new release, another zip under an old label, nothing new, two at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from pfsetl.errors import StoreError
from pfsetl.publication import version
from pfsetl.publication.runs import runs
from pfsetl.source import cache
from tests import synthetic
from tests.flows.called import asking
from tests.flows.processes import eventually
from tests.flows.site import Site, opened
from tests.present import present

pytestmark = pytest.mark.usefixtures("prefect_server")
SINCE = 2027
TODAY = date(2027, 2, 1)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with opened(tmp_path, monkeypatch, SINCE, TODAY) as made:
        yield made


# A re-post may take away a row or two of hundreds, of which no price is made.
HUNDREDS = [*synthetic.CODES, synthetic.of_quarter("RVU27A"), *map(synthetic.unpaid, synthetic.UNPAID[:200])]
WITHOUT_EXCLUDED = [row for row in HUNDREDS if row is not synthetic.EXCLUDED]


def test_a_new_release_and_a_re_posted_one_become_versions_with_their_history(site: Site) -> None:
    first = site.post("RVU27A", rows=HUNDREDS)
    done = site.watch()
    assert (done["version"], done["published"], done["failed"], done["seen"]["new_label"]) == (1, ["RVU27A"], {}, 1)
    assert version.open_version(site.store).releases["RVU27A"].archive.url == site.cms.url + first
    nothing = site.watch()
    assert (nothing["version"], nothing["published"], nothing["seen"].get("new_label")) == (1, [], None)
    second = site.post("RVU27A", "rvu27a-updated-01/10/2027", WITHOUT_EXCLUDED)
    done = site.watch()
    assert (done["version"], done["published"], done["seen"]["new_zip"]) == (2, ["RVU27A"], 1)
    now = version.open_version(site.store)
    assert now.releases["RVU27A"].revision == 2
    assert now.scan("releases", "RVU27A").collect()["url"].to_list() == [site.cms.url + first, site.cms.url + second]
    codes = [
        version.open_version(site.store, n).scan("rvu").filter(participant="non_qp").collect()["hcpcs"].to_list()
        for n in (1, 2)
    ]
    assert (len(codes[0]) - len(codes[1]), set(codes[0]) - set(codes[1])) == (1, {"G9904"})
    assert [r["outcome"] for r in runs(site.store)] == ["published", "unchanged", "published"]
    assert (site.conditions(first), site.conditions(second)) == ((False, True), (False,))
    with asking() as client:
        tables = [a for a in client.read_artifacts() if a.key == "watch"]
        both = {"publish RVU27A revision 1", "publish RVU27A revision 2"}
        eventually("both are published by tasks", lambda: both <= {t.name for t in client.read_task_runs()}, 20)
    shown = [row for a in tables for row in json.loads(str(a.data))]
    assert {row["revision"] for row in shown if row["outcome"] == "published"} == {1, 2}


def test_a_label_that_needs_a_person_fails_the_run_and_the_others_are_published(site: Site) -> None:
    site.post("RVU27A_SPECIAL")
    site.post("RVU27A")
    with pytest.raises(Exception, match=r"^RVU27A_SPECIAL: .*schemas/releases\.csv"):
        site.watch()
    assert list(version.open_version(site.store).releases) == ["RVU27A"]


def test_what_a_stopped_run_fetched_is_published_by_the_next(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site.post("RVU27A")

    def stop(*_: object) -> None:
        raise StoreError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("pfsetl.flows.releases.publish_releases", stop)
        with pytest.raises(StoreError, match="no space left"):
            site.watch()
    assert version.numbers(site.store) == []
    assert site.watch()["published"] == ["RVU27A"]
    assert site.conditions(path) == (False, True)


def test_what_a_stopped_run_fetched_and_the_disk_lost_is_fetched_again(site: Site, monkeypatch) -> None:
    path = site.post("RVU27A")
    with monkeypatch.context() as patched:
        patched.setattr("pfsetl.flows.releases.publish_releases", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            site.watch()
    file = present(cache.newest(site.folder / "cache", "RVU27A")).path
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:5_000])
    assert site.watch()["published"] == ["RVU27A"]
    assert len(site.cms.asked(path)) == 2


def test_two_watches_at_once_lose_nothing_and_double_nothing(site: Site) -> None:
    for label in ("RVU27A", "RVU27B"):
        site.post(label)
    with ThreadPoolExecutor(2) as both:
        done = [future.result() for future in [both.submit(site.watch) for _ in range(2)]]
    assert [one["failed"] for one in done] == [{}, {}]
    assert version.numbers(site.store) == [1]
    assert sorted(one["published"] for one in done) == [[], ["RVU27A", "RVU27B"]]
    assert sorted(version.open_version(site.store).releases) == ["RVU27A", "RVU27B"]
    assert [row.revision for row in cache.rows(site.folder / "cache")] == [1, 1]
