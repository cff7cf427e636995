"""The file of one release: what it was made of, what became of every line, and where its other data files are."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pfsetl.publication import manifest
from pfsetl.publication.json_records import plain
from pfsetl.publication.version import Version
from pfsetl.tables.exact import scaled


def release_facts(
    version: Version,
    label: str,
    changes: Mapping[str, Any] | None,
    sections: Mapping[str, Mapping[str, list[Any]]],
    lines: Mapping[str, str],
) -> dict[str, Any]:
    """Return the facts of a release: `changes` are what it moved, None where nothing is compared.

    `sections` and `lines` tell names and checksums of its further files.
    """
    record = plain(version.releases[label])
    kept = ("members", "missing", "ignored", "notices", "format_differences", "checks", "warnings", "accepted", "lost")
    return {
        "release": label,
        "url": record["archive"]["url"],
        "parquet": [
            [r.table, manifest.shown_path(r), r.hash.removeprefix("sha256:"), r.rows, r.bytes, r.path]
            for r in version.files_of(label)
        ],
        "anesthesia": _anesthesia(version, label),
        "rejects": version.scan("rejects", label).select(pl.len()).collect().item(),
        "changes": changes,
        "sections": sections,
        "lines": lines,
    } | {name: record[name] for name in kept if record.get(name)}


def _anesthesia(version: Version, label: str) -> dict[str, dict[str, int]]:
    """Return the dollars of an anesthesia unit x 10,000 by participant and locality."""
    rows = version.scan("anesthesia", label).sort("participant", "state", "locality")
    found: dict[str, dict[str, int]] = {}
    for participant, state, locality, factor in (
        rows.select("participant", "state", "locality", scaled("conversion_factor")).collect().iter_rows()
    ):
        found.setdefault(participant, {})[f"{state}/{locality}"] = factor
    return found
