"""A web server on 127.0.0.1 that behaves like CMS's, in its good hours and its bad ones.

In a test, with the answers of each path in turn, the last one again and again:

>>> with Cms({"/a.zip": [Answer(status=503, retry_after="1"), Answer(b"PK...", etag='"1"')]}) as cms:
...     cms.url.startswith("http://127.0.0.1:")
True

As a process, for tests that need one; it prints its address, reads the routes again whenever the file changes (a path
whose answers are the same goes on with the next of them), and writes a line for every request:

    python -m tests.cms_server routes.json --log requests.jsonl
    routes.json: {"/a.zip": [{"status": 503, "times": 2}, {"file": "a.zip", "etag": "\\"1\\""}]}
"""

import argparse
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

LICENCE = (
    b"\r\n<!DOCTYPE html>\r\n<html><head><title>License for Use of CPT</title></head><body>Accept</body></html>\r\n"
)
PIECE = 1 << 15


@dataclass(frozen=True)
class Answer:
    """One answer of the server; `times` it is given before the next of its path takes over.

    cut: the connection ends after so many bytes of the body, with `reset` without a farewell. pause: seconds between
    pieces of `piece` bytes, a slow drip. length: a Content-Length that isn't true. ranges: whether Range and If-Range
    are understood. file: the body is this file's, read for each request. location: where a redirect leads. headers:
    others, or others' values; None leaves one out. until: a file that must be there before the server answers.
    """

    body: bytes = b""
    status: int = 200
    etag: str | None = None
    modified: str | None = None
    ranges: bool = True
    retry_after: str | None = None
    location: str | None = None
    cut: int | None = None
    reset: bool = False
    pause: float = 0.0
    piece: int = PIECE
    length: int | None = None
    type: str = "application/zip"
    file: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    until: str | None = None
    times: int = 1

    def content(self) -> bytes:
        return Path(self.file).read_bytes() if self.file else self.body


@dataclass(frozen=True)
class Request:
    """What was asked, and when on the clock `time.monotonic`; `headers` have lower-case names."""

    path: str
    headers: dict[str, str]
    at: float


def page(html: str | bytes, status: int = 200) -> Answer:
    """An HTML page, such as an index, a release page, or the licence in place of a zip."""
    return Answer(html if isinstance(html, bytes) else html.encode(), status, type="text/html; charset=UTF-8")


def redirect(to: str, status: int = 302) -> Answer:
    """A redirect to an address or a path."""
    return Answer(status=status, location=to)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the other side may go at any time
            super().handle_error(request, client_address)


class Cms:
    """The server: `routes` may be changed while it runs, `requests` says what was asked in which order."""

    def __init__(
        self, routes: Mapping[str, Sequence[Answer]] | None = None, log: Callable[[Request], None] | None = None
    ) -> None:
        self.routes: dict[str, list[Answer]] = {path: list(answers) for path, answers in (routes or {}).items()}
        self.requests: list[Request] = []
        self.reload: Callable[[], None] = lambda: None
        self._log = log
        self._given: dict[str, int] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Cms":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer_with(self, path: str, *answers: Answer) -> None:
        """Answer a path with these from now on, the first one first."""
        with self._lock:
            self.routes[path] = list(answers)
            self._given.pop(path, None)

    def start_over(self, routes: Mapping[str, Sequence[Answer]]) -> None:
        """Answer with these from now on, as if nothing had been asked."""
        with self._lock:
            self.routes = {path: list(answers) for path, answers in routes.items()}
            self.requests.clear()
            self._given.clear()

    def asked(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [r for r in self.requests if r.path == path]

    def next(self, request: Request) -> Answer:
        """The answer to a request: by its path with the query, else by its path alone, else 404."""
        with self._lock:
            self.reload()
            self.requests.append(request)
            if self._log:
                self._log(request)
            path = request.path if request.path in self.routes else request.path.partition("?")[0]
            in_turn = [answer for answer in self.routes.get(path, []) for _ in range(answer.times)]
            number = self._given.get(path, 0)
            self._given[path] = number + 1
            return in_turn[min(number, len(in_turn) - 1)] if in_turn else page("<html>Page not found</html>", 404)

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the server."""
        self._closing.wait(seconds)

    def wait_for(self, file: str | None) -> None:
        """Wait until a file is there, if one is named, but not beyond the end of the server."""
        while file and not Path(file).exists() and not self._closing.wait(0.02):
            pass


def _handler(cms: Cms) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name.lower(): value for name, value in self.headers.items()}
            answer = cms.next(Request(self.path, asked, time.monotonic()))
            cms.wait_for(answer.until)
            status, start, body = _chosen(answer, asked)
            whole = len(answer.content())
            self.send_response(status)
            sent = {
                "Content-Type": answer.type,
                "ETag": answer.etag,
                "Last-Modified": answer.modified,
                "Retry-After": answer.retry_after,
                "Location": answer.location,
                "Content-Range": {206: f"bytes {start}-{whole - 1}/{whole}", 416: f"bytes */{whole}"}.get(status),
                "Content-Length": None if status == 304 else str(answer.length or len(body)),
                **answer.headers,
            }
            for name, value in sent.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the other side may go at any time
                self._send(answer, body)
            if answer.cut is not None or answer.length is not None:
                self._cut(answer.reset)

        def _send(self, answer: Answer, body: bytes) -> None:
            body = body if answer.cut is None else body[: answer.cut]
            for at in range(0, len(body), answer.piece):
                self.wfile.write(body[at : at + answer.piece])
                self.wfile.flush()
                if answer.pause:
                    cms.sleep(answer.pause)

        def _cut(self, reset: bool) -> None:
            self.close_connection = True
            with suppress(OSError):
                if reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    os.close(self.connection.detach())
                else:
                    self.connection.shutdown(socket.SHUT_RDWR)

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def _chosen(answer: Answer, asked: Mapping[str, str]) -> tuple[int, int, bytes]:
    """Status, first byte and body, by RFC 9110 13.2.2: conditions first, then the range."""
    body = answer.content()
    if answer.status != 200:
        return answer.status, 0, body
    if "if-none-match" in asked:
        if answer.etag and asked["if-none-match"] == answer.etag:
            return 304, 0, b""
    elif answer.modified and asked.get("if-modified-since") == answer.modified:
        return 304, 0, b""
    wanted = asked.get("range")
    if wanted and answer.ranges and asked.get("if-range") in (None, answer.etag, answer.modified):
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        return (206, start, body[start:]) if start < len(body) else (416, 0, b"")
    return 200, 0, body


def read_routes(text: str) -> dict[str, list[Answer]]:
    """Read routes from JSON: path -> list of answers, a body given as text or as a file."""
    return {
        path: [Answer(**{**a, "body": a.get("body", "").encode()}) for a in answers]
        for path, answers in json.loads(text).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.cms_server")
    parser.add_argument("routes", type=Path)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()

    def log(request: Request) -> None:
        if options.log:
            with options.log.open("a") as stream:
                stream.write(json.dumps({"path": request.path, "headers": request.headers, "at": request.at}) + "\n")

    read = [0]
    with Cms(log=log) as cms:

        def reload() -> None:
            changed = options.routes.stat().st_mtime_ns
            if changed != read[0]:
                read[0] = changed
                before, cms.routes = cms.routes, read_routes(options.routes.read_text())
                same = {path for path, answers in cms.routes.items() if before.get(path) == answers}
                cms._given = {path: number for path, number in cms._given.items() if path in same}

        cms.reload = reload
        print(cms.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
