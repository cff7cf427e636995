"""The store at an address: a folder or a bucket."""

from pathlib import Path

from pfsetl.errors import StoreError, UsageError, refuse_undecoded
from pfsetl.remedies import installing
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store


def open_store(address: str | Path) -> Store:
    """Return the store at an address: a folder, or `s3://bucket/prefix` with the usual AWS_ environment.

    Raises StoreError when something other than a folder is there, or a link that leads nowhere, UsageError for an
    address of another kind.
    """
    scheme, separator, _ = str(address).partition(":/")
    if separator and scheme == "s3":
        try:
            from pfsetl.storage import bucket
        except ModuleNotFoundError as error:
            raise StoreError(f"{address}: needs the package {error.name}. {installing('s3')}") from error
        return bucket.open_bucket(str(address))
    if separator and len(scheme) > 1:
        raise UsageError(f"{address}: neither a folder nor s3://bucket/prefix, the two kinds of store.")
    if not str(address or "").strip():
        raise UsageError("The store's address is empty. Name a folder, or s3://bucket/prefix.")
    if not isinstance(address, str | Path):
        raise UsageError(f"store {address!r}: no address. Name a folder, or s3://bucket/prefix, as text or a Path.")
    root = Path(address)
    refuse_undecoded(str(root.absolute()))
    if root.is_symlink() and not root.exists():
        raise StoreError(f"{root}: a link to {root.readlink()}, where nothing is. Is its disk mounted?")
    if root.exists() and not root.is_dir():
        raise StoreError(f"{root}: a file, not a store. Name a folder; a new one is made when it isn't there.")
    return LocalStore(root)


def as_store(given: str | Path | Store) -> Store:
    """Return a store that is open already as it is, and the one at an address otherwise."""
    return given if isinstance(given, Store) else open_store(given)
