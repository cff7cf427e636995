"""All data files of a site, cut from one published version: the same bytes whenever it's made of the same version."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from pfsetl.declared import calendar, contracts
from pfsetl.errors import UsageError
from pfsetl.publication.published import labels_in_order, published
from pfsetl.publication.version import Version
from pfsetl.site import base, words
from pfsetl.site.beside import beside_files, first_days, in_part, lacks, on_telehealth_list
from pfsetl.site.codes import code_files, gone_codes
from pfsetl.site.comparison import section_files
from pfsetl.site.edits import edit_files
from pfsetl.site.files import checksum, encoded
from pfsetl.site.lines import line_files
from pfsetl.site.movements import movements
from pfsetl.site.places import place_files
from pfsetl.site.release import release_facts
from pfsetl.site.search import search_files
from pfsetl.site.states import states
from pfsetl.site.zips import zip_files

BASE = "base"  # the path under which what the page itself holds is told


def data(
    version: Version,
    code: str | None = None,
    texts: Mapping[str, str] | None = None,
    *,
    licensed: bool = False,
    parquet: str = "",
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of each data file, and at last of `BASE`, which says where all others are.

    With a `code`, only what its page shows: of sections, its own in the newest release. `texts` say what codes are
    called, and `licensed` that some are licensed; `parquet` is the address at which the store's files are, to link to
    them. Raises UsageError for an empty store and one of licensed text.
    """
    order = labels_in_order(published(version))
    if version.classification != contracts.PUBLIC:
        raise UsageError(f"{version.store}: a store of licensed text. Make the site of the store of the tables.")
    called = texts or {}
    told = base.facts(version, order)
    told |= {"lacks": lacks(version), "texts": bool(called), "licensed": licensed, "only": code or ""}
    told["first_days"] = first_days(version, order[-1])
    told |= {"in_part": in_part(version, order[-1]), "telehealth": on_telehealth_list(version, order[-1])}
    told |= {"zips": [], "parquet": parquet.rstrip("/")}
    newest = calendar.formula_day(version.release(order[-1]))
    kinds: dict[str, Iterator[tuple[str, bytes]]] = {
        "codes": code_files(
            lambda number: _rows(version, order[number], code), len(order), called, gone_codes(version, code)
        ),
        "beside": beside_files(version, order[-1], code),
        "edits": edit_files(version, newest, code),
        "search": search_files(version, order, called, code),
    }
    for kind, files in kinds.items():
        told[kind] = {}
        for prefix, content in files:
            told[kind][prefix] = checksum(content)
            yield f"data/{kind}/{prefix}.json", content
    for one, zips in zip_files(version) if not code else ():
        told["zips"].append(one | {"files": {digit: checksum(content) for digit, content in zips.items()}})
        yield from ((f"data/zips/{one['from']}-{digit}.json", content) for digit, content in zips.items())
    known = {}
    for label, of, content in place_files(version, order):
        known[label] = [of, checksum(content)]
        if of == label:
            yield f"data/places/{label}.json", content
    moved = movements(version)
    for label, entry in zip(order, told["releases"], strict=True):
        entry["places"] = known[label]
        made = list(_release(version, label, moved.get(label), code, newest=label == order[-1]))
        entry["file"] = checksum(made[-1][1])
        yield from made
    for name, content in (("words", encoded(words.words())), ("known", encoded(base.known()))):
        told[name] = checksum(content)
        yield f"data/{name}.json", content
    yield BASE, encoded(told)


def _rows(version: Version, label: str, code: str | None) -> pl.DataFrame:
    rows = version.scan("rvu", label)
    return states((rows.filter(hcpcs=code) if code else rows).collect(), version.release(label))


def _release(
    version: Version, label: str, changes: Mapping[str, Any] | None, code: str | None, *, newest: bool
) -> Iterator[tuple[str, bytes]]:
    sections: dict[str, dict[str, list[Any]]] = {}
    for participant, section, content in section_files(version, label, code) if newest or not code else ():
        name = f"data/sections/{label}/{participant}-{_slug(section)}.json"
        sections.setdefault(participant, {})[section] = [name, checksum(content)]
        yield name, content
    lines = {}
    for prefix, content in line_files(version, label, code):
        lines[prefix] = checksum(content)
        yield f"data/lines/{label}/{prefix}.json", content
    yield f"data/releases/{label}.json", encoded(release_facts(version, label, changes, sections, lines))


def _slug(text: str) -> str:
    """Return a name of a file for a section.

    >>> _slug("Evaluation and Management")
    'evaluation-and-management'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
