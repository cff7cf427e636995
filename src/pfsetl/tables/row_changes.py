"""What changed between two states of a table: rows added, removed and changed, and in which columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from pfsetl.declared import contracts, declarations
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.tables.key_order import in_words

FIRST = 5  # changed rows that are named of each column; the tables have them all
PART_ROWS = 50_000  # measured: larger parts take as long and more memory
WHOLE_ROW = ""
EVERYONE = "all"  # the participant of releases with one conversion factor
MEASURES = {"work_rvu": "rvu", "nonfacility_payment": "payment_national"}
_OF_THE_RELEASE = ("release", "conversion_factor")  # the same on every row of a release, so not a change of a code


@dataclass(frozen=True, slots=True)
class Changes:
    """Numbers of rows added, removed and changed, and of changed cells by column.

    `first` names up to `FIRST` rows of each changed column, `first_added` and `first_removed` of those that came and
    went: by code (`G0101-26`) or place (`CA/18`), and what else tells them apart.
    """

    added: int
    removed: int
    changed: int
    columns: Mapping[str, int]
    first: Mapping[str, tuple[str, ...]]
    first_added: tuple[str, ...]
    first_removed: tuple[str, ...]


def counted(old: pl.LazyFrame, new: pl.LazyFrame, key: Sequence[str]) -> Changes:
    """Count what changed between two states of a table with this key, over the columns that both have.

    A large table is compared in parts by code, so memory doesn't grow with its rows.
    """
    there = set(old.collect_schema())
    columns = [c for c in new.collect_schema() if c in there and c not in key]
    added = removed = changed = 0
    cells = dict.fromkeys(columns, 0)
    first: dict[str, list[str]] = {c: [] for c in columns}
    came: list[str] = []
    went: list[str] = []
    for part in _parts(old, new, key):
        before, after = (f.filter(part).select(*key, *columns).collect() for f in (old, new))
        before, after, less, more = _aligned(before, after, key)
        added, removed = added + more.height, removed + less.height
        differing = {c: before[c].ne_missing(after[c]) for c in columns}
        changed += int(reduce(or_, differing.values()).sum()) if differing else 0
        cells = {c: n + int(differing[c].sum()) for c, n in cells.items()}
        came, went = _more(came, more, key), _more(went, less, key)
        first = {c: _more(named, after.filter(differing[c]), key) for c, named in first.items()}
    counts = {c: n for c, n in cells.items() if n}
    return Changes(added, removed, changed, counts, {c: tuple(first[c]) for c in counts}, tuple(came), tuple(went))


def release_changes(earlier: Mapping[str, pl.DataFrame] | None, now: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Return the table `release_changes`: every cell of `rvu` that differs from the previous release, as text.

    A row that is there in one of them only is one row, its `column` empty. Participants are paired by
    `schemas/participants.csv`; one without a counterpart in the previous release isn't compared.
    """
    import numpy as np

    table, new = contracts.load().tables["release_changes"], now["rvu"]
    old = earlier["rvu"] if earlier else None
    if old is None or old.is_empty() or new.is_empty():
        return table.empty()
    named = {"release": new["release"][0], "previous_release": old["release"][0]}
    releases = {column: pl.lit(label, pl.Enum([label])) for column, label in named.items()}
    key = [c for c in contracts.load().tables["rvu"].key if c != "release"]
    columns = [c for c in new.columns if c in old.columns and c not in (*key, *_OF_THE_RELEASE)]
    pairs = paired(old["participant"].unique(), new["participant"].unique())
    before, after = (frame.collect() for frame in with_pairs(old.lazy(), new.lazy(), pairs))
    before, after, less, more = _aligned(before, after, key)
    rows = pl.concat(frame.select(key) for frame in (after, more, less))
    alone = pl.Series(np.arange(after.height, rows.height))
    empty = pl.Series([None], dtype=pl.String).new_from_index(0, len(alone))
    cells = [*_cells(before.select(columns), after.select(columns)), (WHOLE_ROW, alone, empty, empty)]
    labels, places, olds, news = map(list, zip(*cells, strict=True))
    # NOTE: text that is numbers of sorted words is put in order, checked and written for half as much.
    changed = sum(map(len, places)) - len(alone)
    told = {
        "change": _repeated({"changed": changed, "added": more.height, "removed": less.height}),
        "column": _repeated(dict(zip(labels, map(len, places), strict=True))),
        "old": pl.concat(olds),
        "new": pl.concat(news),
    }
    whose: pl.DataFrame = in_words(rows)[pl.concat(places)]
    return whose.with_columns(**told, **releases).select(table.schema.names())


def _repeated(words: Mapping[str, int]) -> pl.Series:
    """Return each word as often as it's asked for, as an Enum of all of them, sorted."""
    import numpy as np

    return pl.Series([*words], dtype=pl.Enum(sorted(words)))[np.repeat(np.arange(len(words)), [*words.values()])]


def _cells(before: pl.DataFrame, after: pl.DataFrame) -> Iterator[tuple[str, pl.Series, pl.Series, pl.Series]]:
    """Yield each column, the rows in which two states of as many rows differ there, and both values as text."""
    import numpy as np

    beside = before.hstack(after.rename(lambda name: f"{name} after"))
    differs = beside.select(pl.col(c).ne_missing(pl.col(f"{c} after")) for c in before.columns)
    for column in differs.iter_columns():
        at = pl.Series(np.flatnonzero(column.to_numpy()))
        old, new = (frame[column.name][at].cast(pl.String) for frame in (before, after))
        yield column.name, at, old, new


def paired(old: Sequence[str] | pl.Series, new: Sequence[str] | pl.Series) -> dict[str, str]:
    """Return with which participant of an old state each one of a new state is compared.

    That is the one of its own name, or by `schemas/participants.csv` the one that it continues or that continues it;
    a participant without a counterpart is left out.

    >>> paired(["all"], ["non_qp", "qp"]), paired(["non_qp", "qp"], ["all"]), paired(["qp"], ["qp"])
    ({'non_qp': 'all'}, {'all': 'non_qp'}, {'qp': 'qp'})
    """
    continues = {r.participant: r.continues for r in declarations.rows(PARTICIPANTS) if r.continues}
    either = continues | {earlier: later for later, earlier in continues.items()}
    pairs = {p: p if p in old else either.get(p, "") for p in sorted(new)}
    return {mine: other for mine, other in pairs.items() if other in old}


def followed(old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    """Return whose row of an earlier release each participant's is held against.

    That is its own, or by `schemas/participants.csv` that of the one it continues or follows: `all` for both of 2026,
    since until then qualifying participants were paid as everybody was.

    >>> followed(["all"], ["non_qp", "qp"]), followed(["non_qp", "qp"], ["non_qp", "qp"])
    ({'non_qp': 'all', 'qp': 'all'}, {'non_qp': 'non_qp', 'qp': 'qp'})
    """
    old, new = list(old), list(new)
    follows = {r.participant: r.follows for r in declarations.rows(PARTICIPANTS) if r.follows}
    return {p: follows[p] for p in new if follows.get(p) in old} | paired(old, new)


def with_pairs(old: pl.LazyFrame, new: pl.LazyFrame, pairs: Mapping[str, str]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Return both states with paired participants alone, under the names of the new one."""
    mine, others = list(pairs), list(pairs.values())
    participant = pl.col("participant")
    renamed = participant.replace(others, mine)
    return (old.filter(participant.is_in(others)).with_columns(renamed), new.filter(participant.is_in(mine)))


def movers(old: pl.DataFrame, new: pl.DataFrame, measure: str, top: int) -> pl.DataFrame:
    """Return the rows of each section whose measure moved most, up or down: old, new, change, percent.

    Both frames have participant, hcpcs, modifier and the measure, `new` also section; a row without a value on one
    side hasn't moved. Percent is null where the old value is 0.
    """
    key = ["participant", "hcpcs", "modifier"]
    both = new.join(old.select(*key, old=measure), on=key).rename({measure: "new"}).drop_nulls(["old", "new"])
    change = pl.col("new") - pl.col("old")
    percent = pl.when(pl.col("old") != 0).then(100 * change.cast(pl.Float64) / pl.col("old").cast(pl.Float64))
    moved = both.filter(pl.col("new") != pl.col("old")).with_columns(change=change, percent=percent.round(1))
    order = [pl.col("section"), pl.col("change").abs(), *map(pl.col, key)]
    ordered = moved.sort(order, descending=[False, True, False, False, False], nulls_last=True)
    picked = ordered.group_by("section", maintain_order=True).head(top)
    return picked.select(measure=pl.lit(measure), **{c: pl.col(c) for c in ("section", *key, "old", "new")}).hstack(
        picked.select("change", "percent")
    )


def _more(named: list[str], rows: pl.DataFrame, key: Sequence[str]) -> list[str]:
    wanted = rows.select(key).head(FIRST - len(named)) if len(named) < FIRST else rows.clear()
    return [*named, *map(_named, wanted.iter_rows(named=True))]


def _named(row: Mapping[str, object]) -> str:
    """Return how a row is called: its code with the modifier, its place, and what else tells it apart.

    >>> _named({"participant": "qp", "hcpcs": "G0101", "modifier": "26", "state": "CA", "locality": "18"})
    'G0101-26 CA/18 qp'
    """
    told = {name: str(value) for name, value in row.items()}
    code = "-".join(filter(None, (told.pop("hcpcs", ""), told.pop("modifier", ""))))
    place = "/".join(filter(None, (told.pop("state", ""), told.pop("locality", ""))))
    whose = told.pop("participant", "")
    return " ".join(filter(None, (code, place, *told.values(), whose if whose != EVERYONE else "")))


def _parts(old: pl.LazyFrame, new: pl.LazyFrame, key: Sequence[str]) -> Iterator[pl.Expr]:
    """Yield conditions on `hcpcs` that cut two tables into parts of about PART_ROWS rows; one that is true if small."""
    total = max(f.select(pl.len()).collect().item() for f in (old, new))
    if total <= PART_ROWS or "hcpcs" not in key:
        yield pl.lit(value=True)
        return
    codes = pl.concat(f.group_by("hcpcs").len() for f in (old, new)).group_by("hcpcs").agg(pl.max("len")).sort("hcpcs")
    parts = codes.select("hcpcs", part=pl.col("len").cum_sum() // PART_ROWS).group_by("part", maintain_order=True)
    for first, last in (
        parts.agg(pl.first("hcpcs").alias("first"), pl.last("hcpcs").alias("last"))
        .collect()
        .select("first", "last")
        .iter_rows()
    ):
        yield pl.col("hcpcs").is_between(pl.lit(first), pl.lit(last))


def _aligned(
    old: pl.DataFrame, new: pl.DataFrame, key: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return the rows that both have, in the same order, then those of the old and of the new alone."""
    if old.select(key).equals(new.select(key)):
        return old, new, old.clear(), new.clear()
    mine, others = (f.select(pl.concat_str(key, separator="\0")).to_series() for f in (old, new))
    in_new, in_old = mine.is_in(others.implode()), others.is_in(mine.implode())
    both = old.filter(in_new), new.filter(in_old)
    if not both[0].select(key).equals(both[1].select(key)):
        both = (both[0].sort(key), both[1].sort(key))
    return *both, old.filter(~in_new), new.filter(~in_old)
