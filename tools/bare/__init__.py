"""Bare scripts to hold a build against: `payment` in polars, beside it in DuckDB and pandas, `release` and `whole`."""
