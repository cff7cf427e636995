"""The bundled sample: HCPCS Level II rows of two real releases, and what to do once it is published."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "sample"


def archives() -> list[Path]:
    """Return the bundled archives, named after their release."""
    return sorted(SAMPLE.glob("*.zip"))


def to_look_at(output: str) -> str:
    """Return the command that shows the pages of a store."""
    return f"{_here()} -m pfsetl serve --output {shlex.quote(output)}"


def _here() -> str:
    python = Path(sys.executable)
    return shlex.quote(str(python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python))


def next_steps(output: str) -> list[str]:
    """Return commands that work as printed, from the current folder."""
    here = _here()
    if "://" in output:  # a bucket has no folder to glob in
        rows = (
            f'import pfsetl; rows = pfsetl.open("{output}").scan("section_stats").filter(measure="work_rvu").collect()'
        )
        polars, query = f"{rows}; print(rows)", f'{rows}; import duckdb; duckdb.sql("from rows").show()'
    else:
        files = f"{output}/latest/section_stats/*.parquet"
        polars = f'import polars as pl; print(pl.scan_parquet("{files}").filter(measure="work_rvu").collect())'
        query = f'import duckdb; duckdb.sql("from read_parquet([$${files}$$]) where measure = $$work_rvu$$").show()'
    install = "" if find_spec("duckdb") else f"{here} -m pip install duckdb && "
    return [
        f"{here} -m pfsetl code G0101 --release RVU26A --output {shlex.quote(output)}",
        f"{here} -c {shlex.quote(polars)}",
        f"{install}{here} -c {shlex.quote(query)}",
    ]
