"""What the tests of the flows share: a database of Prefect that was set up once, and servers that are started once."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests import leash
from tests.conftest import alone, shared
from tests.flows import origin, package_index
from tests.flows.called import flows
from tests.flows.processes import CMS_LIMIT, CmsProcess, Orchestra, cms_process, orchestra, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the PREFECT_HOME that `prepare` makes and the program `python` of an origin, for all workers."""
    folder = shared(tmp_path_factory) / "prepared"
    with alone(folder, "prepared"):
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            origin.start(folder, **leash.of_the_whole_run())
            prepare(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def of_pip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which pip finds the libraries that are here, and nothing else."""
    folder = shared(tmp_path_factory) / "index"
    with alone(folder, "index"):
        if not (folder / "done").exists():
            package_index.make(folder)
            (folder / "done").touch()
    return package_index.of_pip(folder)


@pytest.fixture(scope="session")
def fake_cms(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CmsProcess]:
    """The fake CMS that `processes` asks."""
    with cms_process(tmp_path_factory.mktemp("cms"), prepared) as fake:
        yield fake


@pytest.fixture(scope="session")
def processes(fake_cms: CmsProcess, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestra]:
    """A Prefect server for runs by workers, which a test starts as it needs them."""
    with orchestra(tmp_path_factory.mktemp("prefect"), prepared, fake_cms.url) as started:
        yield started


@pytest.fixture
def backfill() -> Any:
    """The flow itself, of which a test asks what it may be given."""
    return flows("backfill").backfill


@pytest.fixture(scope="session")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestra]:
    """A Prefect server for runs of a pfsetl that was installed."""
    with orchestra(tmp_path_factory.mktemp("installed"), prepared) as started:
        yield started


@pytest.fixture(scope="session")
def prefect_server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server for flows that are called, without a limit of CMS; it stays until this worker is done."""
    import_module("pfsetl.flows")  # makes settings that Prefect reads when it's imported
    from prefect.client.orchestration import get_client
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.events.worker import EventsWorker
    from prefect.settings import (
        PREFECT_API_SSL_CERT_FILE,
        PREFECT_API_URL,
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    with orchestra(tmp_path_factory.mktemp("server"), prepared) as server:
        here = {
            PREFECT_API_URL: server.api,
            PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
            PREFECT_API_SSL_CERT_FILE: server.environment["PREFECT_API_SSL_CERT_FILE"],
            PREFECT_LOGGING_TO_API_ENABLED: False,  # of which nobody asks the server
        }
        with temporary_settings(here), _temporary_global_settings_context(get_settings_context()):  # also for threads
            with get_client(sync_client=True) as client:
                client.delete_global_concurrency_limit_by_name(CMS_LIMIT)
            yield
            EventsWorker.drain_all()
