"""`pfsetl.profile` and what the card of a code says beside its numbers, on the bundled sample."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

import pfsetl
from pfsetl.cli import main, render_profile
from pfsetl.declared import contracts
from pfsetl.errors import UsageError
from tests import companion_files as files
from tests.copied import copied

Run = Callable[..., str]


NCCI = "Misuse of column two code with column one code"
PAIRS = [  # column 1, which is paid; column 2; before 1996; first and last day; modifier indicator; reason
    ("G0101", "G0105", "", "20200101", "*", "1", NCCI),
    ("G0106", "G0101", "", "20200101", "*", "0", NCCI),
    ("G0101", "G0108", "", "20200101", "20251231", "1", NCCI),
    ("G0101", "G0109", "", "20260102", "*", "1", NCCI),
    ("G0101", "G0117", "", "20200101", "*", "9", NCCI),
]


@pytest.fixture(scope="module")
def store(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that `pfsetl demo` published, Level II rows of RVU25D and RVU26A, and a limit of G0101."""
    folder = tmp_path_factory.mktemp("profile")
    copied(demo, folder / "output")
    limits = folder / "MCR_MUE_PractitionerServices_Eff_01-01-2026.csv"
    limits.write_bytes(files.mue_csv([("G0101", "1", "2 Date of Service Edit: Policy", "CMS Policy")]))
    pairs = folder / "ccipra-v320r0-f1.txt"
    pairs.write_bytes(files.ptp_txt(PAIRS))
    for file, day in ((limits, "2026-01-01"), (pairs, "2026-04-01")):
        main(["load", str(file), "--sample", "--effective-from", day, "--output", str(folder / "output")])
    return folder / "output"


@pytest.fixture(scope="module")
def version(store: Path) -> pfsetl.Version:
    return pfsetl.open(store)


# --- from Python ------------------------------------------------------------------------------------------------


def test_many_codes_at_once_are_a_frame_in_the_order_of_codes(version: pfsetl.Version) -> None:
    found = pfsetl.profile(["G0105", "g0101 ", "G0105"], output=version).frame
    assert found["hcpcs"].to_list() == ["G0101", "G0105"]


def test_a_code_that_the_release_lacks_costs_no_other_its_row(version: pfsetl.Version) -> None:
    found = pfsetl.profile(["G0101", "G0110", "x9999", "G0110"], output=version)
    assert (found.frame["hcpcs"].to_list(), found.unknown) == (["G0101"], ("G0110", "X9999"))
    assert repr(found) == "<Profile of G0101 in RVU26A, without G0110, X9999>"
    assert len(found.rows) == 1


def test_without_a_release_it_is_the_latest(version: pfsetl.Version) -> None:
    assert pfsetl.profile("G0101", output=version).release == "RVU26A"


def test_another_release_is_asked_for_by_its_label(version: pfsetl.Version) -> None:
    assert pfsetl.profile("G0101", "rvu25d", output=version).frame["release"].to_list() == ["RVU25D"]


def test_a_store_is_opened_by_its_name(store: Path) -> None:
    assert pfsetl.profile("G0101", output=store).frame["text"].to_list() == ["Ca screen;pelvic/breast exam"]


def test_files_of_which_a_part_is_loaded_are_named(version: pfsetl.Version) -> None:
    assert pfsetl.profile("G0101", output=version).samples == ("mue", "ptp")


def test_a_row_has_the_keys_that_its_type_promises(version: pfsetl.Version) -> None:
    (row,) = pfsetl.profile("G0105", output=version).rows
    assert row.keys() == pfsetl.ProfileAnswer.__required_keys__
    assert row["related"][0].keys() == pfsetl.RelationAnswer.__required_keys__
    edits = pfsetl.profile("G0105", output=version).rows[0]["edits"]
    assert edits
    assert edits[0].keys() == pfsetl.CodeEditAnswer.__required_keys__


@pytest.mark.parametrize(
    ("answer", "table", "less", "more"),
    [
        (pfsetl.ProfileAnswer, "code_profile", set(), {"related", "edits", "samples"}),
        (pfsetl.RelationAnswer, "code_relation", {"release", "hcpcs"}, set()),
    ],
)
def test_the_types_have_every_column_of_their_table(answer, table, less, more) -> None:
    assert answer.__required_keys__ == set(contracts.load().tables[table].schema) - less | more


def test_what_goes_with_a_code_is_what_cms_says_and_then_the_nearest(version: pfsetl.Version) -> None:
    (row,) = pfsetl.profile("G0105", output=version).rows
    told = [(one["relation"], one["rank"]) for one in row["related"]]
    assert told == [("discontinued", None), *(("nearest_in_work", rank) for rank in range(1, 6))]


def test_edits_are_the_pairs_of_either_side_that_hold_on_the_first_day(version: pfsetl.Version) -> None:
    edits = pfsetl.profile("G0101", output=version).edits
    assert edits is not None
    assert edits.select("other", "is_paid", "modifier_indicator").rows() == [
        ("G0105", True, "1"),
        ("G0106", False, "0"),
    ]


def test_edits_of_an_earlier_release_are_those_of_its_days(version: pfsetl.Version) -> None:
    (row,) = pfsetl.profile("G0101", "RVU25D", output=version).rows
    assert [edit["other"] for edit in row["edits"] or ()] == ["G0105", "G0108", "G0106"]


def test_a_code_in_no_pair_has_no_edits(version: pfsetl.Version) -> None:
    assert pfsetl.profile("G0121", output=version).rows[0]["edits"] == []


def test_without_pairs_nothing_is_said_of_them(store: Path, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(store, tmp_path / "bare", symlinks=True, ignore=shutil.ignore_patterns("ptp*")))
    assert pfsetl.profile("G0101", output=bare).rows[0]["edits"] is None


@pytest.mark.parametrize(
    ("codes", "release", "message"),
    [
        ("G0110", None, "G0110: not in RVU26A .*Near: G01"),
        (["G0110", "X9999"], None, "G0110: not in RVU26A.*Nor are X9999"),
        ("G0511", None, "G0511: not in RVU26A.*it's last in RVU25D .in force to 2025-12-31"),
        (5, None, "code 5: give it as text"),
        ("", None, "an empty code: not in RVU26A"),
        ("G0101", "RVU26B", r"RVU26B: not published in .* There: .*'pfsetl build RVU26B --output \S+' publishes it"),
    ],
)
def test_what_is_not_known_is_said_with_what_is_near(codes, release, message, version: pfsetl.Version) -> None:
    with pytest.raises(UsageError, match=message):
        pfsetl.profile(codes, release, output=version)


def test_an_empty_store_says_what_to_build(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is published there"):
        pfsetl.profile("G0101", output=tmp_path / "none")


# --- on the card ------------------------------------------------------------------------------------------------


@pytest.fixture
def run(store: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> str:
        capsys.readouterr()
        main([*arguments, "--output", str(store)])
        return capsys.readouterr().out

    return call


def said(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    "sentence",
    [
        "in CMS's words: Ca screen;pelvic/breast exam",
        "done outside facilities and in facilities",
        "at most 1 unit: MUE indicator 2, CMS Policy (file of 2026-01-01)",
        "NCCI pairs, not paid beside it: G0105",
        "NCCI pairs, it isn't paid beside: G0106",
        "not loaded: add_on, rbcs",
        "RVU25D to RVU26A: $",
    ],
)
def test_the_card_says_what_a_code_is_and_what_moved_it(sentence: str, run: Run) -> None:
    assert sentence in said(run("code", "G0101"))


@pytest.mark.parametrize("sentence", ["discontinued: modifier 53", "nearest in work: G"])
def test_the_card_says_what_goes_with_a_code(sentence: str, run: Run) -> None:
    assert sentence in said(run("code", "G0105"))


def test_no_line_is_longer_than_a_terminal_of_80_columns(run: Run) -> None:
    out = io.StringIO()
    render_profile.story(Console(file=out, width=80), json.loads(run("code", "G0105", "--json")) | {"history": None})
    assert max(map(len, out.getvalue().splitlines())) <= 80


def test_json_has_the_profile_and_the_last_changes(run: Run) -> None:
    told = json.loads(run("code", "G0101", "--json"))
    assert (told["profile"]["mue_units"], [row["release"] for row in told["history"]["rows"]]) == (
        1,
        ["RVU25D", "RVU26A"],
    )


def test_the_card_of_an_earlier_release_ends_its_history_there(run: Run) -> None:
    told = json.loads(run("code", "G0101", "--release", "RVU25D", "--json"))
    assert [row["release"] for row in told["history"]["rows"]] == ["RVU25D"]
