"""Serve a site on this machine alone, made from the newest version and made again when there is anything newer."""

import re
import sys
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from pfsetl.errors import PfsetlError, UsageError, during
from pfsetl.publication import version as versions
from pfsetl.publication.companions import Companion
from pfsetl.publication.version import Version
from pfsetl.site.writing import site

LOOPBACK = "127.0.0.1"
HERE = (LOOPBACK, "localhost")
TEXT = "text/plain; charset=utf-8"
TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
PARQUET = "parquet/"  # below it are the files of the version
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))")


class Made:
    """The site of the newest version of a store, in memory, and the version's own files."""

    def __init__(self, opened: Version, report: Callable[[str], None], descriptors: Version | None) -> None:
        self._report, self._lock = report, Lock()
        self._read = "", b""  # the Parquet file asked for last, of which readers ask for one part after another
        self._make(opened, opened.companions, descriptors)

    def get(self, path: str) -> bytes | None:
        """Return a file; asked for the page itself, look first whether there is anything newer to show."""
        with self._lock:
            if path == "index.html":
                self._look_again()
            name = path.removeprefix(PARQUET)
            if name != path and any(resource.path == name for resource in self._opened.resources):
                if self._read[0] != name:
                    self._read = name, self._opened.store.get(name)
                return self._read[1]
            return self._files.get(path)

    def _make(self, opened: Version, beside: tuple[Companion, ...], descriptors: Version | None) -> None:
        self._files = dict(site(opened, descriptors, PARQUET))
        self._opened, self._beside, self._descriptors = opened, beside, descriptors

    def _look_again(self) -> None:
        """Look, and say it where the store can't be read: what is shown stays."""
        try:
            with during("making the pages again"):
                self._look()
        except PfsetlError as error:
            self._report(f"{error} What was shown before stays.")

    def _look(self) -> None:
        """Make the site again when there is a newer version, other files beside it, or newer descriptors."""
        newest, texts = versions.newest(self._opened.store, self._opened), self._descriptors
        texts = texts and versions.newest(texts.store, texts)
        if not newest.number or (texts and not texts.number):  # taken away: what is shown stays
            return
        beside = newest.companions
        news = {
            f"version {newest.number} is there now": newest.sha256 != self._opened.sha256,
            f"the files loaded beside version {newest.number} are others now": beside != self._beside,
            "the descriptors are newer now": texts is not self._descriptors,
        }
        if any(news.values()):
            self._make(newest, beside, texts)
            self._report("; ".join(told for told, true in news.items() if true))


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD with the files of a site."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: object, made: Made) -> None:
        self._made = made
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""

    def _answer(self, *, body: bool) -> None:
        path, asked = _path(self.path), self.headers.get("Host", LOOPBACK)
        status, kind, told = 404, TEXT, f"{path}: not a file of this site".encode()
        # NOTE: a page elsewhere may give its own name this address.
        if (asked.rpartition(":")[0] or asked) in HERE:
            try:
                with during(path):
                    if (content := self._made.get(path)) is not None:
                        status, kind, told = 200, TYPES.get(path.rpartition(".")[2], TEXT), content
            except PfsetlError as error:
                status, told = 500, str(error).encode()
        size, within = len(told), None
        if body and status == 200 and (part := _RANGE.fullmatch(self.headers.get("Range", ""))):
            status, within, told = _part(told, *part.groups())
        self.send_response(status)
        if within:
            self.send_header("Content-Range", f"bytes {within}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(told)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.wfile.write(told)


def _part(content: bytes, first: str | None, last: str, of_the_end: str | None) -> tuple[int, str, bytes]:
    """Return status, place and bytes of the part that is asked for (RFC 9110 section 14), as readers of Parquet do."""
    start = int(first) if first is not None else max(0, len(content) - int(of_the_end or 0))
    end = min(int(last) + 1 if last else len(content), len(content))
    return (206, f"{start}-{end - 1}", content[start:end]) if start < end else (416, "*", b"")


def _path(asked: str) -> str:
    """Return the name of the file that a request asks for, as it's asked where that is no address."""
    try:
        return unquote(urlsplit(asked).path).lstrip("/") or "index.html"
    except ValueError:
        return asked


class _Server(ThreadingHTTPServer):
    """A server that says nothing of a browser that went away in the middle of an answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a lost connection; all else is a fault, and said."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def server(
    opened: Version,
    port: int,
    report: Callable[[str], None] = lambda _: None,
    descriptors: Version | None = None,
) -> ThreadingHTTPServer:
    """Return a server on the loopback address, with the site made; port 0 takes any that is free.

    Raises UsageError for a port that is taken, and what `made.data` raises.
    """
    made = Made(opened, report, descriptors)
    try:
        return _Server((LOOPBACK, port), partial(_Handler, made=made))
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port}: {getattr(error, 'strerror', None) or error}. Name another: --port 8766."
        ) from error
