"""The tables of a version that are made of several of its releases: each by one function, found here by its name.

They follow from the releases of a version alone, so the order in which those were built doesn't matter. That's why they
are made when a version is committed, not when a release is staged, and aren't part of a release's identity. The
contract says of each what it goes over: a file for each release against the one before, or of it alone with what is
loaded beside it, one file over all releases, in which only the rows of releases that are new, or follow a new one, are
made anew, or what is declared alone (docs/decisions/0039, 0040).
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
from msgspec import UNSET

from pfsetl.declared import calendar, registry
from pfsetl.declared.contracts import ALL_RELEASES, DECLARED, ONE_RELEASE, Contract
from pfsetl.errors import ContractError, StoreError
from pfsetl.publication import companions, fingerprint, merge, objects
from pfsetl.publication.digest import rows_digest
from pfsetl.publication.manifest import ALL, Resource
from pfsetl.publication.merge import Made, Making
from pfsetl.publication.parquet import Parts, is_uniform
from pfsetl.publication.release_record import ReleaseRecord, release_of
from pfsetl.storage.store import Store
from pfsetl.tables import code_events, code_history, profile, relations, row_changes, words

Key = tuple[str, ...]

MADE_BY: Mapping[str, Made] = {  # in the order in which they're begun: what takes longest first
    "code_profile": Made(
        profile.code_profile,
        of=("rvu", "payment_national", "code_text", "code_modifier"),
        rule="3",
        companions=profile.COMPANIONS,
        declared=("code_traits.csv",),
        only=profile.ONLY,
    ),
    "release_changes": Made(row_changes.release_changes, of=("rvu",), rule="1"),
    "code_relation": Made(
        relations.code_relation, of=("rvu",), rule="2", companions=relations.COMPANIONS, only={"rvu": relations.OF_RVU}
    ),
    "code_history": Made(
        code_history.code_history, of=code_history.OF, rule="1", in_force=True, only=code_history.ONLY
    ),
    "code_events": Made(
        code_events.code_events,
        of=code_events.OF,
        rule="1",
        in_force=True,
        finish=code_events.with_first_and_last,
        paired=True,
        only=code_events.ONLY,
    ),
    "code_values": Made(words.code_values, of=(), rule="1"),
    "modifier": Made(words.modifier, of=(), rule="1"),
}
MAKERS = 2  # tables made at a time: those of single releases beside those over all, and two when these are done
CALENDAR = "release_calendar"  # without a row for a release that prices no day


def makers(contract: Contract) -> dict[str, Made]:
    """Return how each table of a contract that goes over several releases, or over none, is made.

    Raises ContractError for one that nothing makes, or that is made of tables that no release has.
    """
    listed = {name: table.over for name, table in contract.tables.items() if table.over}
    for name, over in listed.items():
        of = MADE_BY[name].of if name in MADE_BY else ()
        strange = [x for x in of if x not in contract.tables or x in listed]
        if strange or name not in MADE_BY or bool(of) == (over == DECLARED):
            what = f"is made of {', '.join(strange or of or ['nothing'])}" if name in MADE_BY else "nothing makes it"
            what += ", no table of a release" if strange else ""
            raise ContractError(
                f"{name}: goes over {over}, and {what}. Give it a row in MADE_BY of publication/over_releases.py, made "
                "of tables of a release, or of none where the contract says that it's made of what is declared."
            )
    return {name: how for name, how in MADE_BY.items() if name in listed}


def is_over_releases(resource: Resource) -> bool:
    """Whether a file was made of several releases at commit, so that it's no part of the content of its release."""
    return resource.of is not UNSET or resource.table in MADE_BY


def predecessors(records: Mapping[str, ReleaseRecord], among: Iterable[str] | None = None) -> dict[str, str | None]:
    """Return of each release the nearest earlier one among these, in CMS's order; samples follow samples alone.

    Of releases that aren't `among` those given, which may be left out, none is before another, and none before it.
    """
    known = {label: place for place, label in enumerate(registry.releases())}
    order = sorted(records, key=lambda x: (records[x].year, records[x].quarter, known.get(x, len(known)), x))
    counting = frozenset(records if among is None else among)
    found: dict[str, str | None] = dict.fromkeys(order)
    for sample in (False, True):
        alike = [label for label in order if records[label].sample == sample and label in counting]
        found |= dict(zip(alike, [None, *alike], strict=False))
    return found


def completed(
    store: Store,
    resources: Sequence[Resource],
    records: Mapping[str, ReleaseRecord],
    contract: Contract,
    made: dict[Key, Resource],
    again: Iterable[str] = (),
) -> list[Resource]:
    """Return the resources of a version with every table that goes over several of its releases.

    What was made of the same tables before is taken over, from the version or from `made`, which is filled with what
    is made here; of the releases in `again` only when the object is still there. Raises StoreError for a table that
    this pfsetl can't make, and when a file that is needed isn't what the manifest says; ChecksFailed for rows that
    break the contract.
    """
    known, again = makers(contract), frozenset(again)
    there = {(r.table, r.release): r for r in resources if is_over_releases(r)}
    if strange := sorted({table for table, _ in there} - known.keys()):
        raise StoreError(
            f"{store}: {', '.join(strange)} goes over several releases, and this pfsetl can't make it for the next "
            "version. Nothing was published. Upgrade pfsetl."
        )
    result = [r for r in resources if not is_over_releases(r)]

    def files(name: str) -> list[Resource]:
        one = _making(store, contract, name, known[name], result, records)
        alone = merge.declared(one) if one.table.over == DECLARED else None
        wanted = _files(one) if alone is None else {ALL: (one.how.rule, rows_digest(alone))}
        found: list[Resource] = []
        for place, of in wanted.items():
            kept = there.get((name, place))
            asked = again if place == ALL else again & {place}
            if kept and kept.of == of and not (asked and not _is_as_written(store, kept)):
                found.append(kept)
                continue
            if (name, *of) not in made:
                if alone is not None:
                    rows: Parts = merge.refuse_broken(one, ALL, alone, {}, list(predecessors(records))[-1])
                else:
                    rows = merge.merged(one, kept, of) if place == ALL else merge.rows(one, place)
                made[name, *of] = msgspec.structs.replace(objects.stored(store, place, one.table, rows), of=of)
            found.append(made[name, *of])
        return found

    # NOTE: a table over all releases holds the rows of all of them, so these are made one after the other.
    large = [name for name in known if contract.tables[name].over == ALL_RELEASES]
    with ThreadPoolExecutor(MAKERS) as pool:
        of_all = pool.submit(lambda: [r for name in large for r in files(name)])
        of_one = [*pool.map(files, (name for name in known if name not in large))]
        return [*result, *(r for one in of_one for r in one), *of_all.result()]


def _making(
    store: Store,
    contract: Contract,
    name: str,
    how: Made,
    resources: Sequence[Resource],
    records: Mapping[str, ReleaseRecord],
) -> Making:
    """Return what a table is made of: its releases' files, those beside them, and which release follows which."""
    sources = _sources(resources, how)
    known = {label: records[label] for label in sources}
    in_force = (r.release for r in resources if r.table == CALENDAR and r.rows) if how.in_force else None
    loaded = {kind: companions.loaded(store, kind) for kind in how.companions}
    beside = {
        label: {
            kind: file
            for kind, files in loaded.items()
            if (file := companions.holding(files, calendar.formula_day(release_of(label, record))))
        }
        for label, record in known.items()
    }
    table = contract.tables[name]
    before = dict.fromkeys(known) if table.over == ONE_RELEASE else predecessors(known, in_force)
    return Making(store, contract, table, how, sources, beside, before)


def _sources(resources: Iterable[Resource], how: Made) -> dict[str, dict[str, Resource]]:
    """Return the files that the rows of each release are made of, of the releases that have them all."""
    found: dict[str, dict[str, Resource]] = {}
    for r in resources:
        if r.table in how.of:
            found.setdefault(r.release, {})[r.table] = r
    return {label: found[label] for label in sorted(found) if found[label].keys() >= set(how.of)}


def _files(one: Making) -> dict[str, Key]:
    """Return the files of a table, each with what it's made of: one for each release, or one over all, if any."""
    keys = {label: _key(one, label) for label in one.sources}
    if one.table.over != ALL_RELEASES:
        return keys
    order = one.before if one.how.finish else keys  # what is finished depends on it too
    of = tuple(f"{label} {hashlib.sha256(' '.join(keys[label]).encode()).hexdigest()}" for label in order)
    return {ALL: of} if of else {}


def _key(one: Making, label: str) -> Key:
    """Return the rule and the identities of the files and declarations that the rows of a release are made of."""
    sides = (label, one.before[label]) if one.how.looks_back else (label,)
    beside = (f"{kind} {file.effective_from} {file.sha256}" for kind, file in one.beside[label].items())
    made_of = (one.sources[side][name].digest if side else "" for name in one.how.of for side in sides)
    return one.how.rule, *made_of, *beside, *map(fingerprint.of_file, one.how.declared)


def _is_as_written(store: Store, resource: Resource) -> bool:
    """Whether a file is there, and as this pfsetl writes files: docs/decisions/0026."""
    return store.exists(resource.path) and is_uniform(store.get(resource.path))
