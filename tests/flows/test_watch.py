"""The flow that watches CMS: a new release, another zip under an old label, nothing new, two at once."""

import hashlib
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

from pfsetl import alarms
from pfsetl.declared import registry
from pfsetl.errors import ChecksFailed, SourceUnavailable, StoreError
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
        data = synthetic.zipped(synthetic.whole(base, rows))
        self.cms.answer_with(path, Answer(data, etag=f'"{hashlib.sha256(data).hexdigest()}"'))
        self.posted[label] = cms_pages.Row(label, year, page)
        self.list()
        return path

    def list(self) -> None:
        """Show the index."""
        known = [cms_pages.Row(r.label, str(r.year), r.page) for r in registry.releases().values() if r.page]
        known = [row for row in known if row.name not in self.posted]
        self.cms.answer_with(INDEX, html(cms_pages.index([*known, *self.posted.values()])))

    def watch(self, **options: Any) -> Any:
        where = {"output": str(self.folder / "store"), "cache": str(self.folder / "cache")}
        return watch(**where, retry_delays=(), **({"since": SINCE, "today": TODAY} | options))

    def conditions(self, path: str) -> tuple[bool, ...]:
        """Whether each request for a zip left it to CMS to say that nothing changed."""
        return tuple("if-none-match" in request.headers for request in self.cms.asked(path))

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
    assert (site.conditions(first), site.conditions(second)) == ((False, True), (False,))
    with get_client(sync_client=True) as client:
        tables = [a for a in client.read_artifacts() if a.key == "watch"]
        names = {t.name for t in client.read_task_runs()}
    shown = [row for a in tables for row in json.loads(a.data)]
    assert {row["revision"] for row in shown if row["outcome"] == "published"} == {1, 2}
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
    assert site.conditions(path) == (False, True)


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


def test_a_release_whose_fetch_failed_beside_a_later_one_is_fetched_by_the_next_look(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {label: r for label, r in registry.releases().items() if label not in ("RVU26A", "RVU26D")}
    monkeypatch.setattr(registry, "releases", lambda: known)
    earlier = site.post("RVU26B", "rvu26b-updated-05-01-2026")
    site.post("RVU26C", "rvu26c-updated-06-30-2026")
    good = site.cms.routes[earlier][0]
    site.cms.answer_with(earlier, Answer(b"", status=503))
    when = {"since": 2026, "today": date(2026, 7, 2)}
    with pytest.raises(SourceUnavailable, match=r"RVU26B: .*503"):
        site.watch(**when)
    assert list(version.open_version(site.store).releases) == ["RVU26C"]
    site.cms.answer_with(earlier, good)
    done = site.watch(**when)
    assert (done["due"], done["published"]) == (["RVU26B"], ["RVU26B"])
    assert site.watch(**when)["published"] == []


def test_other_bytes_under_the_same_address_are_published_as_the_next_revision(site: Site) -> None:
    path = site.post("RVU27A")
    site.watch()
    assert site.watch()["asked"] == {"RVU27A": "the same bytes"}
    site.post("RVU27A", rows=WITHOUT_EXCLUDED)
    done = site.watch()
    assert (done["published"], done["asked"]) == (["RVU27A"], {"RVU27A": "other bytes than before"})
    assert len(site.cms.asked(path)) == 3


def test_a_release_that_the_index_lost_fails_every_look_by_name_until_it_is_acknowledged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.post("RVU27A")
    site.post("RVU27B")
    site.watch()
    del site.posted["RVU27B"]
    site.list()
    for _ in range(2):
        with pytest.raises(ChecksFailed, match=r"^RVU27B: CMS's index doesn't list it any more"):
            site.watch()
    rows = ({"release": "RVU27B", "problem": "vanished", "until": "2027-12-31", "reason": "moved"},)
    monkeypatch.setattr(alarms, "_rows", lambda: {("RVU27B", "vanished"): rows[0]})
    done = site.watch()
    assert (done["vanished"], done["acknowledged"]) == (["RVU27B"], ["RVU27B vanished"])


def test_a_good_file_that_replaces_a_refused_one_at_the_same_address_is_published(site: Site) -> None:
    path = site.post("RVU27A")
    good = site.cms.routes[path][0]
    site.cms.answer_with(path, Answer(synthetic.zipped(synthetic.whole("RVU26A")), etag='"of another year"'))
    with pytest.raises(ChecksFailed, match="RVU27A"):
        site.watch()
    site.cms.answer_with(path, good)
    assert site.watch()["published"] == ["RVU27A"]


def test_a_look_without_the_release_in_force_fails_and_names_it(site: Site) -> None:
    site.post("RVU27A")
    with pytest.raises(ChecksFailed, match=r"^RVU27B: it prices 2027-04-01"):
        site.watch(today=date(2027, 4, 1))
    assert list(version.open_version(site.store).releases) == ["RVU27A"]


def test_a_look_that_saw_nothing_leaves_an_artifact_that_says_so(site: Site) -> None:
    site.cms.answer_with(INDEX, Answer(b"", status=403))
    with pytest.raises(SourceUnavailable, match="403"):
        site.watch()
    with get_client(sync_client=True) as client:
        newest = max((a for a in client.read_artifacts() if a.key == "watch"), key=lambda a: a.created)
    assert newest.description.startswith("Nothing was seen:")
    assert "403" in newest.description


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
