"""Releases of one table with a few services, and contracts with a table more, for tests of what is made at commit."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml

import pfsetl
from pfsetl.declared import contracts, declarations
from pfsetl.declared.contracts import Contract
from pfsetl.publication import publish, staging
from pfsetl.publication.merge import Made
from pfsetl.publication.over_releases import MADE_BY
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store
from tests import publisher as p

LOAD = contracts.load
KEY = ("hcpcs", "modifier", "participant", "release")
WORKS = {  # of G9901 from A to C; G9990 comes with C
    "RVU25A": {"G9901": "1.21", "G9902": "2.00"},
    "RVU25B": {"G9901": "1.25", "G9902": "2.00"},
    "RVU25C": {"G9901": "1.25", "G9902": "2.00", "G9990": "0.50"},
}
# Orders of commits in which each release comes first once, once between and once last, so that there are releases after
# it, before it, or both.
ROTATED = [[*list(WORKS)[at:], *list(WORKS)[:at]] for at in range(len(WORKS))]
ZERO = {pl.String: "", pl.Boolean: False, pl.Decimal: Decimal(0), pl.Int32: 0}
Tables = Mapping[str, pl.DataFrame]


def contract_with(table: dict[str, object], folder: Path) -> Contract:
    document = yaml.load((declarations.folder() / "pfs.odcs.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    document["schema"].append(table)
    path = folder / "pfs.odcs.yaml"
    path.write_text(json.dumps(document))  # JSON is YAML
    return LOAD(path)


def list_it(contract: Contract, patch: pytest.MonkeyPatch, **made: Made) -> None:
    """Have a contract in place of the product's, and tables of it made so."""
    patch.setattr(contracts, "load", lambda path=None: LOAD(path) if path else contract)
    for name, how in made.items():
        patch.setitem(MADE_BY, name, how)


def rvu(label: str, works: Mapping[str, str]) -> pl.DataFrame:
    table = contracts.load().tables["rvu"]
    zeros = {c.name: ZERO[type(c.dtype)] for c in table.columns if not c.nullable}
    cells = dict.fromkeys(table.schema) | zeros | {"release": label, "participant": "all"}
    rows = [cells | {"hcpcs": code, "work_rvu": Decimal(work)} for code, work in works.items()]
    return pl.DataFrame(rows, schema=table.schema)


def staged(store: Store, label: str, works: Mapping[str, str] | None = None, *, sample: bool = False) -> StagedRelease:
    frame = rvu(label, WORKS[label] if works is None else works)
    return staging.stage(store, label, {"rvu": frame}, p.record(label, sample=sample), contracts.load())


def committed(store: Store, *parts: StagedRelease) -> Version:
    return publish.commit(store, parts, pfsetl.open(store), contracts.load())
