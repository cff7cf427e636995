"""What the fake CMS posts: the index, release pages and zips, in CMS's structure, of synthetic releases."""

import csv
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pfsetl.declared import declarations, registry
from tests import cms_pages as pages
from tests import declared
from tests import synthetic as s
from tests.flows.processes import CmsProcess

HTML = {"type": "text/html; charset=UTF-8"}
LICENCE = {"body": pages.licence("/files/zip/any.zip"), **HTML}


def part(label: str) -> s.Members:
    """Return the members of a small part of a schedule, with a row that only its quarter has."""
    return s.release(label, (*s.CODES, s.of_quarter(label)))


def by_which_parts_are_whole(folder: Path) -> dict[str, str]:
    """Write declarations by which a part counts as a whole schedule, and takes a third of the time; return the
    environment of processes that go by them."""
    none_known = {"rows": "", "localities": "", "note": ""}
    for name, less in (("floors.csv", {"at_least": "0", "source": ""}), ("releases.csv", none_known)):
        with (declarations.folder() / name).open(encoding="utf-8", newline="") as file:
            declared.write(folder, name, *(row | less for row in csv.DictReader(file)))
    return {declarations.VARIABLE: str(folder)}


def zip_path(label: str) -> str:
    """Return the path of a declared release's zip at CMS."""
    path = registry.find_or_infer(label).zip_path
    assert path is not None
    return path


def zip_answer(cms: CmsProcess, data: bytes, **more: Any) -> dict[str, Any]:
    """Return the answer that delivers these bytes, with an ETag of their own."""
    digest = hashlib.sha256(data).hexdigest()
    place = cms.folder / f"{digest[:16]}.zip"
    place.write_bytes(data)
    return {"file": str(place), "etag": f'"{digest[:16]}"', **more}


def post_index(cms: CmsProcess, new: Mapping[str, str] | None = None, **more: Any) -> None:
    """List the declared releases, as CMS does, and new ones by label and address of their pages, on two pages."""
    declared = [pages.Row(r.label, str(r.year), r.page) for r in registry.releases().values() if r.page]
    listed = [*(pages.Row(label, f"20{label[3:5]}", page) for label, page in (new or {}).items()), *reversed(declared)]
    cms.routes[pages.FILES] = [{"body": pages.index(listed[:40], next_href="?page=1"), **HTML, **more}]
    cms.routes[f"{pages.FILES}?page=1"] = [{"body": pages.index(listed[40:]), **HTML}]
    cms.write()


def post_page(cms: CmsProcess, label: str, zip_href: str, page: str | None = None) -> str:
    """Make a release's page that links its zip; return the page's path."""
    path = page or registry.releases()[label].page
    assert path is not None
    cms.answer(path, {"body": pages.release(label, [(zip_href, label)], year=f"20{label[3:5]}"), **HTML})
    return path
