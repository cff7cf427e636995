"""What the tests of the flows share: a database of Prefect that was set up once, and servers that are started once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import alone, shared
from tests.flows.processes import SLOT_WAIT, CmsProcess, Orchestra, cms_process, orchestra, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the PREFECT_HOME that `prepare` makes, made by the first worker that needs it."""
    folder = shared(tmp_path_factory) / "prepared"
    with alone(folder, "prepared"):
        if not (folder / "done").exists():
            prepare(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def fake_cms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmsProcess]:
    """The fake CMS that `processes` asks."""
    with cms_process(tmp_path_factory.mktemp("cms")) as fake:
        yield fake


@pytest.fixture(scope="session")
def processes(fake_cms: CmsProcess, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestra]:
    """A Prefect server for runs by workers, which a test starts as it needs them."""
    with orchestra(tmp_path_factory.mktemp("prefect"), prepared, fake_cms.url) as started:
        yield started


@pytest.fixture(scope="session")
def prefect_server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's own test server for flows that are called, on a copy of what `prepare` made, without a limit of CMS.

    The copy saves each server the making of its tables, which takes as long as all the rest of its start.
    """
    from prefect.testing import utilities  # NOTE: imports Prefect's whole server, in every worker and also to collect

    folder = tmp_path_factory.mktemp("server")
    database = folder / "prefect-test.db"
    with (
        closing(sqlite3.connect(prepared / "prefect" / "prefect.db")) as made,
        closing(sqlite3.connect(database)) as copy,
    ):
        made.backup(copy)
        copy.execute("DELETE FROM concurrency_limit_v2")
        copy.commit()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(utilities, "mkdtemp", lambda: str(folder))
        patched.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED", "false")  # else runs that no test asked for
        patched.setenv(SLOT_WAIT, "1")
        # The server stays until the worker is done, and tests of other folders write to the same log outside of runs.
        patched.setenv("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")
        with utilities.prefect_test_harness(server_startup_timeout=120):
            yield
