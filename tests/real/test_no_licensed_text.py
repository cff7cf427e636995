"""No text of CMS's that is licensed is in the Parquet of any release at hand."""

from dataclasses import replace

import polars as pl
import pytest

from pfsetl.declared import registry
from pfsetl.parsing.parse import parse
from pfsetl.parsing.read import read
from pfsetl.source.archive import open_archive
from pfsetl.tables.descriptors import descriptor
from tests.kinds import Built
from tests.licensed_text import OWN_CODE, lower_case, occurring, texts
from tests.real.test_releases import RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_no_published_text_is_or_could_be_a_descriptor(release, built: Built, release_path):
    found = list(texts(built(release), release))
    assert lower_case(found) == []
    archive = open_archive(release_path(release))
    pprrvu = replace(archive, files=tuple(file for file in archive.files if file.member == "pprrvu"))
    described = descriptor([parse(raw) for raw in read(pprrvu)], registry.find(release))
    own = described.filter(pl.col("hcpcs").str.contains(OWN_CODE)).select("hcpcs", text="description").unique()
    said = built(release).scan("code_text", release).select("hcpcs", "text").collect()
    assert said.join(own, on=["hcpcs", "text"], how="anti").is_empty()  # the words of this code, not of another
    known = described["description"].drop_nulls().unique().to_list()
    assert len(known) > 10_000
    if places := {(table, column) for table, column, _ in occurring(found, known)}:
        pytest.fail(f"descriptors in {sorted(places)}", pytrace=False)  # a report must not print them
