"""Files of localities: the three indices in thousandths, and the counties, of releases that have the same."""

from collections.abc import Iterator, Sequence

from pfsetl.publication.version import Version
from pfsetl.site.files import encoded
from pfsetl.tables.exact import scaled


def place_files(version: Version, labels: Sequence[str]) -> Iterator[tuple[str, str, bytes]]:
    """Yield (release, release whose file it is, JSON): one file serves all releases of the same localities.

    A file is `{"places": [[state, locality, name, contractor, work, PE, malpractice, work without the floor], ...],
    "counties": {"CA/18": "LOS ANGELES/ORANGE"}}`; the last index is null where CMS prints one work index.
    """
    known: dict[bytes, str] = {}
    for label in labels:
        indices = ("work_gpci", "pe_gpci", "mp_gpci", "work_gpci_without_floor")
        table = version.scan("gpci", label).sort("state", "locality")
        rows = table.select("state", "locality", "locality_name", "mac", *map(scaled, indices)).collect().rows()
        counties: dict[str, str] = {}
        listed = version.scan("locality_county", label).sort("state", "locality", "counties").collect()
        for state, number, names in listed.select("state", "locality", "counties").iter_rows():
            key = f"{state}/{number}"
            counties[key] = f"{counties[key]}; {names}" if key in counties else names
        content = encoded({"places": rows, "counties": counties})
        yield label, known.setdefault(content, label), content
