"""CMS's own files read the same from the last heading line on, whatever of the lines above was cut off."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pfsetl.errors import LayoutError
from pfsetl.parsing import grid, grid_shape
from pfsetl.parsing.encoding import decode, encoding_of
from pfsetl.source.archive import open_archive


@pytest.mark.parametrize("release", ["RVU09A", "RVU13A", "RVU18A", "RVU25D", "RVU26A"])
def test_the_last_heading_line_is_enough(release: str, release_path: Callable[[str], Path]) -> None:
    for file in (f for f in open_archive(release_path(release)).files if f.format == "csv"):
        data = file.load()
        text = decode(data, encoding_of(data))
        whole = grid_shape.cut_grid(file.member, grid.delimited(text, ",", file.name))
        rows = whole.frame["line"][0] - 1
        body = "\n".join(text.split("\n")[rows:])
        last = next(line for line in reversed(text.split("\n")[:rows]) if line.strip(",\r ") != "")
        if (release, file.member) == ("RVU09A", "opps_cap"):  # both of its amounts are CAPPED AMT there
            with pytest.raises(LayoutError, match="OPPSCAP7FN and OPPSCAP7NF"):
                grid_shape.cut_grid(file.member, grid.delimited(f"{last}\n{body}", ",", file.name))
            continue
        rest = grid_shape.cut_grid(file.member, grid.delimited(f"{last}\n{body}", ",", file.name))
        assert (file.name, rest.layout) == (file.name, whole.layout)
        assert rest.frame.drop("line").equals(whole.frame.drop("line")), file.name
