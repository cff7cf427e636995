"""Every coded value in the Parquet of every release at hand has its words."""

import pytest

from pfsetl.declared import calendar, registry
from tests import in_words
from tests.kinds import Built
from tests.real.test_releases import RELEASES

# Values that CMS printed on days on which its record layout doesn't have them; the build warns of them.
ODD: dict[str, set[str]] = {}


@pytest.mark.parametrize("release", RELEASES)
def test_no_value_is_without_its_words(release: str, built: Built) -> None:
    day = calendar.formula_day(registry.find(release))
    assert set(in_words.unsaid(built(release), release, day)) == ODD.get(release, set())
