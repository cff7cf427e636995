"""Five years of daily looks, as plain functions with a clock: CMS posts as it did, and sometimes doesn't answer.

A release is posted on the day of its zip's date in `releases.csv` where that is before its first day in force, else
seven days before that (assumed); a later date of the zip is a re-posting. A correction is posted on its date.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from pfsetl.declared import calendar, registry
from pfsetl.declared.registry import Release
from pfsetl.publication.release_record import ArchiveRecord
from pfsetl.publication.version import Version
from pfsetl.source.archive_list import Fetched
from pfsetl.source.discover import Posting
from pfsetl.storage.folder import LocalStore
from pfsetl.watching import looks, plan
from tests.publisher import holding, record

pytestmark = pytest.mark.long

FIRST, LAST = date(2021, 1, 1), date(2026, 11, 28)
POSTED = [r for r in registry.releases().values() if r.effective_from and r.page and 2021 <= r.year <= 2026]


def first_posted(release: Release) -> date:
    first = calendar.formula_day(release)
    dated = release.published_on
    return dated if dated and (dated <= first or release.supersedes) else first - timedelta(days=7)


def reposted(release: Release) -> date | None:
    dated = release.published_on
    return dated if dated and dated > first_posted(release) else None


def revision(release: Release, day: date) -> int:
    again = reposted(release)
    return 2 if again and again <= day else 1


@dataclass
class Years:
    """A store, a cache and what every look said."""

    held: dict[str, tuple[str, date]] = field(default_factory=dict)
    published: list[tuple[date, str, str]] = field(default_factory=list)
    cached: list[Fetched] = field(default_factory=list)
    seen: list[looks.Look] = field(default_factory=list)

    @property
    def base(self) -> Version:
        records = {
            label: record(label, archive=ArchiveRecord(name="", sha256=sha, content=""))
            for label, (sha, _) in self.held.items()
        }
        return holding(LocalStore(Path("none")), records)

    def fetch(self, label: str, day: date) -> str:
        now = f"{label}-{revision(registry.find(label), day)}"
        mine = [row for row in self.cached if row.label == label]
        if not mine or mine[-1].sha256 != now:
            at = datetime.combine(day, time(9, 20), UTC)
            self.cached.append(Fetched(label, len(mine) + 1, now, 10, f"https://cms/{label}.zip", at, Path(now)))
        return now

    def look(self, day: date, busy: set[str]) -> None:
        """One look as the flow does it; `busy` are the releases whose zip CMS doesn't deliver that day."""
        postings = [
            Posting(r.label, f"https://cms/{r.label}.zip", "page", "known") for r in POSTED if first_posted(r) <= day
        ]
        before = {row.sha256 for row in self.cached}
        for label in plan.again(postings, self.cached, self.base, day):
            if label not in busy:
                self.fetch(label, day)
        brought = {row.label for row in self.cached if row.sha256 not in before}
        todo = plan.plan(postings, self.cached, self.base, since=day.year - 1, brought=brought)
        failed = {}
        for label in [*todo.fetch, *todo.publish]:
            if label in busy and label in todo.fetch:
                failed[label] = "503"
                continue
            sha = self.fetch(label, day) if label in todo.fetch else todo.publish[label].sha256
            self.held[label] = (sha, day)
            self.published.append((day, label, sha))
        earlier = self.seen[-1].as_record() if self.seen else None
        told = looks.look(day, postings, todo, {}, store="fees", published=self.held, failed=failed, earlier=earlier)
        self.seen.append(told)


@pytest.fixture(scope="module")
def five_years() -> Years:
    """Every day a look; every fifth day CMS answers 503 for a third of the zips."""
    years, chance = Years(), random.Random(2021)
    days = (LAST - FIRST).days + 1
    for day in (FIRST + timedelta(days=n) for n in range(days)):
        troubled = chance.random() < 0.2
        years.look(day, {r.label for r in POSTED if troubled and chance.random() < 1 / 3})
    return years


def test_every_release_that_was_posted_is_published(five_years: Years) -> None:
    assert {label for _, label, _ in five_years.published} == {r.label for r in POSTED if first_posted(r) <= LAST}


def test_every_posting_is_published_by_the_first_look_after_it_that_can_fetch_it(five_years: Years) -> None:
    late = []
    for day, label, sha in five_years.published:
        release = registry.find(label)
        posted = reposted(release) if sha.endswith("-2") else first_posted(release)
        assert posted is not None
        if (day - max(posted, FIRST)).days > 3:  # CMS was busy on these days
            late.append((label, sha, day, posted))
    assert late == []


def test_a_re_posting_under_the_same_address_is_published_as_a_revision(five_years: Years) -> None:
    again = {r.label for r in POSTED if (on := reposted(r)) and FIRST < on <= LAST}
    assert again
    assert again - {label for _, label, sha in five_years.published if sha.endswith("-2")} == set()


def test_nothing_is_published_twice(five_years: Years) -> None:
    assert len({(label, sha) for _, label, sha in five_years.published}) == len(five_years.published)


def test_every_alarm_is_real(five_years: Years) -> None:
    """A release that failed that day, or one in force that CMS hadn't posted, or hadn't delivered."""
    for look in five_years.seen:
        for alarm in look.alarms:
            assert alarm.problem in ("failed", "absent"), alarm
            if alarm.problem == "absent":
                assert first_posted(registry.find(alarm.release)) > look.day, (look.day, alarm)


def test_nothing_that_cms_posts_ever_counts_as_vanished(five_years: Years) -> None:
    assert [look.day for look in five_years.seen if look.vanished] == []
