"""A server that drips forever doesn't keep a run: every conversation ends at its deadline, whatever it is about."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pfsetl.errors import SourceBusy, SourceUnavailable, UsageError
from pfsetl.source import watchdog, web
from pfsetl.source.download import download
from pfsetl.source.web import Manners
from pfsetl.storage import bucket as object_store

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# silence is longer than any pause of these servers, so that only the total ends the conversation
MANNERS = Manners(attempts=1, connect=2, silence=5, total=1.0)
SLACK = 3.0  # seconds that a busy machine may add

# what the server says first, and what it drips from then on
DRIPS = {
    "the status line": (b"HTTP/1.1 2", b"0"),
    "a header's value": (HEAD + b"X-Long: a", b"a"),
    "headers without end": (HEAD, b"X-A: 1\r\n"),
    "100 continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without length": (HEAD + b"\r\n", b"a"),
    "a body of a length": (HEAD + b"Content-Length: 1000000\r\n\r\n", b"a"),
    "a chunk's extension": (CHUNKED + b"5;ext=", b"a"),
    "a chunk's size": (CHUNKED + b"0", b"0"),
    "empty-looking chunks": (CHUNKED, b"1\r\na\r\n"),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X-A: 1\r\n"),
}


@contextmanager
def server(first: bytes, drip: bytes, *, pause: float = 0.05, once: bool = False) -> Iterator[str]:
    """A server on loopback that answers with `first`, then `drip` again and again until the client goes away.

    With `once` it hangs up after `first`.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            while not over.is_set():
                line, _ = listener.accept()
                with line, suppress(OSError):
                    line.recv(65536)
                    line.sendall(first)
                    if once:
                        continue
                    for _ in range(400):  # 20 seconds at most, should nobody hang up
                        if over.is_set():
                            break
                        line.sendall(drip)
                        time.sleep(pause)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], object]:
    """Ask a server for a page or an archive, as a run does."""

    def ask(what: str, address: str) -> object:
        monkeypatch.setenv("PFSETL_CMS_URL", address)
        if what == "page":
            return web.get_text(f"{address}/index", manners=MANNERS)
        return web.patiently(
            lambda deadline: download(
                f"{address}/a.zip", tmp_path / "a.part", limit=1 << 20, manners=MANNERS, deadline=deadline
            ),
            MANNERS,
        )

    return ask


@pytest.mark.parametrize("what", ["page", "archive"])
@pytest.mark.parametrize("drip", DRIPS)
def test_a_server_that_drips_is_left_at_the_time_limit(drip, what, asks):
    with server(*DRIPS[drip]) as address:
        began = time.monotonic()
        with pytest.raises(SourceBusy, match="still arriving at the time limit"):
            asks(what, address)
        assert time.monotonic() - began < MANNERS.total + SLACK


def test_without_the_watch_a_dripping_header_is_waited_for(asks, monkeypatch):
    """The control: a timeout of `requests` bounds the pause between two bytes alone."""

    @contextmanager
    def asleep(deadline: float) -> Iterator[watchdog.Watch]:
        del deadline
        yield watchdog.Watch()

    monkeypatch.setattr(watchdog, "until", asleep)
    with server(*DRIPS["headers without end"], pause=0.02) as address:
        began = time.monotonic()
        with pytest.raises(SourceBusy):  # http.client gives up after a hundred headers
            asks("page", address)
        assert time.monotonic() - began > MANNERS.total


def test_a_line_is_used_again_and_still_watched(monkeypatch):
    """One connection, two pages: the second drips."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def serve() -> None:
        with suppress(OSError):
            line, _ = listener.accept()
            accepted.append(line)
            line.recv(65536)
            line.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
            line.recv(65536)
            line.sendall(HEAD)
            while True:
                line.sendall(b"X-A: 1\r\n")
                time.sleep(0.05)

    threading.Thread(target=serve, daemon=True).start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("PFSETL_CMS_URL", address)
    assert web.get_text(f"{address}/1", manners=MANNERS).text == "ok"
    with pytest.raises(SourceBusy, match="time limit"):
        web.get_text(f"{address}/2", manners=MANNERS)
    assert len(accepted) == 1
    listener.close()


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "x-unknown"])
def test_an_archive_that_is_sent_encoded_is_refused(encoding, asks):
    body = HEAD + f"Content-Encoding: {encoding}\r\nContent-Length: 2\r\n\r\nPK".encode()
    with server(body, b"") as address, pytest.raises(SourceUnavailable, match=f"Content-Encoding {encoding}"):
        asks("archive", address)


@pytest.mark.parametrize("seconds", [b"9" * 400, "٣".encode(), b"-1", b"nan", b"inf"])
def test_a_wait_that_is_no_time_is_said_without_nonsense(seconds, asks):
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: " + seconds + b"\r\nContent-Length: 0\r\n\r\n"
    with server(busy, b"") as address, pytest.raises(SourceBusy) as refused:
        asks("page", address)
    assert not any(word in str(refused.value) for word in ("inf", "nan", "-1"))


# --- passwords --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["https://me:s3cret@mirror.test", "https://s3cret@mirror.test/path", "me:s3cret@x"])
def test_a_password_in_the_mirror_s_address_is_refused_and_never_shown(address, monkeypatch, run):
    monkeypatch.setenv("PFSETL_CMS_URL", address)
    for command in (("fetch", "RVU26A"), ("discover",), ("build", "RVU26A")):
        code, out, err = run(*command)
        assert (code, "PFSETL_CMS_URL holds a user name or password" in err) == (2, True)
        assert "s3cret" not in out + err


def test_a_password_in_an_address_to_fetch_is_refused_and_never_shown(run):
    code, out, err = run("fetch", "RVU26A", "--url", "https://me:s3cret@www.cms.gov/a.zip")
    assert (code, "s3cret" in out + err, "user name or password" in err) == (2, False, True)


def test_a_password_in_the_bucket_s_address_is_refused_and_never_shown(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://key:s3cret@s3.test")
    with pytest.raises(UsageError) as refused:
        object_store.open_bucket("s3://bucket/prefix")
    assert "s3cret" not in str(refused.value)


def test_a_query_in_the_mirror_s_address_is_refused_and_never_shown(monkeypatch, run):
    monkeypatch.setenv("PFSETL_CMS_URL", "https://mirror.test/cms?sig=s3cret")
    code, out, err = run("fetch", "RVU26A")
    assert (code, "PFSETL_CMS_URL holds a query" in err, "s3cret" in out + err) == (2, True, False)


@pytest.mark.parametrize(
    "onward", ["https://me:s3cret@www.cms.gov/a.zip", "https://elsewhere.test/a.zip?sig=s3cret", "//s3cret@x.test/"]
)
def test_a_secret_in_a_redirect_is_never_shown(onward, asks):
    moved = f"HTTP/1.1 302 Found\r\nLocation: {onward}\r\nContent-Length: 0\r\n\r\n".encode()
    with server(moved, b"") as address, pytest.raises(SourceUnavailable, match="redirected to") as refused:
        asks("archive", address)
    assert "s3cret" not in str(refused.value)


def test_a_signature_in_an_address_isn_t_recorded(monkeypatch, tmp_path):
    """The control is the address itself, which opens the archive."""
    whole = HEAD + b"Content-Length: 4\r\n\r\nPK\x03\x04"
    with server(whole, b"", once=True) as address:
        monkeypatch.setenv("PFSETL_CMS_URL", address)
        got = download(
            f"{address}/a.zip?sig=s3cret", tmp_path / "a", limit=99, manners=MANNERS, deadline=time.monotonic() + 5
        )
    assert got is not None
    assert got.url == f"{address}/a.zip?..."


# --- messages ---------------------------------------------------------------------------------------------------

BROKEN = {
    "no answer": (b"", "hung up without an answer"),
    "no HTTP": (b"garbage\r\n\r\n", "not an answer of a web server"),
    "a header without end": (HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n", "a header without end"),
    "a body cut short": (HEAD + b"Content-Length: 9\r\n\r\na", "the connection broke off"),
    "a chunk that is none": (CHUNKED + b"ZZ\r\n", "the connection broke off"),
    "a body that isn't packed": (HEAD + b"Content-Encoding: gzip\r\n\r\nab", "can't be unpacked"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_is_told_in_words_and_not_in_a_library_s(case, asks):
    said, told = BROKEN[case]
    with server(said, b"", once=True) as address, pytest.raises(SourceBusy, match=told) as refused:
        asks("page", address)
    assert not any(word in str(refused.value) for word in ("HTTPConnection", "Error(", "retries", "IncompleteRead"))


def test_a_server_that_isn_t_there_is_told_in_words(asks):
    with pytest.raises(SourceBusy, match=r"no connection \(Connection refused\)"):
        asks("page", "http://127.0.0.1:9")


def test_what_a_server_says_of_itself_is_cut_and_can_t_steer_a_terminal(asks):
    said = b"HTTP/1.1 500 \x1b[31m" + b"A" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n"
    with server(said, b"") as address, pytest.raises(SourceBusy) as refused:
        asks("page", address)
    assert len(str(refused.value)) < 300
    assert "\x1b" not in str(refused.value)
