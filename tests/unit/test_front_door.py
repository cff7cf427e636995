"""What a newcomer reads first leads somewhere: links, paths, commands, the workflow and the issue form."""

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml

from pfsetl.cli.commands import COMMANDS
from pfsetl.cli.options import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
IN_CODE = re.compile(r"`([^`\n]+)`")


def anchors(page: Path) -> set[str]:
    """The names that a forge gives to headings: small letters and hyphens."""
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in HEADING.findall(page.read_text())}


def broken(page: Path, text: str) -> list[str]:
    """The links of a page that lead to no file here, or to no heading of it."""
    found = []
    for link in LINK.findall(text):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue  # an address
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def paths_in(text: str) -> list[str]:
    return [c for c in IN_CODE.findall(text) if re.fullmatch(r"\.?[\w-]+(/[\w.*-]*)+", c)]


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    found = {str(page.relative_to(ROOT)): broken(page, page.read_text(encoding="utf-8")) for page in PAGES}
    assert {page: links for page, links in found.items() if links} == {}


def test_a_link_to_nothing_is_seen() -> None:
    text = "[a](docs/nothing.md) [b](docs/api.md#nothing) [c](docs/api.md#priceanswer) [d](https://www.cms.gov/none)"
    assert broken(ROOT / "README.md", text) == ["docs/nothing.md", "docs/api.md#nothing"]


def test_every_path_in_the_guide_for_contributors_exists() -> None:
    paths = paths_in((ROOT / "CONTRIBUTING.md").read_text())
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_target_that_the_guide_names_is_in_the_makefile() -> None:
    named = set(re.findall(r"`make ([a-z]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named - targets == set()


def test_the_workflow_runs_the_script_that_runs_everywhere() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert [step["uses"] for step in steps if not re.search(r"@v\d+$", step.get("uses", "@v1"))] == []


def test_the_form_for_new_files_asks_each_thing_once_and_names_commands_that_exist() -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "posted.yml").read_text()
    form = yaml.safe_load(text)
    ids = [part["id"] for part in form["body"] if "id" in part]
    assert len(ids) == len(set(ids)) == 6
    assert {"name", "description", "body"} <= set(form)
    assert set(re.findall(r"`pfsetl (\w+)", text)) - set(COMMANDS) == set()
    assert "CONTRIBUTING.md" in text


def test_the_page_of_commands_has_every_one() -> None:
    listed = re.findall(r"^pfsetl (\w+)", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)
    assert sorted(COMMANDS.keys() - {*listed}) == []


def lines_of_pfsetl(page: Path) -> list[str]:
    """The lines of a page's blocks that run pfsetl, up to a pipe or a file to write to."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    typed = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?pfsetl (.*?)(?: [|>].*)?$", re.MULTILINE)
    return [line for block in blocks for line in typed.findall(block)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_line_of_a_page_that_runs_pfsetl_is_understood(page: Path) -> None:
    for line in lines_of_pfsetl(page):
        arguments = shlex.split(line.replace(r"\|", "|"), comments=True)
        own = arguments.index("--schemas") if "--schemas" in arguments else None  # of every command
        left = arguments if own is None else arguments[:own] + arguments[own + 2 :]
        app.parse_args(left, exit_on_error=False, print_error=False)


def test_lines_of_pfsetl_are_found() -> None:
    assert len(lines_of_pfsetl(ROOT / "docs" / "commands.md")) > len(COMMANDS)
    assert len(lines_of_pfsetl(ROOT / "docs" / "operations.md")) >= 6
