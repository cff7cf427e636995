"""`pfsetl explain`: what moved the amounts of sections and codes between two releases, and what is counted."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pfsetl.errors import UsageError
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.story.explain import Explanation, explain
from tests.stories import Rvus, committed, staged

Run = Callable[..., tuple[int, str, str]]
SECTIONS = {"97761": "Medicine", "G9901": "Medicine", "G9902": "Medicine", "G9903": "Surgery", "G9904": "Surgery"}
BEFORE: dict[str, Rvus] = {
    "97761": ("0.50", "0.74", "0.74", "0.01"),  # $40.43, as CMS has it
    "G9901": ("1.00", "0.00", "0.00", "0.00"),  # $32.35
    "G9903": ("2.00", "0.00", "0.00", "0.00"),  # $64.69
    "G9902": ("1.00", "0.00", "0.00", "0.00"),
}
NOW: dict[str, Rvus] = {
    "97761": ("0.50", "0.70", "0.70", "0.01"),  # $40.42
    "G9901": ("1.10", "0.00", "0.00", "0.00"),  # $36.74
    "G9903": ("1.90", "0.00", "0.00", "0.00"),  # $63.46
    "G9903-26": ("0.90", "0.00", "0.00", "0.00"),
    "G9904": ("9.00", "0.00", "0.00", "0.00"),
}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """RVU25D and RVU26A; G9902 is gone in the second, G9904 new, and G9903 has a component that it hadn't."""
    store = LocalStore(tmp_path_factory.mktemp("explain") / "store")
    parts = [
        staged(store, label, rvus, by_code={"section": SECTIONS})
        for label, rvus in (("RVU25D", BEFORE), ("RVU26A", NOW))
    ]
    return committed(store, *parts)


def of(found: Explanation, section: str) -> tuple[int, int, int, str, str, str]:
    one = next(s for s in found.sections if s.section == section)
    return one.services, one.up, one.down, str(one.mean_before), str(one.mean_after), str(one.percent)


def test_a_section_has_the_means_of_its_services_each_counted_once(version: Version) -> None:
    """(40.43 + 32.35) / 2 and (40.42 + 36.74) / 2; 4.38 of 72.78 is 6.0 %."""
    assert of(explain(version, "RVU25D", "RVU26A"), "Medicine") == (2, 1, 1, "36.39", "38.58", "6.0")


def test_its_causes_are_means_of_those_of_its_services(version: Version) -> None:
    """PE -1.29386 / 2; work 3.23465 / 2; factor (1.275824 + 1.159840) / 2."""
    found = explain(version, "RVU25D", "RVU26A", section="medicine").sections[0].causes
    assert {name: str(found[name]) for name in ("work", "pe", "factor")} == {
        "work": "1.62", "pe": "-0.65", "factor": "1.22",
    }  # fmt: skip


def test_what_came_and_went_is_counted_and_left_out(version: Version) -> None:
    found = explain(version, "RVU25D", "RVU26A")
    assert (found.counted, found.appeared, found.gone, found.unpriced) == (3, 1, 1, 0)


def test_the_codes_that_moved_most_dollars_come_first_with_their_sentence(version: Version) -> None:
    most = explain(version, "RVU25D", "RVU26A", section="Medicine").sections[0].most
    assert [(m["hcpcs"], m["moved"]) for m in most] == [
        ("G9901", "$32.35 to $36.74: RVUs +3.23, factor +1.16"),
        ("97761", "$40.43 to $40.42: RVUs -1.29, factor +1.28"),
    ]


def test_as_many_codes_are_named_as_are_asked_for(version: Version) -> None:
    assert [len(s.most) for s in explain(version, "RVU25D", "RVU26A", top=1).sections] == [1, 1]


def test_qualifying_participants_are_held_against_everybody(version: Version) -> None:
    found = explain(version, "RVU25D", "RVU26A", participant="qp")
    assert (found.participant, found.compared_with) == ("qp", "all")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"new": "RVU25D"}, "one release moved nothing. Give two"),
        ({"section": "Medicin"}, "section Medicin: not known. Did you mean Medicine"),
        ({"participant": "aco"}, "participant aco: not known"),
    ],
)
def test_what_explains_nothing_is_refused(asked: dict[str, str], said: str, version: Version) -> None:
    with pytest.raises(UsageError, match=said):
        explain(version, **({"old": "RVU25D", "new": "RVU26A"} | asked))  # type: ignore[arg-type]


def test_what_is_na_in_the_setting_in_one_of_them_moved_nothing_that_is_paid(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    parts = [
        staged(store, label, rvus, by_code={"section": SECTIONS, "nonfacility_na": dict.fromkeys(SECTIONS, False) | na})
        for label, rvus, na in (("RVU25D", BEFORE, {"97761": True}), ("RVU26A", NOW, {}))
    ]
    found = explain(committed(store, *parts), "RVU25D", "RVU26A")
    assert (found.counted, found.nominal) == (2, 1)
    assert of(found, "Medicine")[:5] == (1, 1, 0, "32.35", "36.74")  # G9901 alone


def test_the_command_says_what_is_counted_and_what_is_left_out(version: Version, run: Run) -> None:
    code, out, _ = run("explain", "rvu25d", "RVU26A", "--output", version.store.root)  # type: ignore[attr-defined]
    assert (
        code,
        "counted: 3 services" in out,
        "left out: 0 that are NA there in one of them, 0 without a national price" in out,
    ) == (0, True, True)


def test_one_release_twice_exits_as_a_mistake(version: Version, run: Run) -> None:
    code, _, err = run("explain", "RVU26A", "RVU26A", "--output", version.store.root)  # type: ignore[attr-defined]
    assert (code, "one release moved nothing" in err) == (2, True)


def test_json_has_every_section_and_cause(version: Version, run: Run) -> None:
    asked = ("explain", "RVU25D", "RVU26A", "--json", "--output", version.store.root)  # type: ignore[attr-defined]
    data = json.loads(run(*asked)[1])
    assert [(s["section"], sorted(s["causes"])) for s in data["sections"]] == [
        (name, ["factor", "mp", "pe", "rounding", "work"]) for name in ("Medicine", "Surgery")
    ]
