"""The first release of 2027 rehearsed with CMS's own RVU26A, as in `tests/unit/test_rehearsal.py`."""

import pytest

from tests.unit.test_rehearsal import rehearse

RVUS = ("1.30", "1.46", "0.09")  # 99213 in RVU26A, non-facility


# The others differ from these in what is invented, whatever CMS's file holds beside it. The new participant comes
# beside both indices.
SHAPES = ("only with floor", "new participant")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_priced_by_the_law_of_2027_or_refused_with_a_remedy_that_works(shape, release_path, tmp_path):
    folder = release_path("RVU26A")
    members = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    rehearse(shape, members, tmp_path, "99213", RVUS)
