"""Anesthesia factors held against their formula: one weighted mean of the indices, the same for every locality."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from pfsetl.checks import work_index
from pfsetl.checks.check import Finding
from pfsetl.checks.judgement import EXAMPLES, INDICES, PLACE, Agreement, Judged, judged, stopping
from pfsetl.declared import calendar, registry
from pfsetl.declared.registry import Release

_FEWEST = 30
_NEAR = 0.002  # dollars; an error below it weighs no less
_ROUNDS = 12  # of reweighting; the fit of every archive at hand is stable after 8


def anesthesia(tables: Mapping[str, pl.DataFrame], release: Release) -> list[Judged]:
    """Hold each locality's anesthesia factor against its formula: one weighted mean of the indices for all localities.

    A locality's factor is the national one times (work share x work index + ...), the shares the same everywhere; they
    aren't published, so they are fitted, robustly, from the release's own localities (CMS's factors of 14 releases).
    """
    found = (_anesthesia(one, tables, release) for one in tables["anesthesia"].partition_by("participant"))
    return [one for one in found if one is not None]


def _anesthesia(factors: pl.DataFrame, tables: Mapping[str, pl.DataFrame], release: Release) -> Judged | None:
    fits = [fit for gpci in work_index.printed(tables["gpci"]) if (fit := _fitted(factors, gpci))]
    if not fits:
        return None
    shares, rows = min(fits, key=lambda fit: float(fit[1]["off"].sum()))
    participant = factors["participant"][0]
    whose = "" if participant == "all" else f" ({participant})"
    off = rows.filter(pl.col("off") > _bound("anesthesia_off_by")).sort("off", *PLACE, descending=[True, False, False])
    bound = _bound("anesthesia_far_off_by")
    far = rows.filter(pl.col("off") > bound).height
    examples = tuple(
        f"{row['state']}/{row['locality']} {row['conversion_factor']:.4f}, by the formula {row['expected']:.4f}"
        for row in off.head(EXAMPLES).iter_rows(named=True)
    )
    told = Agreement("anesthesia", f"factors{whose} by their formula", rows.height, rows.height - off.height, examples)
    said = f"{off.height} of {rows.height} anesthesia factors{whose} don't follow from the archive's indices"
    remedy = f"{far} are off by more than ${bound:.2f}, as when one of the two members is of another release"
    most = registry.thresholds()["anesthesia_far_off_at_most"]
    crossed = most if far > most.value * rows.height else None
    if crossed and (raised := _fitted(factors, work_index.raised(tables["gpci"]))):
        still_far = raised[1].filter(pl.col("off") > bound).height
        if still_far <= most.value * rows.height:
            remedy += "; they follow from the work index raised to its floor, which these indices aren't"
    agreement, findings = judged(told, release, f"formula_{participant}", said, remedy, crossed)
    apart = off.filter(pl.col("off") > _bound("anesthesia_of_a_locality_off_at_most"))
    if not crossed:
        findings.append(_apart(apart.height, examples, whose, f"apart_{participant}", release))
        findings.append(_in_order(shares, whose, f"shares_{participant}", release))
    return agreement, findings + _national(sum(shares), participant, tables["rvu"], release)


def _fitted(factors: pl.DataFrame, gpci: pl.DataFrame) -> tuple[list[float], pl.DataFrame] | None:
    """Return the shares that fit, and each locality with its factor by them; None for too few localities or no fit."""
    number = (pl.col(name).cast(pl.Float64) for name in (*INDICES, "conversion_factor"))
    rows = factors.join(gpci.select(*PLACE, *INDICES), on=PLACE).select(*PLACE, *number)
    values = [row[len(PLACE) :] for row in rows.rows()]
    # NOTE: from a few localities, as a sample has, the shares can't be told apart from the errors.
    shares = fitted_shares(values) if len(values) >= _FEWEST else None
    if shares is None:
        return None
    rows = rows.with_columns(expected=pl.Series([weighed(row, shares) for row in values], dtype=pl.Float64))
    return shares, rows.with_columns(off=(pl.col("conversion_factor") - pl.col("expected")).abs())


def _apart(count: int, examples: tuple[str, ...], whose: str, check: str, release: Release) -> Finding:
    """Say how many localities have a factor farther from the formula than CMS ever printed one."""
    most = registry.thresholds()["anesthesia_of_a_locality_off_at_most"]
    stops = count > 0 and stopping(most, release, "anesthesia")
    return Finding(
        "anesthesia", check, "error" if stops else "warn",
        f"{count} anesthesia factor(s){whose} are more than ${most.value:.2f} from their formula, as when a locality's "
        "indices or its factor are of another release or damaged",
        count * stops, examples[:count], counted=True,
    )  # fmt: skip


def _in_order(shares: Sequence[float], whose: str, check: str, release: Release) -> Finding:
    """Say whether work weighs most and malpractice least: shares that are fitted hide columns that are swapped."""
    least = registry.thresholds()["anesthesia_share_over_the_next_at_least"]
    odd = any(one < least.value * following for one, following in pairwise(shares))
    fitted = ", ".join(f"{share / sum(shares):.0%}" for share in shares)
    return Finding(
        "anesthesia", check, "error" if odd and stopping(least, release, "anesthesia") else "warn",
        f"by the anesthesia factors{whose} the indices of work, practice expense and malpractice weigh {fitted}; of "
        "CMS's work weighs most and malpractice least, so columns of the indices are swapped where it's otherwise",
        int(odd),
    )  # fmt: skip


def _national(fitted: float, participant: str, rvu: pl.DataFrame, release: Release) -> list[Finding]:
    """Hold the fitted national anesthesia factor against the conversion factor, and the one known to be paid."""
    own = (pl.col("participant") == participant) & (pl.col("conversion_factor") > 0)
    paid = rvu.filter(own)["conversion_factor"].cast(pl.Float64)
    if paid.is_empty():
        return []
    ratio = fitted / paid[0]
    least, most = _bound("anesthesia_ratio_at_least"), _bound("anesthesia_ratio_at_most")
    known = calendar.anesthesia_factor(release, participant)
    odd = known is not None and abs(fitted - known) > _bound("anesthesia_national_off_by")
    return [
        Finding(
            "anesthesia", f"ratio_{participant}", "warn",
            f"the national anesthesia factor, {fitted:.4f} by the factors of the localities, is {ratio:.3f} of the "
            f"conversion factor {paid[0]}; CMS's are {least} to {most}",
            int(not least <= ratio <= most),
        ),
        Finding(
            "anesthesia", f"known_factor_{participant}", "warn",
            f"the national anesthesia factor is {fitted:.4f} by the factors of the localities; {known} was paid "
            "(conversion_factors.csv)",
            int(odd),
        ),
    ]  # fmt: skip


def fitted_shares(rows: Sequence[Sequence[float]]) -> list[float] | None:
    """Return the weights whose sum fits the last value of each row with the least absolute error; None without a fit.

    Iteratively reweighted least squares: a few wrong rows don't move it, so that they stand out.
    """
    size = len(rows[0]) - 1
    weights = [1.0] * len(rows)
    shares: list[float] | None = None
    for _ in range(_ROUNDS):
        sums = [[0.0] * (size + 1) for _ in range(size)]
        for weight, row in zip(weights, rows, strict=True):
            for at in range(size):
                weighted = weight * row[at]
                line = sums[at]
                for other, value in enumerate(row):
                    line[other] += weighted * value
        solved = _solved(sums)
        if solved is None:
            return shares
        shares = solved
        weights = [1 / max(abs(row[-1] - weighed(row, shares)), _NEAR) for row in rows]
    return shares


def weighed(row: Sequence[float], shares: Sequence[float]) -> float:
    """Return the sum of a row's values, each times its weight."""
    return sum(value * share for value, share in zip(row, shares, strict=False))


def _solved(matrix: list[list[float]]) -> list[float] | None:
    """Solve linear equations given as rows of coefficients and right side; None when they have no single solution."""
    size = len(matrix)
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(matrix[row][at]))
        matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
        if abs(matrix[at][at]) < 1e-9:
            return None
        for row in range(size):
            if row != at:
                times = matrix[row][at] / matrix[at][at]
                matrix[row] = [x - times * y for x, y in zip(matrix[row], matrix[at], strict=True)]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


def _bound(name: str) -> float:
    return registry.thresholds()[name].value
