"""Every remedy that a message names works when it is followed as it stands: provoke, read, do what it says, it works.

Rows go where the message says, under the first line that it says; only their cells are the test's.
"""

import csv
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import pfsetl as package
from pfsetl.declared import declarations, registry
from pfsetl.storage.folder import LocalStore
from tests import synthetic as s
from tests.cms_server import Answer, Cms
from tests.copied import copied
from tests.declared import command as pfsetl
from tests.unit.test_companions import ZIPS
from tests.unit.test_declarations import pfsetl as process

pytestmark = pytest.mark.long

Cells = dict[str, str]
Command = Callable[..., tuple[int, str, str]]
LABEL = "RVU25A"
RVUS, GPCI = "PPRRVU2025_JAN.txt", "GPCI2025.csv"


def told_place(told: str, name: str) -> tuple[Path, list[str]]:
    """Return where a message says that rows of a file go, and the columns that it says."""
    found = re.search(rf"(\S*/{re.escape(name)}) \(first line ([^)]+)\)", told)
    assert found, f"{name} isn't placed in: {told}"
    return Path(found[1]), found[2].split(",")


def add(told: str, name: str, cells: Cells) -> None:
    """Add a row as a message says."""
    path, columns = told_place(told, name)
    assert "own" in path.parts, f"not a folder of one's own: {path}"
    assert set(cells) <= set(columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if not path.exists():
        writer.writeheader()
    writer.writerow({c: cells.get(c, "") for c in columns})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text.getvalue())


def shipped(name: str, **key: str) -> Cells:
    return next(dict(r) for r in declarations.texts(name) if all(r[c] == v for c, v in key.items()))


def participants(label: str, name: str, pricing: str = "2") -> s.Members:
    """A release with the file of a third participant."""
    rows = [s.changed(r, pricing=pricing, factor="33.4500") for r in s.CODES if r["status"] in "ACRT"]
    year = f"20{label[3:5]}"
    return {**s.release(label), name: s.pprrvu_csv("G32", rows, title=year, month="January")}


def with_rows(*rows: s.Row) -> s.Members:
    return {**s.release(LABEL), RVUS: s.pprrvu_txt("N171", rows)}


def replaced(label: str, name: str, old: bytes, new: bytes) -> s.Members:
    members = s.release(label)
    assert old in members[name]
    return {**members, name: members[name].replace(old, new)}


@dataclass(frozen=True)
class Case:
    """What is built, what the message says of it, and the rows that it asks for."""

    members: Callable[[], s.Members]
    says: str
    rows: list[tuple[str, Cells]]
    label: str = LABEL


AAPM = {"member": "pprrvu", "participant": "aapm", "from": "2027-01-01", "pattern": "pprrvu.*aapm", "required": "true",
        "formats": "txt csv xlsx", "example": "PPRRVU2027_Jan_AAPM.csv", "looks": "pprrvu"}  # fmt: skip
QP = shipped("members.csv", member="pprrvu", participant="qp")
ALABAMA_IS = {"carrier": "99999", "state": "AL"}
ROWS = {
    "the file of a third participant": Case(
        lambda: participants("RVU27A", "PPRRVU2027_Jan_AAPM.csv"),
        "If CMS has a new participant, it needs a row",
        [("members.csv", AAPM), ("participants.csv", {"participant": "aapm", "pricing_indicator": "2"})],
        "RVU27A",
    ),
    "the file of a third participant, named like another's": Case(
        lambda: participants("RVU27A", "PPRRVU2027_Jan_QPP_AAPM.csv"),
        "no other pattern in members.csv may fit it",
        [
            ("members.csv", AAPM),
            ("members.csv", QP | {"pattern": f"(?!.*aapm){QP['pattern']}"}),
            ("participants.csv", {"participant": "aapm", "pricing_indicator": "2"}),
        ],
        "RVU27A",
    ),
    "a name that fits two members": Case(
        lambda: s.release(LABEL) | {"RVU_GPCI_LOCCO.csv": s.locco_csv()},
        "narrow a pattern",
        [
            ("members.csv", shipped("members.csv", member="gpci") | {"pattern": "gpci(?!.*locco)"}),
            ("members.csv", shipped("members.csv", member="locality_county") | {"pattern": "^25locco"}),
        ],
    ),
    "a member of another name": Case(
        lambda: {("RVU.txt" if n == RVUS else n): data for n, data in s.release(LABEL).items()},
        "If CMS has changed its name, add it to the pattern of pprrvu",
        [("members.csv", shipped("members.csv", member="pprrvu", participant="all") | {"pattern": "^rvu$"})],
    ),
    "a status that isn't listed": Case(
        lambda: with_rows(*s.CODES, s.code("G9906", "Synthetic, of a new status", status="Z", work="1.00")),
        "if CMS has them now, add a row for each",
        [("codes/status.csv", {"code": "Z", "meaning": "new", "payable": "no", "reason": "bundled"})],
    ),
    "a contractor of the indices that isn't known": Case(
        lambda: {**s.release(LABEL), GPCI: s.gpci_csv("GPCI6", ({**s.ALABAMA, "mac": "99999"}, *s.PLACES[1:]))},
        "is in no known state",
        [("carriers.csv", ALABAMA_IS)],
    ),
    "a contractor of another member that isn't known": Case(
        lambda: replaced(LABEL, "ANES2025.csv", b"10112 ,00 ,ALABAMA", b"99999 ,00 ,ELSEWHERE"),
        "lines are in no known state",
        [("carriers.csv", ALABAMA_IS)],
    ),
    "a title of another year": Case(
        lambda: {**s.release(LABEL), GPCI: s.gpci_csv("GPCI7", year="2024")},
        "If CMS published it so, a row says why",
        [
            (
                "corrections.csv",
                {"release": LABEL, "member": "gpci", "format": "csv", "field": "2024", "action": "identity",
                 "what": "the title is that of 2024"},
            )
        ],
    ),
    "a broken rule": Case(
        lambda: with_rows(*s.CODES[1:], s.changed(s.VISIT, nonfacility_total="2.71")),
        "a row that says why publishes it with a warning",
        [],
    ),
    "formats that differ in a price": Case(
        lambda: (
            s.release(LABEL) | {"GPCI2025.txt": s.gpci_txt("GPCI7", ({**s.ALABAMA, "pe": "0.876"}, *s.PLACES[1:]))}
        ),
        "If CMS published them so, a row says why",
        [],
    ),
    "a cell of a new form": Case(
        lambda: replaced(LABEL, GPCI, b"1.065", b"1.06512"),
        "add a row of pe_gpci that allows it",
        [("fields.csv", shipped("fields.csv", field="pe_gpci") | {"scale": "5"})],
    ),
    "a label that isn't of CMS's rule": Case(
        lambda: s.release(LABEL),
        "needs a row with the days on which it's in force",
        [("releases.csv", {"release": "RVU25A_SPECIAL", "year": "2025", "quarter": "1", "kind": "correction",
                           "effective_from": "2025-01-01", "effective_to": "2025-03-31", "supersedes": "RVU25A"})],
        "RVU25A_SPECIAL",
    ),
    "a label beside a declared one": Case(
        lambda: s.release(LABEL),
        "add its row with the days on which it's in force",
        [("releases.csv", {"release": "RVU25AR9", "year": "2025", "quarter": "1", "kind": "correction",
                           "effective_from": "2025-01-01", "effective_to": "2025-03-31", "supersedes": "RVU25A"})],
        "RVU25AR9",
    ),
}  # fmt: skip


# Those that are built to the end; of the others what a build would do is checked, and nothing written.
PUBLISHED = ("the file of a third participant", "a broken rule", "a label beside a declared one")


def spelled_out(told: str) -> Cells:
    """Return the cells of a row that a message spells out: `release RVU25A, member gpci, ... in FILE`."""
    found = re.search(r"release (\S+), member (\S+),(?: format (\S+),)? field (.+), action (\w+), in ", told)
    if found:
        names = ("release", "member", "format", "field", "action")
        return {name: cell or "" for name, cell in zip(names, found.groups(), strict=True)} | {"what": "CMS's own"}
    return {}


@pytest.mark.parametrize("name", ROWS)
def test_rows_that_a_message_asks_for_make_it_build(name: str, tmp_path: Path) -> None:
    case = ROWS[name]
    own = tmp_path / "own"
    own.mkdir()
    archive = s.write_zip(tmp_path / "archive.zip", case.members())
    asked = (case.label, "--archive", archive, "--sample", "--output", tmp_path / "store", "--schemas", own)
    code, _, told = pfsetl("build", *asked)
    assert code in (1, 2)
    assert case.says in told
    for file, cells in case.rows or [("corrections.csv", spelled_out(told))]:
        add(told, file, cells)
    code, _, told = pfsetl("build" if name in PUBLISHED else "check", *asked)
    assert code == 0, told


COMMAND = re.compile(r"'pfsetl ([^']+)'")


def told_command(told: str, verb: str) -> list[str]:
    """Return the arguments of a command that a message names."""
    found = [shlex.split(one) for one in COMMAND.findall(told.replace("\n", " "))]
    return next(arguments for arguments in found if arguments[0] == verb)


@pytest.fixture
def store(sampled: Path, tmp_path: Path) -> Path:
    """A copy of it, in a folder that isn't the default one; its archive is beside it."""
    shutil.copy(sampled.with_name(f"{LABEL}.zip"), tmp_path)
    return copied(sampled, tmp_path / "a store")


def build_sample(label: str, archive: Path, at: Path) -> None:
    package.build(label, store=LocalStore(at), archive=archive, sample=True)


def refused(run: Command, *arguments: object) -> str:
    code, _, told = run(*arguments)
    assert code in (1, 2, 3)
    return told


def works(run: Command, *arguments: object) -> str:
    code, out, told = run(*arguments)
    assert code == 0, told
    return out


def test_a_store_without_a_release_names_a_command_that_fills_it(tmp_path: Path, run: Command) -> None:
    asked = ("code", "G0101", "--output", tmp_path / "empty")
    works(run, *told_command(refused(run, *asked), "demo"))
    works(run, *asked)


def test_a_day_that_isn_t_there_names_the_build(store: Path, tmp_path: Path, run: Command) -> None:
    asked = ("price", "G9901", "--date", "2025-04-01", "--output", store)
    told = refused(run, *asked)
    assert "add --archive ZIP" in told
    archive = s.write_zip(tmp_path / "RVU25B.zip", s.release("RVU25B"))
    works(run, *told_command(told, "build"), "--archive", archive, "--sample")
    works(run, *asked)


def test_a_zip_code_names_the_load_that_it_needs(store: Path, tmp_path: Path, run: Command) -> None:
    asked = ("price", "G9901", "--date", "2025-02-01", "--locality", "90012", "--output", store)
    verb, file, *options = told_command(refused(run, *asked), "load")
    (tmp_path / file).write_text(ZIPS.replace("20254", "20251"))
    (tmp_path / file).rename(tmp_path / "ZIP5_JAN2025.txt")
    works(run, verb, tmp_path / "ZIP5_JAN2025.txt", *options, "--sample")
    works(run, *asked)


@pytest.mark.parametrize("command", ["price", "claim"])
def test_an_unknown_modifier_names_an_option_that_both_commands_have(
    command: str, store: Path, tmp_path: Path, run: Command
) -> None:
    (tmp_path / "claim.csv").write_text("hcpcs,date,modifiers\nG9901,2025-02-01,ZZ\n")
    asked = {"price": ("G9901", "--date", "2025-02-01", "--modifier", "ZZ"), "claim": (tmp_path / "claim.csv",)}[
        command
    ]
    told = refused(run, command, *asked, "--output", store)
    (option,) = re.findall(r"--unknown-\S+?(?=[.\s])", told)
    works(run, command, *asked, "--output", store, option)


def test_an_unknown_modifier_is_declared_by_a_row(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    asked = ("price", "G9901", "--date", "2025-02-01", "--modifier", "ZZ", "--output", store, "--schemas", own)
    add(pfsetl(*asked)[2], "modifiers.csv", {"modifier": "ZZ", "effect": "none", "note": "informs"})
    code, _, told = pfsetl(*asked)
    assert code == 0, told


def test_a_place_of_service_without_a_setting_names_those_that_there_are(store: Path, run: Command) -> None:
    asked = ("price", "G9901", "--date", "2025-02-01", "--output", store, "--setting")
    first, _, second = refused(run, *asked, "05").rstrip(".\n").rpartition("Give the setting: ")[2].partition(" or ")
    for setting in (first, second):
        works(run, *asked, setting)


def test_a_companion_of_another_name_is_told_by_a_row_or_a_name(store: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    path = tmp_path / "places.txt"
    path.write_text(ZIPS)
    load = ("load", path, "--sample", "--output", store, "--schemas", own)
    told = pfsetl(*load)[2]
    add(told, "companions.csv", shipped("companions.csv", companion="zip_locality") | {"pattern": "^places$"})
    code, _, told = pfsetl(*load)
    assert code == 0, told


@pytest.mark.parametrize("option", ["--accept-differences"])
def test_formats_that_differ_are_accepted_by_the_option(option: str, tmp_path: Path, run: Command) -> None:
    archive = s.write_zip(tmp_path / "a.zip", ROWS["formats that differ in a price"].members())
    build = ("build", LABEL, "--archive", archive, "--sample", "--output", tmp_path / "store")
    assert option in refused(run, *build)
    works(run, *build, option)


def test_a_part_is_published_by_the_options(tmp_path: Path, run: Command) -> None:
    archive = s.write_zip(tmp_path / "a.zip", s.release(LABEL))
    told = refused(run, "build", LABEL, "--archive", archive, "--output", tmp_path / "store")
    for option in ("--accept-loss", "--sample"):
        assert option in told
        works(run, "build", LABEL, "--archive", archive, "--output", tmp_path / option, option)


def test_a_table_that_is_gone_is_verified_and_restored_as_told(store: Path, tmp_path: Path, run: Command) -> None:
    for path in (store / "objects" / "rvu").rglob("*.parquet"):
        path.unlink()
    asked = ("code", "G9901", "--output", store)
    told = refused(run, *asked)
    refused(run, *told_command(told, "verify"))
    assert "build the release again" in told
    build_sample(LABEL, tmp_path / f"{LABEL}.zip", store)
    works(run, *asked)


def test_a_manifest_that_is_gone_is_repaired_as_told(store: Path, tmp_path: Path, run: Command) -> None:
    archive = s.write_zip(tmp_path / "RVU25B.zip", s.release("RVU25B"))
    build_sample("RVU25B", archive, store)
    newest = sorted((store / "versions").glob("*.json"))[-1]
    newest.unlink()
    build = ("build", "RVU25B", "--archive", archive, "--sample", "--output", store)
    works(run, *told_command(refused(run, *build), "repair"))
    works(run, *build)


def test_an_archive_that_isn_t_in_the_cache_is_fetched_as_told(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("fetch", LABEL, "--cache", tmp_path / "cache")
    assert "Fetch it once without --offline" in refused(run, *asked, "--offline")
    with Cms({str(registry.find(LABEL).zip_path): [Answer(s.zipped(s.release(LABEL)), etag='"1"')]}) as cms:
        monkeypatch.setenv("PFSETL_CMS_URL", cms.url)
        works(run, *asked)
    works(run, *asked, "--offline")


def test_a_release_without_an_address_is_fetched_and_built_as_told(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = next(r.label for r in registry.releases().values() if r.zip_path is None and r.year >= 2003)
    cache = ("--cache", tmp_path / "a cache")
    build = ("build", label, "--sample", "--output", tmp_path / "store", *cache)
    told = refused(run, *build)
    assert "--offline" in told
    with Cms({"/a.zip": [Answer(s.zipped(s.release(LABEL)), etag='"1"')]}) as cms:
        monkeypatch.setenv("PFSETL_CMS_URL", cms.url)
        fetch = [cms.url + "/a.zip" if word == "URL" else word for word in told_command(told, "fetch")]
        works(run, *fetch)  # into the cache of the build
    # It's found and read, and as the archive of another release refused.
    assert f"its name says January, but {label} is the release of" in refused(run, *build, "--offline")


def test_an_older_release_does_not_lack_the_file_of_a_later_participant(tmp_path: Path) -> None:
    own = tmp_path / "own"
    columns = {name: ",".join(declarations.columns(name)) for name in ("members.csv", "participants.csv")}
    own.mkdir()
    for name, cells in ROWS["the file of a third participant"].rows:
        add(f"{own / name} (first line {columns[name]})", name, cells)

    def lacks(label: str, members: s.Members) -> list[str]:
        archive = s.write_zip(tmp_path / f"{label}.zip", members)
        check = ("check", label, "--archive", archive, "--sample", "--output", tmp_path / "store", "--json")
        return list(json.loads(pfsetl(*check, "--schemas", own)[1])["missing"])

    assert lacks("RVU26A", s.release("RVU26A")) == []
    assert lacks("RVU27A", s.release("RVU27A")) == ["pprrvu (aapm)"]


def test_a_third_participant_without_anesthesia_factors_comes_in_and_the_lack_is_said(tmp_path: Path) -> None:
    own, archive, store = tmp_path / "own", tmp_path / "RVU27A", ("--output", tmp_path / "store")
    for name, cells in ROWS["the file of a third participant"].rows:
        add(f"{own / name} (first line {','.join(declarations.columns(name))})", name, cells)
    rows = [*s.CODES, s.code("00999", "Synthetic anesthesia", status="J")]
    files = {
        f"PPRRVU2027_Jan_{name}.csv": s.pprrvu_csv(
            "G32", [s.changed(r, pricing=pricing, factor=factor) for r in rows], title="2027", month="January"
        )
        for name, pricing, factor in (("nonQPP", "9", "33.4000"), ("QPP", "1", "33.5000"), ("AAPM", "2", "33.4500"))
    }
    s.write_folder(archive, {**s.release("RVU27A"), **files})
    base = tmp_path / "CY_2025_Anesthesia_Base_Units.txt"
    base.write_bytes(b"CODE\t2025\r\n\tBASE\r\n\tUNIT\r\n00998\t3\r\n00999\t5\r\n")
    told = works(pfsetl, "build", "RVU27A", "--archive", archive, "--sample", *store, "--schemas", own)
    assert re.search(r"anesthesia.further_participants_of_rvu: .* have no price, e.g. aapm", told)
    works(pfsetl, "load", base, "--sample", *store)
    asked = ("price", "00999", "--minutes", "30", "--date", "2027-02-01", "--locality", "CA/18", *store)
    assert "has no anesthesia factor of aapm, only of non_qp and qp there" in refused(
        pfsetl, *asked, "--participant", "aapm", "--schemas", own
    )


def test_an_installed_schema_is_not_what_a_message_says_to_edit(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages" / "pfsetl"
    shutil.copytree(Path(package.__file__).parent, installed)
    shutil.copytree(declarations.folder(), installed / "schemas")
    archive = s.write_zip(tmp_path / "a.zip", {"GPCI2025.csv": s.gpci_csv("GPCI7")})
    told = process("build", LABEL, "--archive", archive, PYTHONPATH=installed.parent)[2]
    assert re.search(r"members\.csv \(first line member,.*\) in a folder of your own, which --schemas or PFSETL", told)
    assert "schemas/members.csv" not in told
