"""The versions of a store in a folder as trees of links, for readers that glob; `latest` shows the newest one.

A convenience: a version is complete without its tree, which is laid out again where it's missing.
"""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from pfsetl.errors import StoreError
from pfsetl.remedies import command
from pfsetl.storage import within
from pfsetl.storage.store import version_of


def show(root: Path, version: int, files: dict[str, str], scratch: Callable[[], AbstractContextManager[Path]]) -> None:
    """Lay out a version as `tree/<version>/<table>/<release>.parquet` and point `latest` at it.

    `files` are the names of its objects by what they're shown as, `scratch` yields the path of a temporary file.
    Raises StoreError where a folder stands in the place of `latest`, OSError where the disk won't have it.
    """
    tree = within.path(root, f"tree/{version:06d}")
    folders = dict.fromkeys(shown.rpartition("/")[0] for shown in files)
    there = {f"{at}/{name}" for at in folders for name in _laid_out(within.path(root, f"tree/{tree.name}/{at}"))}
    for shown, name in files.items():
        if shown not in there:
            _place_link(within.path(root, name), tree / shown)
    latest = root / "latest"
    if _shown(root) < version:
        if latest.is_dir() and not latest.is_symlink():
            raise StoreError(f"{latest}: a folder, where a link belongs. Move it away; {command('repair', root)} does.")
        with scratch() as temporary:
            temporary.unlink()
            temporary.symlink_to(Path("tree") / tree.name)
            temporary.replace(latest)


def versions(root: Path) -> list[int]:
    """Return the versions that are laid out; a link's folder is none of this store's."""
    place = root / "tree"
    if place.is_symlink() or not place.is_dir():
        return []
    return sorted(n for p in place.iterdir() if p.is_dir() and not p.is_symlink() and (n := version_of(p.name)))


def hide(root: Path, version: int) -> None:
    """Remove the layout of a version."""
    tree = within.path(root, f"tree/{version:06d}")
    while tree.is_dir():
        with suppress(FileNotFoundError):  # another prune is at it, too
            shutil.rmtree(tree)


def _shown(root: Path) -> int:
    """Return the version that `latest` shows, 0 where it shows none of this store's."""
    latest = root / "latest"
    folder, _, name = str(latest.readlink()).rpartition("/") if latest.is_symlink() else ("", "", "")
    number = version_of(name) if folder == "tree" else None
    there = number and (root / "versions" / f"{name}.json").is_file()
    return number if number and there and (root / folder / name).is_dir() else 0


def _place_link(source: Path, link: Path) -> None:
    if link.is_symlink():
        link.unlink()
    try:
        os.link(source, link)
    except FileExistsError:
        pass
    except PermissionError as error:
        if error.errno != errno.EPERM or source.stat().st_uid == os.geteuid():
            raise
        raise StoreError(
            f"{source}: belongs to another user, and Linux lets nobody else make a hard link to it "
            f"(fs.protected_hardlinks). Run every command as the user to whom the store belongs, or give all of "
            "it to one with 'chown -R'."
        ) from error


def _laid_out(folder: Path) -> list[str]:
    """Return the names in a folder of a tree, which is made where it isn't there, without links that lead elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as entries:  # a listing, because looking at each of thousands of links takes longer
        return [entry.name for entry in entries if not entry.is_symlink()]
