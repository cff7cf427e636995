"""Whether a release is whole: floors, known counts, and what a new revision takes away. Counts are CMS's own."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.checks import completeness
from pfsetl.checks.check import Finding
from pfsetl.declared import calendar, declarations, registry
from pfsetl.errors import ChecksFailed, UsageError
from pfsetl.pipeline import backfill
from pfsetl.pipeline.build import build
from pfsetl.pipeline.examine import examine
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.copied import copied
from tests.present import present

pytestmark = pytest.mark.long

LABEL = "RVU25A"
TEXT = "PPRRVU2025_JAN.txt"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that holds a whole release, to be copied."""
    folder = tmp_path_factory.mktemp("published")
    pfsetl.build(LABEL, store=LocalStore(folder / "store"), archive=s.write_zip(folder / "a.zip", s.whole(LABEL)))
    return folder / "store"


@pytest.fixture(scope="module")
def part(sampled: Path) -> Path:
    """The archive of a part."""
    return sampled.with_name(f"{LABEL}.zip")


@pytest.fixture(scope="module")
def accepted(part: Path, tmp_path_factory: pytest.TempPathFactory) -> pfsetl.Build:
    """A part that was published as a whole release, because its loss was accepted."""
    store = LocalStore(tmp_path_factory.mktemp("accepted") / "store")
    return pfsetl.build(LABEL, store=store, archive=part, accept=["loss"])


def without_lines(lines: slice, name: str = TEXT, members: s.Members | None = None) -> s.Members:
    """The members of a whole release, one of them without some of its records."""
    members = members or s.whole(LABEL)
    all_lines = members[name].splitlines(keepends=True)
    del all_lines[lines]
    return members | {name: b"".join(all_lines)}


def refused(store: LocalStore, members: s.Members, tmp_path: Path, label: str = LABEL, **how: Any) -> str:
    with pytest.raises(ChecksFailed) as caught:
        pfsetl.build(label, store=store, archive=s.write_zip(tmp_path / "b.zip", members), **how)
    return str(caught.value)


def broken(findings: list[Finding]) -> dict[str, str]:
    return {f"{f.table}.{f.check}": f.severity for f in findings if f.violations}


# --- floors -------------------------------------------------------------------------------------------------------


def test_a_whole_release_goes_into_an_empty_store(published: Path):
    record = pfsetl.open(published).releases[LABEL]
    assert (record.lost, record.sample, record.accepted) == ((), False, ())


def test_a_part_is_refused_with_both_remedies(store: LocalStore, tmp_path):
    message = refused(store, s.release(LABEL), tmp_path)
    assert "a full file has at least 15,000 values of hcpcs, this one has 5" in message
    assert "gpci.whole_state_locality: a full file has at least 109 localities, this one has 4" in message
    assert "--accept-loss" in message
    assert "--sample" in message
    assert not store.names("versions")


def test_both_remedies_work(accepted: pfsetl.Build, sampled: Path):
    assert (accepted.published, accepted.record.accepted) == (True, ("loss",))
    lost = {f.check for f in present(accepted.record.lost)}
    assert lost >= {"whole_hcpcs", "whole_hcpcs_99607", "whole_state_locality"}
    record = pfsetl.open(sampled).releases[LABEL]
    assert (record.sample, record.lost) == (True, ())


def test_a_text_that_lost_its_last_record_is_refused_into_an_empty_store(store: LocalStore, tmp_path):
    assert "hcpcs 99607 is missing" in refused(store, without_lines(slice(-2, -1)), tmp_path)


@pytest.mark.parametrize(
    ("gone", "missed"), [(0, []), (1, ["99607"]), *((gone, ["99607", "v5364"]) for gone in (2, 40, 900))]
)
def test_the_last_rows_of_cms_s_file_are_missed_however_many_rows_before_them_are_gone(gone, missed):
    codes = [*(row["hcpcs"] for row in s.CODES), *s.UNPAID]
    rows = pl.DataFrame({"participant": "all", "hcpcs": codes[: len(codes) - gone]})
    found = broken(completeness.floors({"rvu": rows}, date(2025, 1, 1)))
    assert found == {f"rvu.whole_hcpcs_{code}": "error" for code in missed}


@pytest.mark.parametrize(
    ("label", "localities", "floor"), [("RVU09A", 88, 89), ("RVU18A", 111, 112), ("RVU24A", 108, 109)]
)
def test_a_locality_less_than_cms_had_in_that_year_is_an_error(label, localities, floor):
    day = calendar.formula_day(registry.find(label))
    rows = pl.DataFrame({"state": ["XX"] * localities, "locality": [f"{i:03}" for i in range(localities)]})
    one_more = pl.concat([rows, pl.DataFrame({"state": ["XX"], "locality": ["999"]})])
    assert broken(completeness.floors({"gpci": rows}, day)) == {"gpci.whole_state_locality": "error"}
    assert (one_more.height, broken(completeness.floors({"gpci": one_more}, day))) == (floor, {})


def test_an_empty_table_is_a_missing_member_and_no_breach():
    empty = pl.DataFrame(schema={"state": pl.String, "locality": pl.String})
    assert completeness.floors({"anesthesia": empty}, date(2026, 1, 1)) == []


def test_floors_have_a_source_and_follow_each_other_without_a_gap():
    periods: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in declarations.texts("floors.csv"):
        assert row["source"]
        periods.setdefault((row["table"], row["columns"], row["value"], row["participants"]), []).append(
            (row["from"], row["until"])
        )
    for rows in periods.values():
        ends = [date.fromisoformat(until).toordinal() for _, until in rows[:-1]]
        assert [date.fromisoformat(first).toordinal() - 1 for first, _ in rows[1:]] == ends
        assert not rows[-1][1]


def test_localities_that_contradict_each_other_are_named_and_no_loss_to_accept(store: LocalStore, tmp_path):
    def cut(members: s.Members) -> s.Members:
        lines = members["GPCI2025.csv"].splitlines(keepends=True)
        return members | {"GPCI2025.csv": b"".join(line for line in lines if b",AL," not in line)}

    for members, how in (
        (s.whole(LABEL), {}),
        (part := s.release(LABEL), {"accept": ["loss"]}),
        (part, {"sample": True}),
    ):
        message = refused(store, cut(members), tmp_path, **how)
        assert (
            "locality_county.same_localities_as_gpci: The lists of counties and the indices cover the same localities"
            in message
        )
        assert "e.g. AL 00" in message
        assert "--accept-loss" not in message


# --- known counts ---------------------------------------------------------------------------------------------------


def known(rows: int, localities: int, payable: int = 10_477) -> dict[str, str]:
    release = registry.find("RVU26A")
    place = pl.DataFrame({"state": ["XX"] * localities, "locality": [f"{i:03}" for i in range(localities)]})
    status = ["A"] * (payable - 2) + ["R", "T"] + ["N"] * (rows - payable)
    rvu = pl.DataFrame({"participant": ["non_qp"] * rows + ["qp"] * 9, "status": [*status, *"AAAAAAAAA"]})
    return broken(
        completeness.known({"rvu": rvu, "gpci": place, "locality_county": place, "anesthesia": place}, release)
    )


def test_rvu26a_has_19226_rows_and_109_localities():
    assert known(19_226, 109) == {}


def test_another_posting_with_a_few_rows_less_is_named():
    assert known(19_225, 109) == {"rvu.rows_known": "warn"}


def test_a_row_less_that_medicare_pays_for_isnt_whole():
    """Of RVU26A's 19,226 rows 10,477 have status A, R or T."""
    assert known(19_225, 109, payable=10_476) == {"rvu.rows_known": "error"}


def test_another_posting_with_more_rows_may_have_fewer_that_medicare_pays_for():
    assert known(19_227, 109, payable=10_476) == {"rvu.rows_as_known": "warn"}


def test_more_rows_than_cms_has_are_named():
    """As when codes that have ended were taken over from an older file."""
    assert known(19_234, 109) == {"rvu.rows_as_known": "warn"}


@pytest.mark.parametrize("payable", [10_476, 10_478])
def test_as_many_rows_of_which_medicare_pays_for_others_are_named(payable: int):
    """As when a row has another status."""
    assert known(19_226, 109, payable=payable) == {"rvu.rows_as_known": "warn"}


def test_more_than_half_a_percent_less_isnt_whole():
    assert known(19_129, 109) == {"rvu.rows_known": "error"}


def test_as_many_rows_as_another_release_has_are_that_release():
    """RVU26B has 19,277 rows, RVU25D 19,090; a text without a title says no more of itself."""
    assert known(19_277, 109) == {"rvu.rows_of_another": "error"}
    assert known(19_090, 109) == {"rvu.rows_of_another": "error", "rvu.rows_known": "error"}


def test_of_a_release_whose_rows_arent_known_that_is_a_warning():
    rvu = pl.DataFrame({"participant": ["non_qp"] * 19_277, "status": ["X"] * 19_277})
    empty = pl.DataFrame(schema={"state": pl.String, "locality": pl.String})
    tables = {"rvu": rvu, "gpci": empty, "locality_county": empty, "anesthesia": empty}
    assert broken(completeness.known(tables, registry.find_or_infer("RVU27A"))) == {"rvu.rows_of_another": "warn"}


def test_a_known_locality_less_isnt_whole():
    names = ("gpci", "locality_county", "anesthesia")
    assert known(19_226, 108) == dict.fromkeys((f"{name}.localities_known" for name in names), "error")


# --- what a new revision takes away -----------------------------------------------------------------------------------


@pytest.fixture
def again(published: Path, tmp_path: Path) -> LocalStore:
    """The store with a whole release, for this test alone."""
    return LocalStore(copied(published, tmp_path / "again"))


@pytest.fixture
def part_again(accepted: pfsetl.Build, tmp_path: Path) -> LocalStore:
    """The store with a part that was published as a whole, for this test alone."""
    return LocalStore(copied(Path(str(accepted.version.store)), tmp_path / "again"))


def test_one_row_of_status_a_is_held_and_named(again: LocalStore, tmp_path):
    rows = [row for row in s.CODES if row is not s.SURGERY]
    message = refused(again, s.whole(LABEL, rows), tmp_path)
    assert (
        "1 of 20,007 rows (0.0 %) of RVU25A revision 1 are gone, 1 of them with status A, R or T, e.g. G9903" in message
    )
    assert pfsetl.open(again).number == 1


def test_what_is_held_is_published_when_the_loss_is_accepted_and_the_manifest_says_what(
    part_again: LocalStore, tmp_path
):
    rows = [row for row in s.CODES if row is not s.SURGERY]
    archive = s.write_zip(tmp_path / "b.zip", s.release(LABEL, rows))
    built = pfsetl.build(LABEL, store=part_again, archive=archive, accept=["loss"])
    lost = present(built.version.manifest.pfsetl.releases[LABEL].lost)
    (kept,) = (f for f in lost if f.check == "rows_kept")
    assert (built.record.revision, kept.violations, list(kept.examples)) == (2, 1, ["G9903"])


def test_a_hundredth_of_the_rows_without_price_is_named_and_one_more_is_held():
    rows = pl.DataFrame(
        {"participant": "all", "hcpcs": [f"E{n:04}" for n in range(9_999)], "modifier": "", "status": "X"}
    )
    rows = pl.concat([rows, rows.with_columns(modifier=pl.lit("26"))])  # 19,998
    for gone, severity in ((199, "warn"), (200, "error")):
        (found,) = completeness.lost({"rvu": rows}, {"rvu": rows[gone:]}, "RVU25A revision 1")
        assert (found.severity, found.violations) == (severity, gone)
        assert f"{gone} of 19,998 rows (1.0 %) of RVU25A revision 1 are gone" in found.description


@pytest.mark.parametrize("member", ["OPPSCAP_JAN.csv", "ANES2025.csv", "25LOCCO.csv"])
def test_a_file_that_vanished_is_held(member, part_again: LocalStore, tmp_path):
    members = {name: data for name, data in s.release(LABEL).items() if name != member}
    message = refused(part_again, members, tmp_path)
    assert "of RVU25A revision 1 are gone" in message
    assert "All " in message


def test_a_file_that_was_never_there_is_only_missing(tmp_path):
    members = {name: data for name, data in s.whole(LABEL).items() if name != "ANES2025.csv"}
    found = examine(LABEL, s.write_zip(tmp_path / "a.zip", members), records={})
    found.report.raise_if_bad()
    assert (found.record.missing, found.record.lost) == (("anesthesia",), ())


def test_a_participant_is_held_by_its_own_rows():
    schema = {"participant": pl.String, "hcpcs": pl.String, "modifier": pl.String, "status": pl.String}
    was = pl.DataFrame([(p, f"G{i:04}", "", "N") for p in ("non_qp", "qp") for i in range(100)], schema, orient="row")
    now = was.filter((pl.col("participant") == "non_qp") | (pl.col("hcpcs") > "G0001"))  # 2 of 100 qp rows are gone
    assert broken(completeness.lost({"rvu": was}, {"rvu": now}, "RVU26A revision 1")) == {"rvu.rows_kept_qp": "error"}


def test_a_backfill_holds_a_loss_too(part_again: LocalStore, tmp_path):
    archive = s.write_zip(tmp_path / "b.zip", s.release(LABEL, s.CODES[1:]))
    held = backfill.backfill({LABEL: archive}, store=part_again)
    assert "of RVU25A revision 1 are gone, 1 of them with status A, R or T, e.g. G9901" in held.failed[LABEL]
    done = backfill.backfill({LABEL: archive}, store=part_again, accept=["loss"])
    assert done.published == (LABEL,)


def test_a_damaged_file_of_the_published_revision_is_named_and_stops_no_sound_one(part_again: LocalStore, tmp_path):
    (path,) = (r.path for r in pfsetl.open(part_again).resources if r.table == "gpci")
    (part_again.root / path).unlink()
    archive = s.write_zip(tmp_path / "b.zip", s.release(LABEL, [s.changed(s.VISIT, work="1.22"), *s.CODES[1:]]))
    found = examine(LABEL, archive, records={}, base=pfsetl.open(part_again)).report.findings
    (said,) = (f for f in found if f.check == "rows_kept")
    assert (said.severity, said.violations) == ("warn", 1)
    assert "whether rows of it are gone isn't known" in said.description


# --- samples ---------------------------------------------------------------------------------------------------------


def test_a_sample_never_takes_the_place_of_a_whole_release_silently(again: LocalStore, part: Path, tmp_path):
    message = refused(again, s.release(LABEL), tmp_path, sample=True)
    assert "A sample would replace RVU25A revision 1, which is whole, with 20,007 rows" in message
    assert pfsetl.build(LABEL, store=again, archive=part, sample=True, accept=["loss"]).record.sample


def test_a_whole_release_takes_the_place_of_a_sample(sampled: Path, tmp_path):
    store = LocalStore(copied(sampled, tmp_path / "store"))
    whole = pfsetl.build(LABEL, store=store, archive=s.write_zip(tmp_path / "b.zip", s.whole(LABEL)))
    assert (whole.published, whole.record.sample, whole.record.lost) == (True, False, ())


def test_the_same_bytes_as_a_sample_and_as_a_whole_are_two_requests(sampled: Path, part: Path, tmp_path):
    store = LocalStore(copied(sampled, tmp_path / "store"))
    assert not pfsetl.build(LABEL, store=store, archive=part, sample=True).published
    assert pfsetl.build(LABEL, store=store, archive=part, accept=["loss"]).published


def test_a_sample_is_shown_as_one_everywhere(sampled: Path, part: Path, tmp_path: Path, run):
    where = ("--output", copied(sampled, tmp_path / "store"))
    shown = [
        run("build", LABEL, "--archive", part, "--sample", *where),
        run("list", *where),
        run("check", LABEL, *where),
    ]
    shown += [run("code", "G9901", *where)]
    assert [(code, "sample" in out) for code, out, _ in shown] == [(0, True)] * 4
    assert json.loads(run("versions", *where, "--json")[1])[0]["samples"] == [LABEL]


def test_other_rules_hold_for_a_sample_too(store: LocalStore, tmp_path):
    members = s.release(LABEL, [s.changed(s.VISIT, nonfacility_total="9.99"), *s.CODES[1:]])
    assert "make the total" in refused(store, members, tmp_path, sample=True)


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["loss", ["losses"], ["loss", "all"]])
def test_what_is_accepted_is_a_known_word(accept, store: LocalStore, tmp_path):
    with pytest.raises(UsageError, match="loss, differences"):
        build(LABEL, store=store, archive=tmp_path, accept=accept)


def test_the_commands_take_accept_loss(store: LocalStore, part: Path, run):
    build = ("build", LABEL, "--archive", part, "--output", store.root)
    code, _, err = run(*build)
    assert (code, "--accept-loss" in err) == (1, True)
    code, out, _ = run(*build, "--accept-loss")
    assert (code, "warning" in out, "accepted" in out) == (0, True, True)
