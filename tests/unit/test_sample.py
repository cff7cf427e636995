"""What the repository may hold: no CPT and no dental row, in any bundled or generated file."""

import re
import zipfile
from pathlib import Path

import pytest

from pfsetl.cli.samples import SAMPLE

ARCHIVES = sorted(SAMPLE.glob("*.zip"))
CPT_OR_DENTAL = re.compile(rb"^(?:\d{4}[0-9A-Z]|D\d{4})[ ,0-9A-Z]")


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda p: p.stem)
def test_sample_has_level_ii_rows_other_than_d_only(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for name in (n for n in opened.namelist() if n.startswith(("PPRRVU", "OPPSCAP"))):
            bad = [line[:7] for line in opened.read(name).splitlines() if CPT_OR_DENTAL.match(line)]
            assert bad == [], f"{archive.name}/{name}"


def test_sample_is_there() -> None:
    assert [a.stem for a in ARCHIVES] == ["RVU25D", "RVU26A"]
