"""What a newcomer reads first leads somewhere: links, paths, commands, the workflow and the issue form."""

import os
import re
from pathlib import Path

import yaml

from pfsetl.cli.commands import COMMANDS

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
