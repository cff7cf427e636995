"""The image's recipe, step by step in a clean environment. No image is built: that needs Docker.

Stands for Docker: `COPY` takes what `.dockerignore` lets through, `RUN` goes through the shell with the recipe's `ENV`,
and each `FROM` is an empty environment of this Python. The absolute folders of the recipe lie in a temporary one, and
pip finds the libraries that are here, in the versions that are here (`package_index`).
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pip
import pytest
import yaml

import pfsetl
from tests import synthetic
from tests.flows.processes import Orchestra

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = re.compile(r"(?<![\w.])/(build|dist|opt/pfsetl|var/lib/pfsetl)(?![\w-])")
IMAGE = "registry.example.com/pfsetl:1"
POOLS = ("docker", "kubernetes")
# Reads what root may read, because this Python may lie in root's home; writes only where uid 65534 may.
NOT_ROOT = ["setpriv", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


@dataclass
class Stage:
    """One `FROM`: its files, its Python, and what the recipe has set so far."""

    root: Path
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = ""
    command: list[str] = field(default_factory=list)

    def at(self, text: str) -> str:
        """Put the recipe's folders where this stage has them."""
        return FOLDERS.sub(lambda m: str(self.root / m[1]), text)

    def run(self, *command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as the user and with the environment of the image, which inherits nothing else."""
        kept = {k: v for k, v in os.environ.items() if k.startswith("PYTEST_LEASH") or k == "NO_PROXY"}
        path = f"{self.root / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        variables = {name: self.at(value) for name, value in self.environment.items()}
        if self.user and os.geteuid() == 0:
            user, group = self.user.split(":")
            command = (*NOT_ROOT, f"--reuid={user}", f"--regid={group}", *command)
        return subprocess.run(
            command,
            cwd=self.at(self.folder),
            env=kept | {"PATH": path} | variables | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )


def instructions(recipe: str) -> Iterator[tuple[str, str]]:
    """The lines of a recipe as (instruction, arguments)."""
    text = re.sub(r"\\\n", " ", "\n".join(x for x in recipe.splitlines() if not x.startswith("#")))
    for line in filter(str.strip, text.splitlines()):
        word, _, rest = line.strip().partition(" ")
        yield word, rest.strip()


def context(folder: Path) -> Path:
    """What Docker would be sent: the files that `.dockerignore` lets through, which nobody may write to."""
    rules = [x for x in (ROOT / ".dockerignore").read_text().splitlines() if x and not x.startswith("#")]
    assert rules[0] == "*"
    within = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    without = [rule.removeprefix("**/") for rule in rules[1:] if not rule.startswith("!")]
    folder.mkdir()
    for name in within:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*without))
        elif not any(fnmatch.fnmatch(name, rule) for rule in without):
            shutil.copy(source, target)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def copied(stage: Stage, origin: Path, arguments: list[str]) -> None:
    *sources, to = arguments
    target = Path(stage.at(str(Path(stage.folder, to))))
    for name in sources:
        source = origin / name.lstrip("/")
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif to.endswith("/") or len(sources) > 1:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / source.name)
        else:
            shutil.copy(source, target)


def carried_out(recipe: str, folder: Path, of_pip: dict[str, str]) -> Stage:
    """Carry out a recipe's steps; return its last stage."""
    sent = context(folder / "context")
    empty = folder / "empty"
    venv.create(empty, symlinks=True)
    libraries = sysconfig.get_path("purelib", vars={"base": str(empty)})
    shutil.copytree(Path(pip.__file__).parent, Path(libraries) / "pip")  # to install it takes three seconds
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for word, rest in instructions(recipe):
        match word:
            case "FROM":
                image, _, name = rest.partition(" AS ")
                assert image == f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
                stage = stages[name] = Stage(folder / (name or "image"))
                shutil.copytree(empty, stage.root / "venv", symlinks=True)
            case "WORKDIR":
                stage.folder = rest
                Path(stage.at(rest)).mkdir(parents=True, exist_ok=True)
            case "COPY":
                origin, names = sent, rest.split()
                if names[0].startswith("--from="):
                    origin = stages[names.pop(0).removeprefix("--from=")].root
                copied(stage, origin, names)
            case "ENV":
                stage.environment |= dict(pair.split("=", 1) for pair in rest.split())
            case "RUN":
                Path(stage.at("/opt/pfsetl")).mkdir(parents=True, exist_ok=True)
                done = stage.run("sh", "-ec", stage.at(rest), **of_pip)
                assert done.returncode == 0, f"{rest}\n{done.stdout}\n{done.stderr}"
            case "USER":
                stage.user = rest
            case "CMD":
                stage.command = yaml.safe_load(rest)
            case _:
                pytest.fail(f"{word}: an instruction that this test doesn't know")
    return stage


@pytest.fixture(scope="module")
def image(of_pip: dict[str, str]) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="pfsetl-image-") as folder:
        Path(folder).chmod(0o755)  # for the image's user
        yield carried_out((ROOT / "Dockerfile").read_text(), Path(folder), of_pip)


@pytest.mark.slow
def test_the_image_runs_the_installed_wheel_without_root(image: Stage) -> None:
    assert image.run(*image.command).stdout.startswith("Usage: pfsetl")
    assert image.run("pfsetl", "--version").stdout.strip().endswith(metadata.version("pfsetl"))
    user, place = image.run("python", "-c", "import os, pfsetl; print(os.getuid(), pfsetl.__file__)").stdout.split()
    assert user == ("65534" if os.geteuid() == 0 else str(os.getuid()))
    assert Path(place).is_relative_to(image.root / "venv")


@pytest.mark.slow
def test_the_images_user_writes_only_its_own_folder(image: Stage) -> None:
    if os.geteuid():
        pytest.skip("SKIPPED, NOT PASSED: another user can't be taken without root")
    tried = "for p in . /opt/pfsetl /build; do touch $p/x 2>/dev/null && echo $p; done; true"
    assert image.run("sh", "-c", image.at(tried)).stdout.split() == ["."]


@pytest.mark.slow
def test_the_image_has_every_flow_of_the_pools_deployments(image: Stage) -> None:
    entrypoints = {str(d["entrypoint"]) for pool in POOLS for d in deployments(pool)}
    load = "import sys; from prefect.flows import load_flow_from_entrypoint as flow; "
    done = image.run("python", "-c", load + "print(*(flow(x).name for x in sys.argv[1:]))", *sorted(entrypoints))
    assert done.stdout.split() == ["backfill", "build-release", "watch"], done.stderr


@pytest.mark.slow
def test_the_image_reaches_for_a_bucket(image: Stage) -> None:
    """The package for buckets is there, and nothing in the image says how to sign in."""
    at = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    done = image.run("pfsetl", "versions", "--output", "s3://bucket/mpfs", **at)
    assert done.returncode == 1
    assert "Check AWS_ENDPOINT_URL" in done.stderr
    assert not [name for name in image.environment if "AWS" in name or "SECRET" in name]


@pytest.mark.slow
def test_a_run_of_a_pools_deployment_builds_a_release_in_the_image(
    image: Stage, server: Orchestra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers of the pools aren't tried: they would start a container with the command that is run here."""
    for name, value in {"PFSETL_IMAGE": IMAGE, "PFSETL_OUTPUT": "s3://bucket/mpfs"}.items():
        monkeypatch.setitem(server.environment, name, value)  # which the wheel's tests share
    known_types = server.get("collections/views/aggregate-worker-metadata").values()
    templates = {name: of_type for package in known_types for name, of_type in package.items()}
    for pool in POOLS:
        template = templates[pool]["default_base_job_configuration"]
        server.post("work_pools/", {"name": f"pfsetl-{pool}", "type": pool, "base_job_template": template})
        server.prefect("deploy", "--all", "--prefect-file", f"flows/prefect.{pool}.yaml")
        known = server.get("deployments/name/build-release/build")
        assert (known["work_pool_name"], known["job_variables"]["image"]) == (f"pfsetl-{pool}", IMAGE)
        assert known["parameters"]["output"] == "s3://bucket/mpfs"
    archive = synthetic.write_zip(image.root / "RVU26A.zip", synthetic.release("RVU26A"))
    archive.chmod(0o444)
    store = image.at("/var/lib/pfsetl/store")
    run = server.run("build-release/build", release="RVU26A", archive=str(archive), output=store, sample=True)
    done = image.run("prefect", "flow-run", "execute", run, PREFECT_API_URL=server.api)
    assert server.state(run)[0] == "COMPLETED", done.stdout + done.stderr
    assert list(pfsetl.open(store).releases) == ["RVU26A"]


def deployments(pool: str = "") -> list[dict[str, object]]:
    name = f"prefect.{pool}.yaml" if pool else "prefect.yaml"
    found: list[dict[str, object]] = yaml.safe_load((ROOT / "flows" / name).read_text())["deployments"]
    return found


@pytest.mark.parametrize("pool", POOLS)
def test_deployments_of_every_pool_differ_only_in_where_they_run(pool: str) -> None:
    def what(listed: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{k: v for k, v in d.items() if k not in ("entrypoint", "work_pool")} for d in listed]

    assert what(deployments(pool)) == what(deployments())


@pytest.mark.parametrize("pool", POOLS)
def test_deployments_hold_no_credentials(pool: str) -> None:
    text = (ROOT / "flows" / f"prefect.{pool}.yaml").read_text()
    assert not re.search(r"AWS_|prefect\.blocks", text)
