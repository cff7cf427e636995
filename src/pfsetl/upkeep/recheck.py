"""Run today's checks over what is published, release by release, and say what would be refused now."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from pfsetl.checks import agreement, completeness, unplaced
from pfsetl.checks.check import Report, check
from pfsetl.declared import calendar, contracts, registry
from pfsetl.errors import ContractError, PfsetlError
from pfsetl.plural import count
from pfsetl.publication import neighbours, over_releases
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.source import members

NOT_ASKED = ("payment_locality", "releases")  # a build makes these after its checks


@dataclass(frozen=True, slots=True)
class Held:
    """What today's checks say of a published release: reasons to refuse it, and what couldn't be asked."""

    release: str
    refused: tuple[str, ...]
    notes: tuple[str, ...]


def held(at: Version) -> Iterator[Held]:
    """Hold each release of a version against the checks of a build; one release is in memory at a time."""
    for label in at.releases:
        notes: list[str] = []
        try:
            report = _report(at, label, notes)
            refused = [
                f"{f.table}: {f.description.rstrip('.')} - {count(f.violations, 'row')}"
                + (f", e.g. {'; '.join(f.examples)}" if f.examples else "")
                for f in report.errors
            ]
        except (PfsetlError, pl.exceptions.PolarsError, KeyError) as error:
            refused, told = [], str(error).splitlines()[0]
            told = f"its record lacks {told}" if isinstance(error, KeyError) else told
            notes.append(
                f"can't be held against the rules: {told}. {command('verify', at.store)} says which file is damaged"
            )
        yield Held(label, tuple(refused), tuple(notes))


def _report(at: Version, label: str, notes: list[str]) -> Report:
    release, entry, contract = registry.find_or_infer(label), at.releases[label], contracts.load()
    sample = entry.sample
    tables: dict[str, pl.DataFrame] = {}
    for resource in at.files_of(label):
        name = resource.table
        if name in NOT_ASKED:
            continue
        if name not in contract.tables:
            notes.append(f"{name} is a table this pfsetl doesn't know")
            continue
        try:
            frame = at.scan(name, label).select(list(contract.tables[name].schema)).collect()
            tables[name] = contracts.conform(frame, contract.tables[name])
        except (ContractError, pl.exceptions.ColumnNotFoundError):
            notes.append(f"{name} was published by another contract and lacks columns; its rules weren't asked")
    lacking = contract.tables.keys() - tables.keys()
    asked = {
        name: replace(
            table, rules=tuple(r for r in table.rules if not any(f" {x} " in f" {r.query} " for x in lacking))
        )
        for name, table in contract.tables.items()
    }
    others = {} if sample else {other: r for other, r in at.releases.items() if other != label}
    near = neighbours.rows_before(release, others)
    report = check(label, tables, replace(contract, tables=asked), {"neighbour": near}, sample=sample)
    found = list(report.findings)
    if not lacking - set(NOT_ASKED) - over_releases.makers(contract).keys():
        found += agreement.agreements(tables, release, members.participants(entry.missing))[1]
        if not sample:
            found += completeness.floors(tables, calendar.formula_day(release)) + completeness.known(tables, release)
            found += neighbours.moved(release, tables, at) + neighbours.kept(release, tables, at)
        found = [*unplaced.excused([*found, *unplaced.findings(tables)], tables)]
    else:
        notes.append("checks across tables weren't asked, because tables are lacking")
    return replace(report, findings=tuple(found)).accepting(entry.accepted or ())
