"""Releases of every era become one version by one command, and a second run finds nothing to do."""

import pytest

from pfsetl.cli import main
from pfsetl.publication import version
from tests.kinds import Built

RELEASES = ["RVU09A", "RVU17A", "RVU26A"]
AT_HAND = [
    *("RVU09A", "RVU11A", "RVU13A", "RVU14A", "RVU15A", "RVU17A", "RVU18A", "RVU20A", "RVU22A", "RVU24A", "RVU25A"),
    *("RVU25C", "RVU25D", "RVU26A"),
]


@pytest.fixture(scope="module")
def archives(cms, release_path):
    """Return the folder of CMS's files, which has to hold these releases."""
    for label in RELEASES:
        release_path(label)
    return cms


@pytest.fixture(scope="module")
def store(archives, tmp_path_factory):
    """Return the store after one backfill of them."""
    folder = tmp_path_factory.mktemp("backfill") / "store"
    main(["backfill", ",".join(RELEASES), "--archives", str(archives), "--output", str(folder)])
    return folder


def test_all_releases_stand_in_one_version(store):
    assert (version.numbers(version.open_version(store).store), sorted(version.open_version(store).releases)) == (
        [1], RELEASES,
    )  # fmt: skip


def test_a_second_run_says_that_nothing_changed(store, archives, capsys):
    main(["backfill", ",".join(RELEASES), "--archives", str(archives), "--output", str(store)])
    assert "version 1: 0 published, 3 unchanged, 0 failed" in capsys.readouterr().out


def test_no_release_at_hand_warns_of_a_difference_between_its_text_formats(built: Built):
    records = {label: built(label).releases[label] for label in AT_HAND}
    found = [(label, d.field) for label in records for d in records[label].format_differences]
    unexplained = [(k, d) for k in records for d in records[k].format_differences if not d.explained]
    assert (len(found) > 10, unexplained) == (True, [])


@pytest.mark.parametrize("release", RELEASES)
def test_a_backfilled_release_has_the_files_of_one_built_alone(release, store, built: Built):
    # All but what compares a release with the one before it, which depends on what a version holds.
    def digests(resources):
        own = (r for r in resources if r.release == release and r.table != "release_changes")
        return {r.table: r.digest for r in own}

    assert digests(version.open_version(store).resources) == digests(built(release).resources)
