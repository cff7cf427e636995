"""What a message tells a user to type: commands that work where they're typed."""

import re
import shlex
import sys
from pathlib import Path


def command(line: str, store: object, program: str = "pfsetl") -> str:
    """Return a command as a message names it, so that it works on this store from whatever folder it's typed in.

    >>> command("verify --at 3", "s3://bucket/fees")
    "'pfsetl verify --at 3 --output s3://bucket/fees'"
    """
    return f"'{program} {line} --output {quoted(store)}'"


def quoted(store: object) -> str:
    """Return the address of a store or a cache as it's typed in any folder, within the single quotes of a message."""
    place = str(store) if "://" in str(store) else str(Path(str(store)).absolute())
    return place if shlex.quote(place) == place else '"' + re.sub(r'(["\\$`])', r"\\\1", place) + '"'


def by_hand(label: str) -> str:
    """Return how to publish a release whose archive or page can't be fetched."""
    return f"Or download the zip in a browser: 'pfsetl build {label} --archive ZIP --output STORE' takes it."


def installing(extra: str) -> str:
    """Return how to install what an extra of pfsetl needs, where this pfsetl runs."""
    return f"Install it: {shlex.quote(sys.executable)} -m pip install 'pfsetl[{extra}]'"


def nothing_published(store: object) -> str:
    """Return what is wrong with a store without a version, and what to do about it."""
    return f"{store}: nothing is published there. {first_build(store)}"


def first_build(store: object) -> str:
    """Return what to do about a store without a version."""
    build, demo = command("build RVU26A", store), command("demo", store)
    beside = Path(str(store)) / "demo"
    if "://" not in str(store) and (beside / "versions").is_dir():
        return f"The demo is beside it: add --output {shlex.quote(str(beside))}. Or publish a release: {build}."
    return f"Publish a release into it: {build}, or the bundled sample: {demo}."
