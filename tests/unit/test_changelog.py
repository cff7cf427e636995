"""What a release of the software consists of agrees: its number, its day, the contract that was taken as released."""

import json
import re
from datetime import date
from pathlib import Path

import pfsetl
from tools.release_contract import RELEASED

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
RELEASES = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", CHANGELOG, re.MULTILINE)
NUMBERED = re.compile(r"(?:pfsetl[/:]|--prefix=|ln -sfn )(\d+\.\d+\.\d+)")
UPGRADES = "docs/operations.md"
PAGES = [UPGRADES, "flows/prefect.docker.yaml", "flows/prefect.kubernetes.yaml"]


def test_what_comes_next_stands_above_the_releases() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings == ["Unreleased", *(f"{number} - {day}" for number, day in RELEASES)]


def test_releases_stand_newest_first_by_number_and_day() -> None:
    numbers = [tuple(map(int, number.split("."))) for number, _ in RELEASES]
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert RELEASES
    assert (numbers, days) == (sorted(set(numbers), reverse=True), sorted(days, reverse=True))


def test_each_entry_of_a_release_stands_under_what_it_is_about() -> None:
    (_, *releases) = re.split(r"^## \d.*$", CHANGELOG, flags=re.MULTILINE)
    assert releases
    assert [line for told in releases for line in told.partition("\n### ")[0].splitlines() if line[:2] == "* "] == []


def test_the_software_has_the_number_of_its_last_release() -> None:
    assert pfsetl.__version__ == RELEASES[0][0]


def test_the_last_release_names_the_contract_that_was_taken_as_released() -> None:
    (newest,) = re.findall(rf"^## {re.escape(RELEASES[0][0])} .*?(?=^## |\Z)", CHANGELOG, re.MULTILINE | re.DOTALL)
    (named,) = re.findall(r"contract (\d+\.\d+\.\d+) of the public tables", newest)
    assert named == json.loads(RELEASED.read_text())["version"]


def test_pages_install_the_last_release_and_upgrade_to_the_one_after_it() -> None:
    major, minor, _ = map(int, RELEASES[0][0].split("."))
    found = {page: set(NUMBERED.findall((ROOT / page).read_text())) for page in PAGES}
    after = {f"{major}.{minor + 1}.0"}
    assert found == {page: {RELEASES[0][0]} | (after if page == UPGRADES else set()) for page in PAGES}
