"""What is known about releases: by label, with suggestions for a slip, and by CMS's naming rule for a new one."""

from datetime import date

import pytest

from pfsetl.declared import registry
from pfsetl.errors import UsageError


def test_a_known_release_has_cms_dates() -> None:
    # RVU24A was replaced from 9 March 2024, when Congress changed the conversion factor.
    found = registry.find("RVU24A")
    assert (found.effective_from, found.effective_to) == (date(2024, 1, 1), date(2024, 3, 8))


def test_releases_are_in_cms_order_by_year_quarter_and_label() -> None:
    """releases.csv has them in CMS's order; everything that sorts them goes by these three."""
    declared = list(registry.releases().values())
    assert declared == sorted(declared, key=lambda one: (one.year, one.quarter, one.label))


@pytest.mark.parametrize("label", ["rvu26a", " RVU26A ", "Rvu26a"])
def test_a_label_is_not_case_sensitive(label: str) -> None:
    assert registry.find(label).label == "RVU26A"


def test_the_cut_conversion_factors_never_took_effect() -> None:
    never = {label for label, release in registry.releases().items() if release.never_effective}
    assert {"RVU11A", "RVU12A", "RVU13A"} <= never


def test_an_unknown_label_names_near_ones() -> None:
    with pytest.raises(UsageError, match=r"RVU26E: no such release.*Did you mean .*RVU26A.*pfsetl list"):
        registry.find("rvu26e")


def test_a_label_like_nothing_gets_no_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        registry.find("zzz")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("label", "first", "last"),
    [
        ("RVU27A", date(2027, 1, 1), date(2027, 3, 31)),
        ("RVU27B", date(2027, 4, 1), date(2027, 6, 30)),
        ("RVU27C", date(2027, 7, 1), date(2027, 9, 30)),
        ("rvu27d", date(2027, 10, 1), date(2027, 12, 31)),
        ("RVU28AR", date(2028, 1, 1), date(2028, 3, 31)),
    ],
)
def test_a_new_release_is_dated_by_its_quarter(label: str, first: date, last: date) -> None:
    inferred = registry.find_or_infer(label)
    assert (inferred.effective_from, inferred.effective_to, inferred.known) == (first, last, False)


def test_a_known_release_is_not_inferred() -> None:
    assert registry.find_or_infer("rvu24a") == registry.find("RVU24A")


@pytest.mark.parametrize("label", ["RVU27E", "RVU2027A", "PFREV27A", "RVU27A/../x", "RVU27", ""])
def test_a_label_off_the_rule_has_to_be_declared(label: str) -> None:
    with pytest.raises(UsageError, match="no such release"):
        registry.find_or_infer(label)


@pytest.mark.parametrize("member", ["pprrvu", "gpci", "locality_county", "anesthesia", "opps_cap"])
def test_every_layout_has_fields(member: str) -> None:
    assert {bool(layout.fields) for layout in registry.layouts(member)} == {True}


@pytest.mark.parametrize("layout", [x for x in registry.layouts("pprrvu") if x.medium == "fixed"], ids=lambda x: x.name)
def test_fields_of_a_record_do_not_overlap(layout: registry.Layout) -> None:
    ends = [0, *(f.end for f in layout.fields)]
    assert all(f.start > end for f, end in zip(layout.fields, ends, strict=False))
    assert ends[-1] == layout.record_length
