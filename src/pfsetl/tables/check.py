"""Check the tables of a release against the contract: structure, keys, and the rules written there as SQL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pfsetl.declared import contracts, declarations
from pfsetl.declared.contracts import Contract, Rule, Table
from pfsetl.errors import ChecksFailed

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; `violations` is 0 when it holds, `examples` are keys of offending rows."""

    table: str
    check: str
    severity: str
    description: str
    violations: int
    examples: tuple[str, ...] = ()


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

    def raise_if_bad(self) -> "Report":
        """Return the report, or raise ChecksFailed telling what is broken, where, and what to do."""
        if not self.errors:
            return self
        lines = [
            f"{self.release}: {f.table}: {f.description.rstrip('.')} - {f.violations:,} rows break this"
            + (f", e.g. {'; '.join(f.examples)}" if f.examples else "")
            for f in self.errors
        ]
        raise ChecksFailed(
            "\n".join(lines) + "\nNothing was published. Get a corrected archive; if CMS really publishes this, "
            "change the rule or its severity in schemas/pfs.odcs.yaml."
        )


def check(
    release: str,
    tables: Mapping[str, pl.DataFrame],
    contract: Contract,
    beside: Mapping[str, pl.DataFrame] | None = None,
) -> Report:
    """Run every check of the contract over the tables of one release.

    Rules may also name CMS's code lists (`code_status`, ...) and the table `neighbour`, given in `beside`.
    """
    nothing = pl.DataFrame(schema={"release": pl.String, "rows": pl.Int64})
    context = pl.SQLContext(frames={"neighbour": nothing, **(beside or {}), **tables})
    context.register_many({f"code_{name}": codes for name, codes in declarations.code_lists().items()})
    findings: list[Finding] = []
    for name, frame in tables.items():
        table = contract.tables[name]
        findings += _structure(frame, table)
        findings += [_rule(rule, table, context) for rule in table.rules]
    return Report(release, tuple(findings))


def against_neighbour(release: str, rvu: pl.DataFrame, neighbour: pl.DataFrame) -> Report:
    """Run only the rules that hold a release's `rvu` against its nearest earlier release."""
    table = contracts.load().tables["rvu"]
    context = pl.SQLContext(frames={"rvu": rvu, "neighbour": neighbour})
    rules = (rule for rule in table.rules if "neighbour" in rule.query)
    return Report(release, tuple(_rule(rule, table, context) for rule in rules))


def _structure(frame: pl.DataFrame, table: Table) -> list[Finding]:
    required = [c.name for c in table.columns if not c.nullable]
    missing = frame.filter(pl.any_horizontal(pl.col(required).is_null()))
    doubled = frame.filter(frame.select(table.key).is_duplicated())
    return [
        Finding(
            table.name,
            "required",
            "error",
            "a column that must have a value is null",
            missing.height,
            _examples(missing, table),
        ),
        Finding(table.name, "key", "error", "the key must be unique", doubled.height, _examples(doubled, table)),
    ]


def _rule(rule: Rule, table: Table, context: pl.SQLContext[pl.LazyFrame]) -> Finding:
    violations = int(context.execute(rule.query).collect().item())
    examples: tuple[str, ...] = ()
    listing, replaced = re.subn(r"^\s*SELECT COUNT\(\*\)[^,]*? FROM ", "SELECT * FROM ", rule.query, flags=re.I)
    if violations and replaced:
        examples = _examples(context.execute(f"{listing} LIMIT {EXAMPLES}").collect(), table)
    return Finding(table.name, rule.name, rule.severity, rule.description, violations, examples)


def _examples(rows: pl.DataFrame, table: Table) -> tuple[str, ...]:
    shown = [c for c in rows.columns if c in table.key and c != "release"] or rows.columns[:4]
    return tuple(
        " ".join(str(value) for value in row if value != "") for row in rows.head(EXAMPLES).select(shown).rows()
    )
