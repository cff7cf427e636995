"""A release's archive from CMS into the cache: politely, complete or not at all, and never over an older one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pfsetl.declared.registry import Release
from pfsetl.document import read_json
from pfsetl.errors import ArchiveError, SourceBusy, SourceUnavailable, otherwise
from pfsetl.remedies import by_hand, quoted
from pfsetl.source import cache as archives
from pfsetl.source import web
from pfsetl.source.address import site
from pfsetl.source.archive import MAX_ARCHIVE_BYTES, refuse_damaged
from pfsetl.source.archive_list import Fetched
from pfsetl.source.cache import Cache
from pfsetl.source.download import Downloaded, Progress, Validators, discard, download
from pfsetl.source.web import Manners

ZIP = b"PK\x03\x04"
RESTS = timedelta(days=7)


def source_url(release: Release, cache: Cache) -> str:
    """Return the address of a release's zip, at CMS or at PFSETL_CMS_URL."""
    if release.zip_path is None:
        kept = "" if cache == archives.users_folder() else f" --cache {quoted(cache)}"
        raise SourceUnavailable(
            f"{release.label}: the address of its zip isn't declared. Download it with 'pfsetl fetch "
            f"{release.label} --url URL{kept}' and build it with --offline. {by_hand(release.label)}"
        )
    return site() + release.zip_path


def fetch(
    release: Release,
    cache: Cache,
    *,
    url: str | None = None,
    report: Progress | None = None,
    manners: Manners | None = None,
) -> Fetched:
    """Make sure that the cache holds what CMS offers now for a release, and return that.

    Always asks the server, because CMS re-posts archives under the same address; only with what the server gave to
    recognise its bytes by can it answer that nothing changed. Other bytes are the label's next revision. `url`
    replaces the address in `schemas/releases.csv`; `report` is called with the bytes so far and those expected.
    Raises SourceBusy when another attempt may succeed (time-outs, 429, 5xx, another process at the same label), else
    SourceUnavailable.
    """
    manners = manners or web.usual_manners()
    address = url or source_url(release, cache)
    with archives.explained(cache), archives.alone(cache, release.label, manners.total):
        part = archives.folder_of(cache) / "unfinished" / f"{release.label}.zip"
        part.parent.mkdir(exist_ok=True)

        def attempt(deadline: float) -> Fetched:
            newest = archives.newest(cache, release.label)
            held = newest if newest and archives.at_hand(cache, newest) else None
            known = _read_validators(cache, held, address) if held else None
            got = download(
                address,
                part,
                limit=MAX_ARCHIVE_BYTES,
                manners=manners,
                deadline=deadline,
                known=known,
                report=report,
            )
            if got is None:
                assert held is not None
                assert known is not None
                _write_validators(cache, held, address, known, whole=_noted(cache, release.label).get("whole"))
                return held
            _refuse_non_zip(part, release.label, got)
            try:
                kept = archives.keep(cache, release.label, part, got.url, newest)
            finally:
                discard(part)
            known_in_vain = known is not None and not kept.fresh  # the whole of what it could have called unchanged
            _write_validators(cache, kept, address, got.validators, in_vain=known_in_vain)
            return kept

        with otherwise(by_hand(release.label)):
            return web.patiently(attempt, manners)


def newest_cached(release: Release, cache: Cache) -> Fetched:
    """Return a label's newest archive in the cache without asking CMS; SourceUnavailable if it's absent or damaged."""
    newest = archives.newest(cache, release.label)
    if newest is None:
        raise SourceUnavailable(f"{cache}: no archive of {release.label}. Fetch it once without --offline.")
    if not archives.at_hand(cache, newest):
        where = archives.address(cache, newest)
        raise SourceUnavailable(f"{where}: missing or damaged. Fetch it again without --offline.")
    return newest


def rests(cache: Cache, label: str, now: datetime) -> bool:
    """Return whether a label's archive need not be asked for now.

    Its server gave nothing to recognise the bytes by, or sent the same bytes again all the same (an ETag that is new
    each time), so that each time means a whole download, and the last one is less than RESTS ago. A damaged or absent
    file never rests.
    """
    held = archives.newest(cache, label)
    if held is None or not archives.at_hand(cache, held):
        return False
    try:
        noted = read_json(archives.noted(cache, _validators(label)))
        recognised = (noted["etag"] or noted["modified"]) and not noted.get("in_vain")
        if noted["sha256"] != held.sha256 or recognised:
            return False
        return _apart(noted["asked"], now) < RESTS
    except (OSError, ValueError, KeyError, TypeError):
        return False


def is_unanswered(cache: Cache, label: str, now: datetime) -> bool:
    """Return whether the server's last answer about the newest archive of a label is longer ago than RESTS."""
    held = archives.newest(cache, label)
    try:
        return _apart(_noted(cache, label)["asked"], now) > RESTS
    except (KeyError, ValueError, TypeError):
        return held is not None and now - held.retrieved_at > RESTS


def asked_address(cache: Cache, label: str) -> str | None:
    """Return the address that the newest archive of a label was asked at, which redirects may have led on from."""
    with archives.explained(cache):
        try:
            return str(read_json(archives.noted(cache, _validators(label)))["address"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def _refuse_non_zip(part: Path, label: str, got: Downloaded) -> None:
    data = part.read_bytes()
    found = "an HTML page (a licence or release page)" if data.lstrip()[:1] == b"<" else "not a zip"
    if data.startswith(ZIP):
        try:
            refuse_damaged(f"{label}.zip", data)
        except ArchiveError as error:
            found = f"not a complete zip: {error}"
        else:
            return
    discard(part)
    if got.resumed:
        raise SourceBusy(f"{got.url}: the pieces of two attempts are {found}. Try again.")
    raise SourceUnavailable(f"{got.url}: answered with {found}.")


def _validators(label: str) -> str:
    return f"validators/{label}.json"


def _noted(cache: Cache, label: str) -> dict[str, Any]:
    """Return what was noted of a label's newest archive, {} where that is lost: it only saves a download."""
    try:
        noted = read_json(archives.noted(cache, _validators(label)))
    except (FileNotFoundError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _read_validators(cache: Cache, held: Fetched, address: str) -> Validators | None:
    """Return what the server would know the held bytes by, None where they have to come whole again.

    A time and a weak ETag don't tell two bodies apart to the byte, and by a time a server also calls an older file
    unchanged that has replaced a newer one (RFC 9110 13.1.3), so that they are believed for RESTS.
    """
    noted = _noted(cache, held.label)
    try:
        given = Validators(noted["etag"], noted["modified"])
        if (noted["address"], noted["sha256"]) != (address, held.sha256) or not (given.etag or given.modified):
            return None
        if given.etag and given.strong == given.etag:
            return given
        return given if _apart(noted["whole"], datetime.now(UTC)) < RESTS else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _apart(noted: str, now: datetime) -> timedelta:
    """Return how far a noted time is from now, also one to come, which a clock that was wrong has noted."""
    return abs(now - datetime.fromisoformat(noted))


def _write_validators(
    cache: Cache, kept: Fetched, address: str, given: Validators, *, in_vain: bool = False, whole: str | None = None
) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    noted = {
        "address": address,
        "sha256": kept.sha256,
        "etag": given.etag,
        "modified": given.modified,
        "in_vain": in_vain,
        "asked": now,
        "whole": whole or now,
    }
    archives.note(cache, _validators(kept.label), json.dumps(noted))
