"""What the tests of the flows share: a Prefect server's database that was set up once."""

from pathlib import Path

import pytest

from tests.conftest import alone, shared
from tests.flows.processes import prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the PREFECT_HOME that `prepare` makes, made by the first worker that needs it."""
    folder = shared(tmp_path_factory) / "prepared"
    with alone(folder, "prepared"):
        if not (folder / "done").exists():
            prepare(folder)
            (folder / "done").touch()
    return folder
