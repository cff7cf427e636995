"""What a version holds, for whoever asks it: that it holds something, its releases in order, and one by its label."""

from pathlib import Path

from pfsetl.declared import registry
from pfsetl.errors import UsageError
from pfsetl.near import alike
from pfsetl.publication.version import Version, open_version
from pfsetl.remedies import command, nothing_published

NAMED = 6  # releases that a message lists


def published(output: str | Path | Version) -> Version:
    """Return the newest version of a store, or the one given; raises UsageError where it holds no release."""
    version = output if isinstance(output, Version) else open_version(output)
    if not version.releases:
        raise UsageError(nothing_published(version.store))
    return version


def labels_in_order(version: Version) -> list[str]:
    """Return the releases of a version in CMS's order."""
    return sorted(version.releases, key=lambda one: (version.releases[one].year, version.releases[one].quarter, one))


def find_release(version: Version, release: str | None) -> str:
    """Return the label of a published release, the latest where none is named; raises UsageError for another one."""
    there = labels_in_order(published(version))
    if release is None:
        return there[-1]
    label = release.strip().upper()
    if label in there:
        return label
    near = alike(label, there, 3)
    named = there if len(there) <= NAMED else [*near, *(one for one in there[-3:] if one not in near)]
    more = f" and {len(there) - len(named)} more" if len(there) > len(named) else ""
    raise UsageError(
        f"{label}: not published in {version.store} (version {version.number}). There: {', '.join(named)}{more}. "
        f"{_publishing(label, version)}{command('list', version.store)} shows all releases."
    )


def _publishing(label: str, version: Version) -> str:
    """Say what publishes a release that is missing; nothing of what can't be one."""
    try:
        known = registry.find_or_infer(label).known
    except UsageError:
        return ""
    said = version.withdrawn(label)
    options = ("" if known else " --archive PATH") + (" --again" if said else "")
    return f"{said}{command(f'build {label}{options}', version.store)} publishes it, "
