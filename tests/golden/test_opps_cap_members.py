"""The OPPSCAP members that CMS computed, row by row, from RVUs, GPCIs and factor of the same archive."""

import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.golden.published import PLACE, SETTINGS, in_every_contractors_name, opps_cap_member

# Rows that join with the contractor and locality of the archive's GPCI member. The others are localities of
# Southern California listed a second time under a contractor that GPCI doesn't have.
ROWS = {
    "RVU09A": 31_486, "RVU11A": 13_680, "RVU13A": 11_250, "RVU14A": 16_560, "RVU15A": 13_410, "RVU17A": 21_056,
    "RVU18A": 19_264, "RVU20A": 17_136, "RVU22A": 17_472, "RVU24A": 16_786, "RVU25A": 15_260, "RVU25C": 15_260,
    "RVU25D": 15_260,
}  # fmt: skip
NEVER_PAID = {"RVU11A", "RVU13A"}
# The one active code on CMS's lists whose facility expense is its own, not NA: CMS prints the OPPS amount in its
# facility column (83.18 in AR 13) although the facility amount is lower (31.71), in all 90 rows.
OWN_FACILITY_EXPENSE = ("RVU13A", "92287")


def member_bytes(path: Path) -> bytes:
    if path.is_dir():
        return next(path.glob("OPPSCAP*.txt")).read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(n for n in archive.namelist() if n.startswith("OPPSCAP") and n.endswith(".txt")))


@pytest.fixture(scope="module", params=ROWS)
def release(request) -> str:
    """Return one release after the other."""
    return request.param


@pytest.fixture(scope="module")
def beside(release, release_path, built) -> pl.DataFrame:
    """CMS's rows with our row beside each."""
    version = built(release)
    ours = in_every_contractors_name(version.scan("payment_locality", release), version.scan("gpci", release))
    theirs = opps_cap_member(member_bytes(release_path(release))).lazy().rename({"status": "listed"})
    return theirs.join(ours, on=PLACE, how="inner").collect()


def differing(rows: pl.DataFrame, kind: str) -> int:
    return sum(rows.filter(pl.col(s).ne_missing(pl.col(f"{s}_{kind}"))).height for s in SETTINGS)


def test_every_row_has_one_of_ours_beside_it(release, beside):
    assert beside.height == ROWS[release]


def test_active_rows_are_what_medicare_pays(release, beside):
    active = beside.filter(pl.col("listed").is_in(["A", "R"]))
    if release == OWN_FACILITY_EXPENSE[0]:
        active = active.filter(pl.col("hcpcs") != OWN_FACILITY_EXPENSE[1])
    lower = (pl.min_horizontal(f"{s}_amount", f"{s}_opps_amount").alias(f"{s}_lower") for s in SETTINGS)
    kind = "lower" if release in NEVER_PAID else "payment"
    assert (active.is_empty(), differing(active.with_columns(lower), kind)) == (False, 0)


@pytest.mark.parametrize("release", [OWN_FACILITY_EXPENSE[0]], indirect=True)
def test_the_listed_facility_price_of_the_exception_is_the_opps_amount(beside):
    rows = beside.filter(hcpcs=OWN_FACILITY_EXPENSE[1])
    assert (rows.height, differing(rows, "opps_amount")) == (90, 0)


def test_carrier_priced_rows_are_the_opps_amount(beside):
    priced = beside.filter(listed="C")
    assert (priced.is_empty(), differing(priced, "opps_amount")) == (False, 0)


def test_only_active_restricted_and_carrier_priced_rows_are_listed(beside):
    assert set(beside["listed"]) <= {"A", "R", "C"}


def test_the_second_listing_of_southern_california_has_the_same_prices(release_path):
    rows = opps_cap_member(member_bytes(release_path("RVU25D")))
    key = ["hcpcs", "modifier", "locality", "status", *SETTINGS]
    moved = ["17", "18", "26", "71", "72", "73", "74"]
    old = rows.filter(pl.col("locality").is_in(moved), mac="01112").select(key)
    new = rows.filter(pl.col("locality").is_in(moved), mac="01182").select(key)
    assert (old.height, old.join(new, on=key, how="anti").height) == (840, 0)
