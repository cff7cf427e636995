"""How archives are fetched: who is asked, how often, with what, and what is believed of the answer."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.metadata import version as installed
from pathlib import Path

import pytest

from pfsetl.cli import main
from pfsetl.declared import registry
from pfsetl.errors import SourceBusy, SourceUnavailable, UsageError
from pfsetl.source import web
from pfsetl.source.address import is_allowed
from pfsetl.source.archive_list import Fetched
from pfsetl.source.cache import newest, rows
from pfsetl.source.discover import cached_addresses
from pfsetl.source.fetch import fetch, is_unanswered, newest_cached, rests
from pfsetl.source.web import Manners, get_text
from tests import synthetic as s
from tests.cms_server import LICENCE, Answer, Cms, page, redirect

RELEASE = registry.find("RVU26A")
ZIP = "/files/zip/rvu26a-updated-12-29-2025.zip"  # where CMS has RVU26A
QUICK = Manners(attempts=3, first_wait=0.01, longest_wait=3.0, connect=2.0, silence=2.0, total=5.0)
FIRST = s.zipped({"PPRRVU2026_Jan.csv": random.Random(1).randbytes(300_000)})
SECOND = s.zipped({"PPRRVU2026_Jan.csv": random.Random(2).randbytes(300_000)})


@pytest.fixture
def cms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cms]:
    with Cms({ZIP: [Answer(FIRST, etag='"1"')]}) as server:
        monkeypatch.setenv("PFSETL_CMS_URL", server.url)
        monkeypatch.delenv("PFSETL_USER_AGENT", raising=False)
        yield server


def fetched(folder: Path, url: str | None = None) -> Fetched:
    return fetch(RELEASE, folder, url=url, manners=QUICK)


def refusal(folder: Path, url: str | None = None) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as caught:
        fetched(folder, url)
    assert rows(folder) == []
    assert not list(folder.glob("archives/*"))
    return caught.value


# --- what is fetched --------------------------------------------------------------------------------------------


def test_an_archive_comes_into_the_cache_with_its_record(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path)
    assert got.path.read_bytes() == FIRST
    assert (got.label, got.revision, got.bytes, got.url) == ("RVU26A", 1, len(FIRST), cms.url + ZIP)
    assert got.fresh
    assert abs(datetime.now(UTC) - got.retrieved_at) < timedelta(minutes=1)
    assert rows(tmp_path) == [replace(got, fresh=False)]


def test_what_is_unchanged_is_asked_for_and_not_sent_again(cms: Cms, tmp_path: Path) -> None:
    first, second = fetched(tmp_path), fetched(tmp_path)
    assert second == replace(first, fresh=False)
    assert [r.headers.get("if-none-match") for r in cms.requests] == [None, '"1"']


def test_last_modified_is_a_validator_too(cms: Cms, tmp_path: Path) -> None:
    when = "Mon, 29 Dec 2025 15:00:00 GMT"
    cms.answer_with(ZIP, Answer(FIRST, modified=when))
    assert [fetched(tmp_path).fresh, fetched(tmp_path).fresh] == [True, False]
    assert cms.requests[1].headers["if-modified-since"] == when


def test_without_validators_equal_bytes_add_nothing(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(FIRST))
    assert [fetched(tmp_path).fresh, fetched(tmp_path).fresh] == [True, False]
    assert len(rows(tmp_path)) == 1


@pytest.mark.parametrize(
    ("etag", "days", "conditional"),
    [(None, 6, True), (None, 8, False), (None, -8, False), ('W/"1"', 8, False), ('"1"', 8, True)],
    ids=["a time", "an old time", "noted by a wrong clock", "an old weak tag", "an old tag"],
)
def test_a_time_and_a_weak_tag_are_believed_for_a_week(
    cms: Cms, tmp_path: Path, etag: str | None, days: int, conditional: bool
) -> None:
    newer, older = "Wed, 14 Jan 2026 15:30:00 GMT", "Mon, 29 Dec 2025 15:30:00 GMT"
    cms.answer_with(ZIP, Answer(FIRST, modified=newer, etag=etag))
    fetched(tmp_path)
    # A server that goes by the time calls an older file unchanged, which a person has put back (RFC 9110 13.1.3).
    cms.answer_with(ZIP, Answer(status=304))
    fetched(tmp_path)
    place = tmp_path / "validators" / "RVU26A.json"
    noted = json.loads(place.read_text())
    when = datetime.fromisoformat(noted["whole"]) - timedelta(days=days)
    place.write_text(json.dumps(noted | {"whole": when.isoformat()}))
    cms.answer_with(ZIP, Answer(status=304) if conditional else Answer(SECOND, modified=older))
    assert fetched(tmp_path).revision == (1 if conditional else 2)
    assert ("if-modified-since" in cms.asked(ZIP)[-1].headers) == conditional


def test_the_same_bytes_under_a_new_etag_rest_until_an_etag_lasts(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, *(Answer(FIRST, etag=f'"{n}"') for n in (1, 2, 3)))
    rested = []
    for _ in range(4):  # the third ETag is still that of the fourth request
        fetched(tmp_path)
        rested.append(rests(tmp_path, "RVU26A", datetime.now(UTC)))
    assert rested == [False, True, True, False]
    assert len(rows(tmp_path)) == 1


def test_what_rests_is_asked_for_again_after_a_week_or_where_a_wrong_clock_noted_it(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(FIRST))
    fetched(tmp_path)
    days = [datetime.now(UTC) + timedelta(days=number) for number in (-8, 0, 6, 8)]
    assert [rests(tmp_path, "RVU26A", day) for day in days] == [False, True, True, False]
    assert [is_unanswered(tmp_path, "RVU26A", day) for day in days] == [True, False, False, True]


def test_a_repost_is_the_next_revision_and_the_older_one_stays(cms: Cms, tmp_path: Path) -> None:
    first = fetched(tmp_path)
    cms.answer_with(ZIP, Answer(SECOND, etag='"2"'))
    second = fetched(tmp_path)
    assert (second.revision, second.fresh) == (2, True)
    assert [r.path.read_bytes() for r in rows(tmp_path)] == [FIRST, SECOND]
    assert first.path.read_bytes() == FIRST
    assert newest(tmp_path, "RVU26A") == replace(second, fresh=False)


def test_a_damaged_file_in_the_cache_is_fetched_again_under_its_revision(cms: Cms, tmp_path: Path) -> None:
    got = fetched(tmp_path)
    got.path.chmod(0o644)
    got.path.write_bytes(FIRST[:1000])
    again = fetched(tmp_path)
    assert (again.revision, again.path.read_bytes()) == (1, FIRST)
    assert "if-none-match" not in cms.requests[1].headers


def test_validators_of_another_address_arent_used(cms: Cms, tmp_path: Path) -> None:
    fetched(tmp_path)
    cms.answer_with("/files/zip/other.zip", Answer(SECOND, etag='"1"'))
    assert fetched(tmp_path, cms.url + "/files/zip/other.zip").revision == 2


# --- who asks, and how often ------------------------------------------------------------------------------------


def test_the_program_says_who_it_is(cms: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched(tmp_path)
    monkeypatch.setenv("PFSETL_USER_AGENT", "fees-of-ours/2 (ops@example.org)")
    fetched(tmp_path)
    said = [r.headers["user-agent"] for r in cms.requests]
    assert said[0].startswith(f"pfsetl/{installed('pfsetl')} ")
    assert said[1] == "fees-of-ours/2 (ops@example.org)"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(cms: Cms, tmp_path: Path, status: int) -> None:
    cms.answer_with(ZIP, Answer(status=status, times=2), Answer(FIRST))
    assert fetched(tmp_path).path.read_bytes() == FIRST
    assert len(cms.requests) == 3


def test_attempts_are_bounded(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(status=503))
    assert "503" in str(refusal(tmp_path))
    assert len(cms.requests) == 3


def test_the_pauses_double_up_to_the_longest_and_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(deadline: float) -> None:
        raise SourceBusy("busy")

    slept: list[float] = []
    monkeypatch.setattr("pfsetl.source.web.time.sleep", slept.append)
    for _ in range(2):
        with pytest.raises(SourceBusy):
            web.patiently(busy, Manners(attempts=5, first_wait=1.0, longest_wait=2.5, total=100.0))
    first, second = slept[:4], slept[4:]
    for pauses in (first, second):
        assert 0.5 <= pauses[0] <= 1 <= pauses[1] <= 2 <= pauses[2] <= 2.5 == pauses[3]
    assert first != second


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(cms: Cms, tmp_path: Path, form: str) -> None:
    after = "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    cms.answer_with(ZIP, Answer(status=503, retry_after=after), Answer(FIRST))
    fetched(tmp_path)
    assert cms.requests[1].at - cms.requests[0].at >= 0.9


@pytest.mark.parametrize("seconds", ["3600", "4"], ids=["beyond all time", "beyond the longest wait"])
def test_a_server_that_asks_for_too_long_a_wait_isnt_asked_again(cms: Cms, tmp_path: Path, seconds: str) -> None:
    cms.answer_with(ZIP, Answer(status=429, retry_after=seconds), Answer(FIRST))
    error = refusal(tmp_path)
    assert isinstance(error, SourceBusy)
    assert error.retry_after == int(seconds)
    assert f"in {int(seconds):,} seconds" in str(error)
    assert len(cms.requests) == 1


@pytest.mark.parametrize(("status", "says"), [(403, "PFSETL_USER_AGENT"), (404, "its page"), (410, "its page")])
def test_a_refusal_is_final_and_says_what_to_do(cms: Cms, tmp_path: Path, status: int, says: str) -> None:
    cms.answer_with(ZIP, page("<html>no</html>", status))
    error = refusal(tmp_path)
    assert not isinstance(error, SourceBusy)
    assert all(part in str(error) for part in (cms.url + ZIP, str(status), says, "--archive"))
    assert len(cms.requests) == 1


def test_a_server_that_isnt_there_may_be_there_later(cms: Cms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_CMS_URL", "http://127.0.0.1:9")
    assert isinstance(refusal(tmp_path), SourceBusy)


def test_attempts_can_be_set(cms: Cms, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cms.answer_with(ZIP, Answer(status=503))
    monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
    with pytest.raises(SourceBusy):
        fetch(RELEASE, tmp_path)
    assert len(cms.requests) == 1


@pytest.mark.parametrize("attempts", ["often", "0", "\u00b2", "9" * 5000])
def test_attempts_that_are_no_number_are_refused(
    attempts: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PFSETL_ATTEMPTS", attempts)
    with pytest.raises(UsageError, match=f"PFSETL_ATTEMPTS={attempts}"):
        fetch(RELEASE, tmp_path)


@pytest.mark.parametrize("name", ["two\nlines", "\u65e5\u672c"])
def test_a_user_agent_that_no_header_can_hold_is_refused(
    cms: Cms, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PFSETL_USER_AGENT", name)
    assert "PFSETL_USER_AGENT" in str(refusal(tmp_path))


# --- whom -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://www.cms.gov/files/zip/rvu26a.zip",
        "https://cms.gov/x",
        "https://pfs.data.cms.gov/x",
        "https://WWW.CMS.GOV:443/x",
    ],
)
def test_cms_is_asked(url: str) -> None:
    assert is_allowed(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://www.cms.gov/x",
        "https://www.cms.gov.example.org/x",
        "https://notcms.gov/x",
        "https://example.org/cms.gov",
        "https://www.cms.gov@example.org/x",
        "https://example.org\\@www.cms.gov/x",  # one parser's host is another's user
        "https://user:word@www.cms.gov/x",
        "https://www.cms.gov:8443/x",
        "ftp://www.cms.gov/x",
        "file:///etc/hostname",
        "https://[",
        "",
    ],
)
def test_nobody_else_is(url: str) -> None:
    assert not is_allowed(url)


def test_the_mirror_is_asked_at_its_scheme_host_and_port_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSETL_CMS_URL", "http://mirror.example.org:8080/cms")
    allowed = [f"http://mirror.example.org{rest}" for rest in (":8080/x", ":8081/x", "/x")]
    assert [is_allowed(url) for url in allowed] == [True, False, False]
    assert not is_allowed("https://mirror.example.org:8080/x")


def test_a_redirect_is_followed_and_the_last_address_recorded(cms: Cms, tmp_path: Path) -> None:
    cms.routes |= {ZIP: [redirect("/b.zip", 301)], "/b.zip": [redirect(cms.url + "/c.zip")], "/c.zip": [Answer(FIRST)]}
    assert fetched(tmp_path).url == cms.url + "/c.zip"


def test_a_redirect_to_a_foreign_host_isnt_followed(cms: Cms, tmp_path: Path) -> None:
    with Cms({"/b.zip": [Answer(FIRST)]}) as foreign:
        cms.answer_with(ZIP, redirect(foreign.url + "/b.zip"))
        error = refusal(tmp_path)
        assert foreign.requests == []
    assert f"redirected to {foreign.url}/b.zip" in str(error)
    assert not isinstance(error, SourceBusy)


@pytest.mark.parametrize("target", ["http://[www.cms.gov/a.zip", "/caf\xe9.zip"])
def test_a_redirect_to_no_address_is_refused(cms: Cms, target: str, tmp_path: Path) -> None:
    cms.answer_with(ZIP, redirect(target))
    assert "where it redirects to" in str(refusal(tmp_path))


def test_redirects_in_a_circle_end(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, redirect(ZIP))
    assert "redirects" in str(refusal(tmp_path))
    assert len(cms.requests) == 6


# --- pages ------------------------------------------------------------------------------------------------------


def test_a_page_comes_as_text_with_its_last_address(cms: Cms) -> None:
    cms.routes |= {"/old": [Answer(status=503), redirect("/new")], "/new": [page("<p>2025 \u2013 2026</p>")]}
    got = get_text(cms.url + "/old", manners=QUICK)
    assert (got.url, got.text) == (cms.url + "/new", "<p>2025 \u2013 2026</p>")


def test_a_page_without_charset_is_utf_8(cms: Cms) -> None:
    cms.answer_with("/p", Answer("\u2013".encode(), type="text/html"))
    assert get_text(cms.url + "/p", manners=QUICK).text == "\u2013"


def test_a_page_of_another_charset_is_read_by_it(cms: Cms) -> None:
    cms.answer_with("/p", Answer("\u2013".encode("cp1252"), type="text/html; charset=windows-1252"))
    assert get_text(cms.url + "/p", manners=QUICK).text == "\u2013"


@pytest.mark.parametrize("charset", ["nonsense", "idna"])
def test_a_page_of_a_charset_that_isnt_one_is_utf_8(cms: Cms, charset: str) -> None:
    cms.answer_with("/p", Answer("\u2013".encode(), type=f"text/html; charset={charset}"))
    assert get_text(cms.url + "/p", manners=QUICK).text == "\u2013"


def test_a_page_without_end_is_refused(cms: Cms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_PAGE_BYTES", 1000)
    cms.answer_with("/p", page(b"x" * 1001))
    with pytest.raises(SourceUnavailable, match="more than 1,000 bytes"):
        get_text(cms.url + "/p", manners=QUICK)


def test_a_page_is_asked_of_allowed_hosts_only() -> None:
    with pytest.raises(SourceUnavailable, match="neither https"):
        get_text("https://example.org/", manners=QUICK)


# --- offline, and the command -----------------------------------------------------------------------------------


def test_offline_takes_the_newest_of_the_cache_and_asks_nobody(cms: Cms, tmp_path: Path) -> None:
    fetched(tmp_path)
    cms.answer_with(ZIP, Answer(SECOND))
    second = fetched(tmp_path)
    asked = len(cms.requests)
    assert newest_cached(RELEASE, tmp_path) == replace(second, fresh=False)
    assert len(cms.requests) == asked


def test_offline_without_an_archive_or_with_a_damaged_one_says_so(cms: Cms, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="no archive of RVU26A"):
        newest_cached(RELEASE, tmp_path)
    fetched(tmp_path).path.unlink()
    with pytest.raises(SourceUnavailable, match="missing or damaged"):
        newest_cached(RELEASE, tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    try:
        main([str(a) for a in arguments])
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_prints_a_path_for_each_label(cms: Cms, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cms.answer_with("/files/zip/rvu25d-updated-09/11/2025.zip", Answer(SECOND))
    code, out, err = run(capsys, "fetch", "RVU26A", "rvu25d", "--cache", tmp_path)
    assert (code, err) == (0, "")
    assert [Path(line).read_bytes() for line in out.splitlines()] == [FIRST, SECOND]


def test_the_command_prints_records_for_machines(cms: Cms, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "fetch", "RVU26A", "--cache", tmp_path, "--json")
    [record] = json.loads(out)
    assert code == 0
    assert Path(record["path"]).read_bytes() == FIRST
    assert (record["label"], record["revision"], record["fresh"]) == ("RVU26A", 1, True)


def test_the_command_goes_on_after_a_label_that_cant_be_had(
    cms: Cms, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "fetch", "RVU25D", "RVU26A", "--cache", tmp_path)
    assert code == 3
    assert Path(out.strip()).read_bytes() == FIRST
    assert "404" in err


def test_the_command_takes_an_address_for_one_label_only(
    cms: Cms, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cms.answer_with("/new.zip", Answer(SECOND))
    code, out, _ = run(capsys, "fetch", "RVU27A", "--url", cms.url + "/new.zip", "--cache", tmp_path)
    assert (code, Path(out.strip()).read_bytes()) == (0, SECOND)
    code, _, err = run(capsys, "fetch", "RVU26A", "RVU25D", "--url", cms.url + "/new.zip", "--cache", tmp_path)
    assert code == 2
    assert "--url" in err


def test_a_build_uses_the_cache_offline_only_when_asked_to(
    cms: Cms, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cms.answer_with("/files/zip/rvu25a-updated-01/10/2025.zip", Answer(s.zipped(s.release("RVU25A"))))
    options = ("--cache", tmp_path / "cache", "--output", tmp_path / "output", "--sample")
    run(capsys, "fetch", "RVU25A", "--cache", tmp_path / "cache")
    monkeypatch.setenv("PFSETL_CMS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
    code, _, err = run(capsys, "build", "RVU25A", *options)
    assert code == 3
    assert "The cache holds revision 1" in err
    assert "--offline" in err
    code, out, _ = run(capsys, "build", "RVU25A", *options, "--offline", "--json")
    assert code == 0
    assert json.loads(out)["record"]["archive"]["url"] == cms.url + "/files/zip/rvu25a-updated-01/10/2025.zip"


def test_the_licence_page_isnt_an_archive(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with(ZIP, page(LICENCE))
    error = refusal(tmp_path)
    assert "answered with an HTML page (a licence or release page)" in str(error)
    assert not isinstance(error, SourceBusy)
    assert len(cms.requests) == 1


def test_progress_is_reported_up_to_the_whole(cms: Cms, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    started = time.monotonic()
    fetch(RELEASE, tmp_path, manners=QUICK, report=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(FIRST), len(FIRST))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert time.monotonic() - started < 5


def test_an_archive_behind_a_redirect_is_known_by_the_address_it_was_asked_at_too(cms: Cms, tmp_path: Path) -> None:
    cms.answer_with("/posted.zip", redirect(ZIP))
    fetched(tmp_path, cms.url + "/posted.zip")
    assert cached_addresses(tmp_path) == {"RVU26A": {cms.url + "/posted.zip", cms.url + ZIP}}


def test_addresses_that_cant_be_read_are_refused_with_their_place(cms: Cms, tmp_path: Path) -> None:
    fetched(tmp_path)
    place = tmp_path / "validators" / "RVU26A.json"
    place.unlink()
    place.mkdir()
    with pytest.raises(SourceUnavailable, match=f"{place}: .*PFSETL_CACHE"):
        cached_addresses(tmp_path)
