"""What a claim is warned of by NCCI's edits: units beyond the limit of a line or a day, pairs not paid together.

NCCI's rules: an MUE of indicator 1 is held against each line, of 2 and 3 against all lines of a day. Of a pair the code
of column 2 isn't paid; with modifier indicator 0 never, with 1 unless a modifier says that both were apart, with 9 the
pair isn't one.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import pfsetl
from pfsetl import ClaimAnswer
from pfsetl.loading import load as loading
from pfsetl.pricing import edits
from pfsetl.storage.folder import LocalStore
from tests import companion_files as files
from tests.copied import copied

Run = Callable[..., tuple[int, str, str]]
Claim = Callable[..., ClaimAnswer]

DAY = "2025-02-03"
LIMITS = (
    ("G9901", "6", "3 Date of Service Edit: Clinical", "Clinical: Data"),
    ("G9902", "2", "2 Date of Service Edit: Policy", "CMS Policy"),
    ("G9905", "1", "1 Line Edit", "Nature of Service/Procedure"),
)
PAIRS = (
    ("G9901", "G9902", "", "20200101", "*", "1", "Mutually exclusive procedures"),
    ("G9901", "G9905", "", "20200101", "*", "0", "More extensive procedure"),
    ("G9902", "G9905", "", "20200101", "20241231", "0", "Ended"),
    ("G9905", "G9902", "", "20250204", "*", "0", "Not begun"),
    ("G9902", "G9901", "", "20200101", "*", "9", "Never"),
)


@pytest.fixture(scope="module")
def output(sampled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a release and both lists of edits, from 2025 on."""
    folder = tmp_path_factory.mktemp("edits")
    store = LocalStore(copied(sampled, folder / "o"))
    for name, content in (
        ("MCR_MUE_PractitionerServices_Eff_01-01-2025.csv", files.mue_csv(LIMITS)),
        ("ccipra-v311r0-f1.txt", files.ptp_txt(PAIRS)),
    ):
        (folder / name).write_bytes(content)
        loading.load(store, folder / name, sample=True)
    return folder / "o"


@pytest.fixture
def claim(output: Path) -> Claim:
    def claim(*lines: tuple[str, object], **common: object) -> ClaimAnswer:
        return pfsetl.claim(
            [{"hcpcs": code, "date": DAY, "units": units} | common for code, units in lines], output=output
        )

    return claim


def warned(answer: ClaimAnswer) -> list[tuple[str, list[int], str]]:
    return [(one["edit"], one["lines"], one["hcpcs"]) for one in answer["warnings"]]


# --- units -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([("G9901", 6)], []),
        ([("G9901", 7)], [("mue", [1], "G9901")]),
        ([("G9901", 4), ("G9901", 3)], [("mue", [1, 2], "G9901")]),  # 7 on one day
        ([("G9902", 2), ("G9902", 1)], [("mue", [1, 2], "G9902")]),
        ([("G9905", 1), ("G9905", 1)], []),  # a line each
        ([("G9905", 1), ("G9905", 2)], [("mue", [2], "G9905")]),
        ([("G9904", 900)], []),  # not in the list
    ],
)
def test_units_are_held_against_the_limit_of_a_line_or_a_day(claim: Claim, lines, expected) -> None:
    assert warned(claim(*lines)) == expected


def test_units_of_two_days_arent_added(output: Path) -> None:
    lines = [{"hcpcs": "G9901", "date": day, "units": 4} for day in (DAY, "2025-02-04")]
    assert pfsetl.claim(lines, output=output)["warnings"] == []


def test_units_of_two_claims_arent_added(output: Path) -> None:
    lines = [{"hcpcs": "G9901", "date": DAY, "units": 4, "claim": name} for name in ("a", "b")]
    assert pfsetl.claim(lines, output=output)["warnings"] == []


def test_a_warning_says_what_was_billed_what_is_paid_and_by_which_file(claim: Claim) -> None:
    (one,) = claim(("G9901", 7))["warnings"]
    assert (one["units"], one["most_units"], one["indicator"]) == (7, 6, "3")
    assert one["warning"] == "G9901: 7 units on 2025-02-03, at most 6 a day (clinical) are paid"
    assert (one["file"], one["effective_from"]) == (
        "MCR_MUE_PractitionerServices_Eff_01-01-2025.csv", date(2025, 1, 1),
    )  # fmt: skip


def test_a_line_that_cant_be_priced_is_held_against_the_limits_too(claim: Claim) -> None:
    answer = claim(("G9901", 7), setting="nowhere"), claim(("G9901", 7), locality="XX/99")
    assert [len(one["bad"]) for one in answer] == [1, 1]
    assert [warned(one) for one in answer] == [[], [("mue", [1], "G9901")]]  # the first couldn't be read


# --- pairs -------------------------------------------------------------------------------------------------------


def test_the_second_code_of_a_pair_isnt_paid_beside_the_first(claim: Claim) -> None:
    (one,) = claim(("G9901", 1), ("G9902", 1))["warnings"]
    assert (one["edit"], one["hcpcs"], one["beside"], one["indicator"]) == ("ptp", "G9902", "G9901", "1")
    assert one["lines"] == [1, 2]
    assert one["warning"] == (
        "G9902 isn't paid beside G9901 on 2025-02-03, unless a modifier says that they were apart, such as 59: "
        "Mutually exclusive procedures"
    )


@pytest.mark.parametrize("modifier", ["59", "XS", "RT"])
def test_a_modifier_on_either_code_tells_a_pair_of_indicator_1_apart(output: Path, modifier: str) -> None:
    for marked in ("G9901", "G9902"):
        lines = [
            {"hcpcs": code, "date": DAY} | ({"modifiers": modifier} if code == marked else {})
            for code in ("G9901", "G9902")
        ]
        assert pfsetl.claim(lines, output=output)["warnings"] == []


def test_another_modifier_doesnt_tell_a_pair_apart(output: Path) -> None:
    lines = [{"hcpcs": "G9901", "date": DAY}, {"hcpcs": "G9902", "date": DAY, "modifiers": "GP"}]
    assert warned(pfsetl.claim(lines, output=output)) == [("ptp", [1, 2], "G9902")]


def test_of_two_lines_the_one_without_the_modifier_is_named(output: Path) -> None:
    lines = [
        {"hcpcs": "G9901", "date": DAY},
        {"hcpcs": "G9902", "date": DAY, "modifiers": "59"},
        {"hcpcs": "G9902", "date": DAY},
    ]
    assert warned(pfsetl.claim(lines, output=output)) == [("ptp", [1, 3], "G9902")]


def test_no_modifier_helps_a_pair_of_indicator_0(output: Path) -> None:
    lines = [{"hcpcs": "G9901", "date": DAY}, {"hcpcs": "G9905", "date": DAY, "modifiers": "59"}]
    assert warned(pfsetl.claim(lines, output=output)) == [("ptp", [1, 2], "G9905")]


def test_a_pair_that_has_ended_or_not_begun_or_never_was_is_none(claim: Claim) -> None:
    assert claim(("G9902", 1), ("G9905", 1))["warnings"] == []


def test_a_pair_holds_from_its_first_day_to_its_last(output: Path) -> None:
    def pairs(day: str) -> list[tuple[str | None, str]]:
        lines = [{"hcpcs": code, "date": day} for code in ("G9902", "G9905")]
        return [(one["beside"], one["hcpcs"]) for one in pfsetl.claim(lines, output=output)["warnings"]]

    assert pairs("2024-12-31") == [("G9902", "G9905")]
    assert pairs("2025-02-04") == [("G9905", "G9902")]


def test_codes_of_two_days_or_two_claims_are_no_pair(output: Path) -> None:
    other = ({"date": "2025-02-05"}, {"claim": "b"})
    for one in other:
        lines = [{"hcpcs": "G9901", "date": DAY}, {"hcpcs": "G9902", "date": DAY} | one]
        assert pfsetl.claim(lines, output=output)["warnings"] == []


@pytest.mark.parametrize("beyond", [0, 1_000])
def test_both_ways_of_meeting_find_the_same_pairs(claim: Claim, monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    monkeypatch.setattr(edits, "_BEYOND", beyond)
    assert warned(claim(("G9901", 1), ("G9902", 1), ("G9905", 1))) == [
        ("ptp", [1, 2], "G9902"), ("ptp", [1, 3], "G9905"),
    ]  # fmt: skip


# --- what was used -----------------------------------------------------------------------------------------------


def test_without_edits_it_is_said_once_for_each_list_and_not_for_each_line(sampled: Path) -> None:
    answer = pfsetl.claim([{"hcpcs": "G9901", "date": DAY, "units": 99}] * 3, output=sampled)
    assert answer["warnings"] == []
    assert [said.partition(" (")[0] for said in answer["edits"]] == [
        "mue: none is loaded, so units aren't held against NCCI's limits",
        "ptp: none is loaded, so lines aren't held against NCCI's pairs",
    ]


def test_the_files_that_were_used_are_named(claim: Claim) -> None:
    assert claim(("G9901", 1))["edits"] == [
        "mue: MCR_MUE_PractitionerServices_Eff_01-01-2025.csv from 2025-01-01",
        "ptp: ccipra-v311r0-f1.txt from 2025-04-01; 1 line is of a day before it",
    ]


def test_an_edit_changes_no_amount(claim: Claim, sampled: Path) -> None:
    with_edits = claim(("G9901", 7), ("G9902", 1))
    lines = [{"hcpcs": code, "date": DAY, "units": units} for code, units in (("G9901", 7), ("G9902", 1))]
    assert with_edits["allowed"] == pfsetl.claim(lines, output=sampled)["allowed"]


def test_the_command_prints_warnings_below_the_lines(run: Run, output: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(f"hcpcs,date,units\nG9901,{DAY},7\n")
    out = " ".join(run("claim", tmp_path / "c.csv", "--output", output)[1].split())
    assert "edit line 2: G9901: 7 units on 2025-02-03, at most 6 a day (clinical) are paid" in out
