"""What a wheel installs, in an environment that has no checkout: `declare`, rows of your own, and the flows.

The libraries are those of this environment, pfsetl is the wheel's alone, and the flows run on a server that is there:
that they start one of their own where none is named, test_build.py says.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pfsetl.declared import registry
from tests import cms_pages, synthetic
from tests.cms_server import Answer, Cms
from tests.flows.processes import Orchestra
from tests.unit.test_declare import inserted, with_cells

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


def python(executable: Path | str, *arguments: object, cwd: Path, **environment: object) -> tuple[int, str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PFSETL_SCHEMAS")}
    done = subprocess.run(
        [str(executable), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**kept, **{name: str(value) for name, value in environment.items()}},
        timeout=400,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def installed(server: Orchestra, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run Python in an environment that has the wheel and the libraries that it names."""
    at = tmp_path_factory.mktemp("wheel")
    # In this environment: what building needs, and that it's declared, test_image.py tries.
    building = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", at / "dist", ROOT)
    code, out, told = python(sys.executable, *building, cwd=at)
    assert code == 0, out + told
    [wheel] = (at / "dist").glob("pfsetl-*.whl")
    venv.create(at / "venv", symlinks=True)
    own = sysconfig.get_path("purelib", vars={"base": str(at / "venv")})
    Path(own, "libraries.pth").write_text(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as packed:  # as pip installs it, but for commands
        packed.extractall(own)

    prefect = {name: server.environment[name] for name in ("PREFECT_HOME", "PREFECT_API_URL")}

    def run(*arguments: object, **environment: object) -> tuple[int, str, str]:
        return python(at / "venv" / "bin" / "python", *arguments, cwd=at, **prefect, **environment)

    return run


def test_it_is_the_wheel_that_runs_with_declarations_of_its_own(installed: Run) -> None:
    asked = (
        "import pfsetl, pfsetl.flows; from pfsetl.declared import declarations as d; "
        "print(d.folder(), d.named('states.csv'))"
    )
    columns = (ROOT / "schemas" / "states.csv").read_text().splitlines()[0]
    code, out, told = installed("-c", asked)
    assert code == 0, told
    assert (
        f"site-packages/pfsetl/schemas states.csv (first line {columns}) in a folder of your own, "
        "which --schemas or PFSETL_SCHEMAS names"
    ) in out


@pytest.fixture(scope="module")
def new_shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose columns nobody has declared, alone in its folder."""
    folder = tmp_path_factory.mktemp("zips")
    return synthetic.write_zip(folder / "RVU26A.zip", with_cells("RVU26A", inserted))


@pytest.fixture(scope="module")
def own(installed: Run, new_shape: Path) -> Path:
    """What `pfsetl declare` says of that archive."""
    folder = new_shape.parent.with_name("own")
    assert installed("-m", "pfsetl", "declare", "RVU26A", "--archive", new_shape, "--out", folder)[0] == 0
    return folder


def test_a_new_shape_is_declared_and_built_without_a_checkout(
    installed: Run, new_shape: Path, own: Path, tmp_path: Path
) -> None:
    build = ("-m", "pfsetl", "build", "RVU26A", "--archive", new_shape, "--sample", "-o", tmp_path / "store")
    assert installed(*build)[0] == 1
    code, _, told = installed(*build, PFSETL_SCHEMAS=own)
    assert code == 0, told


def test_a_flow_builds_with_rows_of_your_own(installed: Run, new_shape: Path, own: Path, tmp_path: Path) -> None:
    flow = ("-m", "pfsetl.flows.backfill", "RVU26A", "--archives", new_shape.parent, "--output", tmp_path / "store")
    code, out, told = installed(*flow, "--sample", PFSETL_SCHEMAS=own)
    assert (code, out) == (0, "version 1: 1 published, 0 unchanged\n"), told


def test_watch_runs_from_the_wheel(installed: Run, tmp_path: Path) -> None:
    known = [cms_pages.Row(r.label, str(r.year), r.page) for r in registry.releases().values() if r.page]
    at = ("--since", 2027, "--today", "2027-02-01", "--output", tmp_path / "store", "--cache", tmp_path / "cache")
    with Cms() as cms:
        cms.answer_with(cms_pages.FILES, Answer(cms_pages.index(known).encode(), type="text/html"))
        elsewhere = {"PFSETL_CMS_URL": cms.url, "NO_PROXY": "127.0.0.1"}
        code, out, told = installed("-m", "pfsetl.flows.watch", *at, **elsewhere)
    assert (code, out) == (1, ""), told
    assert told.startswith("RVU27A: it prices 2027-02-01, and the store doesn't hold it whole.")


HIDDEN = """
import importlib.util as u, sys
found = u.find_spec
u.find_spec = lambda name: None if name == 'prefect' else found(name)
"""


@pytest.mark.parametrize(
    "started",
    [
        "sys.argv[0] = '-m'; import pfsetl.flows",
        "import runpy; runpy.run_module('flows.build', run_name='__main__', alter_sys=True)",
    ],
    ids=["pfsetl.flows.build", "flows.build"],
)
def test_flows_without_prefect_say_what_to_install(started: str) -> None:
    paths = f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'src')!r}]; "
    code, _, told = python(sys.executable, "-c", HIDDEN + paths + started, cwd=ROOT / "src")
    install = f"{shlex.quote(sys.executable)} -m pip install 'pfsetl[flows]'"
    wanted = f"pfsetl.flows: Prefect isn't installed. Install it: {install}\n"
    assert (code, told) == (1, wanted)
