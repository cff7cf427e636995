"""Files to search in: every code of any release, with its status and section in the last release that has it."""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from pfsetl.publication import companions
from pfsetl.publication.version import Version
from pfsetl.site.files import by_prefix, encoded

RBCS = "rbcs"


def search_files(
    version: Version, order: Sequence[str], texts: Mapping[str, str], only: str | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (beginning of the codes, JSON) of each file, of one code alone if it's named.

    A file is `{"sections": [[section, subsection]...], "codes": [[code, status, number of the section, number of the
    last release, text, number of the family]...], "families": [[id, name]...]}`. The text is empty where there is no
    public one; text and family are left out where a code has neither.
    """
    families = _families(version, order[-1])
    last = pl.DataFrame(
        schema={"hcpcs": pl.String, "status": pl.String, "section": pl.String, "subsection": pl.String, "at": pl.Int32}
    )
    for at, label in reversed(list(enumerate(order))):
        rows = version.scan("rvu", label).select(
            "hcpcs", "status", pl.col("section").fill_null(""), pl.col("subsection").fill_null(""), at=pl.lit(at)
        )
        rows = rows.filter(hcpcs=only) if only else rows
        new = rows.unique("hcpcs", keep="first", maintain_order=True).collect()
        last = pl.concat([last, new.join(last, on="hcpcs", how="anti")])
    rows_of = {row[0]: row for row in last.sort("hcpcs").iter_rows()}
    sizes = {code: "-" * (24 + len(texts.get(code, ""))) for code in rows_of}
    for prefix, codes in by_prefix(sizes).items() if sizes else ():
        sections: dict[tuple[str, str], int] = {}
        named: dict[tuple[str, str], int] = {}
        listed = [_listed(rows_of[code], sections, texts.get(code, "")) for code in codes]
        for row, code in zip(listed, codes, strict=True):
            if code in families:
                row.append(named.setdefault(families[code], len(named)))
            elif not row[-1]:
                row.pop()
        told = {"sections": [list(one) for one in sections], "families": [list(one) for one in named], "codes": listed}
        yield prefix, encoded(told) + b"\n"


def _families(version: Version, label: str) -> dict[str, tuple[str, str]]:
    """Return id and name of each code's RBCS family, where the file is loaded."""
    if not companions.loaded(version.store, RBCS):
        return {}
    rows = version.scan(RBCS, label).filter("latest").sort("hcpcs", "rbcs_id")
    names = pl.concat_str(["category_name", "subcategory_name", "family_name"], separator=" ", ignore_nulls=True)
    return {code: (number, name) for code, number, name in rows.select("hcpcs", "rbcs_id", names).collect().iter_rows()}


def _listed(row: tuple[str, str, str, str, int], sections: dict[tuple[str, str], int], text: str) -> list[str | int]:
    code, status, section, subsection, at = row
    return [code, status, sections.setdefault((section, subsection), len(sections)), at, text]
