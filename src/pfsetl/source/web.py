"""Ask a web server politely: who may be asked, how often, how long, and what each answer means.

Settings: PFSETL_CMS_URL names a mirror that may be asked besides cms.gov, PFSETL_USER_AGENT is the User-Agent sent,
PFSETL_ATTEMPTS how often at most.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version as installed
from typing import TypeVar
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from pfsetl.errors import SourceBusy, SourceUnavailable, UsageError, shown
from pfsetl.source import failures, watchdog
from pfsetl.source.address import is_allowed, refuse_credentials, without_secrets

PIECE = 1 << 16
MAX_PAGE_BYTES = 8 << 20  # CMS's pages have 0.2 MB
MAX_HOPS = 5
LONGEST_RETRY_DIGITS = 9  # of the seconds in Retry-After; more of them are no time to wait for
TRANSIENT = (408, 425, 429)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Manners:
    """How often a server is asked and how long it is waited for; all but `attempts` are seconds.

    `silence` is the longest pause between two pieces of an answer; `total` bounds everything together, attempts and
    waits. A server that asks for a longer wait than `longest_wait` isn't asked again.
    """

    attempts: int = 4
    first_wait: float = 1.0
    longest_wait: float = 120.0
    connect: float = 10.0
    silence: float = 60.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class Page:
    """A page as text, with the address it was found at in the end."""

    url: str
    text: str


def usual_manners() -> Manners:
    """Return the manners of this process: PFSETL_ATTEMPTS, else four attempts."""
    attempts = os.environ.get("PFSETL_ATTEMPTS") or "4"
    if not re.fullmatch(r"0*[1-9][0-9]{0,3}", attempts):
        raise UsageError(f"PFSETL_ATTEMPTS={attempts}: not a number of attempts. Set 1 to 9999, or unset it.")
    return Manners(attempts=int(attempts))


def get_text(url: str, *, manners: Manners | None = None) -> Page:
    """Return an HTML page as text, decoded by the server's charset or as UTF-8, at most 8 MB.

    Asks as politely as for archives. Raises SourceBusy when another time may do, else SourceUnavailable.
    """
    manners = manners or usual_manners()

    def attempt(deadline: float) -> Page:
        body = bytearray()
        with answer(url, {}, manners=manners, deadline=deadline) as got:
            for piece in pieces(got, MAX_PAGE_BYTES, deadline):
                body += piece
            said = got.encoding if "charset" in got.headers.get("Content-Type", "").lower() else None
        try:
            return Page(got.url, body.decode(said or "utf-8", errors="replace"))
        except (LookupError, UnicodeError):  # no charset of this name, or one that isn't for pages
            return Page(got.url, body.decode(errors="replace"))

    return patiently(attempt, manners)


def patiently(attempt: Callable[[float], T], manners: Manners) -> T:
    """Call `attempt(deadline)` until it delivers: SourceBusy is tried again, after a growing and random pause.

    A `Retry-After` is waited for when it is longer than the pause. The deadline is on the clock `time.monotonic`.
    """
    deadline = time.monotonic() + manners.total
    for number in range(1, manners.attempts + 1):
        try:
            return attempt(deadline)
        except SourceBusy as busy:
            pause = manners.first_wait * 2 ** (number - 1) * random.uniform(0.5, 1.0)  # noqa: S311  not a secret
            wait = max(min(pause, manners.longest_wait), busy.retry_after or 0.0)
            late = wait > manners.longest_wait or time.monotonic() + wait >= deadline
            if late or number == manners.attempts:
                raise
            time.sleep(wait)
    raise AssertionError("no attempt at all")


@contextmanager
def answer(
    url: str, headers: Mapping[str, str], *, manners: Manners, deadline: float, accept: tuple[int, ...] = (200,)
) -> Iterator[requests.Response]:
    """Ask once, follow redirects to allowed hosts, and yield an answer whose status is one of `accept`.

    The body is still to be read, with `pieces`. Raises SourceBusy for 408, 425, 429, every 5xx, and connections that
    fail or fall silent, here and in the body of the `with`; SourceUnavailable for what another attempt won't change.
    """
    here, named = url, without_secrets(url)
    refuse_credentials(url)
    with watchdog.until(deadline) as watch, _explained(named, watch):
        for _ in range(MAX_HOPS + 1):
            _refuse_foreign(url, here)
            left = max(deadline - time.monotonic(), 0.1)
            with watchdog.session().get(
                here,
                headers={"User-Agent": _user_agent(), **headers},
                timeout=(min(manners.connect, left), min(manners.silence, left)),
                stream=True,
                allow_redirects=False,
            ) as got:
                onward = watchdog.session().get_redirect_target(got)
                if not onward:
                    _refuse_status(named, got, accept)
                    yield got
                    if watch.over:  # a line that is shut down looks like the end of the body
                        raise _late(named)
                    return
                here = urljoin(here, onward)
    raise SourceUnavailable(f"{named}: more than {MAX_HOPS} redirects, the last to {without_secrets(here)}.")


def pieces(got: requests.Response, limit: int, deadline: float) -> Iterator[bytes]:
    """Yield the body as it arrives; refuses more than `limit` bytes, and what is still arriving at the deadline."""
    size, named = 0, without_secrets(got.url)
    # NOTE: read1 returns what is there; iter_content waits for a full piece, and a slow drip never fills one.
    while piece := got.raw.read1(PIECE, decode_content=True):
        size += len(piece)
        if size > limit:
            raise SourceUnavailable(f"{named}: more than {limit:,} bytes. CMS posts nothing so large.")
        yield piece
        if time.monotonic() > deadline:
            raise _late(named)


def _user_agent() -> str:
    return os.environ.get("PFSETL_USER_AGENT") or f"pfsetl/{installed('pfsetl')} python-requests/{requests.__version__}"


def _refuse_foreign(asked: str, here: str) -> None:
    if not is_allowed(here):
        how = "" if here == asked else f": redirected to {without_secrets(here)}"
        raise SourceUnavailable(
            f"{without_secrets(asked)}{how}: neither https at cms.gov nor at PFSETL_CMS_URL, so it isn't asked. "
            "Name a mirror that you trust in PFSETL_CMS_URL."
        )


def _refuse_status(url: str, got: requests.Response, accept: tuple[int, ...]) -> None:
    status = got.status_code
    if status in accept:
        return
    reason = got.reason if got.reason and re.fullmatch(r"[ -~]{1,60}", got.reason) else shown(got.reason, 60)
    if status in TRANSIENT or status >= 500:
        after = _retry_after(got.headers.get("Retry-After"))
        when = f"in {after:,.0f} seconds" if after else "later"
        raise SourceBusy(f"{url}: {status} {reason}. Try again {when}.", retry_after=after)
    if status == requests.codes.forbidden:
        raise SourceUnavailable(
            f"{url}: 403, {parse_url(got.url).host} refuses this network or program. Another name of the program in "
            "PFSETL_USER_AGENT may help."
        )
    raise SourceUnavailable(f"{url}: {status} {reason}. CMS may have moved it: look for it on its page.")


def _retry_after(said: str | None) -> float | None:
    """Read `Retry-After` (RFC 9110 10.2.3): seconds, or a date."""
    if said is None:
        return None
    if re.fullmatch(r"[0-9]+", said.strip()):
        return float(said.strip()[:LONGEST_RETRY_DIGITS])
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


def _late(url: str) -> SourceBusy:
    return SourceBusy(f"{url}: still arriving at the time limit. Try again later.")


@contextmanager
def _explained(url: str, watch: watchdog.Watch) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if watch.over:
            raise _late(url) from error
        told = failures.told(url, error)
        if told is error:
            raise
        raise told from error
