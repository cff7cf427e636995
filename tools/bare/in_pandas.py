"""What somebody writes in pandas who wants the payments of RVU25A once, as `tools/bare/payment.py` does in polars."""

import io
from pathlib import Path
from typing import Any

from tools.bare.payment import COLUMNS, FIELDS, KEY, LABEL, LATE, NUMBERS, PLACE, REASONS, SETTINGS, USED, bodies


def by_pandas(archive: Path, folder: Path) -> None:
    """Count in floats, rounded at the end."""
    import numpy as np
    import pandas as pd

    rvu, gpci = (
        pd.read_csv(io.StringIO(text), header=None, names=names, dtype=str, keep_default_na=False)
        for text, names in zip(bodies(archive), (list(FIELDS), list(PLACE)), strict=True)
    )
    rows: Any = rvu[list(USED)].copy()
    rows["hcpcs"] = rows["hcpcs"].str.zfill(5)
    for name in NUMBERS:
        rows[name] = rows[name].astype(float)
    for name in ("not_used", "nonfacility_na", "facility_na"):
        rows[name] = rows[name] != ""
    component = rows[rows["modifier"] == "26"].set_index("hcpcs")["work"]
    rows["capped"] = rows[["opps_nonfacility_pe", "opps_facility_pe", "opps_mp"]].sum(axis=1) > 0
    priced = rows[["work", "nonfacility_pe", "facility_pe", "mp"]].sum(axis=1) > 0
    borrowed = (rows["status"] == "C") & (rows["modifier"] == "")
    rows["opps_work"] = rows["work"].where(~borrowed, rows["hcpcs"].map(component).fillna(rows["work"]))
    unpriced = pd.Series(np.where(rows["status"] == "R", "carrier_priced", "no_rvus"), rows.index).where(~priced)
    rows["reason"] = rows["status"].map(REASONS).fillna(unpriced.mask(rows["not_used"], "not_used_for_payment"))
    rows.insert(0, "release", LABEL)
    rows.insert(1, "participant", "all")
    rows = rows.sort_values([*KEY])
    for name in ("work_gpci", "pe_gpci", "mp_gpci"):
        gpci[name] = gpci[name].astype(float)
    places = gpci.drop_duplicates(["state", "locality"]).drop(columns="name").sort_values(["state", "locality"])

    def paid(rows: Any, key: list[str]) -> Any:
        for s in SETTINGS:
            for name, work, pe, mp in (
                (f"{s}_amount", "work", f"{s}_pe", "mp"),
                (f"{s}_opps_amount", "opps_work", f"opps_{s}_pe", "opps_mp"),
            ):
                terms = rows[work] * rows["work_gpci"] + rows[pe] * rows["pe_gpci"] + rows[mp] * rows["mp_gpci"]
                rows[name] = (terms * rows["factor"]).round(2)
            rows[f"{s}_opps_amount"] = rows[f"{s}_opps_amount"].where(rows["capped"])
            payment = np.fmin(rows[f"{s}_amount"], rows[f"{s}_opps_amount"]).where(rows["reason"].isna())
            rows[f"{s}_payment"] = payment
            for kind, of in LATE.items():
                rows[f"{s}_{kind}"] = (payment * of / 10_000).round(2)
        return rows[[*key, *COLUMNS]]

    nation = rows.assign(work_gpci=1.0, pe_gpci=1.0, mp_gpci=1.0)
    every = rows[rows["capped"] | priced.reindex(rows.index)].merge(places, how="cross")
    for name, table in (
        ("national", paid(nation, [*KEY])),
        ("locality", paid(every, [*KEY, "state", "locality", "mac"])),
    ):
        table.to_parquet(folder / f"payment_{name}.parquet", compression="zstd", compression_level=2, index=False)
