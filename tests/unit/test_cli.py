"""The command line on the bundled sample: what it prints, and how it ends."""

import ast
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest
from rich.console import Console

import pfsetl
from pfsetl.cli import card, commands, main
from pfsetl.cli.commands import COMMANDS
from pfsetl.cli.options import app
from tests import synthetic as s
from tests.copied import copied

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def store(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that `pfsetl demo` published."""
    return copied(demo, tmp_path_factory.mktemp("demo") / "output")


@pytest.mark.long
def test_demo_publishes_both_sample_releases(store: Path, run: Run) -> None:
    code, out, _ = run("versions", "--output", store, "--json")
    assert code == 0
    assert json.loads(out)[-1]["releases"] == ["RVU25D", "RVU26A"]


def test_the_commands_that_demo_prints_work_as_printed(store: Path, run: Run) -> None:
    _, out, _ = run("demo", "--output", store)
    lines = [
        line.strip()
        for line in out.split("a query in DuckDB")[1].split("To look at it")[0].splitlines()
        if line.strip()
    ]
    assert len(lines) == 3
    for line, expected in zip(lines, ("G0101", "HCPCS Level II G", "HCPCS Level II G"), strict=True):
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "POLARS_FMT_STR_LEN": "40"},
        )
        assert done.returncode == 0, done.stderr
        assert expected.split()[0] in done.stdout


def test_the_demo_ends_with_the_command_to_look_at_it(store: Path, run: Run) -> None:
    _, out, _ = run("demo", "--output", store)
    command = [*shlex.split(out.splitlines()[-1]), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        address = served.stdout.readline().split(": ")[-1].strip()
        page = urlopen(address).read()
        served.terminate()
    assert b"Medicare fee schedule" in page


@pytest.mark.long
def test_demo_twice_changes_nothing_and_says_so(store: Path, run: Run) -> None:
    code, out, _ = run("demo", "--output", store)
    assert code == 0
    assert out.count("unchanged") == 2


def test_a_build_s_warnings_name_what_they_are_about(tmp_path: Path, run: Run) -> None:
    # The synthetic archive prints 33.4000; CMS paid 32.3465 in 2025. CMS prints other counties for Marin's locality.
    archive = s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A"))
    _, out, _ = run("build", "RVU25A", "--sample", "--archive", archive, "--output", tmp_path / "store")
    said = " ".join(out.split())
    assert "e.g. all from 2025-01-01: 32.3465 paid, 33.4000 in the file" in said
    assert "e.g. CA/52: MARIN" in said


def test_card_of_g0101_shows_what_cms_published(store: Path, run: Run) -> None:
    # RVU26A: work 0.44, PE 0.68, MP 0.07; 1.19 x 33.4009 = 39.747; the reference page: 23rd percentile of 194 G codes
    _, out, _ = run("code", "g0101", "--release", "rvu26a", "--output", store)
    assert "0.44  0.68  0.07   1.19       $39.75" in out
    assert "23rd percentile among 194 HCPCS Level II G codes, 2.2x below the median 0.97, highest 20.41" in out


def test_card_as_json_has_the_same_numbers(store: Path, run: Run) -> None:
    _, out, _ = run("code", "G0101", "--release", "RVU26A", "--output", store, "--json")
    card = json.loads(out)
    row = next(r for r in card["rows"] if r["participant"] == "non_qp")
    assert row["settings"]["nonfacility"]["payment"] == 39.75
    work = next(c for c in card["comparison"] if c["measure"] == "work_rvu" and c["participant"] == "non_qp")
    assert (work["n"], round(work["percentile"])) == (194, 23)


# CMS posted RVU18A for the first quarter of 2018; its correction RVU18AR1 took over these days.
def test_the_card_of_a_superseded_release_says_which_one_prices_its_days(
    store: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "superseded_by", lambda _: "RVU18AR1")
    _, out, _ = run("code", "G0101", "--release", "RVU26A", "--output", store)
    assert "superseded: RVU18AR1 prices 2026-01-01 to 2026-03-31" in " ".join(out.split())


def test_a_code_out_of_a_spreadsheet_is_read(store: Path, run: Run) -> None:
    assert run("code", '="G0101"', "--output", store)[0] == 0


def test_unknown_code_suggests_near_ones(store: Path, run: Run) -> None:
    code, _, err = run("code", "G0110", "--output", store)
    assert code == 2
    assert "G0110: not in RVU26A" in err
    assert "G0109" in err


# CMS's A9155 is in RVU25D and not in RVU26A, which has three A codes that RVU25D lacks: A4295, A4296, A4297.
def test_a_code_that_ended_says_since_when_and_what_appeared(store: Path, run: Run) -> None:
    code, _, err = run("code", "A9155", "--output", store)
    said = " ".join(err.split())
    assert (code, "last in RVU25D (in force to 2025-12-31) and no longer in RVU26A" in said) == (2, True)
    assert "3 codes of its subsection appeared, nearest by number A4297 A4296 A4295" in said
    assert "code A9155 --release RVU25D" in said


def test_a_code_with_a_modifier_is_referred_to_its_card(store: Path, run: Run) -> None:
    code, _, err = run("code", "G0101-26", "--output", store)
    assert (code, "The card of G0101 has every modifier" in " ".join(err.split())) == (2, True)


def test_a_reader_that_goes_away_is_no_failure_of_the_data(store: Path) -> None:
    """As `pfsetl code G0101 | head -1` does, under pipefail."""
    command = [sys.executable, "-m", "pfsetl", "code", "G0101", "--output", str(store)]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (141, b"")


def test_unpublished_release_names_those_that_are(store: Path, run: Run) -> None:
    code, _, err = run("code", "G0101", "--release", "RVU26B", "--output", store)
    assert code == 2
    assert "RVU26A" in err
    assert "pfsetl build RVU26B" in err


def test_empty_store_says_what_to_do_first(tmp_path: Path, run: Run) -> None:
    code, _, err = run("code", "G0101", "--output", tmp_path / "none")
    assert code == 2
    assert "pfsetl demo" in err


def test_list_shows_every_known_label_and_what_is_published(store: Path, run: Run) -> None:
    _, out, _ = run("list", "--output", store, "--json")
    rows = {row["release"]: row for row in json.loads(out)}
    assert len(rows) == 109
    assert rows["RVU26A"]["published"] == "revision 1"
    assert rows["RVU11A"]["never_effective"] == "never paid"
    assert rows["RVU08AB"]["effective_from"] == "2008-04-01"


def test_verify_counts_files_and_passes(store: Path, run: Run) -> None:
    code, out, _ = run("verify", "--output", store)
    assert code == 0
    assert ", 0 not" in out


@pytest.mark.long
def test_verify_names_a_changed_file_and_fails(store: Path, tmp_path: Path, run: Run) -> None:
    copy = copied(store, tmp_path / "copy")
    victim = next((copy / "objects" / "gpci").iterdir())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    code, _, err = run("verify", "--output", copy)
    assert code == 1
    assert victim.name in err


@pytest.mark.long
def test_verify_finds_a_manifest_that_says_otherwise_than_a_later_one(store: Path, tmp_path: Path, run: Run) -> None:
    copy = copied(store, tmp_path / "copy")
    first = copy / "versions" / "000001.json"
    manifest = json.loads(first.read_text())
    manifest["resources"][0]["hash"] = "sha256:" + 64 * "0"
    first.chmod(0o644)
    first.write_text(json.dumps(manifest))
    code, _, err = run("verify", "--output", copy)
    assert (code, manifest["resources"][0]["path"] in err) == (1, True)


@pytest.mark.parametrize(
    "wrong", [("diff", "RVU25D", "RVU26A", "--top", "0"), ("runs", "--last", "-1"), ("diff", "²", "1")]
)
def test_a_number_that_counts_nothing_is_a_usage_error(wrong: tuple[str, ...], store: Path, run: Run) -> None:
    code, _, err = run(*wrong, "--output", store)
    assert (code, "Unexpected" in err) == (2, False)


@pytest.mark.parametrize("same", ["2", "RVU26A"])
def test_nothing_differs_from_itself_and_no_table_says_so(same: str, store: Path, run: Run) -> None:
    code, out, _ = run("diff", same, same, "--output", store)
    assert (code, "0 tables differ" in out, "rows before" in out) == (0, True, False)


def test_export_writes_one_file_a_table_and_release(store: Path, tmp_path: Path, run: Run) -> None:
    code, _, _ = run("export", tmp_path / "copy", "--output", store)
    assert code == 0
    assert (tmp_path / "copy" / "rvu" / "RVU26A.parquet").is_file()
    described = json.loads((tmp_path / "copy" / "datapackage.json").read_text())
    assert all((tmp_path / "copy" / r["path"]).is_file() for r in described["resources"])


def test_build_without_network_ends_with_3_and_a_remedy(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PFSETL_CMS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PFSETL_ATTEMPTS", "1")
    code, _, err = run("build", "RVU26A", "--output", tmp_path, "--cache", tmp_path / "cache")
    assert code == 3
    assert "--archive" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build", "RVU99Z"], "no such release"),
        (["build", "RVU26A", "--archive", "no/such/file.zip"], "no such file"),
        (["frobnicate"], "frobnicate"),
        (["code"], "hcpcs"),
    ],
)
def test_wrong_requests_are_refused_in_words(
    arguments: list[str], expected: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code in (2, 3)
    assert expected.lower() in (err + out).lower()


@pytest.mark.parametrize("given", [[], ["--archive", "x"]])
def test_a_label_that_is_none_makes_no_store(given: list[str], tmp_path: Path, run: Run) -> None:
    assert run("build", "NONSENSE", *given, "--output", tmp_path / "o")[0] == 2
    assert not (tmp_path / "o").exists()


def test_an_interrupt_while_the_commands_are_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.delattr(pfsetl.cli, "commands")
    monkeypatch.setattr(pfsetl.cli, "__getattr__", interrupted, raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["list"])
    assert ended.value.code == 130


def test_a_wrong_request_ends_a_process_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pfsetl", "build", "RVU26A", "--archive", "no/such/file.zip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (2, 3)
    assert ("no such file" in done.stderr, "Traceback" in done.stderr) == (True, False)


@pytest.mark.long
def test_the_sample_is_not_held_against_whole_releases(tmp_path: Path, run: Run) -> None:
    # Twice the rows of a sample; it counts as a whole release, because its loss is accepted.
    larger = s.write_zip(tmp_path / "RVU25A.zip", s.release("RVU25A", [*s.CODES, *map(s.unpaid, s.UNPAID[:10_000])]))
    assert run("build", "RVU25A", "--archive", larger, "--accept-loss", "--output", tmp_path / "o")[0] == 0
    assert run("demo", "--output", tmp_path / "o")[0] == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_describes_every_parameter(name: str) -> None:
    page = io.StringIO()
    app.help_print([name], console=Console(file=page, width=300))
    rows = [line.strip("│ *").rstrip() for line in page.getvalue().splitlines() if line.startswith("│")]
    described = [re.split(r"\s{2,}", row, maxsplit=1) for row in rows]
    assert [row for row in described if len(row) < 2 or row[1].startswith("[")] == []


def test_the_list_of_commands_says_what_each_does(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    lines = capsys.readouterr().out.splitlines()
    silent = [name for name in COMMANDS if not any(re.search(rf"│ {name}  +[A-Z]\w+", line) for line in lines)]
    assert silent == []


def imported_by(statement: str, *names: str) -> list[str]:
    """Which of these modules a fresh process has imported after a statement."""
    asked = f"import sys; {statement}; print(sorted({{*sys.modules}} & {{*{names!r}}}))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout.splitlines()[-1])


def test_the_version_is_told_before_a_library_is_imported() -> None:
    libraries = ("polars", "pyarrow", "cyclopts", "rich", "requests", "importlib.metadata", "logging")
    assert imported_by("from pfsetl import cli; cli.main(['--version'])", *libraries) == []


def test_the_version_is_that_of_the_package() -> None:
    assert pfsetl.__version__ == metadata.version("pfsetl")


def test_reading_a_store_imports_nothing_that_builds_or_fetches() -> None:
    makers = ("pfsetl.pipeline", "pfsetl.source.cache", "pfsetl.tables.normalize", "requests")
    assert imported_by("import pfsetl.cli.reading, pfsetl.cli.publishing", *makers) == []


def test_pricing_imports_nothing_that_builds_or_fetches() -> None:
    assert imported_by("import pfsetl.cli.pricing", "pfsetl.pipeline", "requests") == []


def test_a_build_imports_no_pandas_where_it_is_installed(sampled: Path, tmp_path: Path) -> None:
    assert find_spec("pandas")
    build = ["build", "RVU25A", "--sample", "--archive", f"{sampled.with_name('RVU25A.zip')}"]
    build += ["--output", f"{tmp_path / 'store'}"]
    assert imported_by(f"from pfsetl import cli; cli.main({build!r})", "pandas", "pyarrow.parquet") == [
        "pyarrow.parquet"
    ]


def test_the_command_has_memory_given_back_and_leaves_what_was_set(monkeypatch) -> None:
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
    monkeypatch.setenv("_RJEM_MALLOC_CONF", "")
    monkeypatch.delenv("_RJEM_MALLOC_CONF")
    monkeypatch.setattr(commands, "run", lambda arguments: None)
    main(["build", "RVU26A"])
    assert "muzzy_decay_ms:0" in os.environ["_RJEM_MALLOC_CONF"]
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "jemalloc"
