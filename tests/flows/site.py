"""CMS as a test sets it up day by day, with a store and a cache beside it, and what a look at it told an operator."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pfsetl.checks import completeness
from pfsetl.cli import main
from pfsetl.declared import contracts, registry
from pfsetl.publication import publish, runs, staging, version
from pfsetl.publication.recording import releases_table
from pfsetl.publication.release_record import ArchiveRecord
from pfsetl.source import discover, fetch
from pfsetl.storage.folder import LocalStore
from pfsetl.watching import status
from tests import cms_pages, publisher, synthetic
from tests.cms_server import Answer, Cms
from tests.copied import copied
from tests.flows.called import asking, watch
from tests.present import present

INDEX = cms_pages.FILES
ROWS = len(synthetic.CODES) + 1  # of what is posted, by default


def html(text: str, status: int = 200) -> Answer:
    return Answer(text.encode(), status, type="text/html")


def zip_answer(data: bytes) -> Answer:
    return Answer(data, etag=f'"{hashlib.sha256(data).hexdigest()}"')


@dataclass(frozen=True)
class Told:
    """What one look left: its run's state and message, its artifact, and `pfsetl status --json` after it."""

    state: str
    message: str
    artifact: str
    rows: list[dict[str, Any]]
    code: int
    status: dict[str, Any]

    def outcomes(self, label: str) -> list[str]:
        """Return what the artifact says of a release."""
        return [row["outcome"] for row in self.rows if row["release"] == label]

    @property
    def stale(self) -> list[str]:
        """The names that the reasons of `status` begin with."""
        return [why.partition(":")[0] for why in self.status["stale"]]


@dataclass
class Site:
    """CMS as it lists every declared release and what is posted besides, with a cache and a store beside it."""

    cms: Cms
    folder: Path
    patch: pytest.MonkeyPatch
    since: int
    today: date
    posted: dict[str, cms_pages.Row] = field(default_factory=dict)
    listed: Callable[[list[cms_pages.Row]], Iterable[cms_pages.Row]] = list
    kept: dict[str, list[Answer]] = field(default_factory=dict)

    def keep(self) -> None:
        """Remember what CMS answers now, for all that is done `again`."""
        self.kept = {**self.cms.routes}

    def again(self, folder: Path, patch: pytest.MonkeyPatch) -> "Site":
        """Return a copy of this in another folder to go on with, its CMS answering what it did when that was kept."""
        reached(self.cms, patch)
        self.cms.start_over(self.kept)
        return dataclasses.replace(self, folder=copied(self.folder, folder), patch=patch, posted={**self.posted})

    def post(self, label: str, name: str = "", rows: Any = None, *, data: bytes | None = None) -> str:
        """Post a release's zip on its page; another name is a re-posting. Returns the zip's address."""
        known = registry.releases().get(label)
        year = "20" + label[3:5]
        page = (known and known.page) or f"{INDEX}/{label.lower()}"
        path = f"/files/zip/{name or label.lower()}.zip"
        if known and known.zip_path and not name:
            path = known.zip_path
        self.cms.answer_with(page, html(cms_pages.release(label, [(path, label)], year=year)))
        base = label if label[3:].isalnum() and len(label) == 6 else "RVU27A" if label == "RVU27AR" else "RVU26A"
        rows = rows or (*synthetic.CODES, synthetic.of_quarter(base))
        self.cms.answer_with(path, zip_answer(data or synthetic.zipped(synthetic.release(base, rows))))
        self.posted[label] = cms_pages.Row(label, year, page)
        self.list()
        return path

    def take_down(self, label: str) -> None:
        """Take a release out of the index; its zip stays."""
        self.listed = lambda rows: (row for row in rows if row.name != label)
        self.list()

    def list(self) -> None:
        """Show the index."""
        known = [cms_pages.Row(r.label, str(r.year), r.page) for r in registry.releases().values() if r.page]
        known = [row for row in known if row.name not in self.posted]
        rows = [*known, *self.posted.values()]
        self.cms.answer_with(INDEX, html(cms_pages.index(list(self.listed(rows)))))

    def hold(self, *labels: str) -> None:
        """Let the store hold these releases, each of two tables of one row, from archives that the cache has."""
        contract, staged, base = contracts.load(), [], version.open_version(self.store)
        for label in labels:
            path = self.post(label, data=synthetic.zipped({f"{label}.txt": label.encode()}))
            kept = fetch.fetch(registry.find_or_infer(label), self.cache, url=self.cms.url + path)
            release = registry.find_or_infer(label)
            archive = ArchiveRecord(sha256=kept.sha256, url=kept.url, name=kept.path.name, content=kept.sha256)
            quarter = {"year": release.year, "quarter": release.quarter}
            record = replace(publisher.RECORD, **quarter, archive=archive, rvu_rows=ROWS)
            frames = {
                "conversion_factor": publisher.factor(label, "32.3465"),
                "releases": releases_table(release, record, base),
            }
            staged.append(staging.stage(self.store, label, frames, record, contract))
        publish.commit(self.store, staged, base, contract)

    def watch(self, **options: Any) -> Any:
        where = {"output": str(self.store.root), "cache": str(self.cache)}
        asked: dict[str, Any] = {**where, "retry_delays": (), "since": self.since, "today": self.today, **options}
        return watch(**asked)

    def look(self, today: date | None = None) -> Told:
        """Look at CMS on a day, on which the clock stands, and return what an operator sees of it."""
        from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

        self.today = today or self.today
        self.set_clock()
        ended = self.watch(return_state=True)
        with asking() as client:
            run = client.read_flow_run(ended.state_details.flow_run_id)
            of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
            # NOTE: a request that a busy server answers late is sent again, and leaves the same artifact twice.
            left = [*{a.data: a for a in client.read_artifacts(artifact_filter=of_run) if a.key == "watch"}.values()]
        assert run.state is not None
        assert len(left) == 1, f"{len(left)} artifacts of one look"
        code, told = self.status()
        rows = json.loads(str(left[0].data))
        return Told(present(run.state.name), run.state.message or "", left[0].description or "", rows, code, told)

    def status(self) -> tuple[int, dict[str, Any]]:
        """Return the exit code of `pfsetl status --json`, and what it prints."""
        self.set_clock()
        printed: list[str] = []
        with self.patch.context() as patched:
            patched.setattr("builtins.print", lambda *said, **_: printed.append(str(said[0])))
            try:
                main(["status", "--output", str(self.store.root), "--json"])
            except SystemExit as stop:
                return int(stop.code or 0), json.loads(printed[0])
        return 0, json.loads(printed[0])

    def set_clock(self) -> None:
        """Let the clock of runs, of `status` and of archives that rest stand at nine of the day."""
        at = datetime(self.today.year, self.today.month, self.today.day, 9, tzinfo=UTC)

        class Clock(datetime):
            @classmethod
            def now(cls, _tz: Any = None) -> datetime:  # type: ignore[override]
                return at

        for module in (runs, status, fetch, import_module("pfsetl.flows.watch")):
            self.patch.setattr(module, "datetime", Clock)

    def conditions(self, path: str) -> tuple[bool, ...]:
        """Whether each request for a zip left it to CMS to say that nothing changed."""
        return tuple("if-none-match" in request.headers for request in self.cms.asked(path))

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "store")


@contextmanager
def opened(folder: Path, patch: pytest.MonkeyPatch, since: int, today: date) -> Iterator[Site]:
    """Open CMS with a page for each release of `since` and later that is declared, and list all of them."""
    with Cms() as cms:
        reached(cms, patch)
        for release in registry.releases().values():
            if release.page and release.year >= since:
                links = [(release.zip_path or "", release.label)]
                cms.answer_with(release.page, html(cms_pages.release(release.label, links)))
        made = Site(cms, folder, patch, since, today)
        made.list()
        yield made


def reached(cms: Cms, patch: pytest.MonkeyPatch) -> None:
    """Let this be the CMS that is asked, once and without pauses."""
    patch.setenv("PFSETL_ATTEMPTS", "1")
    patch.setenv("NO_PROXY", "127.0.0.1")
    patch.setattr(discover, "PAUSE", 0.0)
    # What is posted is a part of a schedule, which takes a third of the time, and counts as a whole one.
    for check in ("floors", "known"):
        patch.setattr(completeness, check, lambda *_: [])
    # The limit of CMS is test_end_to_end's. Here it costs two seconds a task: the test server's SQLite is often locked.
    patch.setattr("pfsetl.flows.tasks.concurrency", lambda *_, **__: nullcontext())
    patch.setenv("PFSETL_CMS_URL", cms.url)
