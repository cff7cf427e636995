"""What a store is: it creates objects once, never changes them but for its catalogue, and removes them for a prune."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from pfsetl.errors import StoreError

MOST_BYTES = 512 << 20  # the largest object of 14 releases has 43 MB


@runtime_checkable
class Store(Protocol):
    """What publication needs of a place: create if absent, read, list. Names are `folder/name`, errors StoreErrors."""

    @property
    def storage_options(self) -> Mapping[str, str] | None:
        """What polars needs, beside an address, to read an object."""

    def put_new(self, name: str, content: bytes | Path) -> bool:
        """Create an object, complete or not at all; False when the name is taken, which then stays as it is."""

    def put(self, name: str, content: bytes) -> None:
        """Write an object, complete or not at all, whatever is there: for what follows from others and may be lost."""

    def scratch(self) -> AbstractContextManager[Path]:
        """Yield the path of a temporary file that `put_new` takes cheaply, removed afterwards."""

    def get(self, name: str) -> bytes:
        """Return an object's bytes."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in pieces, so that memory doesn't grow with its size."""

    def exists(self, name: str) -> bool:
        """Return whether an object of this name is there."""

    def size(self, name: str) -> int | None:
        """Return an object's number of bytes, None when it isn't there."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""

    def age(self, name: str) -> float | None:
        """Return the seconds since an object was written or freshened, None when it isn't there."""

    def freshen(self, name: str) -> bool:
        """Make an object count as new, because a build relies on it from now on; False when it isn't there."""

    def delete(self, name: str) -> None:
        """Remove an object for good; nothing happens when it isn't there. Published files go by a prune alone."""

    def uri(self, name: str) -> str:
        """Return the address under which Parquet readers find an object."""

    def show_tree(self, version: int, files: dict[str, str]) -> None:
        """Lay out a version for readers that glob, where the place can do it without copying."""

    def trees(self) -> list[int]:
        """Return the versions that are laid out for readers that glob."""

    def hide_tree(self, version: int) -> None:
        """Remove the layout of a version; its objects stay."""


def version_of(name: str) -> int | None:
    """Return the version that the six digits of a folder's name are, None for any other name."""
    return int(name) if re.fullmatch(r"[0-9]{6}", name) and int(name) else None


def refuse_large(place: str, size: int) -> None:
    """Raise StoreError for an object that no build writes, before it is read into memory."""
    if size > MOST_BYTES:
        raise StoreError(
            f"{place}: {size:,} bytes, more than the {MOST_BYTES:,} that are read; no build writes such a file. Move "
            "it away."
        )
