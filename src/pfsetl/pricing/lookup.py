"""Look things up in a published version: the release that prices a day, its rows, and the lines they came from."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pfsetl.declared import calendar, registry
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.near import beside
from pfsetl.publication.published import labels_in_order
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.source import members


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number came from: file, line and sha256 of the file, and the archive that held it."""

    what: str
    file: str
    line: int | None
    sha256: str
    archive: str | None = None
    archive_sha256: str | None = None


def release_in_force(version: Version, day: date, as_of: date | None = None) -> Release:
    """Return the published release that prices a day; raises UsageError saying which one to build.

    A published release that `schemas/releases.csv` doesn't know yet counts with the days it was published with.
    """
    try:
        release = calendar.pricing_release(day, as_of)
    except UsageError as error:
        undeclared = [r for r in _undeclared(version) if r.effective_from and (not as_of or r.effective_from <= as_of)]
        found = [r for r in undeclared if _holds(r, day, as_of)]
        if not found:
            there = ", ".join(f"{r.effective_from} to {r.effective_to} by {r.label}" for r in undeclared)
            raise UsageError(f"{error} Published in {version.store} too: {there}." if there else str(error)) from error
        release = found[-1]
    if release.label not in version.releases:
        said = version.withdrawn(release.label)
        build = command(f"build {release.label}{' --again' if said else ''}", version.store)
        raise UsageError(
            f"{day}: {release.label} prices this day, and {version.store} (version {version.number}) doesn't hold it. "
            f"{said}Build it: {build} (add --archive ZIP if you have the zip)."
        )
    return release


def _undeclared(version: Version) -> list[Release]:
    """Return the releases of a version that `schemas/releases.csv` doesn't know, corrections last."""
    known = registry.releases()
    return [version.release(label) for label in sorted(version.releases) if label not in known]


def _holds(release: Release, day: date, as_of: date | None) -> bool:
    first, last = release.effective_from, release.effective_to
    return bool(first and last and first <= day <= last and (as_of is None or first <= as_of))


def missing_file(version: Version, label: str) -> str:
    """Say which participant's file a release was published without, "" where it has all."""
    record = version.releases[label]
    whose = " and ".join(members.participants(record.missing))
    if not whose:
        return ""
    return (
        f"{label} was published from {record.archive.name} without the file of {whose}. Add the file and build "
        f"{label} again: {command(f'build {label} --archive PATH', version.store)}"
    )


def near_codes(version: Version, label: str, code: str) -> str:
    """Return codes of a release that a mistyped one may have meant, as text for an error."""
    known = version.scan("rvu", label).select(pl.col("hcpcs").unique().sort()).collect()["hcpcs"]
    close = beside(code, known.to_list())
    return f"Near: {', '.join(close)}." if close else "It has no similar code: check the code and the date."


def elsewhere(version: Version, label: str, code: str) -> str:
    """Return when a code that a release lacks ended or begins, as far as the store knows; "" where it never had it.

    A code isn't gone with a sample, which is a part of a release, where a whole release had it.
    """
    order = labels_in_order(version)
    at = order.index(label)
    has = [one for one in order if not version.scan("rvu", one).filter(hcpcs=code).head(1).collect().is_empty()]
    before = [one for one in has if order.index(one) < at]
    after = [one for one in has if order.index(one) > at]
    in_sample = {one: version.releases[one].sample for one in order}
    said = []
    if before:
        last = before[-1]
        later = order[order.index(last) + 1 : order.index(after[0]) if after else len(order)]
        gone = next((f" and no longer in {one}" for one in later if in_sample[last] or not in_sample[one]), "")
        ended = registry.find_or_infer(last).effective_to
        until = f" (in force to {ended})" if ended else ""
        said.append(f"last in {last}{until}{gone}")
    if after:
        said.append(f"first in {after[0]}" if not before else f"again in {after[0]}")
    part = f" {in_part(version, label)}" if not all(in_sample[one] for one in has) else ""
    return f"Of the releases in {version.store}, it's {', '.join(said)}.{part.rstrip()}" if said else ""


def in_part(version: Version, label: str) -> str:
    """Say that what is published of a release is a sample, "" where it isn't."""
    if not version.releases[label].sample:
        return ""
    return f"What is published of {label} is a sample; the bundled one has Level II codes alone."


def source_at(version: Version, label: str, what: str, file: str, line: int) -> Source:
    """Return a line in a file of a release's archive, with the hashes of both."""
    record = version.releases[label]
    sha256 = next(m.sha256 for m in record.members if m.file == file)
    return Source(what, file, line, sha256, record.archive.name, record.archive.sha256)


def sources_of(version: Version, label: str, what: str, table: str, *key: str) -> dict[tuple[str, ...], Source]:
    """Return the line in CMS's file that each row of a small table was read from, by the columns of its key."""
    lines = version.scan("source_lines", label).filter(pl.col("table") == table).select(*key, "file", "line").collect()
    return {tuple(row[:-2]): source_at(version, label, what, *row[-2:]) for row in lines.rows()}
