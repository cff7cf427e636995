"""The path of a name in a store's folder, which neither the name nor a link on the way may lead out of."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pfsetl.errors import StoreError
from pfsetl.remedies import command

_PLAIN = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*", re.ASCII)


def path(root: Path, name: str) -> Path:
    """Return the path of a name; raises StoreError where the name, or a link on the way, leads out of the store."""
    place = root / name
    if not name or _is_plain(str(root), name):  # the store itself, or what no link can lead away
        return place
    if _is_led_out(root, place, name):
        raise StoreError(
            f"{place}: leads out of the store. Move it away; {command('verify', root)} lists all such files."
        )
    return place


def _is_led_out(root: Path, place: Path, name: str) -> bool:
    """Whether a name, or a link on the way to it, leads out of the store; without a link the name alone says it."""
    parts = Path(name).parts
    if ".." in parts or Path(name).is_absolute():
        return True
    if not _meets_a_link(str(root), parts):
        return False
    real_root, real = os.path.realpath(root), os.path.realpath(place)
    return not real.startswith(f"{real_root.rstrip(os.sep)}{os.sep}")


def _is_plain(root: str, name: str) -> bool:
    """Return whether a name is one of the store's own kind and no link stands on its way, which a few looks tell."""
    return bool(_PLAIN.fullmatch(name)) and not _meets_a_link(root, name.split("/"))


def _meets_a_link(way: str, parts: Iterable[str]) -> bool:
    for part in parts:
        way = f"{way}/{part}"
        if os.path.islink(way):  # noqa: PTH114, asked for every object, and a Path costs more than the answer
            return True
    return False
