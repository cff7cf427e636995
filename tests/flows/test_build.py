"""The flow really runs: as a process, on Prefect's embedded server, fetching over HTTP from a server started here."""

import csv
import http.server
import io
import json
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pfsetl
from pfsetl.declared import registry
from tests.flows.processes import PREPARED
from tests.present import present

ROOT = Path(__file__).resolve().parents[2]
LABEL = "RVU25D"
ZIP_PATH = "/files/zip/rvu25d-updated-09/11/2025.zip"
PAGE = b"<!DOCTYPE html><html><title>License for use</title></html>"

# hcpcs, modifier, work, non-facility PE, facility PE, malpractice: invented, but for the form of the codes.
SERVICES = [
    ("G9901", "", "1.00", "2.00", "0.50", "0.10"),
    ("G9902", "", "0.44", "0.61", "0.20", "0.03"),
    ("G9903", "26", "0.70", "0.30", "0.30", "0.05"),
]
# Runs the flow's module with each list of arguments and looks at the database of all runs, for the price of one server
# start. Artifacts without a key are what Prefect itself keeps of a failed run. A state of failure is sent twice, as
# Prefect's client does when the answer to the first was lost.
INSPECT = """
import contextlib, glob, httpx, io, json, runpy, sys
send = httpx.Client.send
def send_failures_twice(self, request, **options):
    if request.url.path.endswith("/set_state") and b'"FAILED"' in request.content:
        send(self, request, **options).raise_for_status()
    return send(self, request, **options)
httpx.Client.send = send_failures_twice
def told(arguments):
    sys.argv[1:] = [*arguments[:-1], *(glob.glob(arguments[-1]) or arguments[-1:])]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module("flows.build", run_name="__main__")
        except SystemExit as stop:
            code = stop.code
    return [code or 0, out.getvalue(), err.getvalue()]
told = [told(arguments) for arguments in json.loads(sys.argv[1])]
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    print(json.dumps({
        "told": told,
        "artifacts": [a.model_dump(mode="json") for a in client.read_artifacts() if a.key],
        "runs": [{"name": r.name, "state": r.state.name, "message": r.state.message} for r in client.read_flow_runs()],
    }))
"""


def member(layout_name: str, kind: str, records: list[dict[str, str]], title: str = "") -> str:
    """Write records as CMS's csv of one layout, the titles being what the layout declares."""
    layout = next(x for x in registry.layouts(kind) if x.name == layout_name)
    titles = {"work_gpci": "2025 PW GPCI", "pe_gpci": "2025 PE GPCI", "mp_gpci": "2025 MP GPCI"}
    titles |= {"mac": "Medicare Administrative Contractor (MAC)", "locality": "Locality Number"}
    text = io.StringIO()
    writer = csv.writer(text)
    if title:
        writer.writerow([title])
    writer.writerow([titles.get(f.field, f.header.pattern if f.header else "") for f in layout.fields])
    writer.writerows([record.get(f.field, "") for f in layout.fields] for record in records)
    return text.getvalue()


def service(hcpcs: str, modifier: str, work: str, nonfacility: str, facility: str, malpractice: str) -> dict[str, str]:
    w, n, f, m = (Decimal(rvu) for rvu in (work, nonfacility, facility, malpractice))
    codes = dict.fromkeys(("pctc", "multiple_procedure", "bilateral", "assistant_surgeon", "co_surgeons"), "0")
    zeros = ("preoperative", "intraoperative", "postoperative")
    opps = ("opps_nonfacility_pe_rvu", "opps_facility_pe_rvu", "opps_mp_rvu")
    return codes | dict.fromkeys((*zeros, *opps), "0.00") | {
        "hcpcs": hcpcs,
        "modifier": modifier,
        "description": "Invented service",
        "status": "A",
        "work_rvu": work,
        "nonfacility_pe_rvu": nonfacility,
        "facility_pe_rvu": facility,
        "mp_rvu": malpractice,
        "nonfacility_total_rvu": str(w + n + m),
        "facility_total_rvu": str(w + f + m),
        "global_days": "XXX",
        "team_surgery": "0",
        "conversion_factor": "32.3465",
        "supervision": "09",
        "calculation_flag": "0",
        "imaging_family": "99",
    }  # fmt: skip


def small_archive() -> bytes:
    localities = [
        {"mac": "10112", "state": "AL", "locality": "00", "locality_name": "ALABAMA"},
        {"mac": "02102", "state": "AK", "locality": "01", "locality_name": "ALASKA*"},
    ]
    indices = {"work_gpci": "1.000", "pe_gpci": "0.900", "mp_gpci": "0.500"}
    title = "2025 National Physician Fee Schedule Relative Value File October Release"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("PPRRVU2025_Oct.csv", member("G31", "pprrvu", [service(*s) for s in SERVICES], title))
        archive.writestr("GPCI2025.csv", member("GPCI7", "gpci", [x | indices for x in localities]))
    return content.getvalue()


@dataclass
class Cms:
    """Answers requests with what is queued, the last answer again and again."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def next(self, path: str) -> tuple[int, bytes]:
        self.requested.append(path)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture(scope="module")
def fake_cms() -> Iterator[Cms]:
    fake = Cms()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = fake.next(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Runs:
    """Three runs against one Prefect database, what CMS was asked by them, and what that database then says."""

    output: Path
    published: Run
    refused: Run
    unchanged: Run
    asked: list[str]
    seen: dict[str, Any]


@pytest.fixture(scope="module")
def runs(fake_cms: Cms, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(prepared / "prefect", folder / "prefect")
    output, cache = folder / "output", folder / "cache"
    fetching = [LABEL, "--sample", "--output", str(output), "--cache", str(cache)]
    fetching += ["--retry-delays", "0.1", "0.1"]

    # A request too many would leave the runs after it with another answer than theirs.
    fake_cms.answers = [(503, b""), (200, small_archive()), (200, PAGE), (404, b"")]
    at_hand = [LABEL, "--sample", "--output", str(output), "--archive", str(cache / "archives" / "*.zip")]
    done = python(
        prepared / "python", folder / "prefect", fake_cms.url, "-c", INSPECT, json.dumps([fetching, fetching, at_hand])
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    published, refused, unchanged = (Run(*told) for told in seen["told"])
    return Runs(output, published, refused, unchanged, fake_cms.requested, seen)


def python(program: Path, prefect_home: Path, cms_url: str, *command: str) -> subprocess.CompletedProcess[str]:
    foreign = ("PREFECT_", "PFSETL_", "DO_NOT_TRACK")
    env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    env |= {"PFSETL_CMS_URL": cms_url, "PFSETL_ATTEMPTS": "1"}  # one, so that Prefect's own retries are what is seen
    env |= {"PREFECT_HOME": str(prefect_home), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    env |= PREPARED | {"PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false"}  # else it runs the deployments in it
    return subprocess.run(
        [program, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_source_that_answers_503_is_asked_again_and_the_release_is_published(runs: Runs) -> None:
    assert (runs.published.code, runs.published.err) == (0, "")
    assert runs.published.out.startswith("RVU25D published as version 1 of ")
    assert runs.asked == [ZIP_PATH] * 3  # the third is the next run's
    version = pfsetl.open(runs.output)
    assert version.number == 1
    assert version.scan("rvu", LABEL).select("hcpcs", "modifier").collect().rows() == [s[:2] for s in SERVICES]
    # By hand: 32.3465 x (1.00 x 1.000 + 2.00 x 0.900 + 0.10 x 0.500) = 92.187525
    paid = version.scan("payment_locality", LABEL).filter(pl.col("hcpcs") == "G9901", pl.col("state") == "AL")
    assert str(paid.collect()["nonfacility_amount"].item()) == "92.19"
    assert present(version.releases[LABEL].archive.url).endswith(ZIP_PATH)


def test_a_page_instead_of_a_zip_ends_in_one_clear_message_and_isnt_asked_for_again(runs: Runs) -> None:
    assert runs.refused.code == 3
    assert runs.refused.out == ""
    [message] = runs.refused.err.splitlines()
    assert f"{ZIP_PATH}: answered with an HTML page" in message
    assert "--archive" in message
    assert pfsetl.open(runs.output).number == 1


def test_the_same_archive_again_leaves_the_version_as_it_is(runs: Runs) -> None:
    assert runs.unchanged.out.startswith("RVU25D unchanged in version 1 of ")
    assert runs.unchanged.code == 0
    assert runs.asked == [ZIP_PATH] * 3  # by the runs before it
    assert pfsetl.open(runs.output).number == 1


def test_every_run_is_recorded_under_the_name_of_the_release(runs: Runs) -> None:
    assert {run["name"] for run in runs.seen["runs"]} == {"build RVU25D"}
    states = [run["state"] for run in runs.seen["runs"]]
    assert sorted(states) == ["Completed", "Completed", "Failed"]
    [message] = [run["message"] for run in runs.seen["runs"] if run["state"] == "Failed"]
    assert "answered with an HTML page" in message


def test_each_finished_run_leaves_a_table_of_what_is_published(runs: Runs) -> None:
    artifacts = {a["description"]: a for a in runs.seen["artifacts"]}
    texts = [f"RVU25D {how} version 1 of {runs.output}." for how in ("published as", "unchanged in")]
    assert sorted(artifacts) == sorted(texts)
    resources = pfsetl.open(runs.output).resources
    for text in texts:
        assert artifacts[text]["key"] == "published-rvu25d"
        assert artifacts[text]["type"] == "table"
        table = {row["table"]: row for row in json.loads(artifacts[text]["data"])}
        assert set(table) == {r.table for r in resources}
        for resource in resources:
            row = table[resource.table]
            assert (row["rows"], row["bytes"]) == (resource.rows, resource.bytes)
            assert resource.hash.startswith(f"sha256:{row['sha256']}")
            assert len(row["sha256"]) == 12
