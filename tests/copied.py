"""Copies of a store that was built once, each for one test to go on with."""

import shutil
from pathlib import Path


def copied(store: Path, to: Path) -> Path:
    """Copy a store to where nothing is; what are two names of one file in it are so in the copy."""
    names: dict[int, str] = {}

    def copy(source: str, target: str) -> str:
        inode = Path(source).stat().st_ino
        if inode in names:
            Path(target).hardlink_to(names[inode])
        else:
            names[inode] = shutil.copy2(source, target)
        return target

    return Path(shutil.copytree(store, to, symlinks=True, copy_function=copy))
