"""Which kind of file of rates one is, by what is in it, and the rates in it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pfsetl.errors import UsageError
from pfsetl.payers import hospital_csv, hospital_json, in_network, json_file, rate_csv, text, writing
from pfsetl.payers import providers as whose
from pfsetl.payers.compare import Judge
from pfsetl.payers.opening import RatesFile
from pfsetl.payers.rate import Rate, RatedService
from pfsetl.payers.spool import Spool
from pfsetl.payers.told import OTHER_CODE, Told
from pfsetl.publication.parquet import ahead

IN_NETWORK, HOSPITAL_JSON, HOSPITAL_CSV, CSV = "in-network", "hospital json", "hospital csv", "csv"
_KINDS = {IN_NETWORK: in_network.KNOWN, HOSPITAL_JSON: hospital_json.KNOWN}
_RECORDS = in_network.RECORDS | hospital_json.RECORDS


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rates of a file are wanted: of these codes and providers, or of all."""

    codes: Collection[str] = ()
    npis: Collection[str] = ()
    tins: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """The rates of a file as they come; the rest is asked when all are read.

    `fill` writes them; then `services` gives services the codes, and `contracts` rates the payer, that stood after
    them; `judged` tells of providers, None where a file knows none.
    """

    fill: Callable[[Spool], None]
    services: Callable[[Sequence[RatedService]], list[RatedService]] = list
    contracts: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame
    judged: Judge | None = None


@contextmanager
def reading(file: RatesFile, told: Told, asked: Wanted, providers: Path | None = None) -> Iterator[Reading]:
    """Read the rates of a file that are wanted; the provider groups it names are written to `providers`.

    Raises UsageError for a file that isn't of rates, and for providers asked of a file that names none.
    """
    if file.form == "csv":
        lines = text.rows(file, told)
        first = next(lines, (1, [""]))[1]
        if hospital_csv.is_hospital(first):
            told.form, rates = HOSPITAL_CSV, hospital_csv.rates(file, first, lines, told)
        else:
            told.form, rates = CSV, rate_csv.rates(file, first, lines, told)
    else:
        whole = json_file.members(file, in_network.STREAMED, _RECORDS)
        told.form, members = json_file.kind_of(file, whole, _KINDS)
        if told.form == IN_NETWORK:
            yield from _in_network(file, members, told, asked, providers)
            return
        rates = hospital_json.rates(members, told)
    if asked.npis or asked.tins:
        raise UsageError(f"{file.path}: only in-network files say whose rates they are. Leave --npi and --tin out.")
    wanted = (one for one in rates if _is_wanted(one, asked.codes, told))
    yield Reading(lambda spool: spool.take(wanted))


def _in_network(
    file: RatesFile, members: json_file.Members, told: Told, asked: Wanted, providers: Path | None
) -> Iterator[Reading]:
    if providers is None:
        raise UsageError(f"{file.path}: an in-network file. Give your own rates as a CSV.")
    with writing.written(providers, whose.SCHEMA) as write:
        groups = whose.Providers(write, told, asked.npis, asked.tins)
        found = in_network.InNetwork(file.path, ahead(members), told, asked.codes, groups)
        yield Reading(found.fill, found.services, found.contracts, groups.judged)
        groups.finish()
        groups.say()


def _is_wanted(rate: Rate, codes: Collection[str], told: Told) -> bool:
    if not codes or rate.service.code in codes:
        return True
    told.leave_out(OTHER_CODE)
    return False
