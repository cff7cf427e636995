"""Which kind of file of rates one is, by what is in it, and the rates in it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pfsetl.payers import rate_csv, text
from pfsetl.payers.compare import Judge
from pfsetl.payers.opening import Opened
from pfsetl.payers.rate import Rate, Service
from pfsetl.payers.told import Told

OTHER = "of another code"


@dataclass(frozen=True, slots=True)
class Reading:
    """The rates of a file as they come; what is known of their providers when they are all read, None without any."""

    rates: Iterator[Rate]
    judged: Judge | None = None

    def services(self, named: Sequence[Service]) -> list[Service]:
        """Return services with the codes that stood after their rates."""
        return list(named)


@contextmanager
def reading(
    file: Opened,
    told: Told,
    codes: Collection[str] = (),
) -> Iterator[Reading]:
    """Read rates of some codes, or of all; raises UsageError for a file that isn't of rates."""
    lines = text.rows(file)
    told.form = "csv"
    rates = rate_csv.rates(file, lines, told)
    yield Reading(one for one in rates if _is_wanted(one, codes, told))


def _is_wanted(rate: Rate, codes: Collection[str], told: Told) -> bool:
    if not codes or rate.service.code in codes:
        return True
    told.left_out[OTHER] += 1
    return False
