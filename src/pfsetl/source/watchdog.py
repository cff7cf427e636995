"""End a conversation with a server at its deadline, whatever the server still drips.

Timeouts of `requests` bound the pause between two bytes. A server that sends a byte now and then, of headers, of a
chunk's extension, of trailers, keeps a client for ever; so a timer shuts the connection's socket down.
"""

import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_threads = threading.local()


class Watch:
    """Whether the time of one conversation is up."""

    def __init__(self) -> None:
        self.over = False


def session() -> requests.Session:
    """Return this thread's session, so that connections are used again; sessions aren't made for several threads."""
    if not hasattr(_threads, "session"):
        made = requests.Session()
        for scheme in ("http://", "https://"):
            made.mount(scheme, _Adapter())
        _threads.session, _threads.lines = made, weakref.WeakSet()
    found: requests.Session = _threads.session
    return found


@contextmanager
def until(deadline: float) -> Iterator[Watch]:
    """Watch what this thread's session does: at the deadline (`time.monotonic`) its connections are shut down."""
    session()
    watch, lines = Watch(), _threads.lines

    def end() -> None:
        watch.over = True
        for line in list(lines):
            with suppress(OSError):  # closed already
                line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - time.monotonic(), 0.0), end)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


class _Watched:
    """A connection whose line this thread's watch can shut down, also during a handshake that takes the socket over."""

    def _new_conn(self) -> socket.socket:
        made: socket.socket = super()._new_conn()  # type: ignore[misc]
        line = made.dup()
        weakref.finalize(self, line.close)
        _threads.lines.add(line)
        return made


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **settings: Any) -> None:
        super().init_poolmanager(*args, **settings)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, *args: Any, **settings: Any) -> Any:
        manager = super().proxy_manager_for(*args, **settings)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager
