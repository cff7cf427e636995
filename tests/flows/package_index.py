"""A package index of the libraries that are here, for tests that build pfsetl's wheel or install it.

A library has its metadata and commands there, of which pip works out what to install, and in place of its modules a
line that says where they are. So an environment made of them has what was asked for and nothing else of this one, and
nothing is downloaded, unpacked or compiled again.
"""

import os
import re
import zipfile
from importlib import metadata
from pathlib import Path

OWN = ("pfsetl", "pip")
# Of what a library says of itself. Pip reads all of it again for each library that it installs.
READ_BY_PIP = ("Metadata-Version:", "Name:", "Version:", "Requires-Python:", "Requires-Dist:", "Provides-Extra:")


def of_pip(folder: Path) -> dict[str, str]:
    """Return the environment in which pip knows the index in a folder and nothing else."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": folder.as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_WARN_CONFLICTS": "0",  # NOTE: that's no warning. What is here has no conflicts.
    }


def make(folder: Path) -> None:
    """Make in a folder what pip takes for an index of the libraries of this environment."""
    for library in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", library.name).lower()
        if name not in OWN and not (folder / name).exists():
            _write(folder / name, name.replace("-", "_"), library)


def _write(folder: Path, name: str, library: metadata.Distribution) -> None:
    modules = folder / "modules"
    modules.mkdir(parents=True)
    for top in {file.parts[0] for file in library.files or ()} - {"..", "__pycache__"}:
        if not top.endswith((".dist-info", ".pth")):
            (modules / top).symlink_to(str(library.locate_file(top)))
    about = f"{name}-{library.version}.dist-info"
    headers = (library.read_text("METADATA") or "").partition("\n\n")[0].splitlines(keepends=True)
    told = {
        f"{name}.pth": f"{modules}\n",
        f"{about}/METADATA": "".join(line for line in headers if line.startswith(READ_BY_PIP)),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": library.read_text("entry_points.txt") or "",
    }
    told[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in (*told, f"{about}/RECORD"))
    file = f"{name}-{library.version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as wheel:
        for path, text in told.items():
            wheel.writestr(path, text)
    (folder / "index.html").write_text(f'<a href="{file}">{file}</a>')
