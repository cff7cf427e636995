"""The published Parquet as Iceberg tables: metadata that names the files where they are, a snapshot a version."""
