"""Which addresses may be contacted, and how an address may be shown. PFSETL_CMS_URL names a mirror besides cms.gov."""

import os
import re

from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from pfsetl.errors import UsageError

CMS = "https://www.cms.gov"


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
    if "?" in address or "#" in address:
        raise UsageError(
            "PFSETL_CMS_URL holds a query or a fragment, which no mirror's address has and which may be a secret. "
            "Give scheme, host and path, like https://mirror.example.org/cms."
        )
    return address.rstrip("/")


def where(page: str) -> str:
    """Return the whole address of a page, of which that of the site may be left out; "" for none."""
    return page if "://" in page or not page else site() + page


def refuse_credentials(address: str, what: str = "The address") -> None:
    """Raise UsageError, without repeating it, when an address holds a user name or password."""
    if re.match(r"[^/]*(?://)?[^/?#]*@", address):
        raise UsageError(
            f"{what} holds a user name or password, which would be printed and recorded. Take them out, and put them "
            "for its host into the file ~/.netrc."
        )


def without_secrets(url: str) -> str:
    """Return an address as it may be printed and recorded: without user, password, and a mirror's query.

    CMS's own queries name pages. Those of other servers may be signatures that open what they sign.

    >>> without_secrets("https://me:pw@mirror.test/a.zip?sig=1"), without_secrets("https://www.cms.gov/a?page=1")
    ('https://...@mirror.test/a.zip?...', 'https://www.cms.gov/a?page=1')
    """
    plain = re.sub(r"^([^/?#]*//)?[^/?#]*@", r"\1...@", url)
    host = re.match(r"https://([^/?#@:]*)(?::443)?(?=[/?#]|$)", plain)
    if host and (host[1].lower() == "cms.gov" or host[1].lower().endswith(".cms.gov")):
        return plain
    return re.sub(r"\?.*$", "?...", plain, flags=re.DOTALL)


def _parsed(url: str) -> Url | None:
    # NOTE: the parser that opens the connection; another could read another host out of the same text.
    try:
        return parse_url(url)
    except HTTPError:
        return None
