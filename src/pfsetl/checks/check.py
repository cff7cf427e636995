"""Check the tables of a release against the contract: structure, keys, and the rules written there as SQL."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from pfsetl.checks import violations
from pfsetl.declared import contracts, corrections, declarations
from pfsetl.declared.contracts import Contract, Rule, Table
from pfsetl.errors import ChecksFailed
from pfsetl.plural import count

EXAMPLES = 3
FEW_ROWS = 2_000
WHOLE = "completeness"  # the dimension of the checks that ask whether a release is whole
NEIGHBOUR = {"release": pl.String, "participant": pl.String, "rows": pl.Int64}


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `violations` is 0 when it holds, `examples` are keys of offending rows.

    `dimension` is that of the contract's rule; a broken check of `completeness` can be accepted as a loss.
    `counted` says that the description has the count already.
    """

    table: str
    check: str
    severity: str
    description: str
    violations: int
    examples: tuple[str, ...] = ()
    dimension: str = ""
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one release."""

    release: str
    findings: tuple[Finding, ...]

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Broken checks that don't stop publication; they are listed in the manifest."""
        return tuple(f for f in self.findings if f.violations and f.severity != "error")

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Broken checks that stop publication."""
        return tuple(f for f in self.findings if f.violations and f.severity == "error")

    @property
    def lost(self) -> tuple[Finding, ...]:
        """Broken checks that say what is missing, whether they stop publication or were accepted."""
        return tuple(f for f in self.findings if f.violations and f.dimension == WHOLE)

    def accepting(self, accept: Collection[str]) -> "Report":
        """Return the report with what is accepted as warnings.

        That is what CMS itself published so, by a row of `schemas/corrections.csv` (action `breaks`: the release, the
        table as member, the check as field), and with `loss` the broken checks of completeness.
        """
        reasons = {(row.member, row.field): row.what for row in reversed(corrections.of("breaks", self.release))}

        def accepted(finding: Finding) -> Finding:
            if reason := reasons.get((finding.table, finding.check)):
                return replace(finding, severity="warn", description=f"{finding.description} (CMS: {reason})")
            return replace(finding, severity="warn") if "loss" in accept and finding.dimension == WHOLE else finding

        return replace(self, findings=tuple(map(accepted, self.findings)))

    def raise_if_bad(self, *, of_file: bool = False) -> "Report":
        """Return the report, or raise ChecksFailed telling what is broken, where, and what to do.

        With `of_file` it's about a file that is loaded, not about an archive that is built.
        """
        if not self.errors:
            return self
        lines = [
            f"{self.release}: {f.table}.{f.check}: {f.description.rstrip('.')}"
            + (
                ""
                if f.counted
                else f" - {count(f.violations, 'row')} {'breaks' if f.violations == 1 else 'break'} this"
            )
            + (f", e.g. {'; '.join(f.examples)}" if f.examples else "")
            for f in self.errors
        ]
        if all(f.dimension == WHOLE for f in self.errors):
            remedy = (
                "Get the whole file. If CMS really took this away, load it with --accept-loss, which records what is "
                "missing; a deliberate part is loaded with --sample."
                if of_file
                else "Get the whole archive. If CMS really took this away, build it with --accept-loss, which "
                "publishes the rest and records what is missing; a deliberate part is built with --sample."
            )
            remedy += "".join(
                f" Rows go into {place}." for place in declarations.where(f.description for f in self.errors)
            )
        elif lists := [named for f in self.errors if (named := _list_of(f))]:
            remedy = (
                "Get a corrected archive if these codes are damaged; if CMS has them now, add a row for each to "
                f"{declarations.named(*(f'codes/{name}.csv' for name in dict.fromkeys(lists)))}."
            )
        else:  # what contradicts itself can't be accepted as a loss
            first = next(f for f in self.errors if f.dimension != WHOLE)
            remedy = (
                "Get a corrected archive. If CMS really published it so, a row that says why publishes it with a "
                f"warning: release {self.release}, member {first.table}, field {first.check}, action breaks, in "
                f"{declarations.named('corrections.csv')}."
            )
        done = "loaded" if of_file else "published"
        raise ChecksFailed("\n".join([*lines, f"Nothing was {done}. {remedy}"]))


def check(
    release: str,
    tables: Mapping[str, pl.DataFrame],
    contract: Contract,
    beside: Mapping[str, pl.DataFrame] | None = None,
    *,
    sample: bool = False,
) -> Report:
    """Run every check of the contract over the tables of one release; of a `sample`, not those of completeness.

    Rules may also name CMS's code lists (`code_status`, ...), those of the release's first day (`current_pctc`, ...),
    and the table `neighbour`, given in `beside`.
    """
    absent = {name: table.empty() for name, table in contract.tables.items() if name not in tables}
    structure = [finding for name, frame in tables.items() for finding in _structure(frame, contract.tables[name])]
    asked = [
        (rule, contract.tables[name])
        for name in tables
        for rule in contract.tables[name].rules
        if not (sample and rule.dimension == WHOLE)
    ]
    frames = {"neighbour": pl.DataFrame(schema=NEIGHBOUR), **absent, **(beside or {}), **tables}
    return Report(release, (*structure, *_rules(asked, frames, release)))


def rules_of(frame: pl.DataFrame, table: Table) -> tuple[Finding, ...]:
    """Run the rules of one table, which name no other, over its rows."""
    return _rules([(rule, table) for rule in table.rules], {table.name: frame})


def against_neighbour(release: str, rvu: pl.DataFrame, neighbour: pl.DataFrame) -> Report:
    """Run only the rules that hold a release's `rvu` against its nearest earlier release."""
    table = contracts.load().tables["rvu"]
    asked = [(rule, table) for rule in table.rules if "neighbour" in rule.query]
    return Report(release, _rules(asked, {"rvu": rvu, "neighbour": neighbour}, release))


def _list_of(finding: Finding) -> str | None:
    """Return the list of CMS's codes that a rule holds a column against, e.g. `status`, None for other rules."""
    rules = contracts.load().tables[finding.table].rules if finding.table in contracts.load().tables else ()
    query = next((rule.query for rule in rules if rule.name == finding.check), "")
    found = re.search(r"NOT EXISTS \(SELECT 1 FROM (?:code|listed)_(\w+) WHERE code = ", query)
    return found[1] if found and found[1] in declarations.code_lists() else None


def _structure(frame: pl.DataFrame, table: Table) -> list[Finding]:
    required = [c.name for c in table.columns if not c.nullable]
    lacking = [name for name in required if frame[name].has_nulls()]
    missing = frame.filter(pl.any_horizontal(pl.col(lacking).is_null())) if lacking else frame.clear()
    told = [
        ("required", "a column that must have a value is null", missing),
        ("key", "the key must be unique", _doubled(frame, table.key)),
    ]
    return [
        Finding(table.name, name, "error", meaning, bad.height, _examples(bad.lazy(), table) if bad.height else ())
        for name, meaning, bad in told
    ]


def _doubled(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    # NOTE: in rows in order a look at each row's neighbor tells it, which pays where there are many.
    if frame.height > FEW_ROWS and _rises(frame, key):
        return frame.clear()
    doubled = frame[[*key]].is_duplicated()
    return frame.filter(doubled) if doubled.any() else frame.clear()


def _rises(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Return whether every row's key is larger than that of the row before, so that none is there twice."""
    larger = pl.lit(value=False)
    for column in reversed(key):
        here, before = pl.col(column).slice(1), pl.col(column).slice(0, pl.len() - 1)
        larger = (here > before) | ((here == before) & larger)
    return bool(frame.select(larger.all(ignore_nulls=False)).item())


def _rules(asked: Sequence[tuple[Rule, Table]], frames: violations.Frames, release: str = "") -> tuple[Finding, ...]:
    found = violations.counted([rule for rule, _ in asked], frames, release)
    return tuple(
        Finding(
            table.name, rule.name, rule.severity, rule.description, count,
            () if rows is None else _examples(rows, table), rule.dimension,
        )
        for (rule, table), (count, rows) in zip(asked, found, strict=True)
    )  # fmt: skip


def _examples(rows: pl.LazyFrame, table: Table) -> tuple[str, ...]:
    """Return the first rows in the order of what is shown, the same ones whatever order an engine finds them in."""
    columns = rows.collect_schema().names()
    # NOTE: a rule that has more to show than the key makes a text of it, `example`.
    own = [c for c in columns if c == "example"]
    shown = own or [c for c in columns if c in table.key and c != "release"] or columns[:4]
    found = rows.select(shown).sort(shown).head(EXAMPLES).collect()
    return tuple(" ".join(str(value) for value in row if value != "") for row in found.rows())
