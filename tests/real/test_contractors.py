"""Every contractor that a real archive prints is declared, with its state and the first and last one that has it."""

from collections import defaultdict
from collections.abc import Callable

import polars as pl
import pytest

from pfsetl import Version
from pfsetl.declared import declarations
from tests.real.test_backfill_all import AT_HAND

MEMBERS = ("gpci", "locality_county", "anesthesia", "opps_cap")


@pytest.fixture(scope="module")
def printed(built: Callable[[str], Version]) -> dict[tuple[str, str, str], set[str]]:
    """Return the releases that print each contractor, locality and state."""
    found = defaultdict(set)
    for release in AT_HAND:
        for member in MEMBERS:
            rows = built(release).scan(member, release).select("state", "locality", "macs").unique().collect()
            for row in rows.with_columns(pl.col("macs").str.split(",")).explode("macs").iter_rows(named=True):
                found[row["macs"], row["locality"], row["state"]].add(release)
    return found


def test_each_contractor_has_a_row_with_its_state(printed) -> None:
    rows = {(r["carrier"], r["locality"]): r["state"] for r in declarations.texts("carriers.csv")}
    told = {key: rows.get(key[:2]) or rows.get((key[0], "")) for key in printed}
    assert {key: state for key, state in told.items() if state != key[2]} == {}


def test_no_row_claims_an_archive_that_does_not_print_it(printed) -> None:
    wrong = {}
    for row in declarations.texts("carriers.csv"):
        releases = sorted(
            release
            for (mac, locality, state), at in printed.items()
            if (mac == row["carrier"] or (len(row["carrier"]) == 3 and mac.startswith(row["carrier"])))
            and row["state"] == state
            and row["locality"] in ("", locality)
            for release in at
        )
        seen = (releases[0], releases[-1], "CMS archive") if releases else ("", "", "general knowledge")
        if seen != (row["seen_from"], row["seen_until"], row["source"]):
            wrong[row["carrier"], row["locality"]] = seen
    assert wrong == {}
