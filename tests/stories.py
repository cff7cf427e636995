"""Releases of a few services with all that their history is made of, without an archive: RVUs in, tables out."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

import pfsetl
from pfsetl.declared import contracts, registry
from pfsetl.publication import publish, recording, staging, version
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.store import Store
from pfsetl.tables import columns, derived
from tests import publisher
from tests.at_commit import ZERO

Tables = dict[str, pl.DataFrame]
Rvus = tuple[str, str, str, str]
"""Work, PE non-facility, PE facility, malpractice."""
FACTORS = {  # as CMS printed them
    "RVU11D": {"all": "33.9764"}, "RVU12B": {"all": "34.0376"}, "RVU12D": {"all": "34.0376"},
    "RVU13A": {"all": "25.0008"}, "RVU13B": {"all": "34.0230"}, "RVU18A": {"all": "35.9996"},
    "RVU25B": {"all": "32.3465"}, "RVU25C": {"all": "32.3465"}, "RVU25D": {"all": "32.3465"},
    "RVU26A": {"non_qp": "33.4009", "qp": "33.5675"}, "RVU26B": {"non_qp": "33.4009", "qp": "33.5675"},
}  # fmt: skip
FITTING = {"97761": ("0.50", "0.74", "0.74", "0.01")}  # RVU25D; CMS's facts
FITTING_26 = {"97761": ("0.50", "0.70", "0.70", "0.01")}  # RVU26A


def tables(
    label: str, rvus: Mapping[str, Rvus], by_code: Mapping[str, Mapping[str, object]] | None = None, **cells: object
) -> Tables:
    """The tables of a release: rows of code or `code-modifier`, with its factors.

    `cells` go in each row; `by_code` has the cells of some columns by code.
    """
    contract = contracts.load()
    table, release = contract.tables["rvu"], registry.find(label)
    zeros = {c.name: ZERO[type(c.dtype)] for c in table.columns if not c.nullable}
    rows = []
    for participant, factor in FACTORS[label].items():
        for code, (work, nonfacility, facility, mp) in rvus.items():
            hcpcs, _, modifier = code.partition("-")
            told = {
                "release": label, "participant": participant, "hcpcs": hcpcs, "modifier": modifier, "status": "A",
                "calculation_flag": "0", "conversion_factor": Decimal(factor), "work_rvu": Decimal(work),
                "nonfacility_pe_rvu": Decimal(nonfacility), "facility_pe_rvu": Decimal(facility), "mp_rvu": Decimal(mp),
                "nonfacility_total_rvu": sum(map(Decimal, (work, nonfacility, mp))),
                "facility_total_rvu": sum(map(Decimal, (work, facility, mp))),
            }  # fmt: skip
            own = {name: values[hcpcs] for name, values in (by_code or {}).items()}
            rows.append(dict.fromkeys(table.schema) | zeros | told | cells | own)
    made = {"rvu": pl.DataFrame(rows, schema=table.schema).sort(table.key)}
    for name in ("conversion_factor", "payment_national", "release_calendar"):
        made |= derived.MADE_BY[name](made, release)
    empty = version.empty(LocalStore(Path("none")))
    made["releases"] = recording.releases_table(release, publisher.record(label), empty)
    return {name: columns.shaped(frame, contract.tables[name]) for name, frame in made.items()}


def staged(store: Store, label: str, rvus: Mapping[str, Rvus], **cells: Any) -> StagedRelease:
    made = tables(label, rvus, **cells)
    return staging.stage(store, label, made, publisher.record(label), contracts.load())


def committed(store: Store, *parts: StagedRelease) -> Version:
    return publish.commit(store, parts, pfsetl.open(store), contracts.load())
