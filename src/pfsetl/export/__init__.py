"""Published tables out of Parquet: views and queries of DuckDB, and files for spreadsheets and databases."""
