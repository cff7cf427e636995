"""What makes archives of other releases for the tests makes them whole: they build under the new label alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pfsetl.declared import registry
from pfsetl.errors import ArchiveError
from pfsetl.parsing import identity
from pfsetl.parsing.read import read
from pfsetl.pipeline.examine import examine
from pfsetl.source.archive import open_archive
from tests import synthetic as s
from tests.relabel import relabel

pytestmark = pytest.mark.long


@pytest.mark.parametrize(("old", "new"), [("RVU25A", "RVU25C"), ("RVU22D", "RVU22B"), ("RVU26A", "RVU26D")])
def test_a_relabelled_archive_builds_under_its_new_label_alone(old: str, new: str, tmp_path: Path) -> None:
    archive = s.write_zip(tmp_path / "given.zip", relabel(s.release(old), old, new))
    found = examine(new, archive, records={}, sample=True)
    found.report.raise_if_bad()
    assert [n for n in found.record.notices if "of opps_cap: taken as" not in n] == []
    with pytest.raises(ArchiveError, match=f"but {old} is the release of"):
        examine(old, archive, records={}, sample=True)


@pytest.mark.parametrize(("old", "new"), [("RVU25D", "RVU25B"), ("RVU22A", "RVU22C"), ("RVU26A", "RVU26B")])
def test_so_does_one_of_cms(old: str, new: str, release_path: Callable[[str], Path], tmp_path: Path) -> None:
    members = {Path(f.name).name: f.load() for f in open_archive(release_path(old)).files if f.format != "xlsx"}
    archive = open_archive(s.write_zip(tmp_path / "given.zip", relabel(members, old, new)))
    raws = read(archive)
    notices = identity.held(archive.files, raws, registry.find(new)).notices
    assert all("as CMS published it" in n or "of opps_cap: taken as" in n for n in notices)
    with pytest.raises(ArchiveError):
        identity.held(archive.files, raws, registry.find(old))


def test_other_participants_are_not_made() -> None:
    with pytest.raises(ValueError, match="different participants"):
        relabel({}, "RVU25D", "RVU26A")
