"""Files of codes: for each code the changes of its rows over the releases, by modifier and participant."""

import json
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from pfsetl.site import states
from pfsetl.site.files import by_prefix

Reader = Callable[[int], pl.DataFrame]  # what the release of this number says of each row
_ROW, _INDICATORS = "-" * 40, "-" * 12  # about what the names around a row, and each change of its indicators, take


def code_files(read: Reader, releases: int, texts: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON) of each file of codes; `texts` are public descriptions of codes.

    A file is `{"indicators": [...], "sections": [...], "codes": {code: {"s": section, "t": text, "rows": {participant:
    {modifier: {"v": [[release, values]...], "i": [[release, number of the indicators]...]}}}}}}`.
    """
    sections: dict[str, tuple[str, str]] = {}
    rows: dict[str, dict[str, dict[str, list[str]]]] = {}
    for changed in states.changes(_said(read, releases, sections)):
        for hcpcs, line, modifier, said in changed.iter_rows():
            rows.setdefault(hcpcs, {}).setdefault(line, {}).setdefault(modifier, []).append(said)
    sized = {code: _sized(found) for code, found in rows.items()}
    for prefix, codes in by_prefix(sized).items():
        yield prefix, _file(codes, rows, sections, texts)


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
) -> bytes:
    known: dict[str, int] = {}
    named: dict[tuple[str, str], int] = {}

    def numbered(changed: str) -> str:
        each = [(at, json.dumps(said, separators=(",", ":"))) for at, said in json.loads(f"[{changed}]") if said]
        return ",".join(f"[{at},{known.setdefault(said, len(known))}]" for at, said in each)

    def row(both: list[str]) -> str:
        return f'{{"v":[{both[0]}],"i":[{numbered(both[1])}]}}'

    def code(one: str) -> str:
        lines = (
            f'"{line}":{{' + ",".join(f'"{modifier}":{row(both)}' for modifier, both in found.items()) + "}"
            for line, found in rows[one].items()
        )
        text = f'"t":{json.dumps(texts[one], ensure_ascii=False)},' if texts.get(one) else ""
        section = named.setdefault(sections[one], len(named))
        return f'"{one}":{{"s":{section},{text}"rows":{{{",".join(lines)}}}}}'

    each = ",\n".join(code(one) for one in codes)
    return (
        f'{{"codes":{{\n{each}}},\n"indicators":[{",".join(known)}],'
        f'"sections":{json.dumps(list(named), separators=(",", ":"), ensure_ascii=False)}}}\n'
    ).encode()
