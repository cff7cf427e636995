"""Files of source lines: where in CMS's file each row of a release was read from."""

from collections.abc import Iterator

from pfsetl.publication.version import Version
from pfsetl.site.files import as_text, by_prefix


def line_files(version: Version, label: str, only: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON) of each file, of one code alone if it's named.

    A file is `{"files": {participant: file}, "codes": {code: {participant: {modifier: line}}}}`.
    """
    rows = version.scan("source_lines", label).filter(table="rvu").sort("hcpcs", "participant", "modifier")
    rows = rows.filter(hcpcs=only) if only else rows
    files: dict[str, str] = {}
    lines: dict[str, dict[str, dict[str, int]]] = {}
    for code, participant, modifier, file, line in (
        rows.select("hcpcs", "participant", "modifier", "file", "line").collect().iter_rows()
    ):
        files[participant] = file
        lines.setdefault(code, {}).setdefault(participant, {})[modifier] = line
    texts = {code: f'"{code}":{as_text(found)}' for code, found in lines.items()}
    named = as_text(files)
    for prefix, codes in by_prefix(texts).items():
        inside = ",\n".join(texts[code] for code in codes)
        yield prefix, f'{{"files":{named},"codes":{{\n{inside}}}}}\n'.encode()
