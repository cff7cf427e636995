"""The command that puts payers' rates beside Medicare's."""

from pathlib import Path

from pfsetl.cli import render, render_benchmark
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output, Several
from pfsetl.errors import UsageError
from pfsetl.payers import benchmark as payers
from pfsetl.publication import version


def benchmark(
    rates: Path,
    out: Path,
    *,
    date: str | None = None,
    locality: str | None = None,
    zip: str | None = None,  # noqa: A002 - the option's name
    code: Several = (),
    npi: Several = (),
    tin: Several = (),
    mine: Path | None = None,
    summary: Path | None = None,
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Put payers' rates beside what Medicare pays: a percentage for each, or the reason why there is none.

    Parameters
    ----------
    rates
        A CSV (code, rate, and optionally modifiers, setting or pos, payer, plan, provider, date, locality), an
        in-network file, or a hospital's standard charges (JSON or CSV); each may be gzipped.
    out
        A new file; .csv or .parquet chooses the format. A summary is written beside it.
    date
        The day that rates are compared on; default today, or the last that the newest release prices.
    locality
        CA/18, a ZIP code (after 'pfsetl load'), or CA/Los Angeles; default the national amount.
    zip
        A ZIP code, the same as --locality with one.
    code
        Only rates of this code; may be given several times.
    npi
        Only rates of this provider in an in-network file; may be given several times.
    tin
        Only rates of this tax number in an in-network file; may be given several times.
    mine
        A CSV of your own rates; the summary says where each lies among the contracts.
    summary
        Where to write the summary; default OUT with -summary in its name.
    at
        A version number; default the newest.
    """
    if zip and locality:
        raise UsageError("--zip and --locality: give one of them.")
    answer = payers.benchmark(
        rates, out, date=date, locality=zip or locality, codes=code, npis=npi, tins=tin, mine=mine,
        summary_out=summary, output=version.open_version(output, at),
    )  # fmt: skip
    if json:
        print(render.as_json(answer))
    else:
        render_benchmark.benchmark(render.console(), answer)
