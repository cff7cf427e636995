"""Say what a failed conversation with a server means: an address that can't be sent, no connection, silence.

The libraries' errors hold each other, and their words hold half a program, so both are told in words of our own.
"""

import requests
from requests.exceptions import SSLError
from urllib3.exceptions import HTTPError

from pfsetl.errors import SourceBusy, SourceUnavailable

_WHY = {
    "RemoteDisconnected": "it hung up without an answer",  # which is a BadStatusLine too
    "ProxyError": "the proxy can't be reached",
    "SSLError": "no safe connection",
    "ConnectTimeoutError": "no connection in time",
    "NameResolutionError": "its host isn't known here",
    "NewConnectionError": "no connection",
    "ReadTimeoutError": "it fell silent",
    "LineTooLong": "a header without end",
    "BadStatusLine": "not an answer of a web server",
    "DecodeError": "its body can't be unpacked",
    "IncompleteRead": "the connection broke off",
    "InvalidChunkLength": "the connection broke off",
}


def told(url: str, error: Exception) -> Exception:
    """Say what a failed conversation means; an error that has nothing to do with it stays as it is."""
    if isinstance(error, ValueError):  # InvalidURL and InvalidHeader among them
        return SourceUnavailable(
            f"{url}: an address or a header that can't be sent. Check the address, where it redirects to, and "
            "PFSETL_USER_AGENT."
        )
    if not isinstance(error, requests.RequestException | HTTPError):
        return error
    what = f"{url}: {_why(error)}."
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return SourceUnavailable(
            f"{what} Check this machine's clock, or name your proxy's certificate in REQUESTS_CA_BUNDLE."
        )
    return SourceBusy(f"{what} Try again later.")


def _why(error: BaseException) -> str:
    """Say why a conversation failed, by the first of the errors in it that has words."""
    held, names = [error], []
    for one in held:  # grows meanwhile; 20 are more than there ever are
        names.append(type(one).__name__)
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        held += [e for e in inner if isinstance(e, BaseException) and e not in held][: 20 - len(held)]
    said = next((words for name, words in _WHY.items() if name in names), "the connection failed")
    system = next((e.strerror for e in held if isinstance(e, OSError) and e.strerror and e.errno), None)
    return f"{said} ({system[:80]})" if system else said
