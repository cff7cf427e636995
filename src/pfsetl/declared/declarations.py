"""Where the declarations live: the folder `schemas/`, inside the wheel or beside the source tree."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import polars as pl

from pfsetl.errors import ContractError


@cache
def folder() -> Path:
    """Return the folder of the declarations (`releases.csv`, `layouts/`, `pfs.odcs.yaml`, ...)."""
    package = Path(__file__).parents[1]
    for candidate in (package / "schemas", package.parents[1] / "schemas"):
        if (candidate / "releases.csv").is_file():
            return candidate
    raise ContractError(f"{package}: the folder 'schemas' is missing. Reinstall pfsetl.")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one declaration file, e.g. `layouts/pprrvu.csv`, every cell a string."""
    return tuple(_read(folder() / name).iter_rows(named=True))


@cache
def code_lists() -> Mapping[str, pl.DataFrame]:
    """Return CMS's indicator lists by indicator (`status`, `pctc`, ...), every cell a string."""
    return {path.stem: _read(path) for path in sorted((folder() / "codes").glob("*.csv"))}


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False, empty_string_is_null=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ContractError(f"{path}: not a readable declaration ({error}). Quote cells that hold a comma.") from error
