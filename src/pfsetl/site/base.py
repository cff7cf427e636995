"""What every page needs before it knows its code: releases, days, factors as paid, the law, and words."""

from collections.abc import Sequence
from typing import Any

import polars as pl

import pfsetl
from pfsetl.declared import calendar, declarations, quarters, work_floor
from pfsetl.declared.records.archives import PARTICIPANTS
from pfsetl.declared.records.places import STATES
from pfsetl.declared.records.rules import REDUCTIONS
from pfsetl.declared.records.services import STATUS
from pfsetl.pricing.rules import coinsurance_kinds
from pfsetl.publication.version import Version
from pfsetl.tables.exact import scaled

SHARES = ("coinsurance", "sequestration")


def facts(version: Version, order: Sequence[str]) -> dict[str, Any]:
    """Return what a site says of its version and of the calendar, ready to be written as JSON."""
    return {
        "version": version.number,
        "sha256": version.sha256,
        "pfsetl": pfsetl.__version__,
        "releases": [_release(version, label) for label in order],
        "calendar": [[one.release, str(one.first), str(one.last)] for one in calendar.segments()],
        "floor": [
            [str(law.first), str(law.last), str(law.enacted_on), law.act, law.certainty] for law in work_floor.laws()
        ],
        "shares": [
            [
                row.rule,
                row.numerator,
                row.denominator,
                _day(row.from_),
                _day(row.to),
                row.indicator,
                row.source,
                row.setting,
            ]
            for row in sorted(declarations.rows(REDUCTIONS), key=lambda row: -row.priority)
            if row.rule in SHARES and not row.modifier
        ],
        "coinsurance": [
            [kind, first, last, _day(begins), _day(ends)] for kind, first, last, begins, ends in coinsurance_kinds()
        ],
        "statuses": {row.code: row.meaning for row in declarations.rows(STATUS)},
        "participants": {row.participant: row.meaning for row in declarations.rows(PARTICIPANTS)},
        "continues": {row.participant: row.continues for row in declarations.rows(PARTICIPANTS) if row.continues},
        "states": {row.state: row.name.title() for row in declarations.rows(STATES)},
    }


def known() -> list[list[Any]]:
    """Return what tells which release priced a day as it was known on another, for the history of a code."""
    return [
        [release.label, str(first), str(last), str(end), str(since), list(before)]
        for release, first, last, end, since, before in calendar.known_releases()
    ]


def _release(version: Version, label: str) -> dict[str, Any]:
    record, declared = version.releases[label], version.release(label)
    printed = version.scan("conversion_factor", label).select("participant", scaled("conversion_factor")).collect()
    paid = version.scan("release_calendar", label).select(
        "participant",
        pl.col("effective_from").cast(pl.String),
        pl.col("effective_to").cast(pl.String),
        scaled("conversion_factor"),
        "certainty",
    )
    return {
        "label": label,
        "days": [_day(declared.effective_from), _day(declared.effective_to)],
        "quarter": [str(day(declared.year, declared.quarter)) for day in (quarters.first_day, quarters.last_day)],
        "never": declared.never_effective is True,
        "supersedes": declared.supersedes,
        "sample": record.sample,
        "missing": list(record.missing),
        "revision": record.revision,
        "archive": [record.archive.name, record.archive.sha256, record.archive.url],
        "printed": dict(printed.rows()),
        "paid": [list(row) for row in paid.sort("participant", "effective_from").collect().rows()],
    }


def _day(day: object) -> str:
    return str(day) if day else ""
