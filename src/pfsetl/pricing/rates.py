"""What services are priced from: their release, place, and the rows of their code, each found once for many lines."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from threading import Lock

from pfsetl.declared import calendar
from pfsetl.declared.registry import Release
from pfsetl.errors import UsageError
from pfsetl.pricing import floor, lookup
from pfsetl.pricing.factors import Factors, Listed, factors_on, listed
from pfsetl.pricing.floor import WorkIndex
from pfsetl.pricing.loaded import Loaded, of_store
from pfsetl.pricing.place import Place, find_place, goes_by_day
from pfsetl.pricing.rows import Row, by_code, read
from pfsetl.pricing.service import Service
from pfsetl.publication.version import Version

MOST_CODES = 40_000  # whose rows are kept for what is asked next; a release has some 16,000


@dataclass(frozen=True, slots=True)
class Asked:
    """One service with what prices it; `loaded` tells which companion file holds on a day."""

    service: Service
    release: Release
    place: Place
    work_index: WorkIndex | None
    listed: Listed
    loaded: Loaded


@lru_cache(maxsize=2)
def prepare(version: Version, as_of: date | None = None) -> Callable[[Sequence[Service]], list[Asked | UsageError]]:
    """Return a function that finds what prices services, or says why one can't be priced as asked.

    What it finds in a version is kept, as a version doesn't change; what is loaded beside it is looked up anew.
    """
    in_force = lru_cache(20_000)(lambda day: _in_force(version, day, as_of))
    whole = lru_cache(4)(lambda release: read(version, release))
    lacks = cache(lambda label: lookup.missing_file(version, label))
    # NOTE: kept, as a claim file may name one code on thousands of lines, and all releases are asked for it.
    hint = lru_cache(1_000)(lambda label, code: _other_releases_or_near(version, label, code))
    rows: dict[str, dict[str, tuple[Row, ...]]] = {}  # by release and code
    kept: dict[tuple[str, str, str | None, Factors], Listed] = {}
    lock = Lock()  # of both, which another thread may otherwise empty between fetching a code and looking at it

    def of_code(release: Release, code: str, whose: str | None, paid: Factors) -> Listed:
        label = release.label
        found = kept.get((label, code, whose, paid))
        if found is None:
            own = rows[label][code]
            if not own:
                raise UsageError(f"code {code}: not in {label}. {lacks(label) or hint(label, code)}")
            every = [*own, *(row for base in _bases(own) for row in rows[label][base])]
            known = calendar.how_known(release, as_of) if as_of else []
            found = kept[label, code, whose, paid] = listed(every, whose, release, lacks(label), paid, known)
        return found

    def fetch(release: Release, codes: set[str]) -> None:
        there = rows.setdefault(release.label, {})
        # NOTE: a release of which more is asked for later is read whole, so that codes aren't read one by one.
        more = bool(there)
        if new := codes - there.keys():
            there |= by_code(whole(release) if more else read(version, release, new), new)
            if bases := {base for code in new for base in _bases(there[code])} - there.keys():
                there |= by_code(whole(release) if more else read(version, release, bases), bases)

    def many(services: Sequence[Service]) -> list[Asked | UsageError]:
        loaded = of_store(version.store)
        lawful = _places(version, loaded, as_of)

        def one(service: Service) -> Asked | UsageError:
            try:
                release, paid = in_force(service.day)
                place, index = lawful(release.label, service.locality, service.day)
                own = of_code(release, service.hcpcs, service.participant, paid)
                return Asked(service, release, place, index, own, loaded)
            except UsageError as error:
                return error

        with lock:
            if sum(map(len, rows.values())) > MOST_CODES:
                rows.clear()
                kept.clear()
            for release, codes in _codes(services, in_force).items():
                fetch(release, codes)
            return [one(service) for service in services]

    return many


def _places(
    version: Version, loaded: Loaded, as_of: date | None
) -> Callable[[str, str | None, date], tuple[Place, WorkIndex | None]]:
    """Return a function that finds a locality of a release, and the work index that the law gives it on a day."""
    found = cache(lambda label, wanted, day: find_place(version, label, wanted, day, loaded))
    return cache(
        lambda label, wanted, day: floor.by_law(found(label, wanted, day if goes_by_day(wanted) else None), day, as_of)
    )


def _in_force(version: Version, day: date, as_of: date | None) -> tuple[Release, Factors]:
    """Return the release that prices a day and the factors paid on it; as known on `as_of` those that it prints."""
    release = lookup.release_in_force(version, day, as_of)
    return release, () if as_of else factors_on(release, day)


def _codes(services: Sequence[Service], in_force: Callable[[date], tuple[Release, Factors]]) -> dict[Release, set[str]]:
    """Return the codes that services need of each release."""
    codes: dict[Release, set[str]] = {}
    by_day: dict[date, set[str]] = {}
    for service in services:
        by_day.setdefault(service.day, set()).add(service.hcpcs)
    for day, some in by_day.items():
        with suppress(UsageError):
            codes.setdefault(in_force(day)[0], set()).update(some)
    return codes


def _bases(rows: Sequence[Row]) -> list[str]:
    """Return the endoscopic base codes of the rows of a code, other than itself."""
    return sorted({row.endoscopic_base for row in rows if row.endoscopic_base} - {rows[0].hcpcs} if rows else ())


def _other_releases_or_near(version: Version, label: str, code: str) -> str:
    if told := lookup.elsewhere(version, label, code):
        return told
    return f"{lookup.near_codes(version, label, code)} {lookup.in_part(version, label)}".rstrip()
