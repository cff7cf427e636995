"""What there is: every release that is known or published, and every version of a store."""

from typing import Any

from pfsetl.declared import registry
from pfsetl.publication import version
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.version import Version
from pfsetl.storage.store import Store


def releases(opened: Version) -> list[dict[str, Any]]:
    """Return every known release in CMS's order, and what else the version holds, with what is published."""
    published = opened.releases
    known = registry.releases()
    others = [opened.release(label) for label in published if label not in known]
    return [_listed(release, published.get(release.label)) for release in (*known.values(), *others)]


def versions(store: Store) -> list[dict[str, Any]]:
    """Return every version of a store with the releases it holds, oldest first."""
    opened = (version.load(store, number) for number in version.numbers(store))  # one in memory at a time
    return [
        {
            "version": v.number,
            "created": v.created,
            "releases": list(v.releases),
            "samples": [label for label, record in v.releases.items() if record.sample],
            "files": len(v.resources),
            "rows": sum(r.rows for r in v.resources),
            "bytes": sum(r.bytes for r in v.resources),
        }
        for v in opened
    ]


def _listed(release: registry.Release, record: ReleaseRecord | None) -> dict[str, Any]:
    return {
        "release": release.label,
        "kind": release.kind,
        "effective_from": release.effective_from,
        "effective_to": release.effective_to,
        "never_effective": {True: "never paid", False: None, None: "unknown"}[release.never_effective],
        "supersedes": release.supersedes,
        "published": f"revision {record.revision}" if record else None,
        "sample": record.sample if record else None,
        "missing": list(record.missing) if record else [],
        "note": release.note,
    }
