"""Files of sections: the value of every code on each measure, by which a page ranks one code among them."""

from collections.abc import Iterator

import polars as pl

from pfsetl.publication.version import Version
from pfsetl.site.files import encoded
from pfsetl.tables.exact import scaled

MEASURES = ("work_rvu", "nonfacility_total_rvu", "facility_total_rvu")
ALIKE = (("nonfacility_total_rvu", "facility_total_rvu"), ("nonfacility_amount", "facility_amount"))
AMOUNTS = {"nonfacility_amount": "nonfacility_total_rvu", "facility_amount": "facility_total_rvu"}
_PER_CENT = 10_000  # an RVU in hundredths times a factor in ten-thousandths, in parts of a cent


def section_files(version: Version, label: str, only: str | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Yield (participant, section, JSON) of a release, with the population of `code_comparison`; `only` that of a code.

    A file is `{"codes": "9022190222...", "work_rvu": [...], ...}`: five characters a code, values in hundredths, null
    for a code that isn't counted; a facility value of 0 is the non-facility one. Amounts are there only where they
    aren't the total RVUs times the factor.
    """
    factors = dict(
        version.scan("conversion_factor", label).select("participant", scaled("conversion_factor")).collect().rows()
    )
    found = version.scan("code_comparison", label).select(
        "participant", "section", "hcpcs", "measure", scaled("value").alias("value")
    )
    if only:
        own = version.scan("code_comparison", label).filter(hcpcs=only).select("section").unique()
        found = found.join(own, on="section", how="semi")
    wide = found.collect().pivot("measure", index=["participant", "section", "hcpcs"], values="value")
    for (participant, section), rows in sorted(wide.partition_by("participant", "section", as_dict=True).items()):
        frame = rows.sort("hcpcs")
        measures = [name for name in MEASURES if name in frame.columns]
        measures += [
            name for name in AMOUNTS if name in frame.columns and not _follows(frame, name, factors[participant])
        ]
        for one, other in ALIKE:  # most services have one value in both settings
            if {one, other} <= set(measures):
                same = pl.col(one).eq(pl.col(other)).fill_null(value=False)
                frame = frame.with_columns(pl.when(same).then(0).otherwise(pl.col(other)).alias(other))
        content = {"codes": "".join(frame["hcpcs"])} | {name: frame[name].to_list() for name in measures}
        yield str(participant), str(section), encoded(content)


def _follows(frame: pl.DataFrame, amount: str, factor: int) -> bool:
    """Return whether amounts are the total RVUs times the factor, rounded half up to cents."""
    total = AMOUNTS[amount]
    if total not in frame.columns:
        return False
    made = (pl.col(total) * factor + _PER_CENT // 2) // _PER_CENT
    return frame.select((made.eq_missing(pl.col(amount))).all()).item() is True
