"""A disk that takes no more: the error says so, and what was published stays as it was."""

import resource
import subprocess
import sys
from pathlib import Path

import pfsetl
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied

KIB = 200  # the largest file that the process may write; the payments of MANY take 600
MANY = [
    *s.CODES,
    *(s.code(f"G{i:04d}", f"Synthetic service {i}", work=f"{i % 90}.{i % 97:02d}", mp="0.09") for i in range(1, 6000)),
]


def test_a_table_that_does_not_fit_is_one_clear_message_and_leaves_the_store_as_it_was(
    sampled: Path, tmp_path: Path
) -> None:
    store = LocalStore(copied(sampled, tmp_path / "store"))
    archive = s.write_zip(tmp_path / "b.zip", s.release("RVU21A", MANY))
    command = [
        sys.executable,
        "-B",  # or compiled modules are cut, too
        "-m",
        "pfsetl",
        "build",
        "RVU21A",
        "--sample",
        "--archive",
        str(archive),
        "--output",
        str(store),
    ]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (KIB * 1024, KIB * 1024)),
    )
    assert run.returncode == 1
    assert "File too large" in run.stderr
    assert "Check the free space" in run.stderr
    assert "Traceback" not in run.stderr
    version = pfsetl.open(store)
    assert list(version.releases) == ["RVU25A"]
    assert [problem for _, problem in version.verify() if problem] == []
    assert list((store.root / "tmp").iterdir()) == []
