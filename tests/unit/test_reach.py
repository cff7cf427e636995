"""Which tests `make quick` leaves out is found by what they reach, not by somebody remembering to mark them."""

import subprocess
from pathlib import Path

import pytest

from tests import forked, reach
from tests.cms_server import Cms
from tests.unit.test_declarations import pfsetl as command

ROOT = Path(__file__).parents[2]


def starts_one() -> None:
    subprocess.run(["true"], check=True)


def reads_a_file() -> str:
    return Path("/dev/null").read_text()


class Runner:
    def run(self) -> None:
        starts_one()


def uses_a_class() -> None:
    Runner().run()


def within() -> None:
    def inner() -> None:
        forked.command([], {})

    inner()


def asks_a_server(cms: Cms) -> str:
    return Cms.__name__


def of_another_file() -> None:
    command("list")


@pytest.mark.parametrize("function", [starts_one, uses_a_class, within, of_another_file], ids=lambda f: f.__name__)
def test_a_process_is_seen_however_it_is_started(function) -> None:
    assert {"subprocess", "tests.forked"} & reach.modules([function])


def test_a_server_is_seen_by_its_class() -> None:
    assert "tests.cms_server" in reach.modules([asks_a_server])


def test_what_only_reads_a_file_reaches_neither() -> None:
    assert reach.modules([reads_a_file]) & set(reach.BY_MODULE) == set()


def test_the_quick_loop_leaves_out_every_mark(pytestconfig: pytest.Config) -> None:
    marks = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    ours = marks & {"process", "server", "real", "long", "slow"}
    quick = (ROOT / "Makefile").read_text().partition("\nquick:")[2].partition("\n\n")[0]
    assert len(ours) == 5
    assert [mark for mark in ours if f"not {mark}" not in quick] == []
