"""URL to a complete file: one attempt at a download, that goes on where an earlier one broke off."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from pfsetl.document import read_json
from pfsetl.errors import SourceBusy, SourceUnavailable
from pfsetl.source import web
from pfsetl.source.address import without_secrets
from pfsetl.source.web import Manners

_RANGE = re.compile(r"^bytes (\d+)-\d+/(\d+|\*)$")

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server gave to recognise its bytes by: the headers ETag and Last-Modified, None where it gave none."""

    etag: str | None
    modified: str | None

    @property
    def strong(self) -> str | None:
        """The one that tells two bodies apart to the byte, which a weak ETag doesn't (RFC 9110 8.8.1)."""
        return self.modified if self.etag is None or self.etag.startswith("W/") else self.etag


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download that is complete: where it came from in the end, and whether part of it is from an earlier attempt."""

    url: str
    validators: Validators
    resumed: bool


def download(
    url: str,
    part: Path,
    *,
    limit: int,
    manners: Manners,
    deadline: float,
    known: Validators | None = None,
    report: Progress | None = None,
) -> Downloaded | None:
    """Bring what is at `url` into the file `part`; return None when it is still what `known` describes.

    What `part` holds already is kept when the server says that the rest still belongs to it, and fetched again
    otherwise. `report` is called with the bytes so far and those expected, None when the server doesn't say. After
    a SourceBusy another attempt goes on from `part`; a SourceUnavailable or a full disk removes it.
    """
    try:
        return _download(url, part, limit, manners, deadline, known, report)
    except SourceBusy:
        raise
    except (SourceUnavailable, OSError):
        discard(part)
        raise


def discard(part: Path) -> None:
    """Remove an unfinished download."""
    part.unlink(missing_ok=True)
    _notes(part).unlink(missing_ok=True)


def _download(
    url: str,
    part: Path,
    limit: int,
    manners: Manners,
    deadline: float,
    known: Validators | None,
    report: Progress | None,
) -> Downloaded | None:
    have, validator = _begun(part, url)
    named = without_secrets(url)
    headers = {"Accept-Encoding": "identity"} | _conditions(known)
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    accept = (200, *((206, 416) if have else ()), *((304,) if known else ()))
    with web.answer(url, headers, manners=manners, deadline=deadline, accept=accept) as got:
        if got.status_code == requests.codes.not_modified:
            discard(part)
            return None
        resumed = got.status_code == requests.codes.partial_content
        if got.status_code == requests.codes.range_not_satisfiable or (resumed and not _fits(got, have, validator)):
            discard(part)
            raise SourceBusy(f"{named}: changed while it was fetched. Try again.")
        encoding = got.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise SourceUnavailable(
                f"{named}: sent with Content-Encoding {encoding[:40]}, though an archive was asked for as it is. "
                "A proxy may have changed it."
            )
        validators = Validators(got.headers.get("ETag"), got.headers.get("Last-Modified"))
        size = have if resumed else 0
        expected = _expected(got, size)
        if expected is not None and expected > limit:
            raise SourceUnavailable(f"{named}: {expected:,} bytes, more than {limit:,}. No CMS archive is that large.")
        if not resumed:
            _begin(part, url, validators.strong)
        with part.open("ab") as stream:
            for piece in web.pieces(got, limit - size, deadline):
                stream.write(piece)
                size += len(piece)
                if report:
                    report(size, expected)
            stream.flush()
            os.fsync(stream.fileno())
        if expected is not None and size != expected:
            raise SourceBusy(f"{named}: {size:,} of {expected:,} bytes arrived. Try again.")
        return Downloaded(without_secrets(got.url), validators, resumed)


def _conditions(known: Validators | None) -> dict[str, str]:
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified} if known else {}
    return {name: value for name, value in conditions.items() if value}


def _expected(got: requests.Response, have: int) -> int | None:
    length = got.headers.get("Content-Length", "")
    return have + int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None


def _fits(got: requests.Response, have: int, validator: str) -> bool:
    given = _RANGE.match(got.headers.get("Content-Range", ""))
    same = got.headers.get("ETag") in (None, validator) or got.headers.get("Last-Modified") == validator
    return given is not None and int(given[1]) == have and same


def _notes(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _begin(part: Path, url: str, validator: str | None) -> None:
    # NOTE: in this order, so that a kill in between never leaves bytes beside the notes of others.
    discard(part)
    _notes(part).write_text(json.dumps({"url": url, "validator": validator}))


def _begun(part: Path, url: str) -> tuple[int, str]:
    """Return how many bytes are there to go on from, and by what the server knows the file; (0, "") to start."""
    try:
        notes = read_json(_notes(part).read_bytes())
        if notes["url"] == url and notes["validator"]:
            return part.stat().st_size, str(notes["validator"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # nothing there, or notes that a kill cut short
    return 0, ""
