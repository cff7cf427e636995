"""How many bytes polars, pyarrow and DuckDB take of a Parquet file to answer a query; nothing is cached between two.

polars reads the file from a server of byte ranges, since it maps local files into memory; pyarrow reads it through a
file that counts; of DuckDB the kernel counts (`rchar` in /proc/self/io, Linux alone).
"""

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

IO = Path("/proc/self/io")

Query = tuple[list[str] | None, Mapping[str, str]]
"""Columns, None for all, and the values that others must have."""
Reader = Callable[[Path, Query], tuple[int, int]]
"""Returns bytes taken and rows found."""


def by_polars(path: Path, query: Query) -> tuple[int, int]:
    columns, where = query
    with _ranges(path) as (address, sent):
        found = pl.scan_parquet(address).filter(**where).select(columns or pl.all()).collect()
    return sum(sent), found.height


def by_pyarrow(path: Path, query: Query) -> tuple[int, int]:
    columns, where = query
    with _Counted(path) as file:
        filters = [(name, "=", value) for name, value in where.items()]
        found = pq.read_table(pa.PythonFile(file), columns=columns, filters=filters, use_threads=False)
        return file.taken, found.num_rows


def by_duckdb(path: Path, query: Query) -> tuple[int, int]:
    columns, where = query
    conditions = " AND ".join(f"{name} = ?" for name in where)
    sql = f"SELECT {', '.join(columns or '*')} FROM read_parquet('{path}') WHERE {conditions}"
    with duckdb.connect(config={"threads": 1}) as connection:
        before = _read_so_far()
        rows = len(connection.execute(sql, list(where.values())).fetchall())
        return _read_so_far() - before, rows


READERS: dict[str, Reader] = {"polars": by_polars, "pyarrow": by_pyarrow}
if IO.exists():
    READERS["DuckDB"] = by_duckdb


def _read_so_far() -> int:
    return int(IO.read_text().split()[1])


class _Counted(io.FileIO):
    """A file that counts the bytes that are read of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.taken += len(data)
        return data


@contextmanager
def _ranges(path: Path) -> Iterator[tuple[str, list[int]]]:
    """Serve one file by byte ranges on this machine; yield its address, and the lengths of what was sent."""
    sent: list[int] = []
    size = path.stat().st_size

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            start = int(first) if first else max(size - int(last), 0)
            end = min(int(last) + 1, size) if first and last else size
            self._head(206, end - start, f"bytes {start}-{end - 1}/{size}")
            if self.command == "GET":
                with path.open("rb") as file:
                    file.seek(start)
                    self.wfile.write(file.read(end - start))
                sent.append(end - start)

        def do_HEAD(self) -> None:
            self._head(200, size, None)

        def _head(self, status: int, length: int, content_range: str | None) -> None:
            self.send_response(status)
            headers = {"Accept-Ranges": "bytes", "Content-Length": str(length), "ETag": '"1"'}
            headers |= {"Last-Modified": "Sat, 01 Nov 2025 00:00:00 GMT"}
            for name, value in (headers | ({"Content-Range": content_range} if content_range else {})).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{path.name}", sent
    finally:
        server.shutdown()
        server.server_close()
