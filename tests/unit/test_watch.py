"""What there is to do after a look at CMS."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from pfsetl.publication.manifest import ReleaseChanges, about
from pfsetl.publication.release_record import ArchiveRecord
from pfsetl.publication.version import Version
from pfsetl.source.archive import open_archive
from pfsetl.source.archive_list import Fetched
from pfsetl.source.discover import Posting
from pfsetl.storage.folder import LocalStore
from pfsetl.watching.plan import Plan, again, plan
from tests import synthetic as s
from tests.publisher import holding, record

URL = "https://www.cms.gov/files/zip/{}.zip"


def posting(label: str, state: Any, note: str = "") -> Posting:
    return Posting(label, None if state in ("vanished", "unreachable") else URL.format(label), "page", state, note)


def cached(label: str, sha256: str, revision: int = 1) -> Fetched:
    when = datetime(2026, 11, 1, tzinfo=UTC)
    return Fetched(label, revision, sha256, 10, URL.format(label), when, Path(f"{label}-{sha256}.zip"))


def published(*, created: str = "2026-11-02T00:00:00+00:00", **archives: str) -> Version:
    """A version that holds releases built from archives of these hashes, by default after all were fetched."""
    records = {
        label: record(label, archive=ArchiveRecord(name="", sha256=sha256, content=""))
        for label, sha256 in archives.items()
    }
    made = holding(LocalStore(Path("none")), records)
    return replace(made, manifest=structs.replace(made.manifest, created=created))


def planned(*postings: Posting, cache: tuple[Fetched, ...] = (), base: Version | None = None, **options: Any) -> Plan:
    return plan(postings, cache, base or published(), since=2025, **options)


def nothing(found: Plan) -> bool:
    return (found.fetch, found.publish) == ({}, {})


def asked_again(*postings: Posting, cache: tuple[Fetched, ...] = (), base: Version) -> list[str]:
    return list(again(postings, cache, base, date(2026, 2, 1)))


@pytest.mark.parametrize("state", ["new_label", "new_zip"])
def test_what_is_new_is_fetched_from_where_it_is_posted(state: str) -> None:
    assert planned(posting("RVU27A", state)).fetch == {"RVU27A": URL.format("RVU27A")}


@pytest.mark.parametrize("state", ["known", "vanished"])
def test_what_is_published_or_gone_is_left_alone(state: str) -> None:
    found = planned(posting("RVU26A", state), base=published(RVU26A="aa"))
    assert (nothing(found), found.failed, found.seen) == (True, {}, {state: 1})


@pytest.mark.parametrize("held", ["RVU26A", "RVU26C"])
def test_a_declared_release_that_the_store_lacks_is_due_whatever_else_it_holds(held: str) -> None:
    found = planned(posting("RVU26B", "known"), base=published(**{held: "aa"}))
    assert (found.fetch, found.due) == ({"RVU26B": URL.format("RVU26B")}, ("RVU26B",))


def test_an_empty_store_is_filled_from_the_first_year_on() -> None:
    assert list(planned(posting("RVU24D", "known"), posting("RVU25A", "known")).fetch) == ["RVU25A"]


def test_older_releases_that_the_store_lacks_are_named_and_left_to_a_backfill() -> None:
    listed = [posting(label, "known") for label in ("RVU23A", "RVU24B", "RVU24A", "RVU26A")]
    found = planned(*listed, base=published(RVU23D="aa", RVU26A="bb"))
    assert (nothing(found), found.holes) == (True, ("RVU24A", "RVU24B"))


def test_the_newest_four_and_the_release_in_force_are_asked_for_again() -> None:
    labels = ["RVU26A", "RVU26B", "RVU26C", "RVU26D", "RVU27A", "RVU25D"]
    listed = [posting(label, "known") for label in labels]
    held = published(**dict.fromkeys(labels, "aa"))
    assert sorted(asked_again(*listed, base=held)) == ["RVU26A", "RVU26B", "RVU26C", "RVU26D", "RVU27A"]


def test_an_archive_that_waits_in_the_cache_is_asked_for_again_before_it_is_published() -> None:
    row = cached("RVU24A", "aa")
    assert asked_again(posting("RVU24A", "known"), cache=(row,), base=published(RVU26A="bb")) == ["RVU24A"]


def test_bytes_that_cms_posted_since_are_published_over_an_archive_that_the_cache_never_had() -> None:
    rows = (cached("RVU26A", "bb"),)
    found = planned(posting("RVU26A", "known"), cache=rows, base=published(RVU26A="by hand"), brought={"RVU26A"})
    assert list(found.publish) == ["RVU26A"]


def test_a_declared_release_that_is_published_or_fetched_is_left_alone() -> None:
    due = posting("RVU26D", "known")
    assert nothing(planned(due, base=published(RVU26D="aa")))
    assert planned(due, base=published(RVU26B="aa"), cache=(cached("RVU26D", "bb"),)).fetch == {}


def test_a_page_that_cannot_be_read_counts_as_failed() -> None:
    found = planned(posting("RVU26B", "unreachable", "answered with 500"), posting("RVU27A", "new_label"))
    assert (str(found.failed["RVU26B"]), list(found.fetch)) == ("answered with 500", ["RVU27A"])


@pytest.mark.parametrize("state", ["known", "new_label"])
def test_a_label_that_the_index_lists_with_two_zips_is_left_to_a_person(state: Any) -> None:
    two = [posting("RVU27A", state), replace(posting("RVU27A", "new_zip"), url=URL.format("rvu27a-0"))]
    found = planned(*two)
    assert (nothing(found), URL.format("rvu27a-0") in str(found.failed["RVU27A"])) == (True, True)
    assert asked_again(*two, base=published(RVU27A="aa")) == []


def test_a_label_that_the_index_lists_twice_with_one_zip_is_fetched() -> None:
    assert list(planned(posting("RVU27A", "new_label"), posting("RVU27A", "new_label", "elsewhere")).fetch) == [
        "RVU27A"
    ]


def test_a_new_label_outside_the_rule_has_to_be_declared() -> None:
    found = planned(posting("RVU27A_SPECIAL", "new_label"))
    assert nothing(found)
    assert "schemas/releases.csv" in str(found.failed["RVU27A_SPECIAL"])


def test_an_archive_that_was_fetched_and_never_published_is_published() -> None:
    found = planned(cache=(cached("RVU26A", "aa"),))
    assert (found.fetch, list(found.publish)) == ({}, ["RVU26A"])


def test_a_revision_that_was_fetched_and_not_published_is_published() -> None:
    rows = (cached("RVU26A", "aa"), cached("RVU26A", "bb", 2))
    assert planned(cache=rows, base=published(RVU26A="aa")).publish["RVU26A"].sha256 == "bb"


def test_a_revision_of_an_earlier_year_that_was_refused_once_is_not_forgotten() -> None:
    rows = (cached("RVU23A", "aa"), cached("RVU23A", "bb", 2))
    assert planned(posting("RVU23A", "known"), cache=rows, base=published(RVU23A="aa")).publish["RVU23A"].sha256 == "bb"


def test_what_is_published_from_the_newest_archive_is_left_alone() -> None:
    rows = (cached("RVU26A", "aa"), cached("RVU26A", "bb", 2))
    assert nothing(planned(cache=rows, base=published(RVU26A="bb")))


def test_what_somebody_published_from_another_archive_is_left_alone() -> None:
    assert nothing(planned(cache=(cached("RVU26A", "aa"),), base=published(RVU26A="by hand")))


def test_bytes_fetched_after_another_archive_was_published_are_not_forgotten_with_the_look_that_brought_them() -> None:
    before = published(created="2026-10-31T00:00:00+00:00", RVU26A="by hand")
    assert list(planned(cache=(cached("RVU26A", "aa"),), base=before).publish) == ["RVU26A"]


def test_the_zip_of_a_folder_that_was_published_does_not_wait(tmp_path: Path) -> None:
    row, folder = cached("RVU26A", "aa"), tmp_path / "RVU26A"
    members = s.release("RVU26A")
    row = replace(row, path=s.write_zip(tmp_path / "RVU26A.zip", members))
    folder.mkdir()
    for name, content in members.items():
        (folder / name).write_bytes(content)
    made = open_archive(folder, date(2026, 1, 1))
    archive = ArchiveRecord(name="RVU26A", sha256=made.sha256, content=made.content)
    of_folder = holding(LocalStore(tmp_path), {"RVU26A": record("RVU26A", archive=archive)})
    base = replace(of_folder, manifest=structs.replace(of_folder.manifest, created="2026-10-31T00:00:00+00:00"))
    assert nothing(planned(cache=(row,), base=base))


def test_a_release_counts_as_published_with_the_version_that_first_held_it(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = published(created="2026-10-31T00:00:00+00:00", RVU26A="by hand")
    later = replace(published(created="2026-12-01T00:00:00+00:00", RVU26A="by hand"), number=2)
    monkeypatch.setattr("pfsetl.publication.version.numbers", lambda _: [1, 2])
    monkeypatch.setattr("pfsetl.publication.version.open_version", lambda _, number: {1: earlier, 2: later}[number])
    assert list(planned(cache=(cached("RVU26A", "aa"),), base=later).publish) == ["RVU26A"]


def test_what_a_rollback_took_out_stays_out_when_the_version_that_held_it_is_pruned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rolled_back = published(RVU26A="aa", RVU26B="aa")
    changes = {"RVU26A": ReleaseChanges(supersedes=None, tables=None)}
    base = replace(rolled_back, manifest=about(rolled_back.manifest, rolled_back_to=1, changes=changes))
    monkeypatch.setattr("pfsetl.publication.version.numbers", lambda _: [1])
    monkeypatch.setattr("pfsetl.publication.version.open_version", lambda *_: base)
    rows = [cached(label, sha256, revision) for label in base.releases for revision, sha256 in enumerate(("aa", "bb"))]
    found = planned(cache=tuple(rows), base=base)
    assert ([*found.publish], [*found.failed]) == (["RVU26B"], ["RVU26A"])
    assert str(found.failed["RVU26A"]).startswith("version 1 rolled it back after its newest archive came, so no look")


def test_archives_of_earlier_years_in_the_cache_are_left_alone() -> None:
    assert nothing(planned(cache=(cached("RVU24A", "aa"),)))


def test_another_zip_is_fetched_before_what_the_cache_holds_is_published() -> None:
    found = planned(posting("RVU26A", "new_zip"), cache=(cached("RVU26A", "aa"),))
    assert (list(found.fetch), found.publish) == (["RVU26A"], {})


def test_an_archive_whose_release_nobody_declares_any_more_fails_alone() -> None:
    found = planned(cache=(cached("RVU26A_SPECIAL", "aa"), cached("RVU26A", "aa")))
    assert (list(found.publish), list(found.failed)) == (["RVU26A"], ["RVU26A_SPECIAL"])
