"""Ask a web server politely: who may be asked, how often, how long, and what each answer means.

Settings: PFSETL_CMS_URL names a mirror that may be asked besides cms.gov, PFSETL_USER_AGENT says who asks,
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
from requests.exceptions import SSLError
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from pfsetl.errors import SourceBusy, SourceUnavailable, UsageError
from pfsetl.source import watchdog

CMS = "https://www.cms.gov"
PIECE = 1 << 16
MAX_PAGE_BYTES = 8 << 20  # CMS's pages have 0.2 MB
MAX_HOPS = 5
LONGEST_RETRY_DIGITS = 9  # of the seconds in Retry-After; more of them are no time to wait for
TRANSIENT = (408, 425, 429)
OTHERWISE = "Download the zip in a browser and pass it with --archive."

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


def is_allowed(url: str) -> bool:
    """Return whether an address may be asked: https at cms.gov or below it, or where PFSETL_CMS_URL is.

    >>> is_allowed("https://www.cms.gov/files/zip/rvu26a.zip"), is_allowed("http://www.cms.gov/"), is_allowed("file:/")
    (True, False, False)
    """
    asked, mirror = _parsed(url), _parsed(os.environ.get("PFSETL_CMS_URL") or CMS)
    if asked is None or asked.auth or not asked.host:
        return False
    if mirror and (asked.scheme, asked.host, asked.port) == (mirror.scheme, mirror.host, mirror.port):
        return asked.scheme in ("http", "https")
    at_cms = asked.host == "cms.gov" or asked.host.endswith(".cms.gov")
    return asked.scheme == "https" and at_cms and asked.port in (None, 443)


def site() -> str:
    """Return the site that is asked: PFSETL_CMS_URL, else CMS's own. Raises UsageError where it holds a password."""
    address = os.environ.get("PFSETL_CMS_URL") or CMS
    refuse_credentials(address, "PFSETL_CMS_URL")
    return address.rstrip("/")


def refuse_credentials(address: str, what: str = "The address") -> None:
    """Raise UsageError, without repeating it, when an address holds a user name or password."""
    if re.match(r"[^/]*(?://)?[^/?#]*@", address):
        raise UsageError(
            f"{what} holds a user name or password, which would be printed and recorded. Take them out, and put them "
            "for its host into the file ~/.netrc."
        )


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
    here = url
    refuse_credentials(url)
    with watchdog.until(deadline) as watch, _explained(url, watch):
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
                    _refuse_status(url, got, accept)
                    yield got
                    if watch.over:  # a line that is shut down looks like the end of the body
                        raise _late(url)
                    return
                here = urljoin(here, onward)
    raise SourceUnavailable(f"{url}: more than {MAX_HOPS} redirects, the last to {here}. {OTHERWISE}")


def pieces(got: requests.Response, limit: int, deadline: float) -> Iterator[bytes]:
    """Yield the body as it arrives; refuses more than `limit` bytes, and what is still arriving at the deadline."""
    size = 0
    # NOTE: read1 returns what is there; iter_content waits for a full piece, and a slow drip never fills one.
    while piece := got.raw.read1(PIECE, decode_content=True):
        size += len(piece)
        if size > limit:
            raise SourceUnavailable(f"{got.url}: more than {limit:,} bytes. Not what CMS publishes. {OTHERWISE}")
        yield piece
        if time.monotonic() > deadline:
            raise _late(got.url)


def _user_agent() -> str:
    return os.environ.get("PFSETL_USER_AGENT") or f"pfsetl/{installed('pfsetl')} python-requests/{requests.__version__}"


def _parsed(url: str) -> Url | None:
    # NOTE: the parser that opens the connection; another could read another host out of the same text.
    try:
        return parse_url(url)
    except HTTPError:
        return None


def _refuse_foreign(asked: str, here: str) -> None:
    if not is_allowed(here):
        how = "" if here == asked else f": redirected to {here}"
        raise SourceUnavailable(
            f"{asked}{how}: neither https at cms.gov nor at PFSETL_CMS_URL, so it isn't asked. "
            "Name a trusted mirror in PFSETL_CMS_URL, or download the zip in a browser and pass it with --archive."
        )


def _refuse_status(url: str, got: requests.Response, accept: tuple[int, ...]) -> None:
    status = got.status_code
    if status in accept:
        return
    if status in TRANSIENT or status >= 500:
        after = _retry_after(got.headers.get("Retry-After"))
        when = f"in {after:,.0f} seconds" if after else "later"
        raise SourceBusy(f"{url}: {status} {got.reason}. Try again {when}. {OTHERWISE}", retry_after=after)
    if status == requests.codes.forbidden:
        raise SourceUnavailable(
            f"{url}: 403, {parse_url(got.url).host} refuses this network or program. Download the zip in a browser "
            "and pass it with --archive, or set PFSETL_USER_AGENT."
        )
    raise SourceUnavailable(
        f"{url}: {status} {got.reason}. CMS may have moved the file: look for the release on "
        "its page, download the zip and pass it with --archive."
    )


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
    return SourceBusy(f"{url}: still arriving at the time limit. Try again later. {OTHERWISE}")


@contextmanager
def _explained(url: str, watch: watchdog.Watch) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        if watch.over:
            raise _late(url) from error
        told = _told(url, error)
        if told is error:
            raise
        raise told from error


def _told(url: str, error: Exception) -> Exception:
    """Say what a failed conversation means; an error that has nothing to do with it stays as it is."""
    if isinstance(error, ValueError):  # InvalidURL and InvalidHeader among them
        return SourceUnavailable(f"{url}: {error}. Check the address, where it redirects to, and PFSETL_USER_AGENT.")
    if not isinstance(error, requests.RequestException | HTTPError):
        return error
    what = f"{url}: {type(error).__name__}: {error}."
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SourceUnavailable(
            f"{what} Check this machine's clock, or name your proxy's certificate in REQUESTS_CA_BUNDLE."
        )
    return SourceBusy(f"{what} Try again later. {OTHERWISE}")
