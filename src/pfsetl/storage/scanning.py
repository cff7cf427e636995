"""Scan Parquet files of a store, in whichever place it is."""

import polars as pl

from pfsetl.storage.store import Store


def scan_files(store: Store, *paths: str) -> pl.LazyFrame:
    """Return the rows of files, of which only what is asked for is read."""
    options = dict(store.storage_options) if store.storage_options else None
    # NOTE: these are names, not patterns; a store's folder may have brackets in its own.
    return pl.scan_parquet([store.uri(path) for path in paths], storage_options=options, glob=False)
