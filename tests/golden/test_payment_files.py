"""Our amounts equal, to the cent, those of the payment files that CMS itself computed and published."""

from functools import cache

import polars as pl
import pytest

from tests.golden import mistakes
from tests.golden.comparison import beside, differing
from tests.golden.mistakes import RIGHT, Mistake, missed, terms
from tests.golden.sources import sources
from tests.kinds import Built

NO_OTHER_INDEX = pl.DataFrame(
    schema={"state": pl.String, "locality": pl.String, "work_gpci_without_floor": pl.Decimal(6, 3)}
)


@pytest.fixture(scope="module")
def compared(oracles, built: Built):
    """Return the one source of a release whose name has some words, with our amount beside each of CMS's."""

    published = list(sources(oracles, {}))

    @cache
    def rows(release: str, words: str) -> pl.DataFrame:
        (source,) = (s for s in published if s.release == release and words in s.what)
        return beside(source.rows, built(release), release)

    return rows


def count_and_differing(rows: pl.DataFrame) -> tuple[int, int]:
    return rows.height, differing(rows).height


@pytest.mark.parametrize(
    ("release", "words", "count"),
    [
        ("RVU25D", "PFREV25D", 1_526),
        ("RVU25C", "PFREV25C", 218),
        ("RVU20A", "Ohio, 2020: fees", 17_954),
        ("RVU20A", "Ohio, 2020: OPPS columns", 1_918),
        ("RVU20A", "Ohio, 2020: therapy column, non-institutional", 51),
        ("RVU20A", "Ohio, 2020: therapy column, institutional", 51),
        ("RVU24A", "PFALL24A, a sample: therapy column", 393),
    ],
)
def test_every_amount_is_ours(compared, release, words, count):
    assert count_and_differing(compared(release, words)) == (count, 0)


def test_34_ohio_fees_need_the_april_release(oracles):
    assert [s.rows.height for s in sources(oracles, {}) if s.release == "RVU20B"] == [34]


# Controls: known mistakes, so that the comparison is seen to find them. The counts of equal amounts are those that
# others measured on PFREV25D with their own code.
@pytest.mark.parametrize(
    ("formula", "hits"),
    [
        (mistakes.once, 1_526),
        (mistakes.products_rounded(2), 60),
        (mistakes.total_rounded, 62),
        (mistakes.factor_rounded, 418),
    ],
)
def test_only_the_formula_rounded_once_gives_what_cms_published(compared, built: Built, formula, hits):
    rows = terms(compared("RVU25D", "PFREV25D"), built("RVU25D"), "RVU25D", NO_OTHER_INDEX)
    assert missed(rows, Mistake("", formula)) == (1_526, 1_526 - hits)


@pytest.mark.parametrize(
    "words", ["Ohio, 2020: fees", "OPPS columns", "column, non-institutional", "Look-Up Tool, limiting"]
)
def test_the_right_formula_of_the_controls_misses_nothing(compared, built: Built, words):
    rows = terms(compared("RVU20A", words), built("RVU20A"), "RVU20A", NO_OTHER_INDEX)
    assert missed(rows, RIGHT) == (rows.height, 0)


def test_a_cent_more_is_found(compared):
    rows = compared("RVU25D", "PFREV25D").with_columns(pl.col("published") + pl.lit("0.01").cast(pl.Decimal(9, 2)))
    assert count_and_differing(rows) == (1_526, 1_526)
