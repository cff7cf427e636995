"""One release read, derived, checked and written as objects; nothing becomes visible yet."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from pfsetl.checks import work_index
from pfsetl.declared import calendar, contracts
from pfsetl.errors import during, proposing
from pfsetl.pipeline.examine import Members, differences, examined, members_of
from pfsetl.pipeline.request import Opened, Request, is_built, opened
from pfsetl.publication import parquet, recording, staging
from pfsetl.publication.fingerprint import fingerprint
from pfsetl.publication.parquet import Parts, Written
from pfsetl.publication.release_record import ReleaseRecord
from pfsetl.publication.runs import step
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.tables import by_locality
from pfsetl.tables.derived import derived
from pfsetl.tables.normalize import normalize

BESIDE = 2  # threads: one for the payments, one for all else that goes on beside the rest


def stage(one: Opened, there: Members | None = None) -> StagedRelease:
    """Read, normalize, derive, check and write one release; the result is what `publish.commit` needs.

    `there` are the archive's members where they have been read.
    """
    contract, release, store = contracts.load(), one.release, one.base.store
    there = read_members(one) if there is None else there
    under_way: dict[str, Future[Written]] = {}
    with ExitStack() as scratches, ThreadPoolExecutor(BESIDE) as beside, ExitStack() as last:
        last.callback(beside.shutdown, wait=False, cancel_futures=True)  # what is refused needn't be written

        def begin(tables: Mapping[str, Parts]) -> None:
            for name, parts in tables.items():
                target = scratches.enter_context(store.scratch())
                under_way[name] = beside.submit(parquet.write, parts, contract.tables[name], target)

        compared = beside.submit(differences, one, there)
        with step("normalize", one.label) as done:
            tables, accounts = normalize(there.parsed, release, contract)
            done.rows = sum(table.height for table in tables.values())
        # NOTE: writing is half of a build, so it goes on beside the rest; only what passes is stored.
        indices = work_index.by_law(tables["gpci"], calendar.formula_day(release))
        payments = by_locality.payment_locality(tables["rvu"], indices, release, parquet.STREAMED_PART)
        begin({"payment_locality": payments, **tables})
        with step("derive and check", one.label):
            made = derived(tables, release, contract)
            begin(made)
            found = examined(one, there, tables | made, accounts, compared)
            found.report.raise_if_bad()
        with step("write", one.label) as done:
            rest = {"releases": recording.releases_table(release, found.record, one.base)}
            staged = staging.stage(store, one.label, rest, found.record, contract, under_way, one.base)
            done.rows, done.bytes = sum(r.rows for r in staged.resources), sum(r.bytes for r in staged.resources)
        return staged


def read_members(one: Opened, *, compared: bool = True) -> Members:
    """Read and type every member of an archive, as a step of the run, with the formats that are to be compared."""
    with step("read", one.label) as done:
        there = members_of(one, compared=compared)
        done.rows = sum(p.frame.height for p in there.parsed)
    return there


def stage_missing(
    request: Request, base: Version, known: Mapping[str, ReleaseRecord] | None = None
) -> StagedRelease | None:
    """Stage a request, or take over what a stopped run staged of it; None when the base version holds it already.

    `known` are the records of the releases known so far, default those of the base. The result is small and picklable,
    so this can run in another thread or process; `publish_staged` makes the results visible.
    """
    with during(f"building {request.label} from {request.archive}"), proposing(request.label, request.archive):
        one = opened(request, base, known)
        if is_built(one):
            return None
        if kept := kept_of(one):
            return kept
        made = stage(one)
        keep(one, made)
        return made


def kept_of(one: Opened) -> StagedRelease | None:
    """Return what was staged of this archive by this code before, None where nothing was or it isn't wanted again."""
    name, store = _staged_as(one), one.base.store
    if one.request.again or not store.exists(name):
        return None
    return staging.taken_over(store, name, one.label)


def keep(one: Opened, made: StagedRelease) -> None:
    """Keep a record of what was staged, so that it needn't be made a second time."""
    one.base.store.put_new(_staged_as(one), staging.encode(made))


def _staged_as(one: Opened) -> str:
    """Return the name of a staging record: of what it was made, how, and upon which content."""
    before = one.before.content if one.before else "nothing"
    how = {"sample": one.request.sample, "formats": one.all_formats}
    asked = "".join(f"{word}-" for word in (*(word for word, on in how.items() if on), *sorted(one.request.accept)))
    return f"staged/{one.label}-{fingerprint(one.archive.content, one.release)[:16]}-{asked}{before[:16]}.json"
