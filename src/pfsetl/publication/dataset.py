"""What a version is, as a schema.org `Dataset`, which search engines for data sets read."""

from typing import Any

from pfsetl.declared import contracts
from pfsetl.publication.version import Version


def described(at: Version) -> dict[str, Any]:
    """Return what a version says of itself: name, number, the days that its releases cover, who may have it."""
    known = [at.release(label) for label in at.releases]
    days = [day for release in known for day in (release.effective_from, release.effective_to) if day]
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": at.manifest.title or "pfsetl",
        "description": at.manifest.description or "",
        "version": str(at.number),
        "dateModified": at.created,
        "temporalCoverage": f"{min(days)}/{max(days)}" if days else None,
        "isAccessibleForFree": at.classification == contracts.PUBLIC,
    }
