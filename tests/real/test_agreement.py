"""Every real archive agrees with itself; with a member of another year in its place its values alone get it refused."""

import polars as pl
import pytest

from pfsetl.checks import agreement
from pfsetl.declared import registry
from tests.kinds import Built
from tests.real.test_backfill_all import AT_HAND

TABLES = ("rvu", "gpci", "locality_county", "anesthesia", "opps_cap")
# What CMS itself published so: docs/accuracy.md for 92287, the others seen in the members of the archives.
DIFFERING = {
    ("RVU13A", "opps_cap"): 89, ("RVU17A", "anesthesia"): 14, ("RVU20A", "anesthesia"): 9,
}  # fmt: skip
# RVU24A to RVU25D have the same indices, so a file of the one in the other is no wrong data.
FOREIGN = [("RVU09A", "RVU11A"), ("RVU15A", "RVU14A"), ("RVU18A", "RVU20A"), ("RVU22A", "RVU24A"), ("RVU26A", "RVU25D")]


def tables(built: Built, release: str) -> dict[str, pl.DataFrame]:
    return {name: built(release).scan(name, release).collect() for name in TABLES}


@pytest.mark.parametrize("release", AT_HAND)
def test_every_value_that_can_be_computed_again_agrees_but_for_what_is_known(release, built: Built):
    told, findings = agreement.agreements(tables(built, release), registry.find(release))
    differing = {(release, a.member): a.compared - a.agree for a in told if a.agree < a.compared}
    assert differing == {key: count for key, count in DIFFERING.items() if key[0] == release}
    assert not [f for f in findings if f.severity == "error"]


@pytest.mark.parametrize(("release", "other"), FOREIGN)
@pytest.mark.parametrize("member", ["gpci", "anesthesia"])
def test_a_member_of_another_year_is_refused_by_its_values(release, other, member, built: Built):
    foreign = tables(built, release) | {member: tables(built, other)[member]}
    _, findings = agreement.agreements(foreign, registry.find(release))
    assert [f for f in findings if f.severity == "error" and f.violations]


@pytest.mark.parametrize(("release", "other"), FOREIGN[:4])
def test_capped_amounts_of_another_year_are_refused_by_their_values(release, other, built: Built):
    foreign = tables(built, release) | {"opps_cap": tables(built, other)["opps_cap"]}
    _, findings = agreement.agreements(foreign, registry.find(release))
    assert [f.table for f in findings if f.severity == "error" and f.violations] == ["opps_cap"]
