"""Archives damaged in one place at random, judged against the undamaged tables (`make fuzz` is the long run)."""

import re
from pathlib import Path

import polars as pl
import pytest

import pfsetl
from pfsetl.parsing import values
from pfsetl.pipeline.examine import examine
from pfsetl.storage.folder import LocalStore
from tests import synthetic
from tests.fault.fuzz import columns
from tests.fault.fuzz.controls import without
from tests.fault.fuzz.judge import differing, judge, unmutated
from tests.fault.fuzz.mutations import KINDS, Mutant, mutant
from tests.fault.fuzz.originals import Source, at_hand, reduced
from tests.fault.fuzz.run import result

SYNTHETIC = "synthetic/RVU26A"


@pytest.fixture(scope="module")
def source() -> Source:
    return reduced(SYNTHETIC, "csv")


def changed(source: Source, member: str, old: bytes, new: bytes, *, participant: str = "") -> Mutant:
    """The archive with one text replaced in one file, or in that of each participant for "each"."""
    meant = [f for f in source.files if f.member == member and participant in ("", "each", f.participant)]
    file = meant[0]
    assert old in file.data
    hit = meant if participant == "each" else meant[:1]
    files = tuple((f.name, f.data.replace(old, new, 1) if f in hit else f.data) for f in source.files)
    return Mutant("by hand", source.label, file.name, member, "", "", files)


# --- a mutant is its name ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(8))
def test_a_seed_and_a_number_are_all_it_takes_to_make_a_mutant_again(source: Source, number: int) -> None:
    assert mutant(source, 1, number) == mutant(source, 1, number)


def test_another_seed_or_number_is_another_mutant(source: Source) -> None:
    made = {mutant(source, seed, number).files for seed in (1, 2) for number in range(10)}
    assert len(made) > 15


def test_every_kind_of_mutation_occurs(source: Source) -> None:
    made = {mutant(source, 1, number).kind for number in range(700)}
    assert made == set(KINDS)


# --- what the judge says ----------------------------------------------------------------------------------------


def test_an_unchanged_archive_is_right(source: Source) -> None:
    assert judge(source, changed(source, "gpci", b"ALABAMA", b"ALABAMA")).outcome == "right"


def test_a_title_that_says_the_same_in_other_words_is_right(source: Source) -> None:
    assert judge(source, changed(source, "gpci", b"ADDENDUM E. FINAL CY", b"ADDENDUM E: FINAL CY")).outcome == "right"


def test_a_refusal_names_the_function_that_refused(source: Source) -> None:
    found = judge(source, changed(source, "gpci", b"0.875", b"0.8x5"))
    assert (found.outcome, found.by) == ("refused", ("values._refuse_bad",))


def test_a_broken_rule_is_a_refusal_that_names_the_rule(source: Source) -> None:
    found = judge(source, changed(source, "pprrvu", b",1.21,", b",1.31,", participant="non_qp"))
    assert found.outcome == "refused"
    assert "rvu.totals_add_up" in found.by


def test_a_warning_in_the_table_that_changed_is_a_report(source: Source) -> None:
    found = judge(source, changed(source, "pprrvu", b",09,0,", b",69,0,", participant="each"))
    assert (found.outcome, found.by) == ("reported", ("rvu.known_supervision",))
    assert (found.columns, found.rows) == (("rvu.supervision",), 2)


def test_a_name_that_changed_unsaid_is_silent_and_not_money(source: Source) -> None:
    with without("gpci.locality_name_known"):
        found = judge(source, changed(source, "gpci", b"LOS ANGELES-LONG", b"LOS ANGELES-LUNG"))
    assert (found.outcome, found.columns) == ("silent", ("gpci.locality_name",))
    assert not columns.is_money(found.columns)


def test_whatever_is_no_pfsetl_error_is_a_crash(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("as an example")

    monkeypatch.setattr(values, "_misfits", broken)
    found = judge(source, changed(source, "gpci", b"0.875", b"0.876"))
    assert (found.outcome, found.told) == ("crashed", "ZeroDivisionError: as an example")


def test_rows_that_are_gone_and_cells_that_changed_are_told_apart(source: Source) -> None:
    sound = dict(unmutated(SYNTHETIC, "csv").tables)
    gpci = sound["gpci"]
    fewer = sound | {"gpci": gpci.head(3)}
    other = sound | {"gpci": gpci.with_columns(pe_gpci=pl.col("pe_gpci") + 1)}
    assert differing(sound, fewer)[:2] == (("gpci.(rows)",), gpci.height - 3)
    assert differing(sound, other)[:2] == (("gpci.pe_gpci",), gpci.height)


# --- controls ---------------------------------------------------------------------------------------------------


def test_without_its_rule_a_wrong_total_is_published(source: Source) -> None:
    wrong = changed(source, "pprrvu", b",12.50,", b",12.60,", participant="each")
    assert judge(source, wrong).by == ("rvu.totals_add_up",)
    with without("rvu.totals_add_up"):
        assert judge(source, wrong).outcome == "silent"


def test_a_rule_that_is_not_there_cant_be_switched_off(source: Source) -> None:
    with pytest.raises(LookupError), without("rvu.no_such_rule"):
        judge(source, changed(source, "gpci", b"ALABAMA", b"ALABAMA"))


CONTROLS = [
    ("synthetic/RVU26A", "gpci", ((b"FINAL CY 2026", b"FINAL CY 2025"), (b"ALABAMA", b"Alabama")), "identity.held"),
    ("synthetic/RVU26A", "opps_cap", ((b"126.84,126.84", b"126.94,126.94"),), "opps_cap.recomputed"),
    ("synthetic/RVU26A", "gpci", ((b"0.875", b"0.775"),), "opps_cap.recomputed"),
    ("synthetic/RVU26A", "gpci", ((b"LOS ANGELES-LONG", b"LOS ANGELES-LUNG"),), "gpci.locality_name_known"),
    (
        "synthetic/RVU26A", "locality_county", ((b"10112", b"00510"),),
        "locality_county.contractor_of_the_others",
    ),
    ("sample/RVU26A", "anesthesia", ((b",19.53", b",19.43"),), "anesthesia.formula_non_qp"),
]  # fmt: skip


@pytest.mark.parametrize(("archive", "member", "texts", "rule"), CONTROLS)
def test_what_one_rule_says_nothing_else_says(
    archive: str, member: str, texts: tuple[tuple[bytes, bytes], ...], rule: str
) -> None:
    source = reduced(archive, "csv")
    wrong = changed(source, member, *texts[0])
    for old, new in texts[1:]:
        files = tuple((name, data.replace(old, new, 1) if name == wrong.file else data) for name, data in wrong.files)
        wrong = Mutant(wrong.kind, wrong.label, wrong.file, member, "", "", files)
    told = judge(source, wrong)
    assert told.outcome in ("refused", "reported")
    assert told.by == (rule,)
    with without(rule):
        assert judge(source, wrong).outcome == "silent"


def test_without_identity_another_label_is_published_unsaid(source: Source) -> None:
    wrong = Mutant("by hand", "RVU25A", "", "", "", "", tuple((f.name, f.data) for f in source.files))
    told = judge(source, wrong)
    assert (told.outcome, told.by) == ("refused", ("identity.held",))
    with without("identity.held"):
        assert "identity.held" not in judge(source, wrong).by


def test_without_parity_a_price_that_differs_between_formats_is_published() -> None:
    source = reduced("sample/RVU25D", "csv+txt")
    (file,) = (f for f in source.files if f.name == "GPCI2025.txt")
    files = tuple((f.name, f.data.replace(b"1.000", b"1.001", 1) if f is file else f.data) for f in source.files)
    wrong = Mutant("by hand", source.label, file.name, file.member, "", "", files)
    told = judge(source, wrong)
    assert (told.outcome, told.by) == ("refused", ("parity.refuse_unexplained",))
    with without("parity.refuse_unexplained"):
        assert judge(source, wrong).outcome in ("right", "reported")


def test_without_drift_an_index_that_moved_in_a_year_without_update_is_published_unsaid(tmp_path: Path) -> None:
    """The judge builds into an empty store, so this one has a store of its own."""
    store = LocalStore(tmp_path / "store")
    folder = synthetic.write_folder(tmp_path / "before", synthetic.whole("RVU25A"))
    pfsetl.build("RVU25A", store=store, archive=folder)
    moved = {n: d.replace(b"0.875", b"0.876") for n, d in synthetic.whole("RVU25D").items()}
    archive = synthetic.write_folder(tmp_path / "after", moved)

    base = pfsetl.open(store)
    report = examine("RVU25D", archive, records=base.releases, base=base).report
    assert "indices_unchanged_before" in {f.check for f in report.warnings}
    with without("gpci.indices_unchanged_before"):
        assert "indices_unchanged_before" not in {f.check for f in report.warnings}


REAL_CONTROLS = {
    "a row less that Medicare pays for": (rb"\nG0101,[^\n]*", b"", "rvu.rows_known", "refused"),
    "a row less": (rb"\nJ9011,[^\n]*", b"", "rvu.rows_known", "reported"),
    "a code that is another": (rb"\nG0101,", b"\nG0901,", "rvu.code_order", "reported"),
}


@pytest.mark.parametrize("kind", REAL_CONTROLS)
def test_of_a_whole_release_one_rule_alone_sees(kind: str) -> None:
    if "RVU25D" not in at_hand():
        pytest.skip("CMS's archives aren't at hand")
    old, new, rule, outcome = REAL_CONTROLS[kind]
    source = reduced("RVU25D", "csv")
    (file,) = (f for f in source.files if f.member == "pprrvu")
    files = tuple((f.name, re.sub(old, new, f.data, count=1) if f is file else f.data) for f in source.files)
    wrong = Mutant("by hand", source.label, file.name, file.member, "", "", files)
    told = judge(source, wrong)  # all that points there is in `by`
    assert (told.outcome, told.by) == (outcome, (rule,))


# --- a few at random; `make fuzz` is the long run ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [f"synthetic/RVU26A:csv:{seed}:{number}" for seed in ("1", "b1") for number in range(6)]
    + [f"sample/RVU26A:csv:{seed}:0" for seed in ("1", "b1")],
)
def test_no_mutant_of_a_part_crashes_or_is_forbidden(name: str) -> None:
    found = result(name)
    assert not found.forbidden, found


REAL = ("RVU26A:csv", ("member.foreign", "cut.line", "member.participant"))


@pytest.mark.parametrize("kind", REAL[1])
def test_no_real_archive_takes_another_members_file_or_a_cut(kind: str) -> None:
    if "RVU26A" not in at_hand():
        pytest.skip("CMS's archives aren't at hand")
    source = reduced("RVU26A", "csv")
    number = next(n for n in range(1000) if mutant(source, 1, n).kind == kind)
    found = result(f"{source.name}:1:{number}")
    assert not found.forbidden, found
