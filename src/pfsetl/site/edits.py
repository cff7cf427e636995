"""Files of edit pairs: which codes one isn't paid beside in the newest release, where NCCI's file is loaded."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from pfsetl.publication.version import Version
from pfsetl.site.files import by_prefix, encoded

TABLE = "ptp"


def edit_files(version: Version, day: date, only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON): `{code: {"denied": {"1": "9776097110"}, "denies": {...}}}`.

    `denied` are codes that aren't paid beside it, `denies` those that it isn't paid beside, by NCCI's modifier
    indicator, five characters each.
    """
    if not any(one.kind == TABLE for one in version.companions):
        return
    rows = version.scan(TABLE).filter(
        pl.col("valid_from") <= day,
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= day),
        pl.col("modifier_indicator") != "9",
    )
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name, code, other in (("denied", "column_1", "column_2"), ("denies", "column_2", "column_1")):
        mine = rows.filter(pl.col(code) == only) if only else rows
        each = mine.select(code, other, "modifier_indicator").unique().sort(code, "modifier_indicator", other)
        joined = each.group_by(code, "modifier_indicator", maintain_order=True).agg(pl.col(other).str.join(""))
        for one, indicator, others in joined.collect().iter_rows():
            found.setdefault(one, {}).setdefault(name, {})[indicator] = others
    texts = {code: encoded(said).decode() for code, said in found.items()}
    for prefix, codes in by_prefix(texts).items() if texts else ():
        inside = ",\n".join(f'"{code}":{texts[code]}' for code in codes)
        yield prefix, f"{{\n{inside}}}\n".encode()
