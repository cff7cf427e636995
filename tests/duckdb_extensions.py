"""DuckDB with its extensions avro, httpfs and iceberg, which the DuckDB of these tests has to download by itself.

`make lakehouse` puts them into a folder, with the DuckDB that they were built for, as packages of PyPI. This file is a
program too, for a process with that DuckDB: it takes a list of statements as JSON, and prints the rows of each.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("PFSETL_LAKEHOUSE") or Path(__file__).parents[1] / ".venv" / "lakehouse")
PLACE = FOLDER / "duckdb"


def rows(statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement; numbers that JSON lacks, and days, as text."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(PLACE)},
    )
    assert done.returncode == 0, done.stderr
    return [[tuple(row) for row in found] for found in json.loads(done.stdout)]


def main() -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET autoinstall_known_extensions = false")  # nothing is downloaded
        for name in ("avro", "httpfs", "iceberg"):
            (file,) = PLACE.glob(f"duckdb_extension_{name}/extensions/v*/{name}.duckdb_extension")
            connection.execute(f"LOAD '{file}'")  # which DuckDB does only of what its makers signed
        found = [connection.execute(statement).fetchall() for statement in json.load(sys.stdin)]
        print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
