"""The file of one release: what it was made of, what became of every line, and where its other data files are."""

from collections.abc import Mapping
from typing import Any

from pfsetl.publication.release_record import plain
from pfsetl.publication.version import Version, shown_path


def release_facts(
    version: Version, label: str, sections: Mapping[str, Mapping[str, list[Any]]], lines: Mapping[str, str]
) -> dict[str, Any]:
    """Return the facts of a release; `sections` and `lines` tell names and checksums of its further files."""
    record = plain(version.releases[label])
    kept = ("members", "missing", "ignored", "notices", "format_differences", "checks", "warnings", "accepted", "lost")
    return {
        "release": label,
        "url": record["archive"]["url"],
        "parquet": [
            [r.table, shown_path(r), r.hash.removeprefix("sha256:"), r.rows, r.bytes] for r in version.files_of(label)
        ],
        "sections": sections,
        "lines": lines,
    } | {name: record[name] for name in kept if record.get(name)}
