"""The units for systemd are such as systemd takes; they aren't started."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).resolve().parents[2] / "deploy").glob("*.service"))


def complaints(folder: Path, text: str) -> str:
    """What systemd says of a unit whose program is replaced by one that is there."""
    unit = folder / "pfsetl-test.service"
    unit.write_text(text.replace("/opt/pfsetl/current/.venv/bin/prefect", "/usr/bin/env prefect"))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


@pytest.fixture(autouse=True)
def systemd() -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("SKIPPED, NOT PASSED: no systemd-analyze, which Debian's package systemd has")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_a_unit_as_it_is(tmp_path: Path, unit: Path) -> None:
    assert complaints(tmp_path, unit.read_text()) == ""


def test_systemd_would_complain(tmp_path: Path) -> None:
    assert "mixd" in complaints(tmp_path, UNITS[-1].read_text().replace("KillMode=mixed", "KillMode=mixd"))
