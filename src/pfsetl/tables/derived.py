"""The tables of one release that follow from its source tables: each by one function, found here by its name.

`payment_locality` is written while these are made (`by_locality.payment_locality`), `releases` needs the store
(`publication.recording.releases_table`), and others several releases (`publication.over_releases`).
"""

from collections.abc import Callable, Mapping

import polars as pl

from pfsetl.declared import calendar
from pfsetl.declared.contracts import Contract
from pfsetl.declared.registry import Release
from pfsetl.errors import ContractError
from pfsetl.tables import code_modifier, columns, compare, derive, distribution

Tables = Mapping[str, pl.DataFrame]


def conversion_factor(tables: Tables, release: Release) -> Tables:
    """Make each participant's factor as the files print it, with the release's days."""
    factors = tables["rvu"].group_by("release", "participant").agg(pl.col("conversion_factor").first())
    days = {"effective_from": pl.lit(release.effective_from), "effective_to": pl.lit(release.effective_to)}
    return {"conversion_factor": factors.with_columns(**days)}


def payment_national(tables: Tables, release: Release) -> Tables:
    """Make the national amounts of every service."""
    return {"payment_national": derive.payment_national(tables["rvu"], release)}


def compared(tables: Tables, _release: Release) -> Tables:
    """Make the statistics and the distribution of each section and measure, and each code's place in them."""
    values = compare.values(tables["rvu"], tables["payment_national"])
    stats, comparison = compare.compared(values)
    counted = distribution.section_values(values, stats)
    return {"section_stats": stats, "code_comparison": comparison, "section_values": counted}


def release_calendar(tables: Tables, release: Release) -> Tables:
    """Make the days on which each participant's factor is paid."""
    printed = tables["conversion_factor"].select("participant", pl.col("conversion_factor").cast(pl.String))
    return {"release_calendar": calendar.release_calendar(release, dict(printed.rows()))}


# In this order: a table may rest on those before it.
MADE_BY: Mapping[str, Callable[[Tables, Release], Tables]] = {
    "conversion_factor": conversion_factor,
    "payment_national": payment_national,
    "section_stats": compared,
    "code_comparison": compared,
    "section_values": compared,
    "code_modifier": code_modifier.code_modifier,
    "release_calendar": release_calendar,
}


LATER = ("payment_locality", "releases")


def derived(tables: Tables, release: Release, contract: Contract) -> dict[str, pl.DataFrame]:
    """Return the derived tables of a release, each as the contract has it.

    Raises ContractError for a table of the contract that nothing makes, and for one that is made and not in it.
    """
    of_one = {name for name, table in contract.tables.items() if not table.over}
    if lacking := sorted(of_one - {*tables, *MADE_BY, *LATER}):
        raise ContractError(
            f"{', '.join(lacking)}: in the contract, and nothing makes it. Give it a function and a row in MADE_BY "
            "of tables/derived.py."
        )
    if strange := sorted(MADE_BY.keys() - of_one):
        raise ContractError(f"{', '.join(strange)}: made by tables/derived.py, and not in the contract. Declare it.")
    made: dict[str, pl.DataFrame] = {}
    for make in dict.fromkeys(MADE_BY.values()):
        found = make({**tables, **made}, release)
        made |= {name: columns.shaped(frame, contract.tables[name]) for name, frame in found.items()}
    return made
