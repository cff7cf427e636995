"""What a test expects to be there, for types by which it might be absent."""

from typing import TypeVar

from msgspec import UnsetType

T = TypeVar("T")


def present(found: T | UnsetType | None) -> T:
    """Return what was found; fails where that is None, or a field that the record doesn't have."""
    assert found is not None
    assert not isinstance(found, UnsetType), "not in the record"
    return found
