"""The flow that watches CMS: a new release, another zip under an old label, nothing new, two at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.testing.utilities import prefect_test_harness

from pfsetl.declared import registry
from pfsetl.errors import StoreError
from pfsetl.flows import releases
from pfsetl.flows.watch import watch
from pfsetl.publication import version
from pfsetl.publication.runs import runs
from pfsetl.publication.store import LocalStore
from pfsetl.source import cache, discover
from tests import cms_pages, synthetic
from tests.cms_server import Answer, Cms

INDEX = f"{cms_pages.FILES}"
SINCE = 2027
TODAY = date(2027, 2, 1)


@pytest.fixture(scope="module", autouse=True)
def prefect_server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@dataclass
class Site:
    """CMS as it lists every declared release and what is posted besides, with a cache and a store beside it."""

    cms: Cms
    folder: Path
    posted: dict[str, cms_pages.Row] = field(default_factory=dict)

    def post(self, label: str, name: str = "", rows: Any = None) -> str:
        """Post a release's zip on its page; another name is a re-posting. Returns the zip's address."""
        known = registry.releases().get(label)
        year = "20" + label[3:5]
        page = (known and known.page) or f"{cms_pages.FILES}/{label.lower()}"
        path = f"/files/zip/{name or label.lower()}.zip"
        base = label if label[3:].isalnum() and len(label) == 6 else "RVU26A"
        self.cms.answer_with(page, html(cms_pages.release(label, [(path, label)], year=year)))
        self.cms.answer_with(path, Answer(synthetic.zipped(synthetic.whole(base, rows))))
        self.posted[label] = cms_pages.Row(label, year, page)
        self.list()
        return path

    def list(self) -> None:
        """Show the index."""
        known = [cms_pages.Row(r.label, str(r.year), r.page) for r in registry.releases().values() if r.page]
        known = [row for row in known if row.name not in self.posted]
        self.cms.answer_with(INDEX, html(cms_pages.index([*known, *self.posted.values()])))

    def watch(self, **options: Any) -> Any:
        where = {"output": str(self.folder / "store"), "cache": str(self.folder / "cache"), "since": SINCE}
        options = {"today": TODAY} | options
        return watch(**where, retry_delays=(), **options)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "store")


def html(text: str) -> Answer:
    return Answer(text.encode(), type="text/html")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(discover, "PAUSE", 0.0)
    with Cms() as cms:
        monkeypatch.setenv("PFSETL_CMS_URL", cms.url)
        for release in registry.releases().values():
            if release.page and release.year >= SINCE:
                links = [(release.zip_path or "", release.label)]
                cms.answer_with(release.page, html(cms_pages.release(release.label, links)))
        made = Site(cms, tmp_path)
        made.list()
        yield made


# A re-post may take away a row or two that no price is made of.
WITHOUT_EXCLUDED = [
    *(row for row in synthetic.CODES if row is not synthetic.EXCLUDED),
    synthetic.of_quarter("RVU27A"),
]


def test_a_new_release_and_a_re_posted_one_become_versions_with_their_history(site: Site) -> None:
    first = site.post("RVU27A")
    done = site.watch()
    assert (done["version"], done["published"], done["failed"], done["seen"]["new_label"]) == (1, ["RVU27A"], {}, 1)
    assert version.open_version(site.store).releases["RVU27A"]["archive"]["url"] == site.cms.url + first
    nothing = site.watch()
    assert (nothing["version"], nothing["published"], nothing["seen"].get("new_label")) == (1, [], None)
    second = site.post("RVU27A", "rvu27a-updated-01/10/2027", WITHOUT_EXCLUDED)
    done = site.watch()
    assert (done["version"], done["published"], done["seen"]["new_zip"]) == (2, ["RVU27A"], 1)
    now = version.open_version(site.store)
    assert now.releases["RVU27A"]["revision"] == 2
    assert now.scan("releases", "RVU27A").collect()["url"].to_list() == [site.cms.url + first, site.cms.url + second]
    codes = [
        version.open_version(site.store, n).scan("rvu").filter(participant="non_qp").collect()["hcpcs"].to_list()
        for n in (1, 2)
    ]
    assert (len(codes[0]) - len(codes[1]), set(codes[0]) - set(codes[1])) == (1, {"G9904"})
    assert [r["outcome"] for r in runs(site.store)] == ["published", "unchanged", "published"]
    assert len(site.cms.asked(first)) == len(site.cms.asked(second)) == 1
    with get_client(sync_client=True) as client:
        tables = [a for a in client.read_artifacts() if a.key == "watch"]
        names = {t.name for t in client.read_task_runs()}
    assert {row["revision"] for a in tables for row in json.loads(a.data)} == {1, 2}
    assert {"publish RVU27A revision 1", "publish RVU27A revision 2"} <= names


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
        patched.setattr(releases, "publish_releases", stop)
        with pytest.raises(StoreError, match="no space left"):
            site.watch()
    assert version.numbers(site.store) == []
    assert site.watch()["published"] == ["RVU27A"]
    assert len(site.cms.asked(path)) == 1


def test_what_a_stopped_run_fetched_and_the_disk_lost_is_fetched_again(site: Site, monkeypatch) -> None:
    path = site.post("RVU27A")
    with monkeypatch.context() as patched:
        patched.setattr(releases, "publish_releases", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            site.watch()
    file = cache.newest(site.folder / "cache", "RVU27A").path
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
    assert sorted(version.open_version(site.store).releases) == ["RVU27A", "RVU27B"]
    assert [row.revision for row in cache.rows(site.folder / "cache")] == [1, 1]
