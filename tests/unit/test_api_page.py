"""docs/api.md is what the public names say of themselves."""

import inspect
from pathlib import Path

import pytest

import pfsetl
from tools import api_page

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_is_what_signatures_and_docstrings_say_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == api_page.page(), "docs/api.md is stale: run `make docs`"


@pytest.mark.parametrize("name", pfsetl.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    told = inspect.getdoc(getattr(pfsetl, name)) or ""
    assert told.split("\n")[0] in PAGE.read_text(encoding="utf-8")
    assert len(told.split()) > 3


def test_a_parameter_is_shown_with_its_type_and_default() -> None:
    def asked(self, code: str, day: str | None = None, *, units: int, where: str = "here") -> list[str]:
        """Return."""
        raise NotImplementedError

    assert api_page._signature("asked", asked) == (
        'asked(code: str, day: str | None = None, *, units: int, where: str = "here") -> list[str]'
    )


def test_an_example_is_code_and_says_nothing_of_how_it_is_tested() -> None:
    def documented() -> None:
        """Do it.

        >>> documented()  # doctest: +SKIP
        """

    assert api_page._told(documented) == "Do it.\n\n```python\n>>> documented()\n```\n"
