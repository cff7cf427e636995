"""Files of codes: for each code the changes of its rows over the releases, by modifier and participant."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from pfsetl.publication.version import Version
from pfsetl.site import states
from pfsetl.site.files import as_text, by_prefix

EVENTS = "code_events"
Gone = list[list[Any]]
Reader = Callable[[int], pl.DataFrame]  # what the release of this number says of each row
_ROW, _INDICATORS = "-" * 40, "-" * 12  # about what the names around a row, and each change of its indicators, take


def code_files(
    read: Reader, releases: int, texts: Mapping[str, str], gone: Mapping[str, Gone]
) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON) of each file of codes; `texts` are public descriptions of codes.

    A file is `{"indicators": [...], "sections": [...], "codes": {code: {"s": section, "t": text, "g": [[release that
    first lacks it, codes that appeared then, how many]...], "rows": {participant: {modifier: {"v": [[release,
    values]...], "i": [[release, number of the indicators]...]}}}}}}`.
    """
    sections: dict[str, tuple[str, str]] = {}
    rows: dict[str, dict[str, dict[str, list[str]]]] = {}
    for changed in states.changes(_said(read, releases, sections)):
        for hcpcs, line, modifier, said in changed.iter_rows():
            rows.setdefault(hcpcs, {}).setdefault(line, {}).setdefault(modifier, []).append(said)
    sized = {code: _sized(found) + as_text(gone.get(code, "")) for code, found in rows.items()}
    for prefix, codes in by_prefix(sized).items():
        yield prefix, _file(codes, rows, sections, texts, gone)


def _said(read: Reader, releases: int, sections: dict[str, tuple[str, str]]) -> Iterator[tuple[int, pl.DataFrame]]:
    for number in range(releases):
        rows = read(number)
        each = rows.select("hcpcs", "section", "subsection").unique("hcpcs")
        sections.update((code, (section, subsection)) for code, section, subsection in each.iter_rows())
        yield number, rows


def _sized(found: Mapping[str, Mapping[str, list[str]]]) -> str:
    """Return a text about as long as what is written of a code; most indicators are a number of a shared list."""
    both = [each for rows in found.values() for each in rows.values()]
    return "".join(values + _ROW + _INDICATORS * (1 + indicators.count("],[")) for values, indicators in both)


def _file(
    codes: list[str],
    rows: Mapping[str, Mapping[str, Mapping[str, list[str]]]],
    sections: Mapping[str, tuple[str, str]],
    texts: Mapping[str, str],
    gone: Mapping[str, Gone],
) -> bytes:
    known: dict[str, int] = {}
    named: dict[tuple[str, str], int] = {}

    def numbered(changed: str) -> str:
        each = [(at, as_text(said)) for at, said in json.loads(f"[{changed}]") if said]
        return ",".join(f"[{at},{known.setdefault(said, len(known))}]" for at, said in each)

    def row(both: list[str]) -> str:
        return f'{{"v":[{both[0]}],"i":[{numbered(both[1])}]}}'

    def code(one: str) -> str:
        lines = (
            f'"{line}":{{' + ",".join(f'"{modifier}":{row(both)}' for modifier, both in found.items()) + "}"
            for line, found in rows[one].items()
        )
        text = f'"t":{as_text(texts[one])},' if texts.get(one) else ""
        text += f'"g":{as_text(gone[one])},' if one in gone else ""
        section = named.setdefault(sections[one], len(named))
        return f'"{one}":{{"s":{section},{text}"rows":{{{",".join(lines)}}}}}'

    each = ",\n".join(code(one) for one in codes)
    return (f'{{"codes":{{\n{each}}},\n"indicators":[{",".join(known)}],"sections":{as_text(list(named))}}}\n').encode()


def gone_codes(version: Version, only: str | None = None) -> dict[str, Gone]:
    """Return of codes that a release in force lacks after one that had them what appeared in their subsection then."""
    if not any(resource.table == EVENTS for resource in version.resources):
        return {}
    rows = version.scan(EVENTS).filter(pl.col("appeared_when_gone").is_not_null(), modifier="", event="gone")
    told = (rows.filter(hcpcs=only) if only else rows).collect()
    found: dict[str, Gone] = {}
    for code, *said in told.select("hcpcs", "release", "appeared_when_gone", "appeared_when_gone_count").iter_rows():
        found.setdefault(code, []).append(said)
    return found
