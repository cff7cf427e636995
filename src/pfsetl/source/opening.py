"""Where fetched archives are kept: a folder of this machine, or a bucket that several hosts share."""

import os
from pathlib import Path
from typing import cast

from pfsetl.source.cache import Cache, users_folder
from pfsetl.source.shared_cache import Bucket, Shared
from pfsetl.storage.opening import open_store

VARIABLE = "PFSETL_CACHE"
BESIDE = "archives"  # in a store that is a bucket


def open_cache(address: str | Path | None = None, store: str | None = None) -> Cache:
    """Return the cache at an address: a folder, or `s3://bucket/prefix`.

    Without one it is PFSETL_CACHE, else `archives` in a `store` that is a bucket, else the user's cache folder.
    Archives are the evidence of what is published, so they lie where every host finds them. Raises UsageError for an
    address of another kind.
    """
    named = str(address or os.environ.get(VARIABLE) or "")
    if not named and store and _is_bucket(store):
        named = f"{store.rstrip('/')}/{BESIDE}"
    if not named:
        return users_folder()
    if not _is_bucket(named):
        return Path(named)
    return Shared(cast(Bucket, open_store(named)), users_folder() / "copies")


def _is_bucket(address: str) -> bool:
    scheme, separator, _ = address.partition(":/")
    return bool(separator) and len(scheme) > 1  # not C:/
