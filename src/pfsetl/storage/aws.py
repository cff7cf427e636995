"""What the AWS_ variables of the environment say of a bucket's server, and what its refusals mean."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from obstore.exceptions import BaseError, PermissionDeniedError

from pfsetl.errors import StoreError, UsageError
from pfsetl.remedies import command

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def settings() -> dict[str, str]:
    """Return endpoint, region and credentials; raises UsageError for an endpoint that can't be one, or holds a key."""
    found = {n.lower(): os.environ[n] for n in CREDENTIALS if os.environ.get(n)}
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        found["aws_region"] = region
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        if "@" in endpoint:
            raise UsageError(
                "AWS_ENDPOINT_URL holds a user name or password, which would be printed. Take them out; keys go into "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
            raise UsageError(
                f"AWS_ENDPOINT_URL={endpoint}: not the address of a server, such as https://s3.example.org."
            )
        found = {"aws_region": "us-east-1", **found, "aws_endpoint_url": endpoint}
    return found


@contextmanager
def explained(store: str, name: str = "") -> Iterator[None]:
    """Turn what the server, the network or the library refuses into a StoreError with place and remedy."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        told = str(error).partition("\n\nDebug source")[0]
        answer = re.search(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", told, re.DOTALL)
        said = " ".join(": ".join(answer.groups() if answer else [told]).split())
        if "NoSuchBucket" in said:
            remedy = "There is no such bucket; create it, or check the address and AWS_ENDPOINT_URL."
        elif isinstance(error, FileNotFoundError):
            lists = f"{command('verify', store)} lists what is missing"
            remedy = f"It isn't there. {lists}; build the release again to restore it."
        elif isinstance(error, PermissionDeniedError) or re.search("40[13] [FU]|Missing .*AccessKey", told):
            remedy = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they are allowed to do."
        else:
            remedy = "Check AWS_ENDPOINT_URL, AWS_REGION, the credentials and the network."
        place = f"{store}/{name}" if name else store
        raise StoreError(f"{place}: {said.rstrip('.')}. {remedy} What was published before is untouched.") from error
